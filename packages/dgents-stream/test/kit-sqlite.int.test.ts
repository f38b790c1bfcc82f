import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { SqliteBackend } from '../../dgents-sql/src/sqlite/sqlite-backend.js';
import { describeOnStores } from './kit-on-stores.js';

const fileOf = (place: string): string => join(place, 'store.db');

describeOnStores({
  name: 'SQLite',
  durability: 'power',
  sharing: 'host',
  query: { store: 'sqlite' },
  create: () => mkdtempSync(join(tmpdir(), 'dgents-stream-')),
  backend: (place) => new SqliteBackend({ path: fileOf(place) }),
  destroy: (place) => rmSync(place, { recursive: true, force: true }),
  advance: (place, ms) => {
    const database = new Database(fileOf(place), { timeout: 5_000 });
    database
      .prepare('UPDATE dgents_heads SET expires_at = expires_at - ? WHERE expires_at IS NOT NULL')
      .run(ms);
    database.close();
  },
});
