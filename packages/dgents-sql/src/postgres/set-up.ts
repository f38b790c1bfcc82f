import { StorageUnavailableError, UnsupportedError } from 'dgents-core';
import { checkName, type Tables } from '../shared/names.js';
import type { Executor, Query } from './executor.js';
import { MIGRATIONS, type PostgresLayout, SCHEMA_VERSION } from './postgres-schema.js';

/** Any number that is ours: two set-ups of this database wait for each other. */
const LOCK = 4_762_119_301;

export interface SetUp extends PostgresLayout {
  readonly schema: string | undefined;
  readonly autoSetup: boolean;
}

/** Makes the tables, or brings them up to this release. Safe when ten processes do it at once. Returns the store's id. */
export async function setUp(
  executor: Executor,
  tables: Tables,
  { schema, autoSetup, ...layout }: SetUp,
): Promise<string> {
  const query: Query = (statement, values) => executor.query(statement, values);
  const found = await lookedAt(query, tables);
  check(found.schema, executor.location, autoSetup);
  if (found.schema === SCHEMA_VERSION) return found.store;
  return executor.transaction(async (query) => {
    await query(plain('SELECT pg_advisory_xact_lock($1)'), [LOCK]);
    // Looked up in the table: after the wait for the lock, what this session remembers of it may be out of date.
    const there = await query(plain('SELECT 1 FROM pg_namespace WHERE nspname = $1'), [schema ?? 'public']);
    if (schema !== undefined && there.length === 0) {
      await query(plain(`CREATE SCHEMA "${checkName('schema', schema)}"`), []);
    }
    // Another process may have been faster.
    const now = await lookedAt(query, tables);
    check(now.schema, executor.location, true);
    for (const migration of MIGRATIONS.slice(now.schema)) {
      for (const step of migration(tables, layout)) await query(plain(step), []);
    }
    const value = String(SCHEMA_VERSION);
    const text = `INSERT INTO ${tables.meta} VALUES ('schema', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value`;
    await query(plain(text), [value]);
    return (await lookedAt(query, tables)).store;
  });
}

/** Without a name: it is sent once. */
function plain(text: string) {
  return { name: '', text };
}

/** The version of the schema, 0 where there is nothing yet, and the id of the store. */
async function lookedAt(query: Query, { meta }: Tables): Promise<{ schema: number; store: string }> {
  const [table] = await query<{ found: string | null }>(plain('SELECT to_regclass($1)::text AS found'), [
    meta,
  ]);
  if (table?.found == null) return { schema: 0, store: '' };
  const rows = await query<{ name: string; value: string }>(plain(`SELECT name, value FROM ${meta}`), []);
  const values = new Map(rows.map(({ name, value }) => [name, value]));
  return { schema: Number(values.get('schema') ?? 0), store: values.get('store') ?? '' };
}

function check(found: number, location: string, autoSetup: boolean): void {
  if (!Number.isSafeInteger(found)) {
    throw new StorageUnavailableError(
      `${location} has tables that are not ours: name others with { table } or { schema }.`,
    );
  }
  if (found > SCHEMA_VERSION) {
    throw new StorageUnavailableError(
      `${location} was set up by a newer release of dgents-sql (schema ${found}; this one knows ${SCHEMA_VERSION}). Update dgents-sql.`,
    );
  }
  if (found < SCHEMA_VERSION && !autoSetup) {
    throw new UnsupportedError(
      `${location} has no tables of this release, and autoSetup is off: run the statements of postgresDdl().`,
    );
  }
}
