import type { LogRecord } from '../backend.js';
import { describeBackend } from '../testing/index.js';
import { all, checkpointOf, grow, headOf, record } from '../testing/support/records.js';
import { MemoryBackend, memoryBackend } from './memory-backend.js';

for (const values of [true, false]) {
  describeBackend({
    describe,
    test,
    name: values ? 'memory' : 'memory, as text',
    claims: {
      atomicity: 'store',
      feed: 'global',
      orderedKeys: true,
      ttl: true,
      values,
      watch: true,
      find: true,
    },
    create: () => {
      const time = { now: 1_700_000_000_000 };
      return { time, store: memoryBackend({ values, clock: () => time.now }) };
    },
    open: ({ store }) => memoryBackend({ sharing: store }),
    advance: ({ time }, ms) => {
      time.now += ms;
    },
    destroy: ({ store }) => store.close(),
  });
}

/** A record whose text must not be asked for. */
function untouchable(version: number, document: unknown, extra: Partial<LogRecord> = {}): LogRecord {
  const { data: _, ...rest } = record(version, 'set', extra);
  return {
    ...rest,
    document,
    get data(): string {
      throw new Error('the text was asked for');
    },
  };
}

describe('memory with values', () => {
  test('documents are kept by reference and their text is never asked for', async () => {
    const backend = memoryBackend();
    const documents = [{ a: [1] }, [{ op: 'add' }], { whole: true }];
    const first = untouchable(1, documents[0]);
    const second = untouchable(2, documents[1], { kind: 'patch' });
    await backend.commit([{ key: 'k', expected: null, records: [first, second] }]);
    const { records } = await backend.read('k');
    expect(records[0]!.document).toBe(documents[0]);
    expect(records[1]).toBe(second);
    // A record has all that a checkpoint has.
    const checkpoint = untouchable(2, documents[2], { id: second.id });
    await backend.checkpoint('k', checkpoint);
    expect((await backend.read('k')).checkpoint?.document).toBe(documents[2]);
    await all(backend.range('k'));
    await backend.find('k', [first.id]);
    await all(backend.feed(undefined, { limit: 2 }));
    await backend.trim('k', checkpoint);
    expect((await backend.read('k')).base?.document).toBe(documents[2]);
  });
});

describe('memory as text', () => {
  test('the text is asked for once, and the document is not kept', async () => {
    const backend = memoryBackend({ values: false });
    let asked = 0;
    class Lazy {
      readonly version = 1;
      readonly kind = 'set';
      readonly at = 1;
      readonly id = 'x';
      readonly document = { a: 1 };
      get data(): string {
        asked++;
        return '{"a":1}';
      }
    }
    await backend.commit([{ key: 'k', expected: null, records: [new Lazy()] }]);
    for (let i = 0; i < 3; i++) {
      const { records } = await backend.read('k');
      expect(records).toEqual([{ version: 1, kind: 'set', at: 1, id: 'x', data: '{"a":1}' }]);
    }
    expect(asked).toBe(1);
  });

  test('a text that cannot be made keeps the whole commit from being written', async () => {
    const backend = memoryBackend({ values: false });
    const appends = [record(1), untouchable(1, {})].map((each, i) => ({
      key: `k${i}`,
      expected: null,
      records: [each],
    }));
    await expect(backend.commit(appends)).rejects.toThrow('the text was asked for');
    expect(await all(backend.keys())).toEqual([]);
  });
});

describe('memory', () => {
  test('a read begins at the newest set, tombstone, checkpoint or base', async () => {
    const backend = memoryBackend();
    const log = await grow(backend, 'k', ['set', 'patch', 'set', 'patch', 'patch', 'patch', 'tombstone']);
    const begins = async (at: number) => {
      const { base, checkpoint, records } = await backend.read('k', { at });
      return [base?.version, checkpoint?.version, records[0]?.version];
    };
    await backend.checkpoint('k', checkpointOf(log[4]!));
    expect(await begins(2)).toEqual([undefined, undefined, 1]);
    expect(await begins(4)).toEqual([undefined, undefined, 3]);
    expect(await begins(5)).toEqual([undefined, 5, undefined]);
    expect(await begins(6)).toEqual([undefined, 5, 6]);
    expect(await begins(7)).toEqual([undefined, undefined, 7]);
    await backend.trim('k', checkpointOf(log[3]!));
    expect(await begins(4)).toEqual([4, undefined, undefined]);
    expect(await begins(6)).toEqual([undefined, 5, 6]);
  });

  test('of many checkpoints a few are kept, the newest among them', async () => {
    const backend = memoryBackend();
    const log = await grow(backend, 'k', ['set', ...Array(99).fill('patch')]);
    const used = new Set<number>();
    for (const each of log) await backend.checkpoint('k', checkpointOf(each));
    for (let at = 2; at <= 100; at++) used.add((await backend.read('k', { at })).checkpoint?.version ?? 0);
    expect(used.size).toBeLessThanOrEqual(9);
    expect(used).toContain(100);
    expect([...used].some((version) => version > 0 && version < 50)).toBe(true);
  });

  test('a commit has happened when its promise is returned', () => {
    const backend = memoryBackend();
    const order: number[] = [];
    void backend.commit([{ key: 'k', expected: null, records: [record(1)] }]).then(() => order.push(1));
    void backend.read('k').then(({ head }) => order.push(head!.version + 1));
    return Promise.resolve().then(() => expect(order).toEqual([1, 2]));
  });

  test('a watcher that is slower than the writer hears of the newest head only', async () => {
    const backend = memoryBackend();
    const heads = backend.watch('k')[Symbol.asyncIterator]();
    const log = await grow(backend, 'k', ['set', 'patch', 'patch']);
    expect(await heads.next()).toEqual({ done: false, value: headOf(log[2]!) });
    const next = heads.next();
    await grow(backend, 'k', ['patch'], log);
    expect((await next).value).toMatchObject({ version: 4 });
  });

  test('a log whose time runs out leaves the feed, and one that follows it is fed anew', async () => {
    let now = 0;
    const backend = memoryBackend({ clock: () => now });
    await backend.commit([{ key: 'k', expected: null, records: [record(1), record(2)], ttlMs: 10 }]);
    now = 10;
    const [anew] = await grow(backend, 'k', ['set']);
    const [entry] = await all(backend.feed(undefined, { limit: 1 }));
    expect(entry).toMatchObject({ key: 'k', record: { id: anew!.id } });
  });

  test('logs whose time has run out are given back, also when nobody asks for them', async () => {
    let now = 0;
    let asked = 0;
    const clock = () => {
      asked++;
      return now;
    };
    const backend = memoryBackend({ clock });
    const write = (key: string) => backend.commit([{ key, expected: null, records: [record(1)], ttlMs: 10 }]);
    for (let i = 0; i < 1_000; i++) await write(`old:${i}`);
    now = 20;
    for (let i = 0; i < 1_100; i++) await write(`new:${i}`);
    asked = 0;
    expect(await all(backend.keys('old:'))).toEqual([]);
    expect(asked).toBe(0);
  });

  test('a feed position of another store is refused', async () => {
    const [one, other] = [new MemoryBackend({ clock: () => 1 }), new MemoryBackend({ clock: () => 2 })];
    for (const backend of [one, other]) await grow(backend, 'k', ['set', 'patch']);
    const [entry] = await all(one.feed(undefined, { limit: 1 }));
    for (const position of [entry!.position, '', '2.99', '2.x', '2.-1']) {
      await expect(all(other.feed(position, { limit: 1 }))).rejects.toThrow(RangeError);
    }
  });

  test('reads that make no sense are refused', async () => {
    const backend = memoryBackend();
    const [first, second] = await grow(backend, 'k', ['set', 'patch']);
    for (const options of [
      { at: 0 },
      { at: 1.5 },
      { limit: -1 },
      { after: headOf(second!), at: first!.version },
    ]) {
      await expect(backend.read('k', options)).rejects.toThrow(RangeError);
    }
  });
});
