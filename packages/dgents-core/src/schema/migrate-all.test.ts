/** All states of a kind, brought to the newest schema version. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { Worker } from '../../test/child.js';
import { HookedBackend } from '../../test/hooked-backend.js';
import { all, failureOf, PLACES, type Place } from '../../test/places.js';
import { fileBackend } from '../file/file-backend.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { Store } from '../store.js';
import { defineState } from './define-state.js';
import { type MigrationProgress, migrateAll } from './migrate-all.js';

const schema = z.strictObject({ first: z.string().min(1), tags: z.array(z.string()) });
const user = defineState({
  name: 'user',
  schema,
  schemaVersion: 2,
  migrations: { 1: ({ name }: { name: string }) => ({ first: name, tags: [] }) },
});
const prefix = 'user:';

const old = (store: Store, key: string, state: unknown = { name: key }) => store.agent(key).save(state);
const numbered = (i: number) => `${prefix}${String(i).padStart(4, '0')}`;

describe.each(PLACES)('migrateAll in %s', (_, open) => {
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

  test('migrates what is older, and leaves current, deleted and other states alone', async () => {
    await old(store, 'user:a');
    await old(store, 'user:b', { name: 'x' });
    await old(store, 'user:b', { name: 'y' });
    await store.agent('user:c', user).save({ first: 'c', tags: ['t'] });
    await old(store, 'user:d');
    await store.agent('user:d').delete();
    await old(store, 'other');
    const report = await migrateAll(store, { ...user, prefix });
    expect(report).toEqual({
      migrated: 2,
      alreadyCurrent: 1,
      skipped: 1,
      failed: [],
      last: 'user:d',
      finished: true,
    });
    const cold = new Store(place.backend());
    const b = cold.agent('user:b', user);
    const read = await b.read();
    expect(read).toMatchObject({ state: { first: 'y', tags: [] }, version: 3, meta: { migratedFrom: 1 } });
    expect(await b.history()).toEqual([
      { first: 'y', tags: [] },
      { first: 'x', tags: [] },
    ]);
    const records = await all(cold.backend.range('user:b'));
    expect(records.map(({ kind, schema: version }) => [kind, version])).toEqual([
      ['set', undefined],
      ['set', undefined],
      ['set', 2],
    ]);
    expect((await cold.agent('user:c', user).read()).version).toBe(1);
    expect(await cold.agent('other').load()).toEqual({ name: 'other' });
    // What an older program sees from then on.
    const outdated = cold.agent<{ name: string }>('user:a');
    const refused = await failureOf(outdated.load());
    expect(refused).toMatchObject({ code: 'DGENTS_MIGRATION', from: 2, to: 1 });
    expect(refused.message).toContain('Update this program');
    expect((await failureOf(outdated.save({ name: 'z' }, { expected: 'any' }))).name).toBe('MigrationError');
    await cold.close();
    expect(await migrateAll(store, { ...user, prefix })).toMatchObject({ migrated: 0, alreadyCurrent: 3 });
  });

  test('a dry run finds every failure, and writes nothing', async () => {
    for (const key of ['user:a', 'user:c']) await old(store, key);
    await old(store, 'user:b', { name: '' });
    await store.agent<unknown>('user:d', { schemaVersion: 3 }).save({});
    const dry = await migrateAll(store, { ...user, prefix, dryRun: true });
    expect(dry).toMatchObject({ migrated: 2, alreadyCurrent: 0, finished: true });
    expect(dry.failed.map(({ key, error }) => [key, (error as Error).name])).toEqual([
      ['user:b', 'StateValidationError'],
      ['user:d', 'MigrationError'],
    ]);
    for (const key of ['user:a', 'user:b', 'user:c']) {
      expect((await all(store.backend.range(key))).map(({ version }) => version)).toEqual([1]);
      expect(await store.agent(key).load()).toEqual({ name: key === 'user:b' ? '' : key });
    }
    const wet = await migrateAll(store, { ...user, prefix });
    expect(wet).toMatchObject({ migrated: 2, failed: [{ key: 'user:b' }, { key: 'user:d' }] });
    expect(await store.agent('user:b').load()).toEqual({ name: '' });
  });

  test('stops at a failure if told, and goes on from there', async () => {
    for (const key of ['user:a', 'user:c']) await old(store, key);
    await old(store, 'user:b', { name: '' });
    const options = { ...user, prefix, concurrency: 1 };
    const stopped = await migrateAll(store, { ...options, onFailure: 'stop' });
    expect(stopped).toMatchObject({
      migrated: 1,
      failed: [{ key: 'user:b' }],
      last: 'user:a',
      finished: false,
    });
    await store.agent<unknown>('user:b').save({ name: 'b' });
    const progress: MigrationProgress[] = [];
    const rest = await migrateAll(store, {
      ...options,
      after: stopped.last!,
      onProgress: (step) => progress.push(step),
    });
    expect(rest).toMatchObject({ migrated: 2, alreadyCurrent: 0, last: 'user:c', finished: true });
    expect(progress.map(({ key, done, last }) => [key, done, last])).toEqual([
      ['user:b', 1, 'user:b'],
      ['user:c', 2, 'user:c'],
    ]);
  });

  test('no write of others is lost while it runs, and none of theirs is written twice', async () => {
    const keys = Array.from({ length: 20 }, (_, i) => numbered(i));
    for (const key of keys) await old(store, key);
    const others = new Store(place.backend());
    const write = async (key: string) => {
      for (let n = 0; n < 5; n += 1) {
        await others.agent(key, user).update((draft) => void draft.tags.push(String(n)));
      }
    };
    const [report] = await Promise.all([migrateAll(store, { ...user, prefix }), ...keys.map(write)]);
    expect(report.failed).toEqual([]);
    expect(report.migrated + report.alreadyCurrent).toBe(20);
    for (const key of keys) {
      expect(await others.agent(key, user).load()).toEqual({ first: key, tags: ['0', '1', '2', '3', '4'] });
      const metas = (await all(others.agent(key, user).timeline())).map(({ meta }) => meta?.['migratedFrom']);
      expect(metas.filter((from) => from !== undefined).length).toBeLessThanOrEqual(1);
    }
    await others.close();
  });
});

test('1,000 states, in pages and several at a time', async () => {
  const place = PLACES[1]![1]();
  const store = new Store(place.backend());
  for (let i = 0; i < 1000; i += 1) await old(store, numbered(i));
  const lasts: (string | undefined)[] = [];
  const report = await migrateAll(store, { ...user, prefix, onProgress: ({ last }) => lasts.push(last) });
  expect(report).toMatchObject({ migrated: 1000, failed: [], last: numbered(999) });
  expect(lasts).toHaveLength(1000);
  expect(lasts).toEqual([...lasts].sort());
  for await (const { version } of store.keys(prefix)) expect(version).toBe(2);
  await store.close();
});

test('one that was killed goes on where it was: nothing is lost, and nothing migrated twice', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'dgents-migrate-'));
  const store = new Store(fileBackend({ path: directory, durability: 'process' }));
  for (let i = 0; i < 200; i += 1) await old(store, numbered(i));
  const killed = new Worker('migrate.mjs', { directory });
  for (let told = 0; told < 20; told += 1) await killed.next('key');
  killed.kill('SIGKILL');
  await killed.ended;
  expect(killed.last('report')).toBeUndefined();
  const again = new Worker('migrate.mjs', { directory });
  await again.ended;
  const { report } = again.last('report')!;
  expect(again.complaints).toBe('');
  expect(report).toMatchObject({ failed: 0, finished: true });
  expect(report.alreadyCurrent).toBeGreaterThanOrEqual(20);
  expect(report.migrated + report.alreadyCurrent).toBe(200);
  for await (const { key, version } of store.keys(prefix)) {
    expect(version).toBe(2);
    expect(await store.agent(key, user).load()).toEqual({ first: key, tags: [] });
  }
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

test('what failed says of which state, and why', async () => {
  const store = new Store(memoryBackend());
  await old(store, 'user:a');
  await store.agent<unknown>('user:b', { schemaVersion: 9 }).save(1);
  const told = async (options: object) => {
    const { failed } = await migrateAll(store, { ...user, ...options, prefix });
    return failed.map(({ error }) => (error as Error).message);
  };
  const thrower = () => {
    throw new RangeError('name is empty');
  };
  const [threw, newer] = await told({ migrations: { 1: thrower } });
  expect(threw).toBe('The migration of "user:a" from schema version 1 threw: name is empty.');
  expect(newer).toContain('The state of "user:b" was written under schema version 9');
  expect((await told({ migrations: {} }))[0]).toContain('no migration of "user:a" from schema version 1');
  expect((await told({ migrations: { 1: () => undefined } }))[0]).toContain('of "user:a" from');
  expect((await told({ migrations: { 1: () => 5 } }))[0]).toContain('What is stored of "user:a" does not');
  await store.close();
});

test('the time to live stays as it is', async () => {
  let now = 1_000;
  const store = new Store(memoryBackend({ clock: () => now }));
  await store.agent<unknown>('user:mortal').save({ name: 'm' }, { ttlMs: 500 });
  await old(store, 'user:lasting');
  expect(await migrateAll(store, { ...user, prefix })).toMatchObject({ migrated: 2 });
  now += 499;
  expect(await store.agent('user:mortal', user).load()).toEqual({ first: 'm', tags: [] });
  now += 1;
  expect(await store.has('user:mortal')).toBe(false);
  expect(await store.has('user:lasting')).toBe(true);
  await expect(store.agent('k').save(1, { ttlMs: 5, keepTtl: true })).rejects.toThrow(TypeError);
  await store.close();
});

test('a state that has the version costs one record', async () => {
  const backend = new HookedBackend(memoryBackend());
  const store = new Store(backend);
  await store.agent('user:a', user).save({ first: 'a', tags: [] });
  backend.reset();
  await migrateAll(store, { ...user, prefix });
  expect(backend.calls).toMatchObject({ range: 1, read: 0, commit: 0 });
  await store.close();
});

test('what reads back differently is told', async () => {
  const backend = new HookedBackend(memoryBackend({ values: false }));
  const store = new Store(backend);
  await old(store, 'user:a');
  let calls = 0;
  const migrations = { 1: () => ({ first: 'a', tags: [] }) };
  const moody = {
    '~standard': {
      version: 1 as const,
      vendor: 'test',
      validate: (value: unknown) => {
        calls += 1;
        return { value: calls > 2 ? { first: 'changed', tags: [] } : value };
      },
    },
  };
  const report = await migrateAll(store, { schema: moody, schemaVersion: 2, migrations, prefix });
  expect(report.failed).toMatchObject([{ key: 'user:a', error: { code: 'DGENTS_MIGRATION' } }]);
  expect(report.migrated).toBe(0);
  await store.close();
});

test('is aborted between states, and ends at what onProgress throws', async () => {
  const store = new Store(memoryBackend());
  for (let i = 0; i < 10; i += 1) await old(store, numbered(i));
  const ending = new AbortController();
  const aborted = migrateAll(store, {
    ...user,
    prefix,
    concurrency: 1,
    signal: ending.signal,
    onProgress: ({ done }) => done === 3 && ending.abort(new RangeError('enough')),
  });
  await expect(aborted).rejects.toThrow('enough');
  const told = migrateAll(store, {
    ...user,
    prefix,
    concurrency: 1,
    onProgress: ({ done }) => {
      if (done === 5) throw new RangeError('too much');
    },
  });
  await expect(told).rejects.toThrow('too much');
  expect(await migrateAll(store, { ...user, prefix })).toMatchObject({ alreadyCurrent: 5, migrated: 5 });
  await store.close();
});

test('options that make no sense are refused before anything is read', async () => {
  const backend = new HookedBackend(memoryBackend());
  const store = new Store(backend);
  const wrong: [object, typeof TypeError | typeof RangeError][] = [
    [{ schemaVersion: undefined }, TypeError],
    [{ prefix: undefined }, TypeError],
    [{ concurrency: 0 }, RangeError],
    [{ concurrency: 1.5 }, RangeError],
    [{ onFailure: 'ignore' }, TypeError],
    [{ onProgress: 5 }, TypeError],
    [{ after: 5 }, TypeError],
  ];
  for (const [options, type] of wrong) {
    await expect(migrateAll(store, { ...user, prefix, ...options } as never)).rejects.toThrow(type);
  }
  expect(backend.calls).toMatchObject({ keys: 0, read: 0, range: 0 });
  await store.close();
  await expect(migrateAll(store, { ...user, prefix })).rejects.toMatchObject({ code: 'DGENTS_AGENT_CLOSED' });
});
