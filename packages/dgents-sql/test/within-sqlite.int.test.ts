/** Work within a transaction of SQLite. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Store } from 'dgents-core';
import { onPostgres, onSqlite, SqliteBackend } from '../src/index.js';
import { appendOf, describeWithin, expectTogetherAfterKills, NOTES, REFERENCES } from './describe-within.js';

let folder: string;
const path = () => join(folder, 'store.db');
const outside = <T>(look: (database: Database.Database) => T): T => {
  const database = new Database(path(), { timeout: 5_000 });
  try {
    return look(database);
  } finally {
    database.close();
  }
};
const notes = async () =>
  outside((db) => db.prepare<[], { text: string }>('SELECT text FROM notes ORDER BY text').all()).map(
    ({ text }) => text,
  );
const say = (text: string) => onSqlite((db) => db.prepare(text).run());
const put = (text: string) => say(`INSERT INTO notes VALUES ('${text}')`);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dgents-within-'));
  outside((db) => db.exec(`${NOTES};${REFERENCES}`));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('work within a transaction of SQLite', () => {
  describeWithin(() => ({
    open: () => new SqliteBackend({ path: path() }),
    say,
    wrong: onPostgres((sql) => sql.query('SELECT 1')),
    notes,
  }));

  let store: Store;
  beforeEach(() => {
    store = new Store(new SqliteBackend({ path: path() }));
  });
  afterEach(() => store.close());
  const agent = () => store.agent<{ n: number }>('n', { initial: () => ({ n: 0 }) });
  const count = (within: (client: unknown) => unknown, timeoutMs = 2_000) =>
    store.transact([agent()], (state) => void state.n++, { within, timeoutMs });
  const counted = async () => [(await agent().load()).n, await notes()];

  test('survives kill -9 with its state, or neither does', async () => {
    await expectTogetherAfterKills({ path: path() }, async () => {
      const [count, { length }] = (await counted()) as [number, string[]];
      return { count, notes: length };
    });
  });

  test('is synchronous: a promise is refused, and rolled back', async () => {
    const work = onSqlite(async (db) => {
      db.prepare("INSERT INTO notes VALUES ('a')").run();
      await Promise.reject(new Error('nobody hears this'));
    });
    await expect(count(work)).rejects.toThrow(/synchronous/);
    expect(await counted()).toEqual([0, []]);
  });

  test('sees the state that it goes with, and transactions of its own are savepoints', async () => {
    const seen: unknown[] = [];
    const work = onSqlite<Database.Database>((db) => {
      seen.push(db.prepare('SELECT count(*) AS n FROM dgents_log').get());
      const inner = db.transaction((text: string) => {
        db.prepare('INSERT INTO notes VALUES (?)').run(text);
        if (text === 'b') throw new RangeError(text);
      });
      inner('a');
      expect(() => inner('b')).toThrow(RangeError);
    });
    await count(work);
    expect(seen).toEqual([{ n: 1 }]);
    expect(await counted()).toEqual([1, ['a']]);
  });

  test('that fails takes nobody with it who writes at the same time', async () => {
    const others = Array.from({ length: 10 }, (_, i) => store.agent<number>(`k${i}`));
    const failing = onSqlite((db) => {
      db.prepare("INSERT INTO notes VALUES ('a')").run();
      db.prepare("INSERT OR ROLLBACK INTO notes VALUES ('a')").run();
    });
    const before = others.slice(0, 5).map((other) => other.save(1));
    const refused = expect(count(failing)).rejects.toMatchObject({
      code: 'SQLITE_CONSTRAINT_PRIMARYKEY',
    });
    const after = others.slice(5).map((other) => other.save(1));
    expect(await Promise.all([...before, ...after])).toEqual(others.map(() => 1));
    await refused;
    expect(await counted()).toEqual([0, []]);
  });

  test('that rolls the transaction back itself has failed', async () => {
    // The driver is loaded once for a process, and its errors belong to the test that was first: `toThrow` knows them not.
    const gone = { message: expect.stringContaining('no such savepoint') };
    await expect(count(onSqlite((db) => db.exec('ROLLBACK')))).rejects.toMatchObject(gone);
    await expect(count(onSqlite((db) => db.exec('ROLLBACK; BEGIN')))).rejects.toMatchObject(gone);
    expect(await counted()).toEqual([0, []]);
    await count(put('a'));
    expect(await counted()).toEqual([1, ['a']]);
  });

  test('that commits it itself is not told that nothing was written', async () => {
    const committing = onSqlite((db) => {
      db.exec("INSERT INTO notes VALUES ('a'); COMMIT");
      throw new RangeError('too late');
    });
    await count(committing);
    expect(await counted()).toEqual([1, ['a']]);
    const backend = new SqliteBackend({ path: path() });
    const within = onSqlite((db) => db.exec('COMMIT')) as () => undefined;
    await expect(backend.commit([appendOf('x', 'x')], { atomic: true, within })).rejects.toMatchObject({
      code: 'DGENTS_OUTCOME_UNKNOWN',
    });
    await backend.close();
  });

  test('that leaves an iterator open has failed, and holds no lock', async () => {
    await count(put('a'));
    const left: unknown[] = [];
    const leaving = onSqlite<Database.Database>((db) => {
      const rows = db.prepare('SELECT * FROM notes, dgents_log').iterate();
      left.push(rows, rows.next());
    });
    await expect(count(leaving)).rejects.toThrow(/busy/);
    outside((db) => db.prepare("INSERT INTO notes VALUES ('b')").run());
    await count(put('c'));
    expect(await counted()).toEqual([2, ['a', 'b', 'c']]);
    expect(left.length).toBe(2);
  });

  test('runs on a connection of the caller too', async () => {
    const database = new Database(path());
    const theirs = new Store(new SqliteBackend({ database }));
    const given: unknown[] = [];
    await theirs.transact([theirs.agent<number[]>('k', { initial: () => [] })], () => undefined, {
      within: (client) => given.push(client),
    });
    expect(given).toEqual([database]);
    await theirs.close();
    database.close();
  });
});
