/** SQLite, beside better-sqlite3 by itself with the same settings. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Store } from 'dgents-core';
import { SqliteBackend } from 'dgents-sql';
import { crowd, flat, saves, unchanged } from './dgents.js';
import { type Contender, each, eachNow, interleaved, together } from './measure.js';
import { inFolder } from './places.js';
import type { Block } from './report.js';
import { small } from './states.js';
import type { Effort } from './suite.js';

type Raw = ReturnType<typeof openRaw>;

/** A table of texts by key and version: about the least that keeps a history. */
function openRaw(path: string) {
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.exec(
    'CREATE TABLE raw (seq INTEGER PRIMARY KEY, key TEXT NOT NULL, version INTEGER NOT NULL, data TEXT NOT NULL)',
  );
  database.exec('CREATE TABLE latest (key TEXT PRIMARY KEY, data TEXT NOT NULL)');
  const insert = database.prepare('INSERT INTO raw (key, version, data) VALUES (?, ?, ?)');
  const text = JSON.stringify(small(1));
  database.prepare('INSERT INTO latest VALUES (?, ?)').run('loaded', text);
  const select = database.prepare<[string], { data: string }>('SELECT data FROM latest WHERE key = ?');
  return { database, insert, select };
}

let version = 0;
const insertOne = ({ insert }: Raw, key: string) => {
  version++;
  insert.run(key, version, JSON.stringify(small(version)));
};

/** What SQLite itself takes for the rows that such a commit needs: a head that is compared, and a row of the log. */
function byHand({ database }: Raw, count: number): Contender {
  database.exec(`CREATE TABLE heads (key TEXT PRIMARY KEY, version INTEGER NOT NULL, id TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE log (seq INTEGER PRIMARY KEY, key TEXT NOT NULL, version INTEGER NOT NULL, id TEXT NOT NULL, data TEXT NOT NULL, UNIQUE (key, version))`);
  database.prepare('INSERT INTO heads VALUES (?, 0, ?)').run('key', '');
  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');
  const move = database.prepare('UPDATE heads SET version = version + 1, id = ? WHERE key = ?');
  const add = database.prepare('INSERT INTO log (key, version, id, data) VALUES (?, ?, ?, ?)');
  return () =>
    eachNow(count, () => {
      version++;
      begin.run();
      move.run(`operation-${version}`, 'key');
      add.run('key', version, `operation-${version}`, JSON.stringify(small(version)));
      commit.run();
    });
}

export async function* sqlite({ quick, progress }: Effort): AsyncGenerator<Block> {
  for (const block of [saving, loading, atOnce, long]) {
    yield await inFolder(async (folder) => {
      const raw = openRaw(join(folder, 'raw.db'));
      const store = new Store(new SqliteBackend({ path: join(folder, 'dgents.db') }));
      try {
        return await block(raw, store, quick, progress);
      } finally {
        await store.close();
        raw.database.close();
      }
    });
  }
}

async function saving(raw: Raw, store: Store, quick: boolean, progress: Effort['progress']): Promise<Block> {
  const name = 'sqlite-save';
  const count = 20;
  const contenders = {
    'raw insert': () => eachNow(count, () => insertOne(raw, 'key')),
    'raw insert, awaited a turn each': () =>
      each(count, async () => {
        await new Promise((resolve) => setImmediate(resolve));
        insertOne(raw, 'key');
      }),
    'by hand: head and log': byHand(raw, count),
    ...(await saves(store, count)),
  };
  return {
    name,
    title: 'save of a state of 400 B that is there; WAL, synchronous = FULL',
    times: await interleaved(contenders, quick ? 25 : 100, progress(name)),
    comparisons: [
      { of: 'agent.save', to: 'raw insert', most: 1.3 },
      { of: 'agent.update', to: 'raw insert', most: 1.3 },
      { of: 'port commit', to: 'raw insert' },
      { of: 'by hand: head and log', to: 'raw insert' },
      { of: 'port commit', to: 'by hand: head and log' },
      { of: 'agent.save', to: 'by hand: head and log' },
    ],
  };
}

async function loading(raw: Raw, store: Store, quick: boolean, progress: Effort['progress']): Promise<Block> {
  const name = 'sqlite-load';
  const count = quick ? 500 : 1_000;
  const contenders = {
    'raw SELECT + JSON.parse': () => eachNow(count, () => JSON.parse(raw.select.get('loaded')!.data)),
    ...(await unchanged(store, count)),
  };
  return {
    name,
    title: 'load of a state of 400 B that has not changed',
    times: await interleaved(contenders, quick ? 25 : 100, progress(name)),
    comparisons: [
      { of: 'agent.load', to: 'raw SELECT + JSON.parse', most: 1 },
      { of: 'agent.load frozen', to: 'raw SELECT + JSON.parse', most: 1 },
      { of: 'port read, nothing new', to: 'raw SELECT + JSON.parse' },
    ],
  };
}

async function atOnce(raw: Raw, store: Store, quick: boolean, progress: Effort['progress']): Promise<Block> {
  const name = 'sqlite-crowd';
  const all = raw.database.transaction(() => {
    for (let i = 0; i < 100; i++) insertOne(raw, `crowd-${i}`);
  });
  const contenders = {
    'raw inserts, one transaction': () => together(100, all),
    ...(await crowd(store)),
  };
  return {
    name,
    title: '100 agents that save 400 B each; time for each of them',
    times: await interleaved(contenders, quick ? 25 : 100, progress(name)),
    comparisons: [
      { of: 'all at once', to: 'raw inserts, one transaction', least: 0.4 },
      { of: 'all at once', to: 'one after the other', least: 4 },
    ],
  };
}

async function long(_: Raw, store: Store, quick: boolean, progress: Effort['progress']): Promise<Block> {
  return flat('sqlite-versions', store, { many: quick ? 5_000 : 100_000, rounds: quick ? 20 : 60, progress });
}
