/** The connections to a Postgres: a pool of `pg`, opened when it is first needed. */
import { Socket } from 'node:net';
import { StorageUnavailableError, UnsupportedError } from 'dgents-core';
import type pg from 'pg';
import type { PgOptions } from './pg-options.js';

/** Longer than any commit should take, and short enough that a server that never answers is noticed. */
const DEFAULT_TIMEOUT_MS = 30_000;

/** Of a writer that died without a word, or stands at a breakpoint: until then its locks are held, and the feed. */
const IDLE_IN_TRANSACTION_MS = 60_000;

/** @throws RangeError unless it is greater than 0 */
export function timeoutOf({ timeoutMs = DEFAULT_TIMEOUT_MS }: PgOptions): number {
  if (timeoutMs > 0) return timeoutMs;
  throw new RangeError(`timeoutMs is greater than 0, not ${timeoutMs}.`);
}

/** How long a connection is given to come to its end. */
const FAREWELL_MS = 300;

/** The connections of pools that were opened here, from before the handshake on. */
const sockets = new WeakMap<pg.Pool, Set<Socket>>();

export async function openPool(options: PgOptions): Promise<pg.Pool> {
  const { pool, connectionString, poolOptions, serverTimeouts = true } = options;
  // Theirs is what the types of the driver say of it; ours only what has to be there.
  if (pool !== undefined) return guarded(pool as pg.Pool);
  const Pool = await driver();
  const open = new Set<Socket>();
  const made = new Pool({
    max: 8,
    stream: () => {
      const socket = new Socket();
      open.add(socket);
      return socket.once('close', () => open.delete(socket));
    },
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    allowExitOnIdle: true,
    ...(serverTimeouts && settingsOf(timeoutOf(options))),
    ...(connectionString !== undefined && { connectionString }),
    ...poolOptions,
  });
  // An idle connection that fails is replaced by the pool; without a listener the process would end.
  made.on('error', () => undefined);
  sockets.set(made, open);
  return guarded(made);
}

/** Clients and pools that have their listener. */
const heeded = new WeakSet<object>();

/**
 * A client that loses its connection while it is checked out ends the process, unless somebody listens. That may be
 * right after it is handed out, before whoever asked for it has it: so it is done by the pool, and what is under way on
 * it fails all the same.
 */
function guarded(pool: pg.Pool): pg.Pool {
  if (heeded.has(pool)) return pool;
  heeded.add(pool);
  return pool.on('acquire', (client) => {
    if (heeded.has(client)) return;
    heeded.add(client);
    client.on('error', () => undefined);
  });
}

/**
 * Ends a pool that was opened here, once nobody waits for anything any more. A server that does not answer holds nobody
 * up: the pool itself would wait for its handshakes.
 */
export async function endPool(pool: pg.Pool): Promise<void> {
  const cut = setTimeout(() => {
    for (const socket of sockets.get(pool) ?? []) socket.destroy();
  }, FAREWELL_MS);
  await pool.end();
  clearTimeout(cut);
}

function settingsOf(timeoutMs: number): pg.PoolConfig {
  const idle = { idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS };
  // The server knows no infinity, and no more than 24 days.
  if (timeoutMs > 2 ** 31 - 1) return idle;
  const statement_timeout = Math.ceil(timeoutMs);
  // A statement that waits for a lock says so, rather than that it was slow.
  return { ...idle, statement_timeout, lock_timeout: Math.ceil(timeoutMs * 0.8) };
}

async function driver(): Promise<typeof pg.Pool> {
  try {
    const loaded = await import('pg');
    return (loaded.default ?? loaded).Pool;
  } catch (cause) {
    throw new UnsupportedError('Postgres needs its driver: npm install pg', { cause });
  }
}

/** Host and database, and nothing that is secret. */
export function locationOf(connectionString: string | undefined): string {
  if (connectionString === undefined) return 'the Postgres of the given pool';
  try {
    const { hostname, port, pathname } = new URL(connectionString);
    return `postgres://${hostname || 'localhost'}${port && `:${port}`}${pathname}`;
  } catch {
    throw new StorageUnavailableError(
      'The connection string is no URL such as postgres://user@host/database.',
    );
  }
}
