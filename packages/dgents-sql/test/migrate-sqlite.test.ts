/** All states of an SQLite file brought to a new schema version. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeMigration } from '../../dgents-core/test/describe-migration.js';
import { SqliteBackend } from '../src/index.js';

describe('an SQLite file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dgents-migrate-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  describeMigration(() => new SqliteBackend({ path: join(folder, 'store.db') }));
});
