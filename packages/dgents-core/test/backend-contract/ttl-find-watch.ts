import type { Head } from '../../src/backend.js';
import { UnsupportedError } from '../../src/errors.js';
import type { Contract } from '../backend-contract.js';
import { all, appendOf, checkpointOf, commitOne, grow, headOf, record } from './records.js';

export function describeVanishing(contract: Contract): void {
  describe('time to live', () => describeTtl(contract));
  describe('find', () => describeFind(contract));
  describe('watch', () => describeWatch(contract));
}

function describeTtl({ backend, facts, opened }: Contract): void {
  if (!facts.ttl) {
    test('ttl is not claimed: ttlMs is refused with UnsupportedError', async () => {
      const append = { ...appendOf('k', null, record(1)), ttlMs: 1_000 };
      await expect(backend().commit([append])).rejects.toThrow(UnsupportedError);
      expect((await backend().read('k')).head).toBeNull();
    });
    return;
  }

  const pass = async (ms: number) => {
    const { advance } = opened();
    if (advance) advance(ms);
    else await new Promise((resolve) => setTimeout(resolve, ms));
  };
  const living = (before: ReturnType<typeof record> | null, version: number, ttlMs?: number) => {
    const append = appendOf('k', before, record(version));
    return ttlMs === undefined ? append : { ...append, ttlMs };
  };
  const there = async () => (await backend().read('k')).head !== null;

  test('a log whose time has run out is gone, and numbering begins anew', async () => {
    const first = living(null, 1, 200);
    await commitOne(backend(), first);
    const { head } = await backend().read('k');
    await pass(300);
    expect(await backend().read('k')).toMatchObject({ head: null, floor: 0, records: [] });
    expect(await backend().read('k', { after: head! })).toMatchObject({ head: null, since: 'diverged' });
    expect(await all(backend().range('k'))).toEqual([]);
    expect(await all(backend().keys('', { heads: true }))).toEqual([]);
    const anew = record(1);
    expect(await commitOne(backend(), appendOf('k', null, anew))).toMatchObject({
      ok: true,
      replayed: false,
    });
    expect((await backend().read('k', { after: head! })).since).toBe('diverged');
    expect(await commitOne(backend(), { ...living(null, 2), expected: head })).toMatchObject({ ok: false });
  });

  test('an append after the end of the time conflicts with null', async () => {
    const { head } = await commitOne(backend(), living(null, 1, 200));
    await pass(300);
    const late = { ...living(null, 2), expected: head };
    expect(await commitOne(backend(), late)).toEqual({ ok: false, head: null });
  });

  test('ttlMs sets the time anew, and an append without it takes it back', async () => {
    const first = living(null, 1, 2_000);
    await commitOne(backend(), first);
    const second = living(first.records[0]!, 2, 600);
    await commitOne(backend(), second);
    await pass(100);
    expect(await there()).toBe(true);
    await commitOne(backend(), living(second.records[0]!, 3));
    await pass(700);
    expect(await there()).toBe(true);
  });
}

function describeFind({ backend, facts }: Contract): void {
  if (!facts.find) {
    test('find is not offered: the method is absent', () => {
      expect(backend().find).toBeUndefined();
    });
    return;
  }
  const find = async (ids: string[], key = 'k') => Object.fromEntries(await backend().find!(key, ids));

  test('ids that are kept are found at their versions, others are absent', async () => {
    const log = await grow(backend(), 'k', ['set', 'patch', 'event']);
    await grow(backend(), 'other', ['set']);
    const [a, b, c] = log.map(({ id }) => id) as [string, string, string];
    expect(await find([c, a, 'nobody', '__proto__'])).toEqual({ [a]: 1, [c]: 3 });
    expect(await find([])).toEqual({});
    expect(await find([a], 'other')).toEqual({});
    expect(await find([a], 'absent')).toEqual({});
    const [, , , d] = await grow(backend(), 'k', ['patch'], log);
    expect(await find([d!.id, b])).toEqual({ [d!.id]: 4, [b]: 2 });
  });

  test('after a trim the id of the base is found, those from before it are not', async () => {
    const log = await grow(backend(), 'k', ['set', 'patch', 'patch', 'patch']);
    const ids = log.map(({ id }) => id);
    await find(ids);
    await backend().trim('k', checkpointOf(log[1]!));
    expect(await find(ids)).toEqual({ [ids[1]!]: 2, [ids[2]!]: 3, [ids[3]!]: 4 });
    await backend().trim('k', checkpointOf(log[2]!));
    expect(await find(ids)).toEqual({ [ids[2]!]: 3, [ids[3]!]: 4 });
  });
}

function describeWatch({ backend, facts, opened }: Contract): void {
  if (!facts.watch) {
    test('watch is not claimed: the method is absent', () => {
      expect(backend().watch).toBeUndefined();
    });
    return;
  }

  /** Writes until the hint comes: a watch may take a moment to begin. */
  const hintOf = async (next: Promise<IteratorResult<Head>>, writer = backend()) => {
    let hint: IteratorResult<Head> | undefined;
    next.then((result) => {
      hint = result;
    });
    for (let i = 0; hint === undefined && i < 200; i++) {
      const { head } = await writer.read('k');
      await commitOne(writer, { key: 'k', expected: head, records: [record((head?.version ?? 0) + 1)] });
      await new Promise((resolve) => setTimeout(resolve, i));
    }
    return hint;
  };

  test('a watcher hears of appends, and only of its own key', async () => {
    const watching = backend().watch!('k')[Symbol.asyncIterator]();
    const next = watching.next();
    await grow(backend(), 'other', ['set']);
    const hint = await hintOf(next);
    expect(hint).toMatchObject({ done: false, value: { deleted: false } });
    const found = (await backend().range('k')[Symbol.asyncIterator]().next()).value;
    expect(hint!.value!.version).toBeGreaterThanOrEqual(headOf(found!).version);
    await watching.return!();
  });

  if (facts.second) {
    test('a watcher hears of what another handle writes', async () => {
      const watching = backend().watch!('k')[Symbol.asyncIterator]();
      expect(await hintOf(watching.next(), await opened().second!())).toMatchObject({ done: false });
      await watching.return!();
    });
  }

  test('a watch ends at once when it is returned, aborted, or the backend closed', async () => {
    const returned = backend().watch!('k')[Symbol.asyncIterator]();
    const controller = new AbortController();
    const aborted = backend().watch!('k', { signal: controller.signal })[Symbol.asyncIterator]();
    const closed = backend().watch!('k')[Symbol.asyncIterator]();
    const pending = [returned, aborted, closed].map((iterator) => iterator.next());
    await returned.return!();
    expect(await pending[0]).toMatchObject({ done: true });
    controller.abort();
    expect(await pending[1]).toMatchObject({ done: true });
    await backend().close();
    expect(await pending[2]).toMatchObject({ done: true });
    expect(await returned.next()).toMatchObject({ done: true });
  });
}
