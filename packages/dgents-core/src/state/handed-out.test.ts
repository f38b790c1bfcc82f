/** What users get in their hands never leads into the store, and what a store says is never put together wrongly. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { fileBackend } from '../file/file-backend.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { VolatileAgent } from '../memory/volatile-agent.js';
import { Store } from '../store.js';
import { newOperationId } from './ids.js';

test('meta and heads are read-only, at every depth', async () => {
  const agent = new VolatileAgent<number>();
  await agent.save(1, { meta: { tags: ['a'] } });
  const seen = await agent.read();
  const { tags } = seen.meta as { tags: string[] };
  expect(() => tags.push('b')).toThrow(TypeError);
  expect(() => Object.assign(seen.head ?? {}, { version: 7 })).toThrow(TypeError);
  expect((await agent.read()).meta).toEqual({ tags: ['a'] });
  await agent.close();
});

test('the feed gives records as text, never the state itself', async () => {
  const store = new Store(memoryBackend());
  await store.agent('k').save({ list: [1] });
  for await (const entry of store.feed(undefined, { limit: 1 })) {
    expect(entry).toMatchObject({ key: 'k', record: { version: 1, kind: 'set', data: '{"list":[1]}' } });
    expect(entry).not.toHaveProperty('record.document');
  }
  await store.close();
});

test('a class that keeps and changes the fields it is decoded from changes no record', async () => {
  class Log {
    constructor(readonly rows: string[]) {}
  }
  const classes = [
    {
      name: 'Log',
      type: Log,
      encode: (log: Log) => ({ rows: log.rows }),
      decode: (fields: Record<string, unknown>) => {
        const rows = fields['rows'] as string[];
        return new Log(rows.splice(0));
      },
    },
  ];
  const store = new Store(memoryBackend());
  await store.agent('k', { codec: { classes } }).save(new Log(['a', 'b']));
  await store.agent<unknown>('k', { codec: { classes } }).save(null);
  const agent = store.agent<Log | null>('k', { codec: { classes } });
  for (let time = 0; time < 3; time += 1) {
    expect((await agent.history())[0]?.rows).toEqual(['a', 'b']);
  }
  await store.close();
});

test('a default shared between agents is not changed by a transaction', async () => {
  const shared = { n: 0 };
  const store = new Store(memoryBackend());
  const a = store.agent('a', { initial: () => shared });
  const b = store.agent('b', { initial: () => shared });
  await store.transact([a, b], (x) => {
    x.n += 1;
  });
  expect(shared).toEqual({ n: 0 });
  expect([await a.load(), await b.load()]).toEqual([{ n: 1 }, { n: 0 }]);
  await store.close();
});

test('a schema that works in place changes neither the past nor what others share', async () => {
  const schema = {
    '~standard': {
      version: 1 as const,
      vendor: 'test',
      validate: (value: unknown) => {
        const state = value as { items: { n: number; sum: number }[] };
        const sum = state.items.reduce((total, { n }) => total + n, 0);
        for (const item of state.items) item.sum = sum;
        return { value: state };
      },
    },
  };
  const store = new Store(memoryBackend());
  type Items = { items: { n: number; sum: number }[] };
  const agent = store.agent<Items>('k', { schema: schema as StandardSchemaV1<unknown, Items> });
  await agent.save({ items: Array.from({ length: 200 }, (_, n) => ({ n, sum: 0 })) });
  await agent.update((draft) => {
    draft.items[0] = { n: 1, sum: 0 };
  });
  const raw = store.agent<{ items: { sum: number }[] }>('k');
  expect((await raw.load()).items[5]?.sum).toBe(19901);
  expect((await raw.load({ at: 1 })).items[5]?.sum).toBe(19900);
  await store.close();
});

test('a checkpoint of an older version, written late by another store, hides no record from a reader', async () => {
  const path = mkdtempSync(join(tmpdir(), 'dgents-'));
  const [first, second] = [0, 1].map(() => new Store(fileBackend({ path, durability: 'process' }))) as [
    Store,
    Store,
  ];
  const one = first.agent<{ a: number; b: number; text: string }>('k');
  const two = second.agent<{ a: number; b: number; text: string }>('k');
  await one.save({ a: 0, b: 0, text: 'x'.repeat(200) });
  const early = await one.update((draft) => {
    draft.a = 1;
  });
  await one.update((draft) => {
    draft.b = 1;
  });
  await two.load();
  const { version, id, at } = early.head ?? { version: 0, id: '', at: 0 };
  await first.backend.checkpoint('k', { version, id, at, data: JSON.stringify(early.state) });
  await one.update((draft) => {
    draft.a = 2;
  });
  expect(await two.load()).toMatchObject({ a: 2, b: 1 });
  await two.update((draft) => {
    draft.b += 1;
  });
  expect(await first.agent('k').load()).toMatchObject({ a: 2, b: 2 });
  await first.close();
  await second.close();
  rmSync(path, { recursive: true });
});

test('a write without a time to live makes the state stay', async () => {
  let now = 1_000_000;
  const clock = () => now;
  const store = new Store(memoryBackend({ clock }), { clock });
  const agent = store.agent<number>('k');
  await agent.save(1, { ttlMs: 100 });
  now += 50;
  await agent.save(2);
  now += 1000;
  expect(await agent.load()).toBe(2);
  await store.close();
});

test('an operation id from a clock that was set back is no proof of being new', async () => {
  let now = 1_000_000_000_000;
  const clock = () => now;
  const store = new Store(memoryBackend({ clock }), { clock });
  const retain = { versions: 1, graceMs: 0 };
  const agent = store.agent('k', { initial: () => ({ n: 0 }), retain });
  const count = (draft: { n: number }): void => {
    draft.n += 1;
  };
  for (let time = 0; time < 100; time += 1) await agent.update(count);
  const operationId = newOperationId(now + 3_600_000);
  await expect(agent.update(count, { operationId })).rejects.toMatchObject({
    code: 'DGENTS_OUTCOME_UNKNOWN',
  });
  now += 1;
  await agent.update(count, { operationId: newOperationId(now) });
  expect((await agent.load()).n).toBe(101);
  await store.close();
});
