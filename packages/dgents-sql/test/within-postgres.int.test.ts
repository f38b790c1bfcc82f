/** Work within a transaction of Postgres. */
import { OutcomeUnknownError, Store } from 'dgents-core';
import pg from 'pg';
import { onPostgres, onSqlite, PostgresBackend, type PostgresClient } from '../src/index.js';
import { appendOf, describeWithin, expectTogetherAfterKills, NOTES, REFERENCES } from './describe-within.js';
import { newDatabase, postgresUrl, type TestDatabase } from './postgres.js';
import { type Proxy as LossyProxy, startProxy } from './proxy.js';

const server = postgresUrl();
const reason = server === undefined ? ' (skipped: no Postgres answers; set DATABASE_URL)' : '';
const withPostgres = server === undefined ? describe.skip : describe;

const NEVER = new Promise<never>(() => undefined);
/** Timers fire late on a busy machine. */
const SLACK_MS = 700;

withPostgres(`work within a transaction of Postgres${reason}`, () => {
  let database: TestDatabase;
  const backends: PostgresBackend[] = [];
  beforeAll(async () => {
    database = await newDatabase(server as string);
  });
  beforeEach(async () => {
    await database.say('DROP SCHEMA IF EXISTS public CASCADE');
    await database.say('CREATE SCHEMA public');
    await database.say(NOTES);
    await database.say(REFERENCES);
  });
  afterEach(async () => {
    for (const backend of backends.splice(0)) await backend.close();
  });
  afterAll(() => database?.drop());

  const open = (options: Partial<ConstructorParameters<typeof PostgresBackend>[0]> = {}) => {
    const backend = new PostgresBackend({ connectionString: database.url, ...options });
    backends.push(backend);
    return backend;
  };
  const notes = async () =>
    (await database.say('SELECT text FROM notes ORDER BY text')).map(({ text }) => text as string);
  const say = (text: string) => onPostgres((sql) => sql.query(text));

  describeWithin(() => ({ open, say, wrong: onSqlite((db) => db.exec('SELECT 1')), notes }));

  const agentOf = (store: Store) => store.agent<{ n: number }>('n', { initial: () => ({ n: 0 }) });
  const countIn = (
    store: Store,
    work: (sql: PostgresClient) => unknown,
    options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
  ) => store.transact([agentOf(store)], (state) => void state.n++, { within: onPostgres(work), ...options });
  const counted = async () => [(await agentOf(new Store(open())).load()).n, await notes()];

  /** Transactions of this database that are open, besides the one that asks. */
  const openOnes = async () =>
    database.say(
      `SELECT state, query FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND backend_type = 'client backend'`,
    );
  const untilNoneIsOpen = async (withinMs: number) => {
    const until = performance.now() + withinMs;
    while ((await openOnes()).length > 0 && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(await openOnes()).toEqual([]);
  };

  test('survives kill -9 with its state, or neither does', async () => {
    await expectTogetherAfterKills({ connectionString: database.url }, async () => {
      await untilNoneIsOpen(SLACK_MS);
      const [count, { length }] = (await counted()) as [number, string[]];
      return { count, notes: length };
    });
  });

  test('gets rows and counts, one statement at a time, with or without values', async () => {
    const found: unknown[] = [];
    await countIn(new Store(open()), async (sql) => {
      found.push(await sql.query('INSERT INTO notes VALUES ($1), ($2)', ['a', 'b']));
      found.push(await sql.query<{ text: string }>('SELECT text FROM notes ORDER BY text'));
      found.push(
        (await sql.query('SELECT head_version FROM (SELECT version AS head_version FROM dgents_heads) h'))
          .rows,
      );
    });
    expect(found).toEqual([
      { rows: [], rowCount: 2 },
      { rows: [{ text: 'a' }, { text: 'b' }], rowCount: 2 },
      [{ head_version: expect.anything() }],
    ]);
    const two = countIn(new Store(open()), (sql) => sql.query("INSERT INTO notes VALUES ('c'); SELECT 1"));
    await expect(two).rejects.toMatchObject({ code: '42601' });
    expect(await counted()).toEqual([1, ['a', 'b']]);
  });

  test.each([
    ['waits for something else', async () => NEVER],
    ['waits for the database', (sql: PostgresClient) => sql.query('SELECT pg_sleep(60)')],
    ['waits for a lock', (sql: PostgresClient) => sql.query('SELECT pg_advisory_xact_lock(77)')],
  ])('that %s ends with the call: rolled back, and no connection is lost', async (_, work) => {
    await database.say('SELECT pg_advisory_lock(77)');
    const pool = new pg.Pool({ connectionString: database.url, max: 2 });
    pool.on('error', () => undefined);
    try {
      const store = new Store(open({ pool, listen: false }));
      await agentOf(store).save({ n: 5 });
      const began = performance.now();
      const hanging = countIn(
        store,
        async (sql) => {
          await sql.query("INSERT INTO notes VALUES ('a')");
          await work(sql);
        },
        { timeoutMs: 400 },
      );
      await expect(hanging).rejects.toMatchObject({ code: 'DGENTS_STORAGE_TIMEOUT' });
      expect(performance.now() - began).toBeLessThan(400 + SLACK_MS);
      await untilNoneIsOpen(400 + SLACK_MS);
      expect([pool.totalCount - pool.idleCount, pool.waitingCount]).toEqual([0, 0]);
      expect(await counted()).toEqual([5, []]);
      // Both connections of the pool can be had at once.
      await Promise.all([1, 2].map((i) => store.agent<number>(`k${i}`).save(i)));
    } finally {
      await database.say('SELECT pg_advisory_unlock_all()');
      await pool.end();
    }
  });

  test('of a backend that is called without an engine ends with the deadline too', async () => {
    const backend = open();
    await backend.ready();
    const commit = backend.commit([appendOf('a', 'x')], {
      atomic: true,
      timeoutMs: 300,
      within: () => NEVER,
    });
    await expect(commit).rejects.toMatchObject({
      code: expect.stringMatching(/^DGENTS_(WORK_FAILED|STORAGE_TIMEOUT|OUTCOME_UNKNOWN)$/),
    });
    await untilNoneIsOpen(SLACK_MS);
    expect((await backend.read('a')).head).toBeNull();
  });

  test('that is under way when the call is aborted writes nothing when it ends', async () => {
    const controller = new AbortController();
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const aborted = countIn(
      new Store(open()),
      async (sql) => {
        await sql.query("INSERT INTO notes VALUES ('a')");
        controller.abort(new RangeError('enough'));
        await ended;
      },
      { signal: controller.signal },
    );
    await expect(aborted).rejects.toThrow('enough');
    end();
    await untilNoneIsOpen(SLACK_MS);
    expect(await counted()).toEqual([0, []]);
  });

  test('keeps its client no longer than the transaction', async () => {
    let kept: PostgresClient | undefined;
    await countIn(new Store(open()), (sql) => {
      kept = sql;
    });
    await expect(kept!.query("INSERT INTO notes VALUES ('a')")).rejects.toThrow(TypeError);
    expect(await counted()).toEqual([1, []]);
  });

  test('that sends a statement and does not wait for it is held to its outcome', async () => {
    const careless = (text: string) => (sql: PostgresClient) => {
      sql.query(`INSERT INTO notes VALUES ('${text}')`).catch(() => undefined);
    };
    const store = new Store(open());
    await countIn(store, careless('a'));
    await expect(countIn(store, careless('a'))).rejects.toMatchObject({ code: '23505' });
    expect(await counted()).toEqual([1, ['a']]);
  });

  test('that swallows the failure of a statement is not taken for done, unless it went back to a savepoint', async () => {
    const store = new Store(open());
    const swallowing = countIn(store, (sql) => sql.query('SELECT nothing').catch(() => undefined));
    await expect(swallowing).rejects.toMatchObject({ code: '42703' });
    await countIn(store, async (sql) => {
      await sql.query('SAVEPOINT mine');
      await sql.query('SELECT nothing').catch(() => undefined);
      await sql.query('ROLLBACK TO SAVEPOINT mine');
      await sql.query("INSERT INTO notes VALUES ('a')");
    });
    expect(await counted()).toEqual([1, ['a']]);
  });

  test.each([
    'COMMIT',
    'rollback',
    ' /* why */ -- not\n END',
    ';ABORT',
    'BEGIN',
    'START TRANSACTION',
    "PREPARE /**/ TRANSACTION 'x'",
    '/* /* */ */ COMMIT',
  ])('does not end the transaction: %j', async (text) => {
    await expect(countIn(new Store(open()), (sql) => sql.query(text))).rejects.toThrow(TypeError);
    expect(await counted()).toEqual([0, []]);
  });

  test('may look as if it did', async () => {
    await countIn(new Store(open()), async (sql) => {
      await sql.query('/* a */ SELECT CASE WHEN true THEN 1 /* b */ END');
      await sql.query("PREPARE transactions AS SELECT 1 -- 'transaction'");
      await sql.query('SAVEPOINT mine');
      await sql.query('ROLLBACK WORK TO mine');
      await sql.query('-- COMMIT');
    });
    expect(await counted()).toEqual([1, []]);
  });

  test('of which it cannot be said whether it ended the transaction is in doubt', async () => {
    const tampering = (sql: PostgresClient) => sql.query('RELEASE SAVEPOINT dgents_within');
    const lost = countIn(new Store(open()), tampering, { timeoutMs: 500 });
    await expect(lost).rejects.toBeInstanceOf(OutcomeUnknownError);
    expect(await counted()).toEqual([0, []]);
  });

  test('whose connection is ended from outside is run again, and leaves one trace', async () => {
    for (const when of ['during a statement', 'between two', 'before the commit']) {
      await database.say('DELETE FROM notes');
      let runs = 0;
      await countIn(new Store(open()), async (sql) => {
        runs++;
        const { rows } = await sql.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
        await sql.query("INSERT INTO notes VALUES ('a')");
        if (runs > 1) return;
        const asleep = when === 'during a statement' ? sql.query('SELECT pg_sleep(30)') : undefined;
        asleep?.catch(() => undefined);
        await database.say('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
        await asleep;
        if (when === 'between two') await sql.query('SELECT 1');
      });
      expect([when, runs, await notes()]).toEqual([when, 2, ['a']]);
    }
    expect(await counted()).toEqual([3, ['a']]);
  });

  test('that meets a deadlock is run again', async () => {
    await database.say("INSERT INTO notes VALUES ('a'), ('b')");
    const [one, two] = [new Store(open()), new Store(open())];
    const touch = async (store: Store, key: string, order: readonly string[]) => {
      let runs = 0;
      await store.transact([store.agent<object>(key, { initial: () => ({}) })], () => undefined, {
        within: onPostgres(async (sql) => {
          runs++;
          for (const text of order) {
            await sql.query('UPDATE notes SET text = text WHERE text = $1', [text]);
            if (runs === 1) await new Promise((resolve) => setTimeout(resolve, 100));
          }
        }),
        timeoutMs: 10_000,
      });
      return runs;
    };
    const runs = await Promise.all([touch(one, 'x', ['a', 'b']), touch(two, 'y', ['b', 'a'])]);
    expect(runs.sort()).toEqual([1, 2]);
  });

  describe('when answers are lost', () => {
    let proxy: LossyProxy;
    let losing: (asked: string) => boolean;
    beforeEach(async () => {
      losing = () => false;
      const { hostname, port } = new URL(database.url);
      proxy = await startProxy(Number(port || 5432), hostname, (asked) => losing(asked.toString('latin1')));
    });
    afterEach(() => proxy.close());
    const through = () => {
      const url = new URL(database.url);
      url.hostname = '127.0.0.1';
      url.port = String(proxy.port);
      return new Store(open({ connectionString: url.href, listen: false }));
    };

    test.each([
      ['that of COMMIT', 'COMMIT', 1],
      ['that of the last statement before it', 'RELEASE SAVEPOINT', 2],
      ['that of a statement of the work', 'INSERT INTO notes', 2],
    ])('%s: state and table change once', async (_, statement, expected) => {
      const store = through();
      await agentOf(store).save({ n: 0 });
      let left = 1;
      losing = (asked) => asked.includes(statement) && left-- > 0;
      let runs = 0;
      await countIn(store, async (sql) => {
        runs++;
        await sql.query("INSERT INTO notes VALUES ('a')");
      });
      expect([proxy.lost, runs]).toEqual([1, expected]);
      expect(await counted()).toEqual([1, ['a']]);
    });

    test('all of them from COMMIT on: OutcomeUnknown, and it has happened', async () => {
      const store = through();
      await agentOf(store).save({ n: 0 });
      let committed = false;
      losing = (asked) => {
        committed ||= asked.includes('COMMIT');
        return committed;
      };
      const lost = countIn(store, (sql) => sql.query("INSERT INTO notes VALUES ('a')"), { timeoutMs: 600 });
      await expect(lost).rejects.toBeInstanceOf(OutcomeUnknownError);
      expect(await counted()).toEqual([1, ['a']]);
    });
  });
});
