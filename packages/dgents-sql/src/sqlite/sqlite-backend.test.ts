import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describeBackend } from 'dgents-core/testing';
import { SqliteBackend } from './sqlite-backend.js';

const claims = {
  atomicity: 'store',
  feed: 'global',
  watch: true,
  ttl: true,
  orderedKeys: true,
  find: true,
  joins: true,
} as const;

/** Moves the end of every log towards now. */
function moveExpiry(database: Database.Database, ms: number): void {
  database
    .prepare('UPDATE dgents_heads SET expires_at = expires_at - ? WHERE expires_at IS NOT NULL')
    .run(ms);
}

describeBackend<string>({
  describe,
  test,
  name: 'sqlite',
  claims: { ...claims, durability: 'power', sharing: 'host' },
  importFrom: new URL('../../test/subjects/sqlite.mjs', import.meta.url),
  create: () => mkdtempSync(join(tmpdir(), 'dgents-sqlite-')),
  open: (place) => new SqliteBackend({ path: join(place, 'store.db') }),
  destroy: (place) => rmSync(place, { recursive: true }),
  advance: (place, ms) => {
    const database = new Database(join(place, 'store.db'), { timeout: 5_000 });
    moveExpiry(database, ms);
    database.close();
  },
});

describeBackend<Database.Database>({
  describe,
  test,
  name: 'sqlite in memory, over one connection of the caller, with documents',
  claims: { ...claims, materializes: true },
  create: () => new Database(':memory:'),
  open: (database) => new SqliteBackend({ database, materialize: true }),
  destroy: (database) => {
    database.close();
  },
  advance: moveExpiry,
});
