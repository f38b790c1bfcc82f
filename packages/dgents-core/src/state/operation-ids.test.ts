/** Operation ids: the same id happens once, whoever repeats it, and what cannot be known is never guessed. */
import { gate, HookedBackend } from '../../test/hooked-backend.js';
import { all, failureOf, PLACES } from '../../test/places.js';
import type { Backend } from '../backend.js';
import { OutcomeUnknownError } from '../errors.js';
import { type MemoryBackend, memoryBackend } from '../memory/memory-backend.js';
import { Store } from '../store.js';
import { bornAt, newOperationId, operationIds } from './ids.js';

describe.each(PLACES)('an operation id in %s', (_, open) => {
  let place: ReturnType<typeof open>;
  let stores: Store[];
  const fresh = (): Store => {
    const store = new Store(place.backend());
    stores.push(store);
    return store;
  };
  beforeEach(() => {
    place = open();
    stores = [];
  });
  afterEach(async () => {
    await Promise.all(stores.map((store) => store.close()));
    place.destroy();
  });

  test('happens once, also from other handles and stores, and each is told the same', async () => {
    const agent = fresh().agent<number>('k', { initial: () => 0 });
    const add = (on = agent) => on.update((n) => n + 1, { operationId: 'add' });
    const first = await add();
    await agent.update((n) => n + 10);
    const other = fresh().agent<number>('k');
    for (const repeated of [await add(), await add(other), await add(fresh().agent<number>('k'))]) {
      expect([repeated.version, repeated.state, repeated.head?.id]).toEqual([1, 1, 'add']);
    }
    expect(first.head?.id).toBe('add');
    expect(await agent.load()).toBe(11);
  });

  test('a repeated save tells the version of the first, and is no conflict', async () => {
    const agent = fresh().agent<string>('k');
    expect(await agent.save('a', { operationId: 'one' })).toBe(1);
    expect(await agent.save('b')).toBe(2);
    const other = fresh().agent<string>('k');
    expect(await other.save('a', { operationId: 'one' })).toBe(1);
    await expect(other.save('c')).rejects.toThrow('is at version 2');
    expect(await agent.load()).toBe('b');
  });

  test('a repeated delete answers as the first did', async () => {
    const agent = fresh().agent<number>('k');
    await agent.save(1);
    expect(await agent.delete({ operationId: 'gone' })).toBe(true);
    expect(await agent.delete({ operationId: 'gone' })).toBe(true);
    expect(await fresh().agent<number>('k').delete({ operationId: 'gone' })).toBe(true);
    expect(await fresh().agent<number>('k').delete({ operationId: 'another' })).toBe(false);
    expect((await all(agent.timeline())).map(({ deleted }) => deleted)).toEqual([false, true]);
  });

  test('given by many at once happens once', async () => {
    const agents = [fresh(), fresh()].flatMap((store) =>
      [1, 2, 3].map(() => store.agent<number>('k', { initial: () => 0 })),
    );
    const results = await Promise.all(
      agents.map((agent) => agent.update((n) => n + 1, { operationId: 'once' })),
    );
    expect(new Set(results.map(({ version }) => version))).toEqual(new Set([1]));
    expect(await agents[0]!.load()).toBe(1);
  });

  test('of an operation that failed is free', async () => {
    const agent = fresh().agent<number>('k', { initial: () => 0 });
    const throws = () => {
      throw new RangeError('no');
    };
    await failureOf(agent.update(throws, { operationId: 'x' }));
    expect((await agent.update((n) => n + 1, { operationId: 'x' })).state).toBe(1);
  });

  test('is not mistaken for that of another key', async () => {
    const store = fresh();
    await store.agent('a').save(1, { operationId: 'x' });
    await store.agent('b').save(2, { operationId: 'x' });
    expect(await store.agent('b').load()).toBe(2);
  });

  test('is 1 to 128 printable ASCII characters', async () => {
    const agent = fresh().agent<number>('k');
    for (const wrong of ['', 'x'.repeat(129), 'ä', 'a\nb']) {
      await expect(agent.save(1, { operationId: wrong })).rejects.toThrow(RangeError);
    }
    await expect(agent.save(1, { operationId: 5 as never })).rejects.toThrow(TypeError);
    expect(await agent.save(1, { operationId: 'x y'.repeat(42) })).toBe(1);
  });
});

describe('without `find`', () => {
  test('the log is scanned back', async () => {
    const logs = memoryBackend();
    const store = new Store(new HookedBackend(logs, { without: ['find'] }));
    const agent = store.agent<number>('k', { initial: () => 0 });
    await agent.update((n) => n + 1, { operationId: 'x' });
    for (let i = 0; i < 20; i += 1) await agent.update((n) => n + 1);
    expect((await store.agent<number>('k').update((n) => n + 1, { operationId: 'x' })).version).toBe(1);
  });

  test('what lies beyond `idempotencyRecords` is unknown', async () => {
    const backend = new HookedBackend(memoryBackend(), { without: ['find'] });
    backend.declined = { idempotencyRecords: 5 };
    const agent = new Store(backend).agent<number>('k', { initial: () => 0 });
    await agent.update((n) => n + 1, { operationId: 'x' });
    for (let i = 0; i < 3; i += 1) await agent.update((n) => n + 1);
    expect((await agent.update((n) => n + 1, { operationId: 'x' })).version).toBe(1);
    for (let i = 0; i < 3; i += 1) await agent.update((n) => n + 1);
    await expect(agent.update((n) => n + 1, { operationId: 'x' })).rejects.toThrow(OutcomeUnknownError);
    await expect(agent.update((n) => n + 1, { operationId: 'y' })).rejects.toThrow(OutcomeUnknownError);
    expect(await agent.load()).toBe(7);
  });
});

describe('on a trimmed log', () => {
  const NOW = 1_800_000_000_000;
  const MINUTE = 60_000;
  let logs: MemoryBackend;
  let now: number;
  const store = (): Store => new Store(memoryBackend({ sharing: logs }), { clock: () => now });
  const agentOf = () => store().agent<number>('k', { initial: () => 0 });

  /** Makes `version` the oldest one kept. */
  async function trimTo(version: number): Promise<void> {
    const [record] = await all(logs.range('k', { from: version, to: version }));
    const { id, at } = record!;
    const data = String(await agentOf().load({ at: version }));
    await logs.trim('k', { version, id, at, data, document: Number(data) });
  }

  beforeEach(async () => {
    logs = memoryBackend();
    now = NOW;
    const agent = agentOf();
    for (let i = 1; i <= 6; i += 1) await agent.update((n) => n + 1, { operationId: `op-${i}` });
    await trimTo(4);
  });

  test('an id that is kept is found, the base’s too', async () => {
    for (const [id, version] of [
      ['op-6', 6],
      ['op-5', 5],
      ['op-4', 4],
    ] as const) {
      expect(await agentOf().save(9, { operationId: id })).toBe(version);
    }
  });

  test.each(['op-1', 'op-3', 'never-used'])(
    'an opaque id that is not found (%s) is unknown, and nothing is written',
    async (operationId) => {
      const error = await failureOf(agentOf().update((n) => n + 1, { operationId }));
      expect(error).toBeInstanceOf(OutcomeUnknownError);
      expect(error).toMatchObject({ operationId, expected: undefined, retryable: true });
      expect(error.message).toMatch(/newOperationId/);
      expect(await agentOf().load()).toBe(6);
    },
  );

  test('that a handle has loaded proves nothing about an opaque id', async () => {
    const agent = agentOf();
    await agent.load();
    await expect(agent.save(1, { operationId: 'op-1' })).rejects.toThrow(OutcomeUnknownError);
    await expect(agent.delete({ operationId: 'op-2' })).rejects.toThrow(OutcomeUnknownError);
    expect(await agentOf().load()).toBe(6);
  });

  test('a caller who says what the operation follows can use any id', async () => {
    const agent = agentOf();
    const seen = await agent.read();
    expect(await agent.save(7, { operationId: 'seven', expected: seen })).toBe(7);
    expect(await agentOf().save(7, { operationId: 'seven', expected: seen })).toBe(7);
  });

  test('an id from newOperationId is new when it was born after what was trimmed', async () => {
    now = NOW + 10 * MINUTE;
    const operationId = newOperationId(now);
    expect((await agentOf().update((n) => n + 1, { operationId })).version).toBe(7);
    expect((await agentOf().update((n) => n + 1, { operationId })).version).toBe(7);
  });

  test('an id from newOperationId that is as old as what was trimmed is unknown', async () => {
    now = NOW + 10 * MINUTE;
    for (const born of [NOW - MINUTE, NOW]) {
      const operationId = newOperationId(born);
      await expect(agentOf().update((n) => n + 1, { operationId })).rejects.toThrow(OutcomeUnknownError);
    }
  });

  test('over a network, whose hosts have clocks of their own, it has to be a minute younger', async () => {
    const backend = new HookedBackend(memoryBackend({ sharing: logs }));
    backend.declined = { sharing: 'network' };
    const agent = new Store(backend, { clock: () => now }).agent<number>('k');
    const add = (born: number) => agent.update((n) => n + 1, { operationId: newOperationId(born) });
    now = NOW + 2 * MINUTE;
    await expect(add(NOW + MINUTE)).rejects.toThrow(OutcomeUnknownError);
    expect((await add(NOW + MINUTE + 1)).version).toBe(7);
  });

  test('an erased log knows no id any more', async () => {
    await agentOf().delete({ erase: true });
    await expect(agentOf().save(1, { operationId: 'op-6' })).rejects.toThrow(OutcomeUnknownError);
    now = NOW + 10 * MINUTE;
    expect(await agentOf().save(1, { operationId: newOperationId(now) })).toBe(8);
  });
});

describe('between looking an id up and writing', () => {
  let logs: MemoryBackend;
  let backend: HookedBackend;
  const other = (shared: Backend = memoryBackend({ sharing: logs })) =>
    new Store(shared).agent<number>('k', { initial: () => 0 });
  beforeEach(() => {
    logs = memoryBackend();
    backend = new HookedBackend(memoryBackend({ sharing: logs }));
  });

  test('another process may write the same operation, and a load may see it: it happens once', async () => {
    const agent = new Store(backend).agent<number>('k', { initial: () => 0 });
    await agent.update((n) => n + 1);
    backend.after = async ({ method }) => {
      if (method !== 'find') return;
      backend.after = undefined;
      await other().update((n) => n + 1, { operationId: 'x' });
      await agent.load();
    };
    expect((await agent.update((n) => n + 1, { operationId: 'x' })).version).toBe(2);
    expect(await agent.load()).toBe(2);
  });

  test('another process may write something else under the same id: whoever lost knows what is there', async () => {
    const store = new Store(backend);
    const agent = store.agent<number>('k');
    backend.before = async ({ method }) => {
      if (method !== 'commit') return;
      backend.before = undefined;
      expect(await other().save(1, { operationId: 'x' })).toBe(1);
    };
    expect(await agent.save(2, { operationId: 'x' })).toBe(1);
    expect([await agent.load(), await store.agent<number>('k').load()]).toEqual([1, 1]);
    expect((await agent.update((n) => n + 10)).state).toBe(11);
    expect(await other().load()).toBe(11);
  });

  test('the proof may be trimmed away: unknown', async () => {
    const agent = new Store(backend).agent<number>('k', { initial: () => 0 });
    await agent.update((n) => n + 1, { operationId: 'x' });
    for (let i = 0; i < 3; i += 1) await agent.update((n) => n + 1);
    backend.before = async ({ method }) => {
      if (method !== 'find') return;
      backend.before = undefined;
      const { head } = await logs.read('k');
      await logs.trim('k', { version: 4, id: head!.id, at: head!.at, data: '4', document: 4 });
    };
    await expect(agent.update((n) => n + 1, { operationId: 'x' })).rejects.toThrow(OutcomeUnknownError);
    expect(await agent.load()).toBe(4);
  });
});

describe('of writes that go out together', () => {
  test('one that another process has written meanwhile does not vouch for the rest', async () => {
    const logs = memoryBackend();
    const backend = new HookedBackend(memoryBackend({ sharing: logs }));
    const agent = new Store(backend).agent<number[]>('k', { initial: () => [] });
    await agent.save([]);
    const slow = gate('commit');
    backend.before = slow.hook;
    const first = agent.update((list) => [...list, 1], { operationId: 'shared' });
    const second = agent.update((list) => [...list, 2]);
    await slow.entered;
    await new Store(memoryBackend({ sharing: logs }))
      .agent<number[]>('k')
      .update((list) => [...list, 1], { operationId: 'shared' });
    backend.after = ({ method }) => {
      if (method !== 'commit') return;
      backend.after = undefined;
      throw new Error('ECONNRESET');
    };
    slow.open();
    expect([(await first).version, (await second).version]).toEqual([2, 3]);
    expect(await agent.load()).toEqual([1, 2]);
  });

  test('each has its own version and id', async () => {
    const backend = new HookedBackend(memoryBackend());
    const agent = new Store(backend).agent<number>('k', { initial: () => 0 });
    await agent.save(0);
    backend.reset();
    const results = await Promise.all([1, 2, 3].map((n) => agent.update((sum) => sum + n)));
    expect(results.map(({ version }) => version)).toEqual([2, 3, 4]);
    expect(results.map(({ state }) => state)).toEqual([1, 3, 6]);
    expect(new Set(results.map(({ head }) => head?.id)).size).toBe(3);
    expect(backend.calls.commit).toBe(1);
  });
});

describe('ids', () => {
  test('of the engine are 12 characters, drawn from the given randomness, and do not repeat', () => {
    const next = operationIds();
    const ids = Array.from({ length: 2000 }, next);
    expect(new Set(ids).size).toBe(2000);
    expect(ids.every((id) => /^[\w-]{12}$/.test(id))).toBe(true);
    expect(operationIds((bytes) => void bytes.fill(0))()).toBe('AAAAAAAAAAAA');
  });

  test('of newOperationId are UUIDs of version 7 that tell when they were born', () => {
    const now = 1_777_777_777_777;
    expect(newOperationId(now)).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(bornAt(newOperationId(now))).toBe(now);
    expect(bornAt(newOperationId(now).toUpperCase())).toBe(now);
    expect(bornAt('op-1')).toBeUndefined();
    expect(bornAt('f47ac10b-58cc-4372-a567-0e02b2c3d479')).toBeUndefined();
    expect(new Set(Array.from({ length: 100 }, () => newOperationId(now))).size).toBe(100);
  });
});
