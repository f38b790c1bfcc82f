/** Streams of events, beside Emmett and raw drivers on the same database. */
import { join } from 'node:path';
import { Store } from 'dgents-core';
import { PostgresBackend, SqliteBackend } from 'dgents-sql';
import {
  dgents,
  type EventStore,
  emmettPostgres,
  emmettSqlite,
  inTurn,
  rawPostgres,
  rawSqlite,
} from './event-stores.js';
import { type Said, said } from './events.js';
import { type Contender, each, interleaved, together } from './measure.js';
import { inDatabase, inFolder, poolOf } from './places.js';
import type { Block, Comparison } from './report.js';
import type { Effort } from './suite.js';

/** As many connections as dgents opens by itself. */
const CONNECTIONS = 8;

const CROWD = 100;

const LONG = 1_000;

type Stores = Readonly<Record<string, EventStore>>;

/** Appends one event to each of many streams. */
type AppendToAll = (streams: readonly string[], event: Said, expected: number) => unknown;

interface Setting {
  readonly where: string;
  readonly stores: Stores;
  /** How they append to many streams at once. */
  readonly crowds: Readonly<Record<string, AppendToAll>>;
  readonly notes?: readonly string[];
  readonly quick: boolean;
  readonly progress: Effort['progress'];
}

export async function* streams(effort: Effort): AsyncGenerator<Block> {
  for (const block of [appending, atOnce, readingBack]) yield await onSqlite(effort, block);
  for (const block of [appending, atOnce, readingBack]) {
    const measured = await onPostgres(effort, block);
    if (measured === undefined) {
      process.stderr.write('streams: no Postgres answers; set DATABASE_URL\n');
      return;
    }
    yield measured;
  }
}

function onSqlite(effort: Effort, block: (setting: Setting) => Promise<Block>): Promise<Block> {
  return inFolder(async (folder) => {
    const raw = rawSqlite(join(folder, 'raw.db'));
    const emmett = await emmettSqlite(join(folder, 'emmett.db'));
    const own = dgents(new Store(new SqliteBackend({ path: join(folder, 'dgents.db') })));
    const crowds = {
      raw: atOnceOn(raw),
      'raw, one transaction': raw.appendToAll,
      'Emmett, in turn': atOnceOn(inTurn(emmett)),
      'early Emmett': atOnceOn(emmett),
      dgents: atOnceOn(own),
    };
    const notes = [
      'early Emmett: appends at once on one connection become one transaction; nearly all are acknowledged before it commits',
    ];
    const stores = { raw, Emmett: emmett, dgents: own };
    return closing({ where: 'sqlite', stores, crowds, notes, ...effort }, block);
  });
}

function onPostgres(effort: Effort, block: (setting: Setting) => Promise<Block>): Promise<Block | undefined> {
  return inDatabase(async (url) => {
    const pool = poolOf(url, CONNECTIONS);
    try {
      const stores = {
        raw: await rawPostgres(pool),
        Emmett: await emmettPostgres(url, pool),
        dgents: dgents(new Store(new PostgresBackend({ connectionString: url }))),
      };
      return await closing({ where: 'postgres', stores, crowds: mapped(stores, atOnceOn), ...effort }, block);
    } finally {
      await pool.end();
    }
  });
}

async function closing(setting: Setting, block: (setting: Setting) => Promise<Block>): Promise<Block> {
  try {
    return await block(setting);
  } finally {
    for (const store of Object.values(setting.stores)) await store.close();
  }
}

async function appending({ where, stores, quick, progress }: Setting): Promise<Block> {
  const name = `streams-${where}-append`;
  const contenders = mapped(stores, (store) => {
    let length = 0;
    return () => each(20, () => store.append('one', [said(length)], length++));
  });
  return {
    name,
    title: 'append of one event of 400 B to one stream at the version expected, one after the other',
    times: await interleaved(contenders, quick ? 25 : 100, progress(name)),
    comparisons: beside(contenders, 1),
  };
}

async function atOnce({ where, crowds, notes, quick, progress }: Setting): Promise<Block> {
  const name = `streams-${where}-crowd`;
  const contenders = mapped(crowds, (appendToAll, contender) => {
    let length = 0;
    const streams = Array.from({ length: CROWD }, (_, i) => `${contender}-${i}`);
    return () => together(CROWD, () => appendToAll(streams, said(length), length++));
  });
  return {
    name,
    title: `${CROWD} appends of one event of 400 B, each to a stream of its own, at once; time for each of them`,
    times: await interleaved(contenders, quick ? 25 : 100, progress(name)),
    comparisons: beside(contenders, 3),
    ...(notes && { notes }),
  };
}

const atOnceOn =
  (store: EventStore): AppendToAll =>
  (streams, event, expected) =>
    Promise.all(streams.map((stream) => store.append(stream, [event], expected)));

async function readingBack({ where, stores, quick, progress }: Setting): Promise<Block> {
  const name = `streams-${where}-read`;
  const events = Array.from({ length: LONG }, (_, i) => said(i));
  for (const store of Object.values(stores)) {
    for (let at = 0; at < LONG; at += 100) await store.append('long', events.slice(at, at + 100), at);
  }
  const contenders = mapped(stores, (store) => () => each(2, async () => whole(await store.read('long'))));
  return {
    name,
    title: `the ${LONG.toLocaleString('en')} events of 400 B of one stream, read back; time for all`,
    times: await interleaved(contenders, quick ? 25 : 100, progress(name)),
    comparisons: beside(contenders, 1),
  };
}

/** A contender that reads too little would win. */
function whole(read: readonly Said[]): void {
  const last = read.at(-1);
  if (read.length !== LONG || last?.data.content !== said(LONG - 1).data.content) {
    throw new RangeError(`${read.length} events were read back, or not as they were appended`);
  }
}

/** dgents beside every other one, at least so many times as fast as Emmett. */
function beside(contenders: Readonly<Record<string, Contender>>, least: number): Comparison[] {
  const others = Object.keys(contenders).filter((name) => name !== 'dgents');
  return others.map((to) => ({ of: 'dgents', to, ...(to.startsWith('Emmett') && { least }) }));
}

function mapped<T, U>(
  given: Readonly<Record<string, T>>,
  work: (value: T, name: string) => U,
): Record<string, U> {
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, work(value, name)]));
}
