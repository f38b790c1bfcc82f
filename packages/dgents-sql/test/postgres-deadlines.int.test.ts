/** Deadlines of calls on Postgres: one for the wait for a connection and for the answer, here and on the server. */
import { Store } from 'dgents-core';
import pg from 'pg';
import { failureOf } from '../../dgents-core/test/places.js';
import { PostgresBackend, type PostgresBackendOptions } from '../src/postgres/postgres-backend.js';
import { OwnPostgres, ownPostgresProblem } from './own-postgres.js';
import { newDatabase, type TestDatabase } from './postgres.js';

// Not on the server that other tests share: what is locked here would hold back their feeds.
const problem = ownPostgresProblem();
const reason = problem === undefined ? '' : ` (skipped: ${problem})`;
const withPostgres = problem === undefined ? describe : describe.skip;

const record = (version: number) => ({
  version,
  kind: 'set' as const,
  at: 1,
  id: `id-${version}`,
  data: '1',
});

withPostgres(`deadlines on Postgres${reason}`, () => {
  let own: OwnPostgres;
  let database: TestDatabase;
  let holder: pg.Client;
  const open: PostgresBackend[] = [];
  const backend = (options: PostgresBackendOptions = {}) => {
    const opened = new PostgresBackend({ connectionString: database.url, ...options });
    open.push(opened);
    return opened;
  };

  beforeAll(async () => {
    own = await OwnPostgres.start();
  });
  afterAll(() => own?.remove());
  beforeEach(async () => {
    database = await newDatabase(own.url);
    holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
  });
  afterEach(async () => {
    await holder.end();
    await Promise.all(open.splice(0).map((each) => each.close()));
    await database.drop();
  });

  /** Keeps the head of a log locked: its writers wait. */
  const lock = async (key: string) => {
    await holder.query('BEGIN');
    await holder.query('SELECT 1 FROM dgents_heads WHERE key = $1 FOR UPDATE', [key]);
  };

  test('connections that we open have the timeouts of the server too, unless they are turned off', async () => {
    const settings = async (options: PostgresBackendOptions) => {
      const used = backend({ poolOptions: { max: 1, application_name: 'asked' }, ...options });
      await used.ready();
      const { heads } = await shown(used);
      return heads;
    };
    expect(await settings({ timeoutMs: 5_000 })).toEqual(['5s', '4s', '1min']);
    expect(await settings({})).toEqual(['30s', '24s', '1min']);
    expect(await settings({ serverTimeouts: false })).toEqual(['0', '0', '0']);
    expect(await settings({ timeoutMs: Number.POSITIVE_INFINITY })).toEqual(['0', '0', '1min']);
    expect(() => backend({ timeoutMs: 0 })).toThrow(RangeError);
  });

  /** What a backend's own connection says of its settings: asked through the pool that it opened. */
  async function shown(used: PostgresBackend): Promise<{ heads: string[] }> {
    // The documents' door to plain SQL.
    const rows = await used.documents.select<{ statement: string; lock: string; idle: string }>(
      "SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock, current_setting('idle_in_transaction_session_timeout') AS idle",
      [],
      {},
    );
    const { statement, lock, idle } = rows[0]!;
    return { heads: [statement, lock, idle] };
  }

  test('a write that waits for a lock is given up at its deadline, and its connection is closed', async () => {
    const used = backend({ poolOptions: { max: 1 }, serverTimeouts: false });
    await new Store(used).agent('a').save(1);
    const { head } = await used.read('a');
    await lock('a');
    const began = performance.now();
    const refused = await failureOf(
      used.commit([{ key: 'a', expected: head, records: [record(2)] }], { timeoutMs: 300 }),
    );
    expect(refused).toMatchObject({ code: 'DGENTS_OUTCOME_UNKNOWN' });
    expect(performance.now() - began).toBeLessThan(2_000);
    // The one connection that it has: what waits on the server does not stand in the way.
    expect((await used.read('a', { timeoutMs: 2_000 })).head).toEqual(head);
    await holder.query('ROLLBACK');
  });

  test('the server gives up as well: nothing waits on, and nothing is written later', async () => {
    const used = backend({ timeoutMs: 500 });
    await new Store(used).agent('a').save(1);
    const { head } = await used.read('a');
    await lock('a');
    const refused = await failureOf(used.commit([{ key: 'a', expected: head, records: [record(2)] }]));
    expect(['DGENTS_OUTCOME_UNKNOWN', 'DGENTS_STORAGE_TIMEOUT']).toContain(refused.code);
    const waiting =
      "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    for (let i = 0; i < 100 && (await database.say(waiting)).length > 0; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await holder.query('ROLLBACK');
    expect((await used.read('a')).head).toEqual(head);
  });

  test('a read that is not answered is a timeout, also where only the store says how long', async () => {
    const used = backend({ timeoutMs: 300, serverTimeouts: false });
    await new Store(used).agent('a').save(1);
    await holder.query('BEGIN');
    await holder.query('LOCK TABLE dgents_heads IN ACCESS EXCLUSIVE MODE');
    expect(await failureOf(used.read('a'))).toMatchObject({ code: 'DGENTS_STORAGE_TIMEOUT' });
    await holder.query('ROLLBACK');
    expect((await used.read('a', { timeoutMs: 10_000 })).head?.version).toBe(1);
  });

  test('a transaction whose statement is not answered does not wait to be rolled back', async () => {
    const used = backend({ poolOptions: { max: 1 }, serverTimeouts: false });
    const store = new Store(used);
    await store.agent('a').save(1);
    await store.agent('b').save(1);
    const heads = await Promise.all(['a', 'b'].map(async (key) => (await used.read(key)).head));
    await lock('a');
    const appends = ['a', 'b'].map((key, i) => ({ key, expected: heads[i]!, records: [record(2)] }));
    const refused = await failureOf(used.commit(appends, { atomic: true, timeoutMs: 300 }));
    expect(refused).toMatchObject({ code: 'DGENTS_OUTCOME_UNKNOWN' });
    expect((await used.read('b', { timeoutMs: 2_000 })).head).toEqual(heads[1]);
    await holder.query('ROLLBACK');
  });

  test('no limit and one of weeks are limits that a timer can take', async () => {
    const used = backend({ timeoutMs: Number.POSITIVE_INFINITY });
    for (const timeoutMs of [Number.POSITIVE_INFINITY, 2 ** 31 - 1]) {
      await used.commit([{ key: `k${timeoutMs}`, expected: null, records: [record(1)] }], { timeoutMs });
      expect((await used.read(`k${timeoutMs}`, { timeoutMs })).head?.version).toBe(1);
    }
  });

  test('settings of TLS reach the server: one without TLS, or with a certificate of its own making, is refused', async () => {
    const used = backend({ poolOptions: { ssl: { rejectUnauthorized: true } } });
    const error = await failureOf(used.ready({ timeoutMs: 5_000 }));
    expect(error).toMatchObject({ code: 'DGENTS_STORAGE_UNAVAILABLE' });
    expect(error.message).toMatch(/SSL|certificate/);
  });
});
