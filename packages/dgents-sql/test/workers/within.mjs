/**
 * Counts in a state, and leaves a row for each count in the same transaction, until it is killed.
 *
 * Settings: path or connectionString. Tells { acked } with each count.
 */
import { Store } from 'dgents-core';
import { onPostgres, onSqlite, PostgresBackend, SqliteBackend } from 'dgents-sql';
import { settings, tell } from '../../../dgents-core/test/workers/messages.mjs';

const { path, connectionString } = settings;
const store = new Store(path ? new SqliteBackend({ path }) : new PostgresBackend({ connectionString }));
const agent = store.agent('n', { initial: () => ({ n: 0 }) });

for (;;) {
  let next = 0;
  const row = () => `INSERT INTO notes VALUES ('${next}')`;
  await store.transact(
    [agent],
    (state) => {
      state.n++;
      next = state.n;
    },
    { within: path ? onSqlite((db) => db.exec(row())) : onPostgres((sql) => sql.query(row())) },
  );
  tell({ acked: next });
}
