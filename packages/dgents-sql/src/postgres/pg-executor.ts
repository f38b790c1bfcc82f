/** Postgres over the network, through a pool of `pg`. */

import { StorageTimeoutError } from 'dgents-core';
import type pg from 'pg';
import type { Listen } from './ear.js';
import { postgresError, sqlStateOf } from './errors.js';
import type { Executor, Join, Limits, Query, Statement } from './executor.js';
import { type Begun, joined } from './joined.js';
import { lineTo } from './pg-line.js';
import type { PgOptions } from './pg-options.js';
import { endPool, locationOf, openPool, timeoutOf } from './pg-pool.js';
import { leftUntil, Session } from './pg-session.js';

const NOTIFY: Statement = { name: 'dgents_notify', text: 'SELECT pg_notify($1, $2)' };

/** A note that is late is of no use: whoever waits for it has looked by then. */
const NOTIFY_TIMEOUT_MS = 1_000;

export class PgExecutor implements Executor {
  readonly location: string;
  readonly #options: PgOptions;
  readonly #prepare: boolean;
  readonly #timeoutMs: number;
  readonly listen?: Listen;
  #pool: Promise<pg.Pool> | undefined;

  constructor(options: PgOptions) {
    this.#options = options;
    this.#prepare = options.prepare ?? true;
    this.#timeoutMs = timeoutOf(options);
    if (options.listen ?? true) {
      this.listen = (channel, heard, lost) => lineTo(() => this.#connected(), channel, heard, lost);
    }
    this.location = locationOf(options.connectionString);
  }

  async query<Row>(statement: Statement, values: readonly unknown[], limits: Limits = {}): Promise<Row[]> {
    return this.#withSession(limits, (session) => this.#send(session, statement, values));
  }

  transaction<T>(work: (query: Query, join: Join) => Promise<T>, limits: Limits = {}): Promise<T> {
    return this.#withSession(limits, async (session) => {
      await session.send('BEGIN');
      let result: T;
      try {
        result = await work(
          (statement, values) => this.#send(session, statement, values),
          (within) => joined(begunOn(session), within),
        );
      } catch (error) {
        // Of a connection that does not answer nothing more is asked: closing it rolls back.
        if (session.isSound) await session.send('ROLLBACK').catch(() => undefined);
        throw error;
      }
      await session.send('COMMIT');
      return result;
    });
  }

  async notify(channel: string, note: string): Promise<void> {
    try {
      await this.query(NOTIFY, [channel, note], { timeoutMs: NOTIFY_TIMEOUT_MS });
    } catch (error) {
      throw postgresError(error, this.location);
    }
  }

  async close(): Promise<void> {
    const pool = await this.#pool?.catch(() => undefined);
    if (pool !== undefined && pool !== this.#options.pool) await endPool(pool);
  }

  #send<Row>(session: Session, { name, text }: Statement, values: readonly unknown[]): Promise<Row[]> {
    return session.send(text, values, this.#prepare ? name : '');
  }

  /** The wait for a client and what is done with it share a deadline. */
  async #withSession<T>(
    { timeoutMs = this.#timeoutMs, sending }: Limits,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const deadline = performance.now() + timeoutMs;
    const client = await this.#acquire(timeoutMs);
    const session = new Session(client, deadline);
    try {
      sending?.();
      return await work(session);
    } finally {
      client.release(!session.isSound);
    }
  }

  /** @throws StorageTimeoutError or StorageUnavailableError: nothing was sent yet */
  async #acquire(timeoutMs: number): Promise<pg.PoolClient> {
    let timer: NodeJS.Timeout | undefined;
    const connecting = this.#connected().then((pool) => pool.connect());
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => {
          const message = `No connection to ${this.location} was free, or could be made, within ${timeoutMs} ms.`;
          reject(new StorageTimeoutError(message, { timeoutMs }));
        },
        leftUntil(performance.now() + timeoutMs),
      );
    });
    try {
      return await Promise.race([connecting, late]);
    } catch (error) {
      // One that comes too late goes back to the pool.
      connecting.then((client) => client.release()).catch(() => undefined);
      throw isConnectTimeout(error)
        ? new StorageTimeoutError(`${this.location} did not answer in time.`, { timeoutMs, cause: error })
        : postgresError(error, this.location);
    } finally {
      clearTimeout(timer);
    }
  }

  #connected(): Promise<pg.Pool> {
    this.#pool ??= openPool(this.#options);
    return this.#pool;
  }
}

function begunOn(session: Session): Begun {
  return {
    // One statement each, whether it has values or not.
    query: (text, values) => session.ask(text, values, { queryMode: 'extended' }),
    exec: (text) => session.send(text),
    leftMs: session.leftMs,
    giveUp: () => session.giveUp(),
  };
}

function isConnectTimeout(error: unknown): boolean {
  const isOfDriver = error instanceof Error && !('retryable' in error) && sqlStateOf(error) === '';
  return isOfDriver && /timeout/i.test(error.message);
}
