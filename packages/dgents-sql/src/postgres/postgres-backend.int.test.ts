import { randomUUID } from 'node:crypto';
import { openStore, Store } from 'dgents-core';
import { describeBackend } from 'dgents-core/testing';
import pg from 'pg';
import { saveCastable } from '../../test/castable.js';
import { postgresUrl } from '../../test/postgres.js';
import { tablesOf } from '../shared/names.js';
import { backends } from '../urls.js';
import { PostgresBackend } from './postgres-backend.js';
import { postgresDdl } from './postgres-schema.js';

const connectionString = postgresUrl();
const reason = connectionString === undefined ? ' (skipped: no Postgres answers; set DATABASE_URL)' : '';
const withPostgres = connectionString === undefined ? describe.skip : describe;

/** A schema of its own, so that whatever else is in the database stays as it is. */
const newSchema = () => `dgents_test_${randomUUID().replaceAll('-', '').slice(0, 16)}`;

const pools = new Map<string, pg.Pool>();
const poolOf = (schema: string): pg.Pool => {
  const pool = pools.get(schema) ?? new pg.Pool({ connectionString, max: 6, allowExitOnIdle: true });
  if (!pools.has(schema)) pool.on('error', () => undefined);
  pools.set(schema, pool);
  return pool;
};
const drop = async (schema: string): Promise<void> => {
  const pool = poolOf(schema);
  pools.delete(schema);
  await pool.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
  await pool.end();
};

if (connectionString === undefined) test.skip(`the kit on a real Postgres${reason}`, () => undefined);
else {
  const subject = new URL('../../test/subjects/postgres.mjs', import.meta.url);
  subject.searchParams.set('server', connectionString);
  describeBackend<string>({
    describe,
    test,
    name: 'postgres',
    claims: {
      durability: 'power',
      sharing: 'network',
      atomicity: 'store',
      feed: 'global',
      watch: true,
      ttl: true,
      orderedKeys: true,
      find: true,
      joins: true,
    },
    importFrom: subject,
    create: newSchema,
    open: (schema) => new PostgresBackend({ pool: poolOf(schema), schema, pollMs: 20 }),
    destroy: drop,
    advance: async (schema, ms) => {
      await poolOf(schema).query(`UPDATE "${schema}".dgents_heads SET expires_at = expires_at - $1::float8`, [
        ms,
      ]);
    },
  });
}

withPostgres(`a Postgres store${reason}`, () => {
  let schema: string;
  beforeEach(() => {
    schema = newSchema();
  });
  afterEach(() => drop(schema));

  test('a URL opens a store, and what was saved is there for the next one', async () => {
    const url = `${connectionString}?schema=${schema}`;
    const first = await openStore(url, { backends });
    expect(await first.agent('a', { initial: () => 1 }).update((n: number) => n + 1)).toMatchObject({
      state: 2,
    });
    await first.close();
    const second = await openStore(url, { backends });
    expect(await second.agent('a').load()).toBe(2);
    await second.close();
  });

  test('ten handles that set an empty database up at once all succeed', async () => {
    const stores = Array.from({ length: 10 }, () => {
      return new Store(
        new PostgresBackend({
          connectionString: connectionString as string,
          schema,
          poolOptions: { max: 2 },
        }),
      );
    });
    await Promise.all(stores.map((store, i) => store.agent<number>(`k${i}`).save(i)));
    await Promise.all(stores.map((store) => store.close()));
  });

  test('without autoSetup the tables have to be there, and the statements that make them are enough', async () => {
    const pool = poolOf(schema);
    await pool.query(`CREATE SCHEMA "${schema}"`);
    const backend = new PostgresBackend({ pool, schema, autoSetup: false });
    await expect(backend.ready()).rejects.toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
    for (const statement of postgresDdl(tablesOf('dgents', schema))) await pool.query(statement);
    expect(await backend.ready()).toMatchObject({ durability: 'power', sharing: 'network' });
    await backend.close();
  });

  test('what the server does not make durable is not promised, and refused where it is required', async () => {
    const backend = () =>
      new PostgresBackend({
        connectionString: connectionString as string,
        schema,
        poolOptions: { max: 1, options: '-c synchronous_commit=off' },
      });
    const careless = new Store(backend());
    expect(careless.capabilities.durability).toBe('unknown');
    expect(await careless.ready()).toMatchObject({ durability: 'unknown' });
    await careless.close();
    const careful = new Store(backend(), { requireDurability: 'power' });
    await expect(careful.agent('a').save(1)).rejects.toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
    expect(
      (await poolOf(schema).query(`SELECT count(*)::int AS n FROM "${schema}".dgents_log`)).rows,
    ).toEqual([{ n: 0 }]);
    await careful.close();
  });

  test('the text of every state, and of every change, can be cast to jsonb', async () => {
    const backend = new PostgresBackend({ pool: poolOf(schema), schema });
    await saveCastable(backend);
    const text = `SELECT count(data::jsonb)::int AS n FROM "${schema}".dgents_log`;
    expect((await poolOf(schema).query(text)).rows).toEqual([{ n: 200 }]);
    await backend.close();
  });

  test('a hundred agents that save at once lose nothing', async () => {
    const store = new Store(new PostgresBackend({ pool: poolOf(schema), schema }));
    const agents = Array.from({ length: 100 }, (_, i) => store.agent<number>(`k${i}`, { initial: () => 0 }));
    for (let round = 0; round < 3; round++)
      await Promise.all(agents.map((agent) => agent.update((n) => n + 1)));
    expect(await Promise.all(agents.map((agent) => agent.load()))).toEqual(agents.map(() => 3));
    await store.close();
  });

  test('a connection that is ended from outside costs nothing that was acknowledged', async () => {
    const store = new Store(new PostgresBackend({ pool: poolOf(schema), schema }));
    const agent = store.agent<number>('a', { initial: () => 0 });
    const killer = new pg.Client({ connectionString });
    await killer.connect();
    let over = false;
    const killing = (async () => {
      for (let i = 0; i < 5; i++) {
        await killer.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE '%${schema}%'`,
        );
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
      over = true;
    })();
    let acknowledged = 0;
    let doubtful = 0;
    while (!over) {
      await agent
        .update((n) => n + 1)
        .then(
          () => acknowledged++,
          (error) => {
            expect(error.code).toMatch(/^DGENTS_/);
            doubtful++;
          },
        );
    }
    await killing;
    await killer.end();
    const kept = await agent.load();
    expect(kept).toBeGreaterThanOrEqual(acknowledged);
    expect(kept).toBeLessThanOrEqual(acknowledged + doubtful);
    await store.close();
  });

  test.each([
    [
      'a wrong password or user',
      (url: URL) => {
        url.username = 'nobody_there';
      },
    ],
    [
      'an unknown database',
      (url: URL) => {
        url.pathname = '/no_such_database';
      },
    ],
    [
      'a port where nobody listens',
      (url: URL) => {
        url.port = '1';
      },
    ],
  ])('%s is a typed error, without the password', async (_, spoil) => {
    const url = new URL(connectionString as string);
    spoil(url);
    url.password = 'hush-hush';
    const backend = new PostgresBackend({ connectionString: url.href });
    const error = await backend.ready({ timeoutMs: 5_000 }).catch((reason) => reason);
    expect(error.code).toBe('DGENTS_STORAGE_UNAVAILABLE');
    expect(`${error.message} ${error.stack}`).not.toContain('hush-hush');
    await backend.close();
  });

  test('names that are not letters, digits and underscores are refused', () => {
    for (const name of ['a"b', "x'; DROP", 'ä', '']) {
      expect(() => new PostgresBackend({ connectionString: 'postgres://x/y', table: name })).toThrow(
        /is no name/,
      );
      expect(() => new PostgresBackend({ connectionString: 'postgres://x/y', schema: name })).toThrow(
        /is no name/,
      );
    }
  });
});
