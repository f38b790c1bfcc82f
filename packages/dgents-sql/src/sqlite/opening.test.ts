import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { openStore, Store } from 'dgents-core';
import { saveCastable } from '../../test/castable.js';
import { tablesOf } from '../shared/names.js';
import { backends } from '../urls.js';
import { SqliteBackend, type SqliteBackendOptions } from './sqlite-backend.js';
import { sqliteDdl } from './sqlite-schema.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dgents-sqlite-'));
  path = join(folder, 'state.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

async function opened(options: SqliteBackendOptions): Promise<unknown> {
  const backend = new SqliteBackend(options);
  try {
    return await backend.ready();
  } catch (error) {
    return error;
  } finally {
    await backend.close();
  }
}

test('a URL opens a store, and what was saved is there for the next one', async () => {
  const url = `sqlite:${path}?durability=process`;
  const first = await openStore(url, { backends });
  expect(await first.agent('a', { initial: () => 1 }).update((n: number) => n + 1)).toMatchObject({
    state: 2,
  });
  await first.close();
  const second = await openStore(url, { backends });
  expect(await second.agent('a').load()).toBe(2);
  await second.close();
});

test.each([
  ['sqlite:', /needs a file/],
  ['sqlite:./a?tabel=x', /no option "tabel"/],
  ['sqlite:./a?durability=disk', /not "disk"/],
  ['sqlite:./100%.db', /is no path/],
  ['sqlite://a.db', /is no path/],
  ['postgres://localhost/a?shema=x', /no option "shema"/],
  ['sqlite:./a?table=a%22b', /is no name for a table/],
])('%s is refused before anything is made', async (url, message) => {
  await expect(openStore(url, { backends })).rejects.toMatchObject({
    code: 'DGENTS_UNSUPPORTED',
    message: expect.stringMatching(message),
  });
});

test.each(['a"b', "a'; DROP TABLE x; --", '', '1a', 'ä', 'a'.repeat(41)])(
  '%p is no name of a table',
  (table) => {
    expect(() => new SqliteBackend({ path, table })).toThrow(/is no name for a table/);
  },
);

test('a file that is no database is left as it is', async () => {
  writeFileSync(
    path,
    'Dear diary, today I learnt about magic numbers at the beginning of files.\n'.repeat(99),
  );
  const before = readFileSync(path);
  expect(await opened({ path })).toMatchObject({
    code: 'DGENTS_STORAGE_UNAVAILABLE',
    message: expect.stringContaining('is not an SQLite database'),
  });
  expect(readFileSync(path)).toEqual(before);
});

test('a directory in place of the file is told', async () => {
  expect(await opened({ path: folder })).toMatchObject({ code: 'DGENTS_STORAGE_UNAVAILABLE' });
});

test('tables of a newer release are left alone', async () => {
  expect(await opened({ path })).toMatchObject({ durability: 'power' });
  const database = new Database(path);
  database.exec("UPDATE dgents_meta SET value = '999' WHERE name = 'schema'");
  database.close();
  expect(await opened({ path })).toMatchObject({
    code: 'DGENTS_STORAGE_UNAVAILABLE',
    message: expect.stringContaining('newer release'),
  });
});

test('without autoSetup the tables have to be there, and the statements that make them are enough', async () => {
  expect(await opened({ path, autoSetup: false })).toMatchObject({
    code: 'DGENTS_UNSUPPORTED',
    message: expect.stringContaining('sqliteDdl()'),
  });
  const database = new Database(path);
  for (const statement of sqliteDdl(tablesOf('dgents'))) database.exec(statement);
  database.close();
  expect(await opened({ path, autoSetup: false })).toMatchObject({ durability: 'power' });
});

test('a lock that is not given up ends the wait with a typed error, and nothing is written', async () => {
  const store = new Store(new SqliteBackend({ path, busyTimeoutMs: 150 }));
  const agent = store.agent<number>('a');
  await agent.save(1);
  const other = new Database(path);
  other.exec('BEGIN IMMEDIATE');
  let ticks = 0;
  const turns = setInterval(() => ticks++, 5);
  const refused = await agent.save(2, { timeoutMs: 400 }).catch((error) => error);
  clearInterval(turns);
  expect(['DGENTS_STORAGE_TIMEOUT', 'DGENTS_OUTCOME_UNKNOWN']).toContain(refused.code);
  expect(ticks).toBeGreaterThan(20); // The event loop was free meanwhile.
  other.exec('ROLLBACK');
  other.close();
  expect(await agent.load()).toBe(1);
  expect(await agent.save(2)).toBe(2);
  await store.close();
});

const isRoot = process.getuid?.() === 0;
(isRoot ? test.skip : test)(
  `a file that may not be written is told${isRoot ? ' (skipped: root may write everything)' : ''}`,
  async () => {
    await opened({ path });
    chmodSync(path, 0o400);
    expect(await opened({ path })).toMatchObject({ code: 'DGENTS_STORAGE_UNAVAILABLE' });
  },
);

test('damage is found on demand, and told with the file', async () => {
  const backend = new SqliteBackend({ path });
  const store = new Store(backend);
  for (let i = 0; i < 50; i++) await store.agent<string>(`k${i}`).save('x'.repeat(500));
  await backend.verify();
  await store.close();
  const bytes = readFileSync(path);
  for (let at = 4096 * 3; at < bytes.length; at += 4096) bytes.fill(0xff, at, at + 64);
  writeFileSync(path, bytes);
  const damaged = new SqliteBackend({ path });
  await expect(damaged.verify()).rejects.toMatchObject({ code: 'DGENTS_STATE_CORRUPTION', location: path });
  await damaged.close();
});

test('the text of every state can be cast to JSON by SQLite', async () => {
  const backend = new SqliteBackend({ path });
  await saveCastable(backend);
  await backend.close();
  const database = new Database(path);
  const counts = database.prepare('SELECT count(*) AS rows, sum(json_valid(data)) AS valid FROM dgents_log');
  expect(counts.get()).toEqual({ rows: 200, valid: 200 });
  database.close();
});

test('the file is for its owner alone, and so are those beside it', async () => {
  const store = new Store(new SqliteBackend({ path }));
  await store.agent('a').save(1);
  for (const suffix of ['', '-wal', '-shm']) expect(statSync(path + suffix).mode & 0o777).toBe(0o600);
  await store.close();
});

test('options that make no sense are refused', () => {
  const database = new Database(':memory:');
  expect(() => new SqliteBackend({ path, database })).toThrow(TypeError);
  expect(() => new SqliteBackend({ path, durability: 'powr' as 'power' })).toThrow(/'power' or 'process'/);
  database.close();
});

test('what has expired is cleared away on demand, and its room is given back to others', async () => {
  const store = new Store(new SqliteBackend({ path }));
  await Promise.all(Array.from({ length: 9 }, (_, n) => store.agent(`brief:${n}`).save({ n }, { ttlMs: 1 })));
  await store.agent('lasting').save('stays');
  await new Promise((resolve) => setTimeout(resolve, 5));
  const backend = store.backend as SqliteBackend;
  expect([await backend.purgeExpired({ limit: 4 }), await backend.purgeExpired()]).toEqual([4, 5]);
  const rows = (table: string) => {
    const database = new Database(path, { readonly: true });
    try {
      return Array.from(database.prepare(`SELECT key, version FROM ${table} ORDER BY key`).raw().all());
    } finally {
      database.close();
    }
  };
  expect(rows('dgents_log')).toEqual([['lasting', 1]]);
  // The rows of heads stay: they are the numbering.
  expect(rows('dgents_heads')).toHaveLength(10);
  await store.close();
});
