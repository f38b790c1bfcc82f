import type { Tables } from '../shared/names.js';

/** What this release reads and writes. Every older one is brought up to it by {@link MIGRATIONS}. */
export const SCHEMA_VERSION = 1;

/**
 * The statements that lead from one version of the schema to the next; those of a release are never changed after it.
 * The first ones make what there is from nothing.
 */
export const MIGRATIONS: readonly ((tables: Tables) => readonly string[])[] = [
  ({ meta, heads, log, checkpoints, documents, prefix }) => [
    `CREATE TABLE ${meta} (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT`,
    `INSERT INTO ${meta} (name, value) VALUES ('store', lower(hex(randomblob(8))))`,
    `CREATE TABLE ${heads} (
  key TEXT PRIMARY KEY, version INTEGER NOT NULL, id TEXT NOT NULL, at REAL NOT NULL, deleted INTEGER NOT NULL,
  floor INTEGER NOT NULL, start INTEGER NOT NULL, expires_at REAL
) WITHOUT ROWID, STRICT`,
    `CREATE TABLE ${log} (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, version INTEGER NOT NULL, kind INTEGER NOT NULL,
  at REAL NOT NULL, id TEXT NOT NULL, data TEXT, codec TEXT, schema INTEGER, meta TEXT, UNIQUE (key, version)
) STRICT`,
    `CREATE INDEX "${prefix}_log_id" ON ${log} (key, id)`,
    `CREATE TABLE ${checkpoints} (
  key TEXT NOT NULL, version INTEGER NOT NULL, at REAL NOT NULL, id TEXT NOT NULL, data TEXT, codec TEXT,
  schema INTEGER, meta TEXT, PRIMARY KEY (key, version)
) STRICT`,
    `CREATE TABLE ${documents} (
  key TEXT PRIMARY KEY, version INTEGER NOT NULL, document TEXT, schema INTEGER NOT NULL
) STRICT`,
    `CREATE INDEX "${prefix}_heads_expiry" ON ${heads} (expires_at) WHERE expires_at IS NOT NULL`,
  ],
];

/** All statements that an empty database needs, for those who set it up by hand. */
export function sqliteDdl(tables: Tables): string[] {
  const steps = MIGRATIONS.flatMap((migration) => migration(tables));
  return [...steps, `INSERT INTO ${tables.meta} (name, value) VALUES ('schema', '${SCHEMA_VERSION}')`];
}
