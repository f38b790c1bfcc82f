/** Schemas, migrations, limits and what an agent requires of its store. */
import { z } from 'zod';
import { HookedBackend } from '../../test/hooked-backend.js';
import { all, failureOf, PLACES, type Place } from '../../test/places.js';
import type { Durability } from '../backend.js';
import { fileBackend } from '../file/file-backend.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { defineState } from '../schema/define-state.js';
import { Store } from '../store.js';

const User = z.object({ name: z.string().min(1), visits: z.number().int().default(0) });

describe.each(PLACES)('a schema in %s', (_, open) => {
  let place: Place;
  let store: Store;
  beforeEach(() => {
    place = open();
    store = new Store(place.backend());
  });
  afterEach(async () => {
    await store.close();
    place.destroy();
  });

  test('is checked by save and update, before anything is stored', async () => {
    const agent = store.agent('k', { schema: User });
    const error = await failureOf(agent.save({ name: '', visits: 0.5 }));
    expect(error).toMatchObject({
      code: 'DGENTS_STATE_VALIDATION',
      key: 'k',
      issues: [{ path: ['name'] }, { path: ['visits'] }],
    });
    expect(await store.has('k')).toBe(false);
    await agent.save({ name: 'Ada', visits: 1 });
    const results = await Promise.allSettled([
      agent.update((draft) => {
        draft.visits += 1;
      }),
      agent.update((draft) => {
        draft.name = '';
      }),
      agent.update((draft) => {
        draft.visits += 1;
      }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await agent.load()).toEqual({ name: 'Ada', visits: 3 });
  });

  test('that changes its own output is refused, before anything is stored that no load would accept', async () => {
    const schema = z.object({ n: z.union([z.string(), z.number()]).transform((n) => Number(n) + 1) });
    const transforming = store.agent<{ n: number }>('t', { schema });
    const error = await failureOf(transforming.save({ n: 1 }));
    expect(error).toMatchObject({ code: 'DGENTS_STATE_VALIDATION', key: 't' });
    expect(error.message).toContain('own output');
    const oneWay = store.agent<{ n: number }>('t', { schema: z.object({ n: z.string().transform(Number) }) });
    const given = { n: '1' } as unknown as { n: number };
    expect((await failureOf(oneWay.save(given))).message).toContain('own output');
    expect(await store.has('t')).toBe(false);
  });

  test('with a migration that leads beyond its version is refused when the agent is made', () => {
    const migrations = { 1: (state: never) => state };
    expect(() => store.agent('k', { migrations })).toThrow(TypeError);
    expect(() => store.agent('k', { migrations, schemaVersion: 2 })).not.toThrow();
  });

  test('is checked by load, and what is stored stays as it is', async () => {
    await store.agent<unknown>('k').save({ name: 5 });
    const agent = store.agent('k', { schema: User });
    for (const call of [
      () => agent.load(),
      () => agent.update(() => undefined),
      () => agent.load({ at: 1 }),
    ]) {
      expect((await failureOf(call())).name).toBe('StateValidationError');
    }
    expect(await store.agent('k').load()).toEqual({ name: 5 });
    expect((await store.agent('k').read()).version).toBe(1);
  });

  test('completes a state on load without storing that, and the next write stores it whole', async () => {
    await store.agent<unknown>('k').save({ name: 'Ada' });
    const agent = store.agent('k', { schema: User });
    expect(await agent.load()).toEqual({ name: 'Ada', visits: 0 });
    expect(await agent.load()).toEqual({ name: 'Ada', visits: 0 });
    expect(await store.agent('k').load()).toEqual({ name: 'Ada' });
    await agent.update((draft) => {
      draft.name = 'Ada L.';
    });
    const records = await all(store.backend.range('k'));
    expect(records.map(({ kind }) => kind)).toEqual(['set', 'set']);
    expect(await store.agent('k').load()).toEqual({ name: 'Ada L.', visits: 0 });
  });

  test('that is asynchronous is a TypeError', async () => {
    const agent = store.agent('k', { schema: User.refine(async () => true) as typeof User });
    await expect(agent.save({ name: 'Ada', visits: 0 })).rejects.toThrow(TypeError);
  });

  describe('with migrations', () => {
    interface V3 {
      first: string;
      last: string;
      tags: string[];
    }
    const migrations = {
      1: (state: { name: string }) => ({ first: state.name.split(' ')[0]!, last: state.name.split(' ')[1]! }),
      2: (state: Omit<V3, 'tags'>) => ({ ...state, tags: [] as string[] }),
    };
    const current = { schemaVersion: 3, migrations };

    test('brings an old state up to date in memory, and stores it whole with its version at the next write', async () => {
      await store.agent<unknown>('k').save({ name: 'Ada Lovelace' });
      const agent = store.agent<V3>('k', current);
      expect(await agent.load()).toEqual({ first: 'Ada', last: 'Lovelace', tags: [] });
      expect(await store.agent('k').load()).toEqual({ name: 'Ada Lovelace' });
      await agent.update((draft) => void draft.tags.push('x'));
      await agent.update((draft) => void draft.tags.push('y'));
      const records = await all(store.backend.range('k'));
      expect(records.map(({ kind, schema }) => [kind, schema])).toEqual([
        ['set', undefined],
        ['set', 3],
        [expect.stringMatching('set|patch'), 3],
      ]);
      const cold = new Store(place.backend());
      expect(await cold.agent<V3>('k', current).load()).toEqual({
        first: 'Ada',
        last: 'Lovelace',
        tags: ['x', 'y'],
      });
      expect(await cold.agent<V3>('k', current).history()).toEqual([
        { first: 'Ada', last: 'Lovelace', tags: ['x'] },
        { first: 'Ada', last: 'Lovelace', tags: [] },
      ]);
      await cold.close();
    });

    test('refuses a state of a newer version', async () => {
      await store.agent<unknown>('k', current).save({ first: 'A', last: 'B', tags: [] });
      const error = await failureOf(
        store.agent('k', { schemaVersion: 2, migrations: { 1: migrations[1] } }).load(),
      );
      expect(error).toMatchObject({ code: 'DGENTS_MIGRATION', from: 3, to: 2, key: 'k' });
      expect((await failureOf(store.agent('k').save(1, { expected: 'any' }))).name).toBe('MigrationError');
      expect((await store.agent('k', current).read()).version).toBe(1);
    });

    test('refuses a missing step, one that throws, one that returns nothing or a promise', async () => {
      await store.agent<unknown>('k').save({ name: 'Ada Lovelace' });
      const steps: Record<number, (state: never) => unknown>[] = [
        { 2: migrations[2] },
        {
          ...migrations,
          2: () => {
            throw new RangeError('oops');
          },
        },
        { ...migrations, 2: () => undefined },
        { ...migrations, 2: async () => ({}) },
      ];
      for (const broken of steps) {
        const error = await failureOf(store.agent('k', { schemaVersion: 3, migrations: broken }).load());
        expect(error).toMatchObject({ code: 'DGENTS_MIGRATION', to: 3 });
      }
      expect(await store.agent('k').load()).toEqual({ name: 'Ada Lovelace' });
    });

    test('gets a copy: a step that changes its input changes nothing stored', async () => {
      await store.agent<unknown>('k').save({ name: 'Ada Lovelace', list: [1] });
      const spoiling = {
        1: (state: { list: number[] }) => {
          state.list.push(2);
          return state;
        },
      };
      const agent = store.agent<unknown>('k', { schemaVersion: 2, migrations: spoiling });
      await agent.load();
      expect(await agent.load()).toEqual({ name: 'Ada Lovelace', list: [1, 2] });
      expect(await store.agent('k').load()).toEqual({ name: 'Ada Lovelace', list: [1] });
    });

    test('lets a state of any version be erased and forked', async () => {
      await store.agent<unknown>('k', current).save({ first: 'A', last: 'B', tags: [] });
      expect(await store.fork('k', 'l')).toBe(1);
      expect(await store.agent('l', current).load()).toEqual({ first: 'A', last: 'B', tags: [] });
      expect(await store.erase('k')).toBe(1);
      expect(await store.has('k')).toBe(false);
    });
  });
});

test('a schema that changes what it is given changes neither the replica nor what is stored', async () => {
  const store = new Store(memoryBackend());
  await store.agent<unknown>('k').save({ n: 1 });
  const schema = {
    '~standard': {
      version: 1 as const,
      vendor: 'test',
      validate: (value: unknown) => {
        (value as { seen?: number }).seen ??= 1;
        return { value: value as { n: number; seen?: number } };
      },
    },
  };
  const agent = store.agent<{ n: number; seen?: number }>('k', { schema });
  expect(await agent.load()).toEqual({ n: 1, seen: 1 });
  expect(await store.agent('k').load()).toEqual({ n: 1 });
  expect(await store.agent('k').load({ at: 1 })).toEqual({ n: 1 });
  await agent.update((draft) => {
    draft.n = 2;
  });
  expect(await store.agent('k').load()).toEqual({ n: 2, seen: 1 });
});

test('defineState describes a state once', async () => {
  const user = defineState({ name: 'user', schema: User, initial: () => ({ name: 'new', visits: 0 }) });
  const store = new Store(memoryBackend());
  expect(await store.agent('k', user).load()).toEqual({ name: 'new', visits: 0 });
  expect(Object.isFrozen(user)).toBe(true);
  expect(() => defineState({ name: '' })).toThrow(TypeError);
  for (const schemaVersion of [0, 1.5, -1])
    expect(() => store.agent('k', { schemaVersion })).toThrow(RangeError);
});

describe('limits', () => {
  const opened = (declined: HookedBackend['declined'] = {}) => {
    const backend = new HookedBackend(memoryBackend());
    backend.declined = declined;
    return { backend, store: new Store(backend) };
  };

  test('a state that is certainly too large or too deep is refused before any I/O', async () => {
    const { backend, store } = opened();
    await store.ready();
    backend.reset();
    const agent = store.agent<unknown>('k', { codec: { maxBytes: 1000, maxDepth: 5 } });
    expect(await failureOf(agent.save('x'.repeat(1001)))).toMatchObject({
      code: 'DGENTS_STATE_TOO_LARGE',
      limitBytes: 1000,
    });
    expect((await failureOf(agent.save([[[[[[1]]]]]]))).name).toBe('StateSerializationError');
    expect(backend.calls).toMatchObject({ read: 0, commit: 0 });
  });

  test('a state that is too large by a little is refused with its exact weight, and nothing is written', async () => {
    const { backend, store } = opened();
    const agent = store.agent<string[]>('k', { initial: () => [], codec: { maxBytes: 100 } });
    await agent.save(['x'.repeat(96)]);
    await expect(agent.save(['x'.repeat(97)])).rejects.toMatchObject({ bytes: 101, limitBytes: 100 });
    await expect(agent.update((list) => void list.push('y'))).rejects.toMatchObject({
      code: 'DGENTS_STATE_TOO_LARGE',
    });
    expect(await agent.load()).toEqual(['x'.repeat(96)]);
    expect(backend.calls.commit).toBe(1);
  });

  test('a record that the store cannot take is refused; a change of a large state may fit', async () => {
    const { store } = opened({ limits: { ...memoryBackend().capabilities.limits, recordBytes: 600 } });
    const agent = store.agent<string[]>('k', { initial: () => [] });
    await expect(agent.save(['x'.repeat(700)])).rejects.toMatchObject({
      code: 'DGENTS_STATE_TOO_LARGE',
      limitBytes: 600,
    });
    for (let i = 0; i < 10; i += 1) await agent.update((list) => void list.push('x'.repeat(100)));
    expect(await agent.load()).toHaveLength(10);
  });

  test('meta is plain JSON of at most 4 KB', async () => {
    const { store } = opened();
    const agent = store.agent<number>('k');
    await agent.save(1, { meta: { who: 'me', list: [1, null, { a: true }], text: 'ä'.repeat(1900) } });
    expect((await agent.read()).meta).toEqual({
      who: 'me',
      list: [1, null, { a: true }],
      text: 'ä'.repeat(1900),
    });
    await agent.update((n) => n + 1);
    expect((await agent.read()).meta).toBeUndefined();
    await agent.delete({ meta: { why: 'test' } });
    expect((await all(agent.timeline())).map(({ meta }) => meta?.['why'] ?? meta?.['who'])).toEqual([
      'me',
      undefined,
      'test',
    ]);
    const wrong: unknown[] = [
      null,
      [],
      'x',
      { d: new Date() },
      { f: () => 1 },
      { u: undefined },
      { n: Number.NaN },
      { b: 1n },
    ];
    for (const meta of wrong) await expect(agent.save(1, { meta: meta as never })).rejects.toThrow(TypeError);
    await expect(agent.save(1, { meta: { text: 'ä'.repeat(2100) } })).rejects.toThrow(RangeError);
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    await expect(agent.save(1, { meta: cyclic })).rejects.toThrow(RangeError);
  });
});

describe('requireDurability', () => {
  test('refuses a store that cannot promise it, before the first write', async () => {
    const backend = new HookedBackend(memoryBackend());
    const store = new Store(backend);
    for (const requireDurability of ['process', 'power'] as const) {
      const agent = store.agent<number>('k', { requireDurability });
      for (const call of [
        () => agent.save(1),
        () => agent.update(() => 1),
        () => agent.ready(),
        () => agent.delete(),
      ]) {
        expect((await failureOf(call())).name).toBe('UnsupportedError');
      }
      expect((await failureOf(new Store(backend, { requireDurability }).agent('k').save(1))).name).toBe(
        'UnsupportedError',
      );
    }
    expect(backend.calls.commit).toBe(0);
    expect(await store.agent<number>('k').save(1)).toBe(1);
  });

  test('is content with as much or more', async () => {
    for (const [actual, required] of [
      ['process', 'process'],
      ['power', 'process'],
      ['power', 'power'],
    ] as const) {
      const backend = new HookedBackend(memoryBackend());
      backend.declined = { durability: actual };
      expect(
        await new Store(backend, { requireDurability: required })
          .agent('k', { requireDurability: required })
          .save(1),
      ).toBe(1);
    }
  });

  test('refuses a store that has come to promise less, until it promises enough again', async () => {
    let durability: Durability = 'power';
    const backend = new HookedBackend(memoryBackend());
    const told = {
      ...backend.capabilities,
      get durability() {
        return durability;
      },
    };
    let asked = 0;
    backend.ready = async () => {
      asked += 1;
      return told;
    };
    const store = new Store(backend, { requireDurability: 'power' });
    const agent = store.agent<{ n: number }>('k', { initial: () => ({ n: 0 }) });
    await agent.save({ n: 1 });
    await agent.save({ n: 2 });
    expect([asked, backend.calls.commit]).toEqual([1, 2]);
    durability = 'unknown';
    for (const call of [
      () => agent.save({ n: 3 }),
      () => agent.update((draft) => void draft.n++),
      () => agent.delete(),
      () => store.transact([agent], (draft) => void draft.n++),
      () => store.ready(),
    ]) {
      expect((await failureOf(call())).name).toBe('UnsupportedError');
    }
    expect([store.capabilities.durability, backend.calls.commit]).toEqual(['unknown', 2]);
    durability = 'power';
    expect(await agent.update((draft) => void draft.n++)).toMatchObject({ version: 3, state: { n: 3 } });
  });

  test('`capabilities` tell what there is', async () => {
    expect(new Store(fileBackend({ path: 'x', durability: 'process' })).capabilities).toMatchObject({
      backend: 'file',
      durability: 'process',
      sharing: 'host',
      conflicts: 'immediate',
    });
    const agent = new Store(memoryBackend()).agent('k');
    expect(await agent.ready()).toMatchObject({ backend: 'memory', durability: 'none', atomicity: 'store' });
  });
});
