/** SQLite in a file of its own for each test, as a subject of the kit. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { SqliteBackend } from 'dgents-sql';

export const name = 'sqlite';
export const importFrom = import.meta.url;

export const claims = {
  durability: 'power',
  sharing: 'host',
  atomicity: 'store',
  feed: 'global',
  watch: true,
  ttl: true,
  orderedKeys: true,
  find: true,
  joins: true,
};

export function create() {
  return mkdtempSync(join(tmpdir(), 'dgents-sqlite-'));
}

export function open(place) {
  return new SqliteBackend({ path: join(place, 'store.db') });
}

export function destroy(place) {
  rmSync(place, { recursive: true, force: true });
}

/** Moves the end of every log towards now. */
export function advance(place, ms) {
  const database = new Database(join(place, 'store.db'), { timeout: 5_000 });
  database
    .prepare('UPDATE dgents_heads SET expires_at = expires_at - ? WHERE expires_at IS NOT NULL')
    .run(ms);
  database.close();
}
