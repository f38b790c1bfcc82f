/**
 * What is asked of connections, pools and instances that are handed in. Written down here, so that no declaration of
 * this package names the package of a driver: whoever uses one of them needs neither the others nor their types.
 */
import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';

/** `new Database(path)` of better-sqlite3. */
export interface SqliteDatabase {
  readonly name: string;
  readonly memory: boolean;
  readonly open: boolean;
  readonly inTransaction: boolean;
  prepare(source: string): SqliteStatement;
  exec(source: string): unknown;
  pragma(source: string, options?: { readonly simple?: boolean }): unknown;
  close(): unknown;
}

export interface SqliteStatement {
  get(...parameters: unknown[]): unknown;
  all(...parameters: unknown[]): unknown[];
  run(...parameters: unknown[]): { readonly changes: number };
}

/** What work within a transaction of SQLite is given: a part of better-sqlite3's `Database`, which it is. */
export interface SqliteClient {
  /** @typeParam Row what a row looks like; nobody checks it */
  prepare<Row = unknown>(source: string): SqliteQuery<Row>;
  exec(source: string): unknown;
}

export interface SqliteQuery<Row> {
  get(...parameters: unknown[]): Row | undefined;
  all(...parameters: unknown[]): Row[];
  run(...parameters: unknown[]): { readonly changes: number; readonly lastInsertRowid: number | bigint };
}

/** What work within a transaction of Postgres or PGlite is given. Of no use once the work has ended. */
export interface PostgresClient {
  /**
   * Sends one statement. Several at once are sent one after the other, in the order of the calls.
   *
   * @typeParam Row what a row looks like; nobody checks it. Values are those of the driver, pg or PGlite
   * @param values of the parameters `$1`, `$2` …
   * @throws what the driver throws; a statement that failed has spoilt the transaction, unless a savepoint is rolled back to
   * @throws TypeError when the work has ended; for a statement that would begin or end a transaction
   */
  query<Row = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<PostgresResult<Row>>;
}

export interface PostgresResult<Row> {
  readonly rows: Row[];
  /** Rows that were found or written. */
  readonly rowCount: number;
}

/** `new pg.Pool(…)`. */
export interface PgPool {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  readonly options: object;
  on(event: 'acquire', listener: (client: PgClient) => void): unknown;
  connect(): Promise<PgClient>;
  end(): Promise<void>;
}

export interface PgClient {
  on(event: 'error', listener: (error: Error) => void): unknown;
  query(text: string, values?: unknown[]): Promise<{ readonly rows: unknown[] }>;
  release(error?: Error | boolean): void;
}

/** Settings of `pg.Pool`. */
export interface PgPoolConfig {
  readonly user?: string | undefined;
  readonly password?: string | (() => string | Promise<string>) | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly database?: string | undefined;
  readonly connectionString?: string | undefined;
  readonly ssl?: boolean | ConnectionOptions | undefined;
  readonly sslnegotiation?: 'postgres' | 'direct' | undefined;
  readonly enableChannelBinding?: boolean | undefined;
  readonly stream?: () => Duplex | undefined;
  readonly keepAlive?: boolean | undefined;
  readonly keepAliveInitialDelayMillis?: number | undefined;
  readonly connectionTimeoutMillis?: number | undefined;
  readonly query_timeout?: number | undefined;
  readonly statement_timeout?: false | number | undefined;
  readonly lock_timeout?: number | undefined;
  readonly idle_in_transaction_session_timeout?: number | undefined;
  readonly application_name?: string | undefined;
  readonly fallback_application_name?: string | undefined;
  readonly client_encoding?: string | undefined;
  readonly options?: string | undefined;
  readonly max?: number | undefined;
  readonly min?: number | undefined;
  readonly idleTimeoutMillis?: number | null | undefined;
  readonly allowExitOnIdle?: boolean | undefined;
  readonly maxUses?: number | undefined;
  readonly maxLifetimeSeconds?: number | undefined;
}

/** `await PGlite.create(…)`. */
export interface PgliteInstance {
  readonly dataDir?: string | undefined;
  query<Row>(text: string, values?: unknown[]): Promise<{ rows: Row[] }>;
  exec(text: string): Promise<unknown>;
  transaction<T>(work: (transaction: Pick<PgliteInstance, 'query'>) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
