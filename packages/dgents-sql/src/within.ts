/** What gives work within a transaction the type of its client. */
import type { PostgresClient, SqliteClient } from './drivers.js';

/**
 * Work within a transaction of SQLite: for `store.transact(agents, recipe, { within: onSqlite((db) => …) })`.
 *
 * @typeParam Client more of better-sqlite3's `Database` than {@link SqliteClient} has: `onSqlite((db: Database) => …)`
 * @param work synchronous, and to be done with every iterator; a promise is refused with a TypeError. What else it returns is ignored
 * @throws TypeError from what it gives, where that is run by another store
 */
export function onSqlite<Client extends SqliteClient = SqliteClient>(
  work: (db: Client) => unknown,
): (client: unknown) => unknown {
  return (client) => {
    if (has(client, 'prepare')) return work(client as unknown as Client);
    throw new TypeError(
      'onSqlite is for work within a transaction of SQLite: this store gives another client.',
    );
  };
}

/**
 * Work within a transaction of Postgres or PGlite: for `store.transact(agents, recipe, { within: onPostgres(async (sql) => …) })`.
 *
 * @param work awaits what it sends. What it returns is ignored
 * @throws TypeError from what it gives, where that is run by another store
 */
export function onPostgres(work: (sql: PostgresClient) => unknown): (client: unknown) => unknown {
  return (client) => {
    if (has(client, 'query')) return work(client as unknown as PostgresClient);
    throw new TypeError(
      'onPostgres is for work within a transaction of Postgres: this store gives another client.',
    );
  };
}

function has<Name extends string>(client: unknown, name: Name): client is Record<Name, unknown> {
  return typeof (client as Record<string, unknown> | null)?.[name] === 'function';
}
