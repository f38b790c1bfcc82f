/** Where a Postgres is, and how it is talked to. */
import type { PgPool, PgPoolConfig } from '../drivers.js';

export interface PgOptions {
  /** `postgres://user:password@host:5432/database?sslmode=…`. Not with `pool`. */
  readonly connectionString?: string;
  /** A pool that stays yours: it is not ended here. Give it an `error` listener. */
  readonly pool?: PgPool;
  /** Settings of `pg.Pool`, TLS (`ssl`) among them; they come before ours. */
  readonly poolOptions?: PgPoolConfig;
  /** Name statements, so that the server plans them once (default). `false` for poolers that cannot keep them. */
  readonly prepare?: boolean;
  /**
   * How long a call may take that says nothing else, in milliseconds, the wait for a free connection included; 30,000
   * unless told. A call that takes longer rejects with `StorageTimeoutError`, or with `OutcomeUnknownError` where it may
   * have been carried out, and its connection is closed.
   */
  readonly timeoutMs?: number;
  /**
   * Have the server give up too (default): connections that we open set its `statement_timeout` to `timeoutMs`, its
   * `lock_timeout` to four fifths of that, and its `idle_in_transaction_session_timeout` to a minute. They are settings
   * of the session, sent as it starts; `false` for poolers that refuse them. Calls keep to their deadlines either way.
   */
  readonly serverTimeouts?: boolean;
  /**
   * Hear at once what other processes write, through LISTEN on a connection of its own, which is open while there is a
   * watch or a feed (default). `false` where that cannot be, as behind a pooler in transaction mode: then they look
   * every `pollMs`. Others are told either way.
   */
  readonly listen?: boolean;
}
