/** Rule 5: reading never writes, missing is not empty, and a store that went back in time is found out. */
import { HookedBackend } from '../../test/hooked-backend.js';
import { all, failureOf } from '../../test/places.js';
import type { Backend } from '../backend.js';
import { StateExpiredError, StateNotFoundError, StateRegressionError } from '../errors.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { Store } from '../store.js';

test('no way of reading writes anything', async () => {
  const backend = new HookedBackend(memoryBackend());
  const store = new Store(backend);
  const agent = store.agent<{ n: number }>('k', { initial: () => ({ n: 1 }) });
  const readAll = async () => {
    await agent.ready();
    await agent.load();
    await agent.load({ frozen: true });
    await agent.read();
    await agent.history();
    await all(agent.timeline());
    await store.has('k');
    await all(store.keys());
    const watched = agent.watch()[Symbol.asyncIterator]();
    if (await store.has('k')) await watched.next();
    await watched.return?.();
  };
  await readAll();
  const { commit, checkpoint, trim } = backend.calls;
  expect([commit, checkpoint, trim]).toEqual([0, 0, 0]);
  await store.agent<{ n: number }>('k').save({ n: 2 });
  backend.reset();
  await readAll();
  expect([backend.calls.commit, backend.calls.checkpoint, backend.calls.trim]).toEqual([0, 0, 0]);
});

test('missing is StateNotFoundError, and a default is given and not stored', async () => {
  const store = new Store(memoryBackend());
  for (const call of [() => store.agent('k').load(), () => store.agent('k').read()]) {
    const error = await failureOf(call());
    expect(error).toBeInstanceOf(StateNotFoundError);
    expect(error).toMatchObject({ code: 'DGENTS_STATE_NOT_FOUND', key: 'k', retryable: false });
  }
  const agent = store.agent<{ n: number }>('k', { initial: () => ({ n: 1 }) });
  expect(await agent.load()).toEqual({ n: 1 });
  expect(await agent.read()).toMatchObject({
    version: 0,
    head: null,
    savedAt: null,
    meta: undefined,
    deleted: false,
  });
  expect(await store.has('k')).toBe(false);
  expect(await failureOf(store.agent('k').load())).toBeInstanceOf(StateNotFoundError);
  expect(await agent.history()).toEqual([]);
});

test('a deleted state is missing, not empty', async () => {
  const store = new Store(memoryBackend());
  const agent = store.agent<number>('k');
  await agent.save(1);
  await agent.delete();
  expect(await failureOf(agent.load())).toBeInstanceOf(StateNotFoundError);
  expect(await store.agent<number>('k', { initial: () => 7 }).load()).toBe(7);
});

/** A backend whose logs can be exchanged for others behind the back of its store. */
function replaceable(first: Backend): { backend: Backend; replaceBy: (next: Backend) => void } {
  let current = first;
  const backend = new Proxy(first, {
    get: (_target, name) => {
      const value: unknown = Reflect.get(current, name);
      return typeof value === 'function' ? value.bind(current) : value;
    },
  });
  return { backend, replaceBy: (next) => (current = next) };
}

async function logsOf(...states: number[]): Promise<Backend> {
  const logs = memoryBackend();
  const agent = new Store(logs).agent<number>('k');
  for (const state of states) await agent.save(state);
  return logs;
}

describe('a store that went back in time', () => {
  const CALLS: [string, (store: Store, handle: ReturnType<typeof handleOf>) => Promise<unknown>][] = [
    ['load', (_, handle) => handle.load()],
    ['read', (_, handle) => handle.read()],
    ['save', (_, handle) => handle.save(9)],
    ['update', (_, handle) => handle.update((n) => n + 1)],
    ['delete', (_, handle) => handle.delete()],
    ['transact', (store, handle) => store.transact([handle], () => undefined)],
  ];
  const handleOf = (store: Store) => store.agent<number>('k', { initial: () => 0 });

  describe.each<[string, number[], number]>([
    ['shorter', [1, 2], 2],
    ['as long and different', [1, 2, 3], 3],
    ['longer and different', [1, 2, 3, 4, 5], 5],
  ])('its log is %s', (_, states, version) => {
    test.each(CALLS)('%s rejects with StateRegressionError, and goes on doing so', async (_name, call) => {
      const { backend, replaceBy } = replaceable(await logsOf());
      const store = new Store(backend);
      const handle = handleOf(store);
      for (const n of [1, 2, 3]) await handle.save(n);
      const seen = (await handle.read()).head!;
      const next = await logsOf(...states);
      replaceBy(next);
      for (let i = 0; i < 2; i += 1) {
        const error = await failureOf(call(store, handle));
        expect(error).toBeInstanceOf(StateRegressionError);
        expect(error).toMatchObject({ key: 'k', seen: { version: 3, id: seen.id }, actual: { version } });
      }
      expect((await next.read('k')).head?.version).toBe(version);
      expect(await handleOf(store).load()).toBe(states.at(-1));
      expect((await handleOf(store).update((n) => n + 1)).version).toBe(version + 1);
    });
  });

  test('what a handle saw and is still there is no regression for it', async () => {
    const logs = memoryBackend();
    const { backend, replaceBy } = replaceable(logs);
    const store = new Store(backend);
    const early = handleOf(store);
    await early.save(1);
    const backup = memoryBackend();
    const [record] = await all(logs.range('k'));
    await backup.commit([{ key: 'k', expected: null, records: [record!] }]);
    const late = handleOf(store);
    await late.update((n) => n + 1);
    replaceBy(backup);
    expect(await failureOf(late.load())).toBeInstanceOf(StateRegressionError);
    expect(await early.load()).toBe(1);
    expect(await early.save(5)).toBe(2);
  });

  test('a log that is gone, where logs do not expire', async () => {
    const { backend, replaceBy } = replaceable(await logsOf());
    const hooked = new HookedBackend(backend);
    hooked.declined = { ttl: false };
    const store = new Store(hooked);
    const handle = store.agent<number>('k');
    await handle.save(1);
    replaceBy(await logsOf());
    const calls = [
      () => handle.load(),
      () => handle.save(2),
      () => handle.update((n) => n),
      () => handle.load(),
    ];
    for (const call of calls)
      expect(await failureOf(call())).toMatchObject({
        code: 'DGENTS_STATE_REGRESSION',
        actual: { version: 0 },
      });
    expect(await failureOf(store.agent('k').load())).toBeInstanceOf(StateNotFoundError);
  });
});

describe('a time to live', () => {
  let now: number;
  let store: Store;
  beforeEach(() => {
    now = 1000;
    store = new Store(memoryBackend({ clock: () => now }), { clock: () => now });
  });

  test.each<[string, (handle: ReturnType<Store['agent']>) => Promise<unknown>]>([
    ['load', (handle) => handle.load()],
    ['save', (handle) => handle.save(2)],
    ['update', (handle) => handle.update((n) => n)],
    ['delete', (handle) => handle.delete()],
  ])('that ran out is StateExpiredError once, on %s, and absence from then on', async (_, call) => {
    const handle = store.agent<unknown>('k');
    await handle.save(1, { ttlMs: 10 });
    now += 10;
    expect(await failureOf(call(handle))).toBeInstanceOf(StateExpiredError);
    expect(await failureOf(handle.load())).toBeInstanceOf(StateNotFoundError);
    expect(await failureOf(store.agent('k').load())).toBeInstanceOf(StateNotFoundError);
    expect(await handle.save(3)).toBe(1);
  });

  test('is renewed by each write of an agent that has one', async () => {
    const handle = store.agent<number>('k', { ttlMs: 10, initial: () => 0 });
    for (let i = 0; i < 5; i += 1) {
      await handle.update((n) => n + 1);
      now += 9;
    }
    expect(await handle.load()).toBe(5);
    now += 1;
    expect(await failureOf(handle.load())).toBeInstanceOf(StateExpiredError);
  });

  test('that ran out is told once also where another has begun the state anew; before it is over that is a regression', async () => {
    const logs = memoryBackend({ clock: () => now });
    const [here, there] = [1, 2].map(() => new Store(memoryBackend({ sharing: logs }), { clock: () => now }));
    const handle = here!.agent<number>('k', { ttlMs: 10 });
    await handle.save(1);
    now += 10;
    await there!.agent<number>('k', { ttlMs: 10 }).save(5);
    expect(await failureOf(handle.load())).toBeInstanceOf(StateExpiredError);
    expect(await handle.load()).toBe(5);
    expect(await handle.save(6)).toBe(2);

    const lasting = here!.agent<number>('j', { ttlMs: 1_000 });
    await lasting.save(1, { ttlMs: 10 });
    now += 10;
    await there!.agent<number>('j').save(7);
    expect(await failureOf(lasting.load())).toBeInstanceOf(StateRegressionError);
  });

  test('that makes no sense, or that the store cannot keep, is refused', async () => {
    for (const wrong of [0, -1, Number.NaN, Infinity]) {
      await expect(store.agent<number>('k').save(1, { ttlMs: wrong })).rejects.toThrow(RangeError);
      expect(() => store.agent('k', { ttlMs: wrong })).toThrow(RangeError);
    }
    const backend = new HookedBackend(memoryBackend());
    backend.declined = { ttl: false };
    const lasting = new Store(backend);
    expect((await failureOf(lasting.agent('k').save(1, { ttlMs: 5 }))).name).toBe('UnsupportedError');
    expect((await failureOf(lasting.agent('k', { ttlMs: 5 }).save(1))).name).toBe('UnsupportedError');
    expect(backend.calls.commit).toBe(0);
  });
});
