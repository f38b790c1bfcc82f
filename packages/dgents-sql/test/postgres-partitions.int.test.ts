/** Tables that are laid out in parts, by a hash of the key. */
import { Store } from 'dgents-core';
import { PostgresBackend } from '../src/postgres/postgres-backend.js';
import { postgresDdl } from '../src/postgres/postgres-schema.js';
import { tablesOf } from '../src/shared/names.js';
import { newDatabase, postgresUrl, type TestDatabase } from './postgres.js';

const server = postgresUrl();
const reason = server === undefined ? ' (skipped: no Postgres answers; set DATABASE_URL)' : '';
const withPostgres = server === undefined ? describe.skip : describe;

withPostgres(`partitioned tables${reason}`, () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await newDatabase(server as string);
  });
  afterEach(() => database.drop());

  const rowsOfParts = (table: string) =>
    database.say(
      `SELECT tableoid::regclass::text AS part, count(*)::int FROM ${table} GROUP BY 1 ORDER BY 1`,
    );

  test('hold the same logs in parts, and are opened again without being told', async () => {
    const connectionString = database.url;
    const first = new Store(new PostgresBackend({ connectionString, partitions: 4, materialize: true }));
    const keys = Array.from({ length: 40 }, (_, i) => `k${i}`);
    for (const key of keys) await first.agent<number>(key).save(0);
    await Promise.all(
      keys.flatMap((key) => [1, 2].map(() => first.agent<number>(key).update((n: number) => n + 1))),
    );
    await first.close();
    for (const table of ['heads', 'log', 'documents']) {
      const parts = await rowsOfParts(`dgents_${table}`);
      expect(parts.map(({ part }) => part)).toEqual([0, 1, 2, 3].map((i) => `dgents_${table}_p${i}`));
    }
    const settings = await database.say(
      "SELECT reloptions FROM pg_class WHERE relname LIKE 'dgents_heads_p_'",
    );
    expect(settings).toEqual(Array(4).fill({ reloptions: ['fillfactor=70'] }));

    const backend = new PostgresBackend({ connectionString, pollMs: 20 });
    const store = new Store(backend);
    const listed: string[] = [];
    for await (const { key } of backend.keys('k')) listed.push(key);
    expect(listed).toEqual(keys.toSorted());
    expect(await store.agent('k7').load()).toBe(2);
    expect(await store.agent('k7').history()).toEqual([1, 0]);
    const { head } = await backend.read('k7');
    await backend.trim('k7', { version: 3, id: head!.id, at: 1, data: '2' });
    expect(await backend.read('k7')).toMatchObject({ floor: 3, base: { data: '2' } });
    expect(await store.agent<number>('k7').update((n) => n + 1)).toMatchObject({ state: 3, version: 4 });

    const seen = new Map<string, number>();
    for await (const entry of backend.feed(undefined, { limit: 3 * 40 - 1 })) {
      const version = 'record' in entry ? entry.record.version : entry.trimmed.to;
      expect(version).toBeGreaterThan(seen.get(entry.key) ?? 0);
      seen.set(entry.key, version);
    }
    expect(seen.size).toBe(40);
    await store.close();
  });

  test('ten stores that make them at once all succeed, and the first one says how many', async () => {
    const stores = Array.from(
      { length: 10 },
      (_, i) =>
        new PostgresBackend({ connectionString: database.url, partitions: 2 + i, poolOptions: { max: 1 } }),
    );
    await Promise.all(stores.map((each) => each.ready()));
    await Promise.all(stores.map((each) => each.close()));
    const parts = await database.say("SELECT 1 FROM pg_inherits WHERE inhparent = 'dgents_log'::regclass");
    expect(parts.length).toBeGreaterThanOrEqual(2);
  });

  test('can be made by hand', async () => {
    for (const statement of postgresDdl(tablesOf('dgents', 'public'), { partitions: 3 })) {
      await database.say(statement);
    }
    const backend = new PostgresBackend({
      connectionString: database.url,
      schema: 'public',
      autoSetup: false,
    });
    expect(await new Store(backend).agent('a').save(1)).toBe(1);
    await backend.close();
    expect((await rowsOfParts('dgents_log')).length).toBe(1);
  });

  test('a number of parts that is none is a RangeError', () => {
    for (const partitions of [0, -1, 1.5, 257, Number.NaN, '8; DROP' as unknown as number]) {
      expect(() => new PostgresBackend({ connectionString: database.url, partitions })).toThrow(RangeError);
      expect(() => postgresDdl(tablesOf('dgents'), { partitions })).toThrow(RangeError);
    }
  });
});
