/** Stores of every kind for the tests of this package: each place is empty, and takes any number of stores. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Backend, fileBackend, memoryBackend } from 'dgents-core';
import pg from 'pg';
import { RedisBackend } from '../../dgents-redis/src/redis-backend.js';
import { newPrefix, removePrefix } from '../../dgents-redis/test/places.js';
import { redisUrl } from '../../dgents-redis/test/redis.js';
import { PostgresBackend } from '../../dgents-sql/src/postgres/postgres-backend.js';
import { SqliteBackend } from '../../dgents-sql/src/sqlite/sqlite-backend.js';
import { postgresUrl } from '../../dgents-sql/test/postgres.js';

export interface Place {
  /** One more backend on the same logs. */
  readonly backend: () => Backend;
  readonly destroy: () => Promise<void>;
}

export type Places = readonly (readonly [name: string, open: () => Place])[];

/** Those that need nothing. */
export const LOCAL_PLACES: Places = [
  ['memory', () => inMemory(true)],
  ['memory as text', () => inMemory(false)],
  ['files', inFiles],
  ['SQLite', inSqlite],
];

/** Those of a server, where it answers. A file of tests that finds none of them says so. */
export function serverPlaces(): Places {
  const postgres = postgresUrl();
  const redis = redisUrl();
  const found: Places = [
    ...(postgres === undefined ? [] : [['Postgres', () => inPostgres(postgres)] as const]),
    ...(redis === undefined ? [] : [['Redis', () => inRedis(redis)] as const]),
  ];
  if (found.length < 2)
    test.skip('Postgres and Redis (skipped: one of them does not answer)', () => undefined);
  return found;
}

function inMemory(values: boolean): Place {
  const first = memoryBackend({ values });
  return { backend: () => memoryBackend({ sharing: first }), destroy: () => first.close() };
}

function inDirectory(backend: (path: string) => Backend): Place {
  const path = mkdtempSync(join(tmpdir(), 'dgents-stream-'));
  return {
    backend: () => backend(path),
    destroy: async () => rmSync(path, { recursive: true, force: true }),
  };
}

function inFiles(): Place {
  return inDirectory((path) => fileBackend({ path, durability: 'process' }));
}

function inSqlite(): Place {
  return inDirectory((path) => new SqliteBackend({ path: join(path, 'store.db'), pollMs: 20 }));
}

function inPostgres(connectionString: string): Place {
  const schema = newPrefix().replaceAll('-', '_');
  return {
    backend: () => new PostgresBackend({ connectionString, schema, pollMs: 20 }),
    destroy: async () => {
      const client = new pg.Client({ connectionString });
      await client.connect();
      await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
      await client.end();
    },
  };
}

function inRedis(url: string): Place {
  const prefix = newPrefix();
  return {
    backend: () => new RedisBackend({ url, prefix, feed: true, pollMs: 20 }),
    destroy: () => removePrefix(url, prefix),
  };
}

/** The same tests in each. */
export function inEach(places: Places, what: string, tests: (open: () => Place) => void): void {
  for (const [name, open] of places) describe(`${what} in ${name}`, () => tests(open));
}

/** Collects what an iteration gives. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
