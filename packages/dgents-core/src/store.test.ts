import { inspect } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { HookedBackend } from '../test/hooked-backend.js';
import { all, failureOf, PLACES, type Place } from '../test/places.js';
import { InvalidKeyError } from './errors.js';
import { memoryBackend } from './memory/memory-backend.js';
import { Store } from './store.js';

describe.each(PLACES)('a store in %s', (_, open) => {
  let place: Place;
  let store: Store;
  let now: number;
  beforeEach(() => {
    place = open();
    now = 5000;
    store = new Store(place.backend(), { clock: () => now });
  });
  afterEach(async () => {
    await store.close();
    place.destroy();
  });
  const fill = async (...keys: string[]) => {
    for (const key of keys) await store.agent<string>(key).save(key);
  };
  const keysOf = async (...options: Parameters<Store['keys']>) =>
    (await all(store.keys(...options))).map(({ key }) => key);

  test('gives a new handle at each call of `agent`', () => {
    expect(store.agent('k')).not.toBe(store.agent('k'));
    expect(store.agent('k').key).toBe('k');
  });

  test('lists its keys with version and time, exactly by prefix, in order, from a place on', async () => {
    await fill('user:1', 'user:2', 'user:20', 'usher', 'a');
    now += 1000;
    await store.agent('user:2').save('again');
    expect(await keysOf()).toEqual(['a', 'user:1', 'user:2', 'user:20', 'usher']);
    expect(await all(store.keys('user:2'))).toEqual([
      { key: 'user:2', version: 2, savedAt: new Date(6000), deleted: false },
      { key: 'user:20', version: 1, savedAt: new Date(5000), deleted: false },
    ]);
    expect(await keysOf('user:', { limit: 2 })).toEqual(['user:1', 'user:2']);
    expect(await keysOf('user:', { after: 'user:1' })).toEqual(['user:2', 'user:20']);
    expect(await keysOf('', { limit: 0 })).toEqual([]);
    expect(await keysOf('nothing')).toEqual([]);
    await expect(keysOf('', { limit: -1 })).rejects.toThrow(RangeError);
  });

  test('leaves deleted states out unless told', async () => {
    await fill('a', 'b', 'c');
    await store.agent('b').delete();
    expect(await keysOf()).toEqual(['a', 'c']);
    expect(await keysOf('', { limit: 2 })).toEqual(['a', 'c']);
    expect((await all(store.keys('', { deleted: true }))).map(({ key, deleted }) => [key, deleted])).toEqual([
      ['a', false],
      ['b', true],
      ['c', false],
    ]);
  });

  test('hides what belongs to dgents', async () => {
    const records = [{ version: 1, kind: 'set' as const, at: 1, id: 'x', data: '1', document: 1 }];
    await store.backend.commit([{ key: '$lease', expected: null, records }]);
    await fill('a');
    expect(await keysOf('', { deleted: true })).toEqual(['a']);
    expect(await keysOf('$')).toEqual([]);
    expect(await store.erase('$')).toBe(0);
    for (const key of ['$lease', '']) {
      expect(() => store.agent(key)).toThrow(InvalidKeyError);
      await expect(store.has(key)).rejects.toThrow(InvalidKeyError);
      await expect(store.fork('a', key)).rejects.toThrow(InvalidKeyError);
    }
  });

  test('has what is live', async () => {
    await fill('a');
    expect([await store.has('a'), await store.has('b')]).toEqual([true, false]);
    await store.agent('a').delete();
    expect(await store.has('a')).toBe(false);
  });

  test('erases by prefix, whatever was deleted before included', async () => {
    await fill('u:1', 'u:2', 'v');
    await store.agent('u:1').save('secret');
    await store.agent('u:1').delete();
    expect(await store.erase('u:')).toBe(2);
    expect(await keysOf('', { deleted: true })).toEqual(['u:1', 'u:2', 'v']);
    for (const key of ['u:1', 'u:2']) {
      const tail = await store.backend.read(key);
      expect(JSON.stringify(tail)).not.toContain('secret');
      expect(tail.floor).toBe(tail.head!.version);
      expect((await failureOf(store.agent(key).load({ at: 1 }))).name).toBe('LogCompactedError');
    }
    expect(await store.agent<string>('u:1').save('new')).toBe(4);
    for (const wrong of ['', undefined]) await expect(store.erase(wrong as never)).rejects.toThrow(TypeError);
  });

  test('a handle that saw a state before it was erased is not confused', async () => {
    const handle = store.agent<string>('k');
    await handle.save('a');
    await store.erase('k');
    expect((await failureOf(handle.save('b'))).name).toBe('StateConflictError');
    expect((await failureOf(handle.load())).name).toBe('StateNotFoundError');
    expect(await handle.save('b')).toBe(3);
  });

  test('forks a state as it is now, at a version or at a time', async () => {
    const agent = store.agent<{ n: number }>('from');
    for (const n of [1, 2, 3]) {
      now += 1000;
      await agent.save({ n });
    }
    expect(await store.fork('from', 'now')).toBe(1);
    expect(await store.fork('from', 'second', 2)).toBe(1);
    expect(await store.fork('from', 'timed', new Date(6500))).toBe(1);
    const states = await Promise.all(
      ['now', 'second', 'timed'].map((key) => store.agent<{ n: number }>(key).load()),
    );
    expect(states.map(({ n }) => n)).toEqual([3, 2, 1]);
    const { meta, head } = await store.agent('second').read();
    expect(meta).toEqual({ forkOf: { key: 'from', version: 2, id: (await agent.read({ at: 2 })).head!.id } });
    expect(head!.version).toBe(1);
    await store.agent<{ n: number }>('now').update((draft) => {
      draft.n = 9;
    });
    expect(await agent.load()).toEqual({ n: 3 });
  });

  test('forks nothing that is not there, and onto nothing that is', async () => {
    await fill('a', 'b');
    expect((await failureOf(store.fork('absent', 'c'))).name).toBe('StateNotFoundError');
    expect((await failureOf(store.fork('a', 'b'))).name).toBe('StateConflictError');
    expect((await failureOf(store.fork('a', 'a'))).name).toBe('StateConflictError');
    await expect(store.fork('a', 'c', 9)).rejects.toThrow(RangeError);
    await store.agent('b').delete();
    expect(await store.fork('a', 'b')).toBe(3);
    expect((await failureOf(store.fork('b', 'c', 2))).name).toBe('StateNotFoundError');
    expect(await keysOf()).toEqual(['a', 'b']);
  });

  test('a forked state with everything in it is the same, and goes on', async () => {
    const state = {
      when: new Date(5),
      map: new Map([[{ a: 1 }, new Set([1n])]]),
      $x: undefined,
      bytes: Uint8Array.of(1),
    };
    const agent = store.agent<typeof state>('a');
    await agent.save(state);
    await agent.update((draft) => void draft.when.setTime(6));
    await store.fork('a', 'b');
    expect(await store.agent('b').load()).toEqual({ ...state, when: new Date(6) });
    await store.agent<typeof state>('b').update((draft) => void draft.when.setTime(7));
    expect((await store.agent<typeof state>('a').load()).when).toEqual(new Date(6));
  });
});

test('agents that were used and forgotten are forgotten by the store', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const store = new Store(memoryBackend());
  for (let i = 0; i < 2000; i += 1) {
    const agent = store.agent<number>(`k${i % 50}`, { initial: () => 0 });
    await agent.update((n) => n + 1);
    if (i % 2 === 0) await agent.close();
  }
  const { agents } = store as unknown as { agents: Set<unknown> };
  for (let i = 0; i < 20 && agents.size > 20; i += 1) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(agents.size).toBeLessThanOrEqual(20);
  expect(await store.agent<number>('k0').load()).toBe(40);
}, 30_000);

test('the feed gives every commit in order, without what belongs to dgents', async () => {
  const store = new Store(memoryBackend());
  await store.agent('a').save(1);
  const records = [{ version: 1, kind: 'set' as const, at: 1, id: 'x', data: '1', document: 1 }];
  await store.backend.commit([{ key: '$own', expected: null, records }]);
  await store.agent('b').save(1);
  await store.agent('a').save(2);
  const seen: unknown[] = [];
  const controller = new AbortController();
  let position: string | undefined;
  for await (const entry of store.feed(undefined, { signal: controller.signal })) {
    seen.push([entry.key, 'record' in entry ? entry.record.version : entry.trimmed]);
    if (seen.length === 2) position = entry.position;
    if (seen.length === 3) controller.abort();
  }
  expect(seen).toEqual([
    ['a', 1],
    ['b', 1],
    ['a', 2],
  ]);
  const [next] = await all(store.feed(position, { limit: 1 }));
  expect(next).toMatchObject({ key: 'a', record: { version: 2 } });
});

test('a store without a feed says so', async () => {
  const backend = new HookedBackend(memoryBackend(), { without: ['feed'] });
  backend.declined = { feed: false };
  expect((await failureOf(all(new Store(backend).feed()))).name).toBe('UnsupportedError');
});

test('a backend is made ready once, and a failure to do so is not remembered', async () => {
  const backend = new HookedBackend(memoryBackend());
  let fails = 2;
  backend.before = ({ method }) => {
    if (method === 'ready' && fails-- > 0) throw new RangeError('not yet');
  };
  const store = new Store(backend);
  await expect(store.agent('k').save(1)).rejects.toThrow('not yet');
  await expect(store.ready()).rejects.toThrow('not yet');
  await Promise.all([store.ready(), store.agent('k').save(1), store.has('k')]);
  expect(backend.calls.ready).toBe(3);
});

test('printed, a store and its agents tell what they are and nothing of what they keep', async () => {
  const store = new Store(memoryBackend());
  const agent = store.agent<string>('user:1');
  await agent.save('a secret');
  expect(inspect(agent)).toBe('StateAgent { memory: "user:1" }');
  expect(inspect({ store, agent }, { depth: 12 })).not.toContain('secret');
  await store.close();
});
