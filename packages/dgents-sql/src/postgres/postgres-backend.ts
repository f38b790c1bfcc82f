import type { BackendCallOptions, BackendCapabilities } from 'dgents-core';
import { durabilityOf } from './durability.js';
import { type FeedHolder, type FeedLag, feedLag } from './feed-lag.js';
import { OnPostgres, type TableOptions } from './on-postgres.js';
import { PgExecutor } from './pg-executor.js';
import type { PgOptions } from './pg-options.js';
import { PgliteExecutor, type PgliteOptions } from './pglite-executor.js';
import type { ReplicaOptions } from './replica.js';

export type { FeedHolder, FeedLag, ReplicaOptions, TableOptions };

export interface PostgresBackendOptions extends PgOptions, TableOptions {
  /**
   * A copy of the database, such as a streaming replica, that stretches of logs are read from: `range`, and what rests on
   * it (`history`, `timeline`). It may be behind: the primary confirms each page, in one look at one row, or gives
   * it where the copy has not got it yet, fails, or does not answer within two seconds. Heads, loads and commits never
   * use it. Every page costs a round trip to each of them, so it saves the primary work, not the reader time.
   */
  readonly replica?: ReplicaOptions;
}

export interface PgliteBackendOptions extends PgliteOptions, TableOptions {}

/** A Postgres server, through a pool of `pg`. */
export class PostgresBackend extends OnPostgres {
  readonly name = 'postgres';

  constructor(options: PostgresBackendOptions) {
    checkAddress(options);
    const claimed = { durability: 'unknown', sharing: 'network' } as const;
    super(new PgExecutor(options), options, claimed, options.replica && copyOf(options.replica));
  }

  /** Sets up, and asks the server what a commit survives there: until then that is `unknown`. */
  override async ready(options: BackendCallOptions = {}): Promise<BackendCapabilities> {
    if (this.capabilities.durability === 'unknown') {
      const durability = await this.ask(options, durabilityOf);
      this.capabilities = { ...this.capabilities, durability };
    }
    return super.ready(options);
  }

  /**
   * How far the feed is behind what is committed, and which transactions hold it back. The feed never skips a record, so
   * it waits for every transaction of the server that has written and is still open, in whatever database: one that was
   * forgotten stops it for good. Ask now and then, and end such a one with `pg_terminate_backend`.
   *
   * The user needs `pg_read_all_stats` to see since when those of other users are open.
   */
  feedLag(options: BackendCallOptions = {}): Promise<FeedLag> {
    return this.ask(options, feedLag);
  }
}

/**
 * A Postgres within this process (PGlite), in memory or in a directory. What was acknowledged there survives a kill of
 * the process; it runs without fsync, so nothing is promised over a power cut. One process at a time may open a
 * directory; the next one is refused.
 */
export class PgliteBackend extends OnPostgres {
  readonly name = 'pglite';

  constructor(options: PgliteBackendOptions = {}) {
    const directory = options.dataDir ?? options.pglite?.dataDir;
    const inMemory = directory === undefined || directory === '' || directory.startsWith('memory:');
    // Of one that was handed in it is not known how it was opened.
    const durability = inMemory ? 'none' : options.pglite === undefined ? 'process' : 'unknown';
    super(new PgliteExecutor(options), options, { durability, sharing: 'process' });
  }
}

/** @throws TypeError where it says nothing of where to connect */
function checkAddress({ connectionString, pool, poolOptions }: PgOptions): void {
  if (connectionString !== undefined || pool !== undefined || poolOptions !== undefined) return;
  throw new TypeError('Which database? Give { connectionString }, { pool } or { poolOptions }.');
}

function copyOf({ onError = () => undefined, ...options }: ReplicaOptions) {
  checkAddress(options);
  return { executor: new PgExecutor({ ...options, listen: false }), onError };
}
