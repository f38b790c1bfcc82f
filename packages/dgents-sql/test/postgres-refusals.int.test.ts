/**
 * Servers that do not answer, do not let us in, or do not let us write: a typed error within the timeout that says what
 * to do and not the password, and nothing is written.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { openStore, Store } from 'dgents-core';
import pg from 'pg';
import { failureOf } from '../../dgents-core/test/places.js';
import { PostgresBackend, type PostgresBackendOptions } from '../src/postgres/postgres-backend.js';
import { backends } from '../src/urls.js';
import { OwnPostgres, ownPostgresProblem } from './own-postgres.js';

const PASSWORD = 'hush-hush';
const TIMEOUT_MS = 1_500;
const SLACK_MS = 500;

/** What a save is refused with, in time, and without the password in anything that could be printed. */
async function refusal(options: PostgresBackendOptions, timeoutMs = TIMEOUT_MS) {
  const store = new Store(new PostgresBackend(options), { timeoutMs });
  const began = performance.now();
  const error = await failureOf(store.agent('a').save({ n: 1 }));
  expect(performance.now() - began).toBeLessThan(timeoutMs + SLACK_MS);
  expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(PASSWORD);
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    expect(`${cause.message} ${cause.stack} ${JSON.stringify(cause)}`).not.toContain(PASSWORD);
  }
  const closing = performance.now();
  await store.close();
  expect(performance.now() - closing).toBeLessThan(1_000);
  return error;
}

describe('no Postgres there', () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.on('error', () => undefined).resume()));
  let port: number;
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  test('a server that accepts and never answers is a timeout, each time, and closing does not wait for it', async () => {
    const connectionString = `postgres://me:${PASSWORD}@127.0.0.1:${port}/state`;
    for (let i = 0; i < 2; i++) {
      const error = await refusal({ connectionString }, 400);
      expect(error['code']).toBe('DGENTS_STORAGE_TIMEOUT');
    }
    const store = new Store(new PostgresBackend({ connectionString }), { timeoutMs: 200 });
    const agents = Array.from({ length: 20 }, (_, i) => store.agent(`k${i}`));
    const errors = await Promise.all(agents.map((agent) => failureOf(agent.load())));
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['DGENTS_STORAGE_TIMEOUT']));
    await store.close();
  });

  test('a port where nobody listens is told with its address', async () => {
    const unused = createServer().listen(0, '127.0.0.1');
    await once(unused, 'listening');
    const { port } = unused.address() as AddressInfo;
    unused.close();
    await once(unused, 'close');
    const error = await refusal({ connectionString: `postgres://me:${PASSWORD}@127.0.0.1:${port}/state` });
    expect(error).toMatchObject({
      code: 'DGENTS_STORAGE_UNAVAILABLE',
      message: expect.stringMatching(`postgres://127.0.0.1:${port}/state.*ECONNREFUSED`),
      cause: { code: 'ECONNREFUSED' },
    });
  });

  test('a host that does not exist is told by its name', async () => {
    const error = await refusal({ connectionString: `postgres://me:${PASSWORD}@nowhere.invalid/state` });
    expect(error['code']).toMatch(/^DGENTS_STORAGE_(UNAVAILABLE|TIMEOUT)$/);
    expect(error.message).toContain('nowhere.invalid');
  });

  test.each([`postgres://me:${PASSWORD}@host:port/db`, `postgres://me:${PASSWORD}/#@host/db`])(
    'a connection string that is no URL is refused without repeating it (%#)',
    async (url) => {
      for (const call of [
        () => openStore(url, { backends }).then((store) => store.ready()),
        async () => new PostgresBackend({ connectionString: url }).ready(),
      ]) {
        const error = await failureOf(call());
        expect(error['code']).toMatch(/^DGENTS_(UNSUPPORTED|STORAGE_UNAVAILABLE)$/);
        expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(PASSWORD);
      }
    },
  );
});

const problem = ownPostgresProblem();
const withServer = problem === undefined ? describe : describe.skip;

withServer(`a Postgres that refuses${problem === undefined ? '' : ` (skipped: ${problem})`}`, () => {
  let server: OwnPostgres;
  let owner: pg.Client;
  beforeAll(async () => {
    server = await OwnPostgres.start();
    owner = new pg.Client({ connectionString: server.url });
    await owner.connect();
    await owner.query(`CREATE ROLE with_password LOGIN PASSWORD '${PASSWORD}'`);
  });
  afterAll(async () => {
    await owner?.end();
    await server?.remove();
  });

  /** What is in the database, apart from what every database has. */
  const everything = async () => {
    const text = `SELECT relname, relkind FROM pg_class WHERE relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace) ORDER BY relname`;
    return (await owner.query(text)).rows;
  };

  /** That URL with parts of it changed. */
  const url = (change: Partial<Pick<URL, 'username' | 'password' | 'pathname' | 'search'>>): string =>
    Object.assign(new URL(server.url), change).href;

  const withPassword = { username: 'with_password', password: PASSWORD };

  test.each<[string, () => string, RegExp]>([
    [
      'a wrong password',
      () => url({ username: 'with_password', password: `not-${PASSWORD}` }),
      /check user, password/,
    ],
    ['no password', () => url({ username: 'with_password' }), /password/],
    ['an unknown user', () => url({ username: 'nobody_there', password: PASSWORD }), /check user, password/],
    ['an unknown database', () => url({ pathname: '/nowhere' }), /no such database: create it/],
    ['no right to make tables', () => url(withPassword), /may not do this: grant it/],
    [
      'a read-only server',
      () => url({ search: '?options=-c default_transaction_read_only=on' }),
      /read-only/,
    ],
  ])('%s is told with what to do, and nothing is written', async (_, connectionString, advice) => {
    const before = await everything();
    const error = await refusal({ connectionString: connectionString() });
    expect(error['code']).toBe('DGENTS_STORAGE_UNAVAILABLE');
    expect(error.message).toMatch(advice);
    expect(await everything()).toEqual(before);
  });

  test('no right to make a schema is told with what to do', async () => {
    const error = await refusal({ connectionString: url(withPassword), schema: 'not_there' });
    expect(error.message).toMatch(/may not do this: grant it/);
  });

  test('a user who may read and not write reads, and is told with what to do when writing', async () => {
    await owner.query('CREATE SCHEMA shared');
    const options = { connectionString: server.url, schema: 'shared' };
    const writer = new Store(new PostgresBackend(options));
    await writer.agent('a').save(1);
    await owner.query('GRANT USAGE ON SCHEMA shared TO with_password');
    await owner.query('GRANT SELECT ON ALL TABLES IN SCHEMA shared TO with_password');
    const reader = new Store(
      new PostgresBackend({ connectionString: url(withPassword), schema: 'shared', autoSetup: false }),
    );
    const agent = reader.agent('a');
    expect(await agent.load()).toBe(1);
    expect((await failureOf(agent.save(2))).message).toMatch(/may not do this: grant it/);
    expect(await agent.load()).toBe(1);
    await reader.close();
    await writer.close();
  });

  test('a store that was set up is read where nothing can be written', async () => {
    const options = { connectionString: server.url, schema: 'standby' };
    const writer = new Store(new PostgresBackend(options));
    await writer.agent('a').save(1);
    await writer.close();
    const connectionString = url({ search: '?options=-c default_transaction_read_only=on' });
    const reader = new Store(new PostgresBackend({ ...options, connectionString }));
    const agent = reader.agent('a');
    expect(await agent.load()).toBe(1);
    expect(await failureOf(agent.save(2))).toMatchObject({
      code: 'DGENTS_STORAGE_UNAVAILABLE',
      message: expect.stringContaining('Write to the primary'),
    });
    await reader.close();
  });

  test('tables of a newer release are left alone', async () => {
    const options = { connectionString: server.url, schema: 'newer' };
    const writer = new Store(new PostgresBackend(options));
    await writer.agent('a').save(1);
    await writer.close();
    await owner.query("UPDATE newer.dgents_meta SET value = '999' WHERE name = 'schema'");
    expect(await refusal(options)).toMatchObject({
      code: 'DGENTS_STORAGE_UNAVAILABLE',
      message: expect.stringMatching(/newer release.*schema 999.*Update dgents-sql/),
    });
    expect((await owner.query('SELECT version::int FROM newer.dgents_log')).rows).toEqual([{ version: 1 }]);
  });

  test.each([
    'CREATE TABLE others.dgents_meta (theirs int)',
    'CREATE TABLE others.dgents_meta (name text, value text)',
    "CREATE TABLE others.dgents_meta AS SELECT 'schema' AS name, 'ours' AS value",
    'CREATE TABLE others.dgents_heads (theirs int)',
    'CREATE VIEW others.dgents_log AS SELECT 1 AS theirs',
  ])('what is not ours under our names is told, and left alone: %s', async (statement) => {
    await owner.query(`CREATE SCHEMA others; ${statement}`);
    const before = await everything();
    const error = await refusal({ connectionString: server.url, schema: 'others' });
    expect(error['code']).toBe('DGENTS_STORAGE_UNAVAILABLE');
    expect(error.message).toMatch(/not (those of this release|ours)/);
    expect(await everything()).toEqual(before);
    await owner.query('DROP SCHEMA others CASCADE');
  });
});
