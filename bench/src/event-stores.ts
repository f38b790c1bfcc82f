/** The stores of events that are compared, behind one narrow door. */
import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql';
import { getSQLiteEventStore, sqliteConnection } from '@event-driven-io/emmett-sqlite';
import Database from 'better-sqlite3';
import type { Store } from 'dgents-core';
import { defineStream, StreamAgent } from 'dgents-stream';
import type pg from 'pg';
import type { Said } from './events.js';

/** Appends if the stream has `expected` events, and reads them back in order. */
export interface EventStore {
  append(stream: string, events: readonly Said[], expected: number): unknown;
  read(stream: string): Said[] | Promise<Said[]>;
  close(): unknown;
}

export interface RawSqlite extends EventStore {
  /** One event to each of these streams, all in one transaction. */
  appendToAll(streams: readonly string[], event: Said, expected: number): void;
}

/** Emmett as it can be called at all; its types want more of an event than it needs. */
interface Emmett {
  appendToStream(
    stream: string,
    events: Said[],
    options: { expectedStreamVersion: bigint },
  ): Promise<unknown>;
  readStream(stream: string): Promise<{ events: readonly unknown[] }>;
}

/** A row for each event in one table, whose unique index is the check of the version: about the least that keeps streams. */
export function rawSqlite(path: string): RawSqlite {
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.exec(`CREATE TABLE events (position INTEGER PRIMARY KEY, stream TEXT NOT NULL, version INTEGER NOT NULL,
    type TEXT NOT NULL, data TEXT NOT NULL, UNIQUE (stream, version))`);
  const insert = database.prepare('INSERT INTO events (stream, version, type, data) VALUES (?, ?, ?, ?)');
  const select = database.prepare<[string], { type: 'said'; data: string }>(
    'SELECT type, data FROM events WHERE stream = ? ORDER BY version',
  );
  const insertOne = (stream: string, { type, data }: Said, version: number) =>
    insert.run(stream, version, type, JSON.stringify(data));
  const insertAll = database.transaction((stream: string, events: readonly Said[], expected: number) => {
    for (const [i, event] of events.entries()) insertOne(stream, event, expected + 1 + i);
  });
  const appendToAll = database.transaction((streams: readonly string[], event: Said, expected: number) => {
    for (const stream of streams) insertOne(stream, event, expected + 1);
  });
  return {
    append: (stream, events, expected) =>
      events.length === 1 ? insertOne(stream, events[0]!, expected + 1) : insertAll(stream, events, expected),
    read: (stream) => select.all(stream).map(({ type, data }) => ({ type, data: JSON.parse(data) })),
    appendToAll,
    close: () => database.close(),
  };
}

/** The same table in Postgres, through named statements; the pool stays open. */
export async function rawPostgres(pool: pg.Pool): Promise<EventStore> {
  await pool.query(`CREATE TABLE raw_events (position int8 GENERATED ALWAYS AS IDENTITY, stream text COLLATE "C",
    version int8, type text NOT NULL, data text NOT NULL, PRIMARY KEY (stream, version))`);
  const appendOne = (stream: string, { type, data }: Said, version: number) => {
    const text = 'INSERT INTO raw_events (stream, version, type, data) VALUES ($1, $2, $3, $4)';
    return pool.query({ name: 'raw_append', text, values: [stream, version, type, JSON.stringify(data)] });
  };
  return {
    append: (stream, events, expected) =>
      Promise.all(events.map((event, i) => appendOne(stream, event, expected + 1 + i))),
    read: async (stream) => {
      const text = 'SELECT type, data FROM raw_events WHERE stream = $1 ORDER BY version';
      const { rows } = await pool.query({ name: 'raw_read', text, values: [stream] });
      return rows.map(({ type, data }) => ({ type, data: JSON.parse(data) }));
    },
    close: () => undefined,
  };
}

/**
 * Emmett on one connection that is kept open, which syncs at every commit (its `synchronous` is SQLite's own default,
 * FULL). Given a path alone it opens and closes a connection at every call; that takes three times as long, and appends
 * at once then fail (SQLITE_BUSY) or end the process.
 */
export async function emmettSqlite(path: string): Promise<EventStore> {
  const connection = sqliteConnection({ fileName: path });
  const store = getSQLiteEventStore({ fileName: path, connectionOptions: { singleton: true, connection } });
  await store.schema.migrate();
  return throughEmmett(store as unknown as Emmett, () => connection.close());
}

/** Emmett on a pool that stays open. */
export async function emmettPostgres(url: string, pool: pg.Pool): Promise<EventStore> {
  const store = getPostgreSQLEventStore(url, { connectionOptions: { pooled: true, pool } });
  await store.schema.migrate();
  return throughEmmett(store as unknown as Emmett, () => undefined);
}

function throughEmmett(store: Emmett, close: () => void): EventStore {
  return {
    append: (stream, events, expected) =>
      store.appendToStream(stream, [...events], { expectedStreamVersion: BigInt(expected) }),
    read: async (stream) => (await store.readStream(stream)).events as Said[],
    close,
  };
}

interface Heard {
  readonly messages: number;
  readonly lastAt: number;
}

const heard = defineStream<Said, Heard>({
  initial: () => ({ messages: 0, lastAt: 0 }),
  fold: ({ messages }, { data: { ts } }) => ({ messages: messages + 1, lastAt: ts }),
});

/** An agent for each stream, which is kept, and folds what it appends. */
export function dgents(store: Store): EventStore {
  const agents = new Map<string, StreamAgent<Said, Heard>>();
  const agent = (stream: string): StreamAgent<Said, Heard> => {
    const known = agents.get(stream) ?? new StreamAgent(store, stream, heard);
    agents.set(stream, known);
    return known;
  };
  return {
    append: (stream, events, expected) => agent(stream).append(events, { expectedVersion: expected }),
    read: async (stream) => {
      const events: Said[] = [];
      for await (const { event } of agent(stream).events()) events.push(event);
      return events;
    },
    close: () => store.close(),
  };
}

/** Appends wait for one another: each is then a transaction of its own. */
export function inTurn(store: EventStore): EventStore {
  let last: Promise<unknown> = Promise.resolve();
  return {
    ...store,
    append: (stream, events, expected) => {
      last = last.then(() => store.append(stream, events, expected));
      return last;
    },
  };
}
