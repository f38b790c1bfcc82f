import { StorageUnavailableError, UnsupportedError } from 'dgents-core';
import type { Tables } from '../shared/names.js';
import { inTransaction, type Opening, patiently, type Sqlite } from './connection.js';
import { MIGRATIONS, SCHEMA_VERSION } from './sqlite-schema.js';

/** Makes the tables, or brings them up to this release. Safe when ten processes do it at once. Returns the store's id. */
export async function setUp(
  sqlite: Sqlite,
  tables: Tables,
  opening: Opening & { readonly autoSetup: boolean },
): Promise<string> {
  const { busyTimeoutMs, path } = opening;
  // Even a look may have to wait: for the recovery after a crash, or while the last of the others closes the file.
  const found = await patiently(busyTimeoutMs, path, () => schemaVersion(sqlite, tables, path));
  checkVersion(found, opening);
  if (found < SCHEMA_VERSION) {
    await inTransaction(sqlite, opening, () => {
      // Another process may have been faster.
      const now = schemaVersion(sqlite, tables, path);
      checkVersion(now, { ...opening, autoSetup: true });
      for (const migration of MIGRATIONS.slice(now)) for (const step of migration(tables)) sqlite.exec(step);
      sqlite
        .prepare(
          `INSERT INTO ${tables.meta} VALUES ('schema', ?) ON CONFLICT DO UPDATE SET value = excluded.value`,
        )
        .run(String(SCHEMA_VERSION));
    });
  }
  return patiently(busyTimeoutMs, path, () => {
    const row = sqlite.prepare(`SELECT value FROM ${tables.meta} WHERE name = 'store'`).get() as
      | { value: string }
      | undefined;
    return row?.value ?? '';
  });
}

/** 0 where there is nothing yet. */
function schemaVersion(sqlite: Sqlite, { meta, prefix }: Tables, path: string): number {
  const exists = sqlite
    .prepare(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?`)
    .get(`${prefix}_meta`);
  if (exists === undefined) return 0;
  const row = sqlite.prepare(`SELECT value FROM ${meta} WHERE name = 'schema'`).get() as
    | { value: string }
    | undefined;
  const found = Number(row?.value ?? 0);
  if (Number.isSafeInteger(found)) return found;
  throw new StorageUnavailableError(
    `${path} has a table ${meta} that is not ours: name another one with { table }.`,
  );
}

function checkVersion(found: number, { path, autoSetup }: { path: string; autoSetup: boolean }): void {
  if (found > SCHEMA_VERSION) {
    throw new StorageUnavailableError(
      `${path} was set up by a newer release of dgents-sql (schema ${found}; this one knows ${SCHEMA_VERSION}). Update dgents-sql.`,
    );
  }
  if (found < SCHEMA_VERSION && !autoSetup) {
    throw new UnsupportedError(
      `${path} has no tables of this release, and autoSetup is off: run the statements of sqliteDdl().`,
    );
  }
}
