import type { FeedEntry, Position } from '../../src/backend.js';
import type { Contract } from '../backend-contract.js';
import { all, appendOf, checkpointOf, grow, plain, record } from './records.js';

export function describeFeed({ backend, facts, opened }: Contract): void {
  describe('feed', () => {
    if (facts.feed === false) {
      test('feed is not claimed: the method is absent', () => {
        expect(backend().feed).toBeUndefined();
      });
      return;
    }

    const take = (limit: number, after?: Position) => all(backend().feed!(after, { limit }));
    const told = (entry: FeedEntry) =>
      'record' in entry ? [entry.key, plain(entry.record)] : [entry.key, { to: entry.trimmed.to }];
    const due = (key: string, each: ReturnType<typeof record>) => [key, plain(each)];

    /** a1 b1 a2 c1 c2 b2 */
    const fill = async () => {
      const a = await grow(backend(), 'a', ['set']);
      const b = await grow(backend(), 'b', ['set']);
      const [a1, a2] = await grow(backend(), 'a', ['patch'], a);
      const c = [record(1), record(2, 'event')];
      await backend().commit([appendOf('c', null, ...c)]);
      const [b1, b2] = await grow(backend(), 'b', ['patch'], b);
      return [due('a', a1!), due('b', b1!), due('a', a2!), due('c', c[0]!), due('c', c[1]!), due('b', b2!)];
    };
    const sorted = (entries: unknown[]) => entries.map((entry) => JSON.stringify(entry)).sort();

    test('every record appears once, in the order of its log', async () => {
      const written = await fill();
      const entries = (await take(6)).map(told);
      if (facts.feed === 'global') expect(entries).toEqual(written);
      expect(sorted(entries)).toEqual(sorted(written));
      for (const key of 'abc') {
        expect(entries.filter(([of]) => of === key)).toEqual(written.filter(([of]) => of === key));
      }
    });

    test('a feed resumes after any position, and its order is stable', async () => {
      await fill();
      const entries = await take(6);
      for (const [i, { position }] of entries.entries()) {
        if (i < 5) expect(await take(5 - i, position)).toEqual(entries.slice(i + 1));
      }
    });

    test('a feed that has caught up waits for what comes, from every handle', async () => {
      await fill();
      const { position } = (await take(6)).at(-1)!;
      const feed = backend().feed!(position)[Symbol.asyncIterator]();
      const next = feed.next();
      const writer = facts.second ? await opened().second!() : backend();
      const [d1, d2] = await grow(writer, 'd', ['set', 'patch']);
      const entries = [(await next).value!, (await feed.next()).value!];
      expect(entries.map(told)).toEqual([due('d', d1!), due('d', d2!)]);
      await feed.return!();
    });

    test('what was trimmed appears as a note that reaches to the base, and the rest as it was', async () => {
      const log = await grow(backend(), 'a', ['set', 'patch', 'patch', 'patch']);
      const [b1] = await grow(backend(), 'b', ['set']);
      await backend().trim('a', checkpointOf(log[2]!));
      const entries = (await take(3)).map(told);
      expect(sorted(entries)).toEqual(sorted([['a', { to: 3 }], due('a', log[3]!), due('b', b1!)]));
      const a = entries.filter(([key]) => key === 'a');
      expect(a).toEqual([['a', { to: 3 }], due('a', log[3]!)]);
    });

    test('a log that was trimmed many times is fed from its base on, in step with the others', async () => {
      let log = await grow(backend(), 'a', ['set']);
      for (let i = 0; i < 40; i++) {
        log = await grow(backend(), 'a', ['patch'], log);
        if (i % 3 === 0) await backend().trim('a', checkpointOf(log.at(-2)!));
      }
      const [b1] = await grow(backend(), 'b', ['set']);
      const entries = (await take(3)).map(told);
      const kept = log.slice(40).map((each) => due('a', each));
      expect(sorted(entries)).toEqual(sorted([['a', { to: 40 }], ...kept, due('b', b1!)]));
      if (facts.feed === 'global') expect(entries.at(-1)).toEqual(due('b', b1!));
    });

    test('what is trimmed while a feed is being read is not given out any more', async () => {
      const log = await grow(backend(), 'a', ['set', 'patch', 'patch', 'patch', 'patch']);
      const feed = backend().feed!()[Symbol.asyncIterator]();
      expect(told((await feed.next()).value!)).toEqual(due('a', log[0]!));
      await backend().trim('a', checkpointOf(log[3]!));
      const entries = [];
      do entries.push(told((await feed.next()).value!));
      while (JSON.stringify(entries.at(-1)) !== JSON.stringify(due('a', log[4]!)));
      // A backend that reads ahead may have had some of them in its hands.
      if (entries.length <= 2) expect(entries[0]).toEqual(['a', { to: 4 }]);
      await feed.return!();
    });

    test('a limit of 0 ends at once', async () => {
      await fill();
      expect(await take(0)).toEqual([]);
    });

    test('a feed ends at once when it is returned, aborted, or the backend closed', async () => {
      const controller = new AbortController();
      const returned = backend().feed!()[Symbol.asyncIterator]();
      const aborted = backend().feed!(undefined, { signal: controller.signal })[Symbol.asyncIterator]();
      const closed = backend().feed!()[Symbol.asyncIterator]();
      const pending = [returned, aborted, closed].map((iterator) => iterator.next());
      await returned.return!();
      expect(await pending[0]).toMatchObject({ done: true });
      controller.abort();
      expect(await pending[1]).toMatchObject({ done: true });
      await backend().close();
      expect(await pending[2]).toMatchObject({ done: true });
    });
  });
}
