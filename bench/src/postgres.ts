/** Postgres, beside pg by itself with a named statement. */
import { Store } from 'dgents-core';
import { PostgresBackend } from 'dgents-sql';
import type pg from 'pg';
import { creations, crowd, flat, saves, tail, unchanged } from './dgents.js';
import { each, interleaved, together } from './measure.js';
import { inDatabase, poolOf } from './places.js';
import type { Block } from './report.js';
import { small } from './states.js';
import type { Effort } from './suite.js';

interface Raw {
  /** One connection. */
  readonly one: pg.Pool;
  readonly ten: pg.Pool;
}

const INSERT = { name: 'raw_insert', text: 'INSERT INTO raw (key, version, data) VALUES ($1, $2, $3)' };
const SELECT = { name: 'raw_select', text: 'SELECT data FROM latest WHERE key = $1' };
const TAIL = { name: 'raw_tail', text: 'SELECT version, data FROM tail WHERE key = $1 ORDER BY version' };
/** The bytes that a record has: a history that says when, and by which operation, needs no fewer. */
const RECORDS = {
  name: 'raw_records',
  text: `SELECT version, kind, at, id, data, codec, schema, meta FROM dgents_log
    WHERE key = $1 AND version BETWEEN 1 AND 51 ORDER BY version`,
};

let version = 0;
const insert = (pool: pg.Pool, key: string) =>
  pool.query({ ...INSERT, values: [key, ++version, JSON.stringify(small(version))] });

export async function* postgres({ quick, progress }: Effort): AsyncGenerator<Block> {
  for (const block of [saving, loading, tails, atOnce, long]) {
    const measured = await inDatabase(async (url) => {
      const raw = {
        one: poolOf(url, 1),
        ten: poolOf(url, 10),
      };
      await raw.one.query(`CREATE TABLE raw (key text COLLATE "C", version int8, data text, PRIMARY KEY (key, version));
        CREATE TABLE latest (key text PRIMARY KEY, data text);
        CREATE TABLE tail (key text COLLATE "C", version int8, data text, PRIMARY KEY (key, version))`);
      const store = new Store(new PostgresBackend({ connectionString: url }));
      try {
        return await block(raw, store, quick, progress);
      } finally {
        await store.close();
        await raw.one.end();
        await raw.ten.end();
      }
    });
    if (measured === undefined) {
      process.stderr.write('postgres: no server answers; set DATABASE_URL\n');
      return;
    }
    yield measured;
  }
}

async function saving(raw: Raw, store: Store, quick: boolean, progress: Effort['progress']): Promise<Block> {
  const name = 'postgres-save';
  const count = 10;
  const contenders = {
    'raw insert': () => each(count, () => insert(raw.one, 'key')),
    ...(await saves(store, count)),
    ...creations(store, count),
  };
  return {
    name,
    title: 'save of a state of 400 B, that is there and that is new',
    times: await interleaved(contenders, quick ? 25 : 150, progress(name)),
    comparisons: [
      { of: 'agent.save', to: 'raw insert', most: 1.3 },
      { of: 'agent.update', to: 'raw insert', most: 1.3 },
      { of: 'port commit', to: 'raw insert' },
      { of: 'agent create', to: 'raw insert', most: 1.6 },
      { of: 'port create', to: 'raw insert' },
    ],
  };
}

async function loading(raw: Raw, store: Store, quick: boolean, progress: Effort['progress']): Promise<Block> {
  const name = 'postgres-load';
  const count = 10;
  await raw.one.query('INSERT INTO latest VALUES ($1, $2)', ['loaded', JSON.stringify(small(1))]);
  const contenders = {
    'raw SELECT + JSON.parse': () =>
      each(count, async () =>
        JSON.parse((await raw.one.query({ ...SELECT, values: ['loaded'] })).rows[0].data),
      ),
    ...(await unchanged(store, count)),
  };
  return {
    name,
    title: 'load of a state of 400 B that has not changed',
    times: await interleaved(contenders, quick ? 25 : 150, progress(name)),
    comparisons: [
      { of: 'agent.load', to: 'raw SELECT + JSON.parse' },
      { of: 'port read, nothing new', to: 'raw SELECT + JSON.parse' },
    ],
  };
}

async function tails(raw: Raw, store: Store, quick: boolean, progress: Effort['progress']): Promise<Block> {
  const name = 'postgres-tail';
  const count = 10;
  const texts = await tail(store.backend, 'tail');
  for (const [i, data] of texts.entries()) {
    await raw.one.query('INSERT INTO tail VALUES ($1, $2, $3)', ['tail', i + 1, data]);
  }
  const contenders = {
    'raw SELECT': () => each(count, () => raw.one.query({ ...RECORDS, values: ['tail'] })),
    'raw SELECT of texts alone': () => each(count, () => raw.one.query({ ...TAIL, values: ['tail'] })),
    'port read': () => each(count, () => store.backend.read('tail')),
  };
  return {
    name,
    title: 'first read of a checkpoint of 4 KB and 50 changes of 100 B',
    times: await interleaved(contenders, quick ? 25 : 150, progress(name)),
    comparisons: [
      { of: 'port read', to: 'raw SELECT', most: 1.2 },
      { of: 'port read', to: 'raw SELECT of texts alone' },
    ],
  };
}

async function atOnce(raw: Raw, store: Store, quick: boolean, progress: Effort['progress']): Promise<Block> {
  const name = 'postgres-crowd';
  const contenders = {
    'raw inserts, ten connections': () =>
      together(100, () => Promise.all(Array.from({ length: 100 }, (_, i) => insert(raw.ten, `crowd-${i}`)))),
    ...(await crowd(store)),
  };
  return {
    name,
    title: '100 agents that save 400 B each; time for each of them',
    times: await interleaved(contenders, quick ? 25 : 100, progress(name)),
    comparisons: [
      { of: 'all at once', to: 'one after the other', least: 3 },
      { of: 'all at once', to: 'raw inserts, ten connections', least: 1.5 },
    ],
  };
}

async function long(_: Raw, store: Store, quick: boolean, progress: Effort['progress']): Promise<Block> {
  return flat('postgres-versions', store, {
    many: quick ? 10_000 : 100_000,
    rounds: quick ? 20 : 60,
    progress,
  });
}
