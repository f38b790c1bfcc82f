import type { Append, Head } from '../../src/backend.js';
import type { Contract } from '../backend-contract.js';
import { all, appendOf, checkpointOf, commitOne, expectRecords, grow, headOf, record } from './records.js';

export function describeAppends({ backend, facts, opened }: Contract): void {
  describe('appends', () => {
    test('the first append expects null and becomes the head', async () => {
      const first = record(1);
      const result = await commitOne(backend(), appendOf('k', null, first));
      expect(result).toMatchObject({ ok: true, replayed: false, head: headOf(first) });
      expect((await backend().read('k')).head).toEqual(result.head);
    });

    test('a conflict is a result with the actual head, and writes nothing', async () => {
      const log = await grow(backend(), 'k', ['set', 'patch']);
      const { head } = await backend().read('k');
      const stale = [
        appendOf('k', null, record(1)),
        appendOf('k', log[0]!, record(2)),
        appendOf('k', { ...log[1]!, id: 'of another' }, record(3)),
        appendOf('k', record(7), record(8)),
      ];
      for (const append of stale) expect(await commitOne(backend(), append)).toEqual({ ok: false, head });
      expectRecords(await all(backend().range('k')), log, 1, 2);
    });

    test('an append to a log that is not there conflicts with null', async () => {
      expect(await commitOne(backend(), appendOf('k', record(3), record(4)))).toEqual({
        ok: false,
        head: null,
      });
      expect(await all(backend().keys())).toEqual([]);
    });

    test('an append may hold records of every kind, and its head is that of the last', async () => {
      const records = [record(1), record(2, 'patch'), record(3, 'event'), record(4, 'tombstone')];
      const { head } = await commitOne(backend(), appendOf('k', null, ...records));
      expect(head).toMatchObject({ version: 4, id: records[3]!.id, deleted: true });
      expectRecords(await all(backend().range('k')), records, 1, 4);
    });

    test('the records of one append become visible together', async () => {
      let done = false;
      const seen = new Set<number>();
      const look = async () => {
        while (!done) {
          const { head, records } = await backend().read('k');
          if (records.length > 0) expect(records.at(-1)!.version).toBe(head!.version);
          seen.add((head?.version ?? 0) % 3);
          await new Promise(setImmediate);
        }
      };
      const looking = look();
      let last = null;
      for (let version = 1; version <= 30; version += 3) {
        const records = [record(version), record(version + 1, 'patch'), record(version + 2, 'event')];
        const append = appendOf('k', null, ...records);
        last = (await commitOne(backend(), { ...append, expected: last })).head;
      }
      done = true;
      await looking;
      expect([...seen]).toEqual([0]);
    });

    test('the appends of one commit stand by themselves', async () => {
      const [taken] = await grow(backend(), 'taken', ['set']);
      const appends = [
        appendOf('a', null, record(1)),
        appendOf('taken', null, record(1)),
        appendOf('b', null, record(1)),
      ];
      const results = await backend().commit(appends);
      expect(results.map(({ ok }) => ok)).toEqual([true, false, true]);
      expect(results[1]!.head).toMatchObject(headOf(taken!));
      expect((await backend().read('b')).head).toEqual(results[2]!.head);
    });

    test('an empty commit has no results', async () => {
      expect(await backend().commit([])).toEqual([]);
    });

    test('a mistake in the call is refused before anything is written', async () => {
      const good = appendOf('good', null, record(1));
      const mistakes: [Append[], typeof TypeError | typeof RangeError][] = [
        [[good, appendOf('k', null)], TypeError],
        [[good, good], TypeError],
        [[good, appendOf('k', null, record(2))], RangeError],
        [[good, appendOf('k', null, record(1), record(3))], RangeError],
        [[good, appendOf('k', record(1), record(1))], RangeError],
      ];
      for (const [appends, kind] of mistakes) await expect(backend().commit(appends)).rejects.toThrow(kind);
      expect(await all(backend().keys())).toEqual([]);
    });

    test('of many concurrent appends to one version exactly one wins, version after version', async () => {
      const handles = facts.second ? [backend(), await opened().second!()] : [backend()];
      let head: Head | null = null;
      for (let version = 1; version <= 5; version++) {
        const expected: Head | null = head;
        const appends = Array.from(
          { length: 20 },
          (): Append => ({
            key: 'k',
            expected,
            records: [record(version)],
          }),
        );
        const results = await Promise.all(
          appends.map((append, i) => commitOne(handles[i % handles.length]!, append)),
        );
        const winners = results.filter(({ ok }) => ok);
        expect(winners).toHaveLength(1);
        head = winners[0]!.head;
        for (const loser of results) expect(loser.head).toEqual(head);
      }
      expect(await all(backend().range('k'))).toHaveLength(5);
    });

    test('concurrent appends to many keys all happen', async () => {
      const keys = Array.from({ length: 50 }, (_, i) => `key-${i}`);
      const results = await Promise.all(
        keys.map((key) => commitOne(backend(), appendOf(key, null, record(1), record(2, 'patch')))),
      );
      expect(results.every(({ ok }) => ok)).toBe(true);
      expect(await all(backend().keys())).toHaveLength(50);
    });
  });

  describe('replays', () => {
    test('an append that is sent again happens once, and says so', async () => {
      const first = appendOf('k', null, record(1));
      const { head } = await commitOne(backend(), first);
      expect(await commitOne(backend(), first)).toEqual({ ok: true, replayed: true, head });
      const second: Append = { key: 'k', expected: head, records: [record(2, 'patch'), record(3, 'event')] };
      const result = await commitOne(backend(), second);
      expect(await commitOne(backend(), second)).toEqual({ ...result, replayed: true });
      expect(await all(backend().range('k'))).toHaveLength(3);
    });

    test('a replay gives the head that its append made, also when others have followed', async () => {
      const first = appendOf('k', null, record(1), record(2, 'patch'));
      await commitOne(backend(), first);
      const log = await grow(backend(), 'k', ['patch', 'patch'], first.records);
      const replay = await commitOne(backend(), first);
      expect(replay).toMatchObject({ ok: true, replayed: true, head: headOf(first.records[1]!) });
      expectRecords(await all(backend().range('k')), log, 1, 4);
    });

    test('another operation directly after `expected` is a conflict, whatever follows it', async () => {
      const log = await grow(backend(), 'k', ['set', 'patch', 'patch']);
      const late = appendOf('k', log[0]!, { ...log[2]!, version: 2 });
      expect(await commitOne(backend(), late)).toMatchObject({ ok: false, head: headOf(log[2]!) });
    });

    test('an append of several records is recognised by its first id, not by its last alone', async () => {
      const first = appendOf('k', null, record(1), record(2));
      await commitOne(backend(), first);
      const other = appendOf('k', null, record(1), first.records[1]!);
      expect(await commitOne(backend(), other)).toMatchObject({ ok: false, head: headOf(first.records[1]!) });
    });

    test('an append that became the base is recognised; one from before it is not', async () => {
      const log = await grow(backend(), 'k', ['set', 'patch', 'patch', 'patch']);
      await backend().trim('k', checkpointOf(log[2]!));
      const known = await commitOne(backend(), appendOf('k', log[1]!, log[2]!));
      expect(known).toMatchObject({ ok: true, replayed: true, head: headOf(log[2]!) });
      expect(await commitOne(backend(), appendOf('k', log[0]!, log[1]!))).toMatchObject({ ok: false });
      expect((await backend().read('k')).head).toMatchObject(headOf(log[3]!));
    });

    if (facts.reopen) {
      test('a replay is recognised after reopening', async () => {
        const first = appendOf('k', null, record(1));
        const { head } = await commitOne(backend(), first);
        const reopened = await opened().reopen!();
        expect(await commitOne(reopened, first)).toMatchObject({ ok: true, replayed: true, head });
      });
    }
  });
}
