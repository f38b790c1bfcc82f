import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileBackend, MemoryBackend, memoryBackend, newOperationId, Store } from 'dgents-core';
import { type AnyEvent, defineStream, StreamAgent } from '../index.js';

interface Deposited extends AnyEvent {
  readonly type: 'deposited';
  readonly amount: number;
}
interface Withdrawn extends AnyEvent {
  readonly type: 'withdrawn';
  readonly amount: number;
}
type Moved = Deposited | Withdrawn;
interface Account {
  readonly balance: number;
  readonly moves: number;
}
type Order = { readonly withdraw: number };

const account = defineStream<Moved, Account, Order>({
  initial: () => ({ balance: 0, moves: 0 }),
  fold: {
    deposited: ({ balance, moves }, { amount }) => ({ balance: balance + amount, moves: moves + 1 }),
    withdrawn: ({ balance, moves }, { amount }) => ({ balance: balance - amount, moves: moves + 1 }),
  },
  decide: ({ withdraw }, { balance }) => {
    if (withdraw > balance) throw new RangeError('too much');
    return withdraw === 0 ? [] : { type: 'withdrawn', amount: withdraw };
  },
});

const deposit = (amount: number): Deposited => ({ type: 'deposited', amount });

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

describe.each([
  ['memory', () => memoryBackend()],
  ['memory, as text', () => new MemoryBackend({ values: false })],
])('a stream in %s', (_name, make) => {
  let store: Store;
  beforeEach(() => {
    store = new Store(make());
  });
  afterEach(() => store.close());
  const open = (key = 'a'): StreamAgent<Moved, Account, Order> => new StreamAgent(store, key, account);

  test('appends, folds and gives the events back', async () => {
    const a = open();
    expect(await a.load()).toEqual({ balance: 0, moves: 0 });
    expect(await a.append(deposit(5))).toEqual({ firstVersion: 1, version: 1, duplicate: false });
    expect(
      await a.append([deposit(2), { type: 'withdrawn', amount: 1 }], {
        correlationId: 'c',
        metadata: { by: 'me' },
      }),
    ).toEqual({
      firstVersion: 2,
      version: 3,
      duplicate: false,
    });
    expect(await open().load()).toEqual({ balance: 6, moves: 3 });
    const events = await all(open().events());
    expect(events.map(({ event, version }) => [version, event])).toEqual([
      [1, deposit(5)],
      [2, deposit(2)],
      [3, { type: 'withdrawn', amount: 1 }],
    ]);
    expect(events[2]).toMatchObject({
      correlationId: 'c',
      metadata: { by: 'me' },
      key: 'a',
      schemaVersion: 1,
    });
    expect((await all(a.events({ type: 'withdrawn' }))).map(({ event }) => event.amount)).toEqual([1]);
    expect((await all(a.events({ reverse: true, to: 2 }))).map(({ version }) => version)).toEqual([2, 1]);
    expect(await a.history()).toEqual([
      { balance: 7, moves: 2 },
      { balance: 5, moves: 1 },
    ]);
    expect(await a.replayTo(2)).toEqual({ balance: 7, moves: 2 });
    expect(await a.replayTo(0)).toEqual({ balance: 0, moves: 0 });
  });

  test('an expected version that is not the end is refused, as an error or as a value', async () => {
    const [a, b] = [open(), open()];
    await a.append(deposit(1), { expectedVersion: 0 });
    await expect(b.append(deposit(2), { expectedVersion: 0 })).rejects.toMatchObject({
      code: 'DGENTS_STATE_CONFLICT',
    });
    expect(await b.tryAppend(deposit(2), { expectedVersion: 0 })).toMatchObject({
      ok: false,
      actual: { version: 1 },
    });
    expect(await b.tryAppend(deposit(2), { expectedVersion: 1 })).toMatchObject({ ok: true, version: 2 });
    expect(await all(open().events())).toHaveLength(2);
  });

  test('sixteen handles append with one message id: it is stored once, and all are told where', async () => {
    const messageId = newOperationId();
    await open().append(deposit(100));
    const results = await Promise.all(
      Array.from({ length: 16 }, () => open().append([deposit(1), deposit(2)], { messageId })),
    );
    expect(results.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    expect(new Set(results.map(({ firstVersion, version }) => `${firstVersion}-${version}`))).toEqual(
      new Set(['2-3']),
    );
    await open().append(deposit(7));
    expect(await open().append([deposit(1), deposit(2)], { messageId })).toEqual({
      firstVersion: 2,
      version: 3,
      duplicate: true,
    });
    await expect(open().append([deposit(1), deposit(3)], { messageId })).rejects.toMatchObject({
      code: 'DGENTS_MESSAGE_ID_REUSED',
      version: 2,
    });
    await expect(open().append(deposit(1), { messageId })).rejects.toMatchObject({
      code: 'DGENTS_MESSAGE_ID_REUSED',
    });
    expect(await open().load()).toEqual({ balance: 110, moves: 4 });
  });

  test('commands are decided in the state as it is then', async () => {
    await open().append(deposit(10));
    const results = await Promise.allSettled(
      Array.from({ length: 12 }, () => open().decide({ withdraw: 1 })),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    expect(await open().load()).toEqual({ balance: 0, moves: 11 });
    expect(await open().decide({ withdraw: 0 })).toEqual({ firstVersion: 0, version: 11, duplicate: false });
  });

  test('what the fold refuses is not stored', async () => {
    const a = open();
    await a.append(deposit(1));
    await expect(a.append([deposit(1), { type: 'lost' } as never])).rejects.toMatchObject({
      code: 'DGENTS_EVENT_FOLD',
      version: 3,
      type: 'lost',
    });
    await expect(a.append({ amount: 1 } as never)).rejects.toThrow(TypeError);
    expect(await open().load()).toEqual({ balance: 1, moves: 1 });
  });

  test('save sets the state, and events go on from there', async () => {
    const a = open();
    await a.append(deposit(1));
    await a.save({ balance: 50, moves: 0 });
    await a.append(deposit(1));
    expect(await open().load()).toEqual({ balance: 51, moves: 1 });
    expect(await all(open().events())).toHaveLength(2);
    await a.delete();
    expect(await open().load()).toEqual({ balance: 0, moves: 0 });
    await a.append(deposit(3));
    expect(await open().load()).toEqual({ balance: 3, moves: 1 });
  });

  test('a subscription gives what is there, says that it has caught up, and goes on', async () => {
    const a = open();
    await a.append([deposit(1), deposit(2)]);
    const seen: unknown[] = [];
    for await (const item of open().subscribe({ pollMs: 10 })) {
      seen.push('caughtUp' in item ? 'caught up' : item.event.amount);
      if (seen.length === 3) void a.append(deposit(3));
      if (seen.length === 5) break;
    }
    expect(seen).toEqual([1, 2, 'caught up', 3, 'caught up']);
  });

  test('a fold that changes its state is found out, on append and on load', async () => {
    const careless = defineStream<Deposited, { sum: number }>({
      initial: () => ({ sum: 0 }),
      fold: (state, { amount }) => {
        state.sum += amount;
        return state;
      },
    });
    const agent = new StreamAgent(store, 'careless', careless);
    await expect(agent.append(deposit(1))).rejects.toThrow(/returns a new state/);
    await open('careless').append(deposit(1));
    await expect(agent.load()).rejects.toThrow(/returns a new state/);
  });
});

describe('snapshots', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'dgents-stream-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  test('are of the fold: another version of it is folded anew', async () => {
    const every = { ...account, snapshots: { everyEvents: 10 } } as const;
    const backend = new MemoryBackend({ values: false });
    const store = new Store(backend);
    const a = new StreamAgent(store, 'a', every);
    for (let i = 0; i < 25; i++) await a.append(deposit(1));
    expect(await a.snapshot()).toBe(25);
    const { checkpoint } = await backend.read('a');
    expect(checkpoint).toMatchObject({ version: 25, data: '{"balance":25,"moves":25}' });
    const doubled = {
      ...every,
      foldVersion: 2,
      fold: (s: Account, e: Moved): Account => ({ balance: s.balance + 2 * e.amount, moves: s.moves + 1 }),
    };
    expect(await new StreamAgent(store, 'a', doubled).load()).toEqual({ balance: 50, moves: 25 });
    await store.close();
  });

  test('that are damaged are folded anew', async () => {
    const backend = new MemoryBackend({ values: false });
    const store = new Store(backend);
    const a = new StreamAgent(store, 'a', account);
    await a.append([deposit(1), deposit(2)]);
    await a.snapshot();
    const { checkpoint } = await backend.read('a');
    for (const data of ['{"balance":4,"moves":2}', '{"balance":', 'null']) {
      await backend.checkpoint('a', { ...(checkpoint as NonNullable<typeof checkpoint>), data });
      expect(await new StreamAgent(store, 'a', { ...account }).load()).toEqual({ balance: 3, moves: 2 });
    }
    await store.close();
  });

  test('a plain agent does not take the snapshot of a stream for a state', async () => {
    const store = new Store(new MemoryBackend({ values: false }));
    const a = new StreamAgent(store, 'a', account);
    await a.append([deposit(1), deposit(2)]);
    await a.snapshot();
    await expect(store.agent('a').load()).rejects.toThrow(/event stream/);
    await expect(store.fork('a', 'b')).rejects.toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
    await store.close();
  });

  test('are written behind appends on a file, and a load starts there', async () => {
    const store = new Store(fileBackend({ path: directory }));
    const a = new StreamAgent(store, 'a', { ...account, snapshots: { everyEvents: 10 } });
    for (let i = 0; i < 25; i++) await a.append(deposit(1));
    await store.close();
    const again = new Store(fileBackend({ path: directory }));
    const { checkpoint } = await again.backend.read('a');
    expect(checkpoint?.version).toBeGreaterThanOrEqual(10);
    expect(await new StreamAgent(again, 'a', account).load()).toEqual({ balance: 25, moves: 25 });
    await again.close();
  });
});

test('misspelt options are refused, with the one that was meant', async () => {
  const store = new Store(memoryBackend());
  expect(() => new StreamAgent(store, 'a', account, { timeoutMS: 5 } as never)).toThrow(
    /Did you mean timeoutMs/,
  );
  expect(() => new StreamAgent(store, 'a', { ...account, snapshot: false } as never)).toThrow(
    /Did you mean snapshots/,
  );
  expect(() => new StreamAgent(store, 'a', undefined as never)).toThrow(/defined by an object/);
  await store.close();
});

test('a plain agent does not take a stream for a state, nor write over it', async () => {
  const store = new Store(memoryBackend());
  const stream = new StreamAgent(store, 'a', account);
  await stream.append([deposit(5), deposit(5)]);
  const plain = store.agent<Account>('a', { initial: () => ({ balance: 0, moves: 0 }) });
  const unsupported = { code: 'DGENTS_UNSUPPORTED', message: expect.stringContaining('holds events') };
  await expect(plain.load()).rejects.toMatchObject(unsupported);
  await expect(plain.update((draft) => draft)).rejects.toMatchObject(unsupported);
  await expect(plain.save({ balance: 1, moves: 0 })).rejects.toMatchObject(unsupported);
  await expect(plain.save({ balance: 1, moves: 0 }, { expected: 'any' })).rejects.toMatchObject(unsupported);
  await expect(plain.delete()).rejects.toMatchObject(unsupported);
  await expect(plain.history()).rejects.toMatchObject(unsupported);
  await stream.save({ balance: 20, moves: 0 });
  await stream.append(deposit(1));
  await expect(store.agent('a').load()).rejects.toMatchObject(unsupported);
  expect(await new StreamAgent(store, 'a', account).load()).toEqual({ balance: 21, moves: 1 });
  expect(await store.erase('a')).toBe(1);
  await store.close();
});

test('a subscription to a stream that expires and begins anew says so, and misses nothing in silence', async () => {
  let now = 1000;
  const store = new Store(memoryBackend({ clock: () => now }), { clock: () => now });
  const open = (): StreamAgent<Moved, Account, Order> => new StreamAgent(store, 'a', account, { ttlMs: 50 });
  await open().append([deposit(1), deposit(2)]);
  const seen: unknown[] = [];
  const following = (async () => {
    for await (const item of open().subscribe({ pollMs: 5 })) {
      seen.push('caughtUp' in item ? 'caught up' : item.event.amount);
      if (seen.length !== 3) continue;
      now += 100;
      void open().append([deposit(3), deposit(4), deposit(5)]);
    }
  })();
  await expect(following).rejects.toMatchObject({ code: 'DGENTS_STATE_EXPIRED' });
  expect(seen).toEqual([1, 2, 'caught up']);
  await store.close();
});
