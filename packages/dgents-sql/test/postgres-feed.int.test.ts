/** What holds the feed of Postgres back, and that it is told. */
import { Store } from 'dgents-core';
import pg from 'pg';
import { PostgresBackend } from '../src/postgres/postgres-backend.js';
import { OwnPostgres, ownPostgresProblem } from './own-postgres.js';
import { newDatabase, type TestDatabase } from './postgres.js';

// Not on the server that other tests share: what stays open here would hold back their feeds.
const problem = ownPostgresProblem();
const reason = problem === undefined ? '' : ` (skipped: ${problem})`;
const withPostgres = problem === undefined ? describe : describe.skip;

withPostgres(`the feed of a Postgres${reason}`, () => {
  let own: OwnPostgres;
  let database: TestDatabase;
  let backend: PostgresBackend;
  beforeAll(async () => {
    own = await OwnPostgres.start();
  });
  afterAll(() => own?.remove());
  beforeEach(async () => {
    database = await newDatabase(own.url);
    backend = new PostgresBackend({ connectionString: database.url, pollMs: 20 });
  });
  afterEach(async () => {
    await backend.close();
    await database.drop();
  });

  /** Waits until the feed is held back by this process or is not any more. */
  const held = async (pid: number, isHeld: boolean) => {
    for (let i = 0; i < 500; i++) {
      const lag = await backend.feedLag();
      if (lag.heldBackBy.some((each) => each.pid === pid) === isHeld) return lag;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`the feed is ${isHeld ? 'not ' : ''}held back`);
  };

  test.each(['the same database', 'another database'])(
    'says since when, and by whom, it is held back by a transaction left open in %s',
    async (where) => {
      const agent = new Store(backend).agent<number>('a');
      await agent.save(1);
      const connectionString = where === 'another database' ? own.url : database.url;
      const other = new pg.Client({ connectionString, application_name: 'the forgotten one' });
      await other.connect();
      const { rows } = await other.query<{ pid: number; name: string }>(
        'SELECT pg_backend_pid() AS pid, current_database() AS name',
      );
      const { pid, name } = rows[0]!;
      const began = Date.now();
      await other.query('BEGIN');
      await other.query('SELECT pg_current_xact_id()');
      expect((await backend.feedLag()).heldBackBy.filter((each) => each.pid === pid)).toEqual([]);
      await new Promise((resolve) => setTimeout(resolve, 100));
      await agent.save(2);

      const { lagMs, heldBackBy } = await held(pid, true);
      const holder = heldBackBy.find((each) => each.pid === pid)!;
      expect(holder).toEqual({
        pid,
        since: expect.any(Number),
        application: 'the forgotten one',
        database: name,
        state: 'idle in transaction',
      });
      expect(Math.abs((holder.since as number) - began)).toBeLessThan(5_000);
      expect(lagMs).toBeGreaterThanOrEqual(0);
      expect(lagMs).toBeLessThan(10_000);

      const feed = backend.feed()[Symbol.asyncIterator]();
      expect(await feed.next()).toMatchObject({ value: { record: { version: 1 } } });
      let second: unknown;
      const next = feed.next().then((entry) => {
        second = entry;
      });
      let ended: unknown[] | undefined;
      const whole = all(backend.feed(undefined, { follow: false })).then((entries) => {
        ended = entries;
      });
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(second).toBeUndefined();
      // What is committed and held back is to come yet: a feed that ended now would deny it.
      expect(ended).toBeUndefined();
      expect((await held(pid, true)).lagMs).toBeGreaterThan(200);

      await other.query('ROLLBACK');
      await Promise.all([next, whole]);
      expect(ended).toMatchObject([{ record: { version: 1 } }, { record: { version: 2 } }]);
      expect(second).toMatchObject({ value: { record: { version: 2 } } });
      await held(pid, false);
      await other.end();
    },
  );

  test('a transaction that only reads holds nothing back', async () => {
    const agent = new Store(backend).agent<number>('a');
    await agent.save(1);
    const reader = new pg.Client({ connectionString: database.url });
    await reader.connect();
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    const { rows } = await reader.query<{ pid: number }>(
      'SELECT pg_backend_pid() AS pid FROM dgents_heads LIMIT 1',
    );
    await agent.save(2);
    const feed = backend.feed(undefined, { limit: 2 });
    const versions: (number | undefined)[] = [];
    for await (const entry of feed) versions.push('record' in entry ? entry.record.version : undefined);
    expect(versions).toEqual([1, 2]);
    await held(rows[0]!.pid, false);
    await reader.end();
  });

  test('nothing waits in an empty store', async () => {
    expect(await backend.feedLag()).toEqual({ lagMs: 0, heldBackBy: [] });
  });
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
