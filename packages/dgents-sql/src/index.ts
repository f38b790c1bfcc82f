export type { PostgresClient, PostgresResult, SqliteClient, SqliteQuery } from './drivers.js';
export {
  type FeedHolder,
  type FeedLag,
  PgliteBackend,
  type PgliteBackendOptions,
  PostgresBackend,
  type PostgresBackendOptions,
  type ReplicaOptions,
  type TableOptions,
} from './postgres/postgres-backend.js';
export { type PostgresLayout, postgresDdl } from './postgres/postgres-schema.js';
export type { Comparable, Condition, Field, Path } from './query/conditions.js';
export { type DocumentStore, documentIndexDdl } from './query/documents.js';
export type {
  AggregateFunction,
  AggregateOptions,
  Figure,
  Figures,
  Found,
  QueryOptions,
  Selection,
} from './query/options.js';
export { checkName, type Tables, tablesOf } from './shared/names.js';
export { SQLAgent, type SQLAgentOptions } from './sql-agent.js';
export { SqliteBackend, type SqliteBackendOptions } from './sqlite/sqlite-backend.js';
export { sqliteDdl } from './sqlite/sqlite-schema.js';
export { backends, type SqlBackend } from './urls.js';
export { onPostgres, onSqlite } from './within.js';
