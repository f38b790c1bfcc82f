/** Schemas of several libraries, and bad ones: what is saved is what is loaded, again and again, or it is refused. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import { HookedBackend } from '../../test/hooked-backend.js';
import { failureOf } from '../../test/places.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { Store } from '../store.js';

const SCHEMAS: [string, StandardSchemaV1<unknown, { name: string; tags: string[] }>][] = [
  ['zod', z.object({ name: z.string().trim().min(1), tags: z.array(z.string()).default([]) })],
  [
    'valibot',
    v.object({
      name: v.pipe(v.string(), v.trim(), v.minLength(1)),
      tags: v.optional(v.array(v.string()), () => []),
    }),
  ],
  ['arktype', type({ name: 'string.trim |> string > 0', tags: type('string[]').default(() => []) })],
];

let store: Store;
let backend: HookedBackend;
beforeEach(() => {
  backend = new HookedBackend(memoryBackend({ values: false }));
  store = new Store(backend);
});
afterEach(() => store.close());

describe.each(SCHEMAS)('a schema of %s', (_, schema) => {
  test('is checked on save and on load, with the path of what is wrong', async () => {
    const agent = store.agent('k', { schema });
    const refused = await failureOf(agent.save({ name: 'Ada', tags: [5] } as never));
    expect(refused).toMatchObject({ code: 'DGENTS_STATE_VALIDATION', issues: [{ path: ['tags', 0] }] });
    expect(await store.has('k')).toBe(false);
    await store.agent<unknown>('k').save({ name: '', tags: [] });
    expect((await failureOf(agent.load())).code).toBe('DGENTS_STATE_VALIDATION');
    expect(await store.agent('k').load()).toEqual({ name: '', tags: [] });
  });

  test('completes and cleans up: what was saved is what is loaded, and stays', async () => {
    const agent = store.agent('k', { schema });
    await agent.save({ name: ' Ada ' } as never);
    expect(await store.agent('k').load()).toEqual({ name: 'Ada', tags: [] });
    const cold = new Store(backend.inner).agent('k', { schema });
    const first = await cold.load();
    await cold.save(first);
    expect(await store.agent('k').load()).toEqual(first);
    expect(await agent.load()).toEqual({ name: 'Ada', tags: [] });
  });
});

const answering = (validate: (state: unknown) => unknown): StandardSchemaV1<unknown, unknown> =>
  ({ '~standard': { version: 1, vendor: 'test', validate } }) as never;

describe('what a schema does not know is not dropped in silence', () => {
  test.each<[string, StandardSchemaV1<unknown, { list: { id: number }[] }>]>([
    ['zod', z.object({ list: z.array(z.object({ id: z.number() })) })],
    ['valibot', v.object({ list: v.array(v.object({ id: v.number() })) })],
  ])('%s: it is refused with its path, in a save and in an update', async (_, schema) => {
    const agent = store.agent('k', { schema, initial: () => ({ list: [] }) });
    const unknown = { list: [{ id: 1 }, { id: 2, note: 'mine' }] };
    for (const write of [agent.save(unknown), agent.update(() => unknown)]) {
      const refused = await failureOf(write);
      expect(refused).toMatchObject({
        code: 'DGENTS_STATE_VALIDATION',
        message: expect.stringMatching(/\$\.list\[1\]\.note.*Nothing was stored.*looseObject/s),
        issues: [{ path: ['list', 1, 'note'] }],
      });
    }
    expect(await store.has('k')).toBe(false);
    await agent.save({ list: [{ id: 1, note: undefined } as never] });
    expect(await agent.load()).toEqual({ list: [{ id: 1 }] });
  });

  test.each<[string, StandardSchemaV1<unknown, unknown>, unknown, (string | number)[]]>([
    [
      'in a Map',
      z.object({ m: z.map(z.string(), z.object({ a: z.number() })) }),
      { m: new Map([['k', { a: 1, b: 2 }]]) },
      ['m', 'k', 'b'],
    ],
    ['in a Set', z.set(z.object({ a: z.number() })), new Set([{ a: 1, b: 2 }]), [0, 'b']],
    ['the end of a tuple', v.tuple([v.number()]), [1, 2], [1]],
    [
      'a key __proto__',
      z.object({ a: z.number() }),
      JSON.parse('{"a":1,"__proto__":{"x":1}}'),
      ['__proto__'],
    ],
    [
      'what a schema takes out in place',
      answering((state) => {
        delete (state as { b?: number }).b;
        return { value: state };
      }),
      { a: 1, b: 2 },
      ['b'],
    ],
  ])('%s', async (_, schema, state, path) => {
    const before = structuredClone(state);
    const refused = await failureOf(store.agent<unknown>('k', { schema }).save(state));
    expect(refused).toMatchObject({ code: 'DGENTS_STATE_VALIDATION', issues: [{ path }] });
    expect(state).toEqual(before);
  });

  test.each<[string, object]>([
    [
      'an instance of a class',
      new (class Profile {
        a = 1;
        b = 2;
      })(),
    ],
    ['a key that is a symbol', { a: 1, [Symbol('b')]: 2 }],
    [
      'a getter',
      {
        get a() {
          return 1;
        },
      },
    ],
  ])('%s is refused as it is without a schema', async (_, state) => {
    const agent = store.agent('k', { schema: z.object({ a: z.number() }) });
    const refused = await failureOf(agent.save(state as { a: number }));
    expect(refused.code).toBe('DGENTS_STATE_SERIALIZATION');
  });

  test('a bad `initial` is told to be that', async () => {
    const initial = () => ({ a: 1, b: 2 });
    const agent = store.agent('k', { schema: z.object({ a: z.number() }), initial });
    for (const call of [agent.load(), agent.update((draft) => draft)]) {
      expect((await failureOf(call)).message).toMatch(/^What `initial` gives is refused\. .*\$\.b/);
    }
  });

  test.each([
    [{ issues: 'bad' }],
    [{ issues: null }],
    [{ issues: [{ message: 'm', path: [null] }] }],
    [{ issues: [null] }],
  ])('an answer that is none is a StateValidationError: %j', async (answer) => {
    const agent = store.agent<unknown>('k', { schema: answering(() => answer) });
    expect((await failureOf(agent.save({ a: 1 }))).code).toBe('DGENTS_STATE_VALIDATION');
  });

  test('those that keep it keep it', async () => {
    const schemas = [
      z.looseObject({ id: z.number() }),
      v.looseObject({ id: v.number() }),
      type({ id: 'number' }),
    ];
    for (const [i, schema] of schemas.entries()) {
      const agent = store.agent(`k${i}`, { schema: schema as StandardSchemaV1<unknown, { id: number }> });
      await agent.save({ id: 1, note: 'mine' } as never);
      expect(await store.agent(`k${i}`).load()).toEqual({ id: 1, note: 'mine' });
    }
  });
});

test.each<[string, StandardSchemaV1<unknown, unknown>]>([
  ['zod', z.object({ n: z.union([z.string(), z.number()]).transform((n) => Number(n) + 1) })],
  [
    'valibot',
    v.object({
      n: v.pipe(
        v.any(),
        v.transform((n: unknown) => Number(n) + 1),
      ),
    }),
  ],
  ['arktype', type({ n: type('number').pipe((n) => n + 1) }) as never],
  ['valibot, one way', v.object({ n: v.pipe(v.number(), v.transform(String)) })],
])('a transformation of %s is refused by the first save', async (_, schema) => {
  const error = await failureOf(store.agent<unknown>('k', { schema }).save({ n: 1 }));
  expect(error).toMatchObject({ code: 'DGENTS_STATE_VALIDATION', key: 'k' });
  expect(error.message).toContain('own output');
  expect(backend.calls.commit).toBe(0);
});

test.each<[string, (state: unknown) => unknown, string]>([
  ['is asynchronous', async (value) => ({ value }), 'TypeError'],
  // biome-ignore lint/suspicious/noThenProperty: it is what this is about.
  ['is asynchronous in its own way', () => ({ then: () => undefined }), 'TypeError'],
  ['rejects', () => Promise.reject(new RangeError('no')), 'TypeError'],
  ['answers nothing', () => undefined, 'StateValidationError'],
  ['answers with no state', () => ({ value: undefined }), 'StateValidationError'],
  [
    'throws',
    () => {
      throw new RangeError('oops');
    },
    'StateValidationError',
  ],
])('a schema that %s is told, on save, update and load, and nothing is stored', async (_, validate, name) => {
  await store.agent<unknown>('k').save({ n: 1 });
  const agent = store.agent<unknown>('k', { schema: answering(validate) });
  for (const call of [() => agent.save({ n: 2 }), () => agent.update(() => ({ n: 2 })), () => agent.load()]) {
    expect((await failureOf(call())).constructor.name).toBe(name);
  }
  expect((await store.agent('k').read()).version).toBe(1);
});

test('a load of what has not changed, and a save of one’s own, validate nothing again', async () => {
  let calls = 0;
  const schema = answering((value) => {
    calls += 1;
    return { value };
  });
  const agent = store.agent<unknown>('k', { schema });
  await agent.save({ n: 1 });
  expect(calls).toBe(1);
  for (let i = 0; i < 5; i += 1) await agent.load();
  await store.agent('k', { schema }).load();
  expect(calls).toBe(1);
});

test('migrations are functions by whole numbers', () => {
  for (const migrations of [{ a: () => 1 }, { 0: () => 1 }, { 1.5: () => 1 }, { 1: 'x' }]) {
    expect(() => store.agent('k', { schemaVersion: 3, migrations: migrations as never })).toThrow(TypeError);
  }
});
