/** Postgres within this process: PGlite, one connection, everything after one another. */

import { dirname, resolve } from 'node:path';
import type { PGlite, Transaction } from '@electric-sql/pglite';
import { lockExclusively, makeDirectory, StorageUnavailableError, UnsupportedError } from 'dgents-core';
import type { PgliteInstance } from '../drivers.js';
import { sqlStateOf } from './errors.js';
import type { Executor, Join, Limits, Query, Routine, Statement } from './executor.js';
import { type Begun, joined } from './joined.js';
import { leftUntil } from './pg-session.js';

/** SQLSTATE of a function that is not there. */
const UNDEFINED_FUNCTION = '42883';

export interface PgliteOptions {
  /** A directory, made where there is none, or `memory://`. Not with `pglite`. */
  readonly dataDir?: string;
  /** One that stays yours: it is not closed here. */
  readonly pglite?: PgliteInstance;
}

export class PgliteExecutor implements Executor {
  readonly location: string;
  readonly #options: PgliteOptions;
  #opening: Promise<PGlite> | undefined;
  /** Lets others open the directory. */
  #unlock: (() => void) | undefined;
  /** By the name of their statement: functions that were made in this session. */
  readonly #routines = new Map<string, Promise<unknown>>();

  constructor(options: PgliteOptions) {
    this.#options = options;
    this.location = `the PGlite of ${options.dataDir ?? options.pglite?.dataDir ?? 'this process'}`;
  }

  async query<Row>(
    statement: Statement,
    values: readonly unknown[],
    { sending }: Limits = {},
  ): Promise<Row[]> {
    const pglite = await this.#open();
    const { name, text, routine } = statement;
    if (routine !== undefined) await this.#routine(pglite, name, routine);
    sending?.();
    try {
      if (routine === undefined) return rowsOf(await pglite.query<Row>(text, values as unknown[]));
      const called = await pglite.query<{ key: string | null } & Row>(
        callOf(name, routine),
        values as unknown[],
      );
      return rowsOf(called).filter(({ key }) => key !== null);
    } catch (error) {
      if (routine === undefined || sqlStateOf(error) !== UNDEFINED_FUNCTION) throw error;
      // Somebody has discarded what the session had made; nothing has happened yet.
      this.#routines.delete(name);
      return rowsOf(await pglite.query<Row>(text, values as unknown[]));
    }
  }

  /** PGlite plans every statement anew, which takes longer than to run it; of functions it keeps the plans. */
  #routine(pglite: PGlite, name: string, { types, body }: Routine): Promise<unknown> {
    const known = this.#routines.get(name);
    if (known !== undefined) return known;
    const head = `CREATE OR REPLACE FUNCTION pg_temp."${name}"(${types.join(', ')}) RETURNS text LANGUAGE plpgsql`;
    const made = pglite.exec(`${head} AS $routine$ BEGIN ${body} RETURN NULL; END $routine$`);
    this.#routines.set(name, made);
    made.catch(() => this.#routines.delete(name));
    return made;
  }

  async transaction<T>(
    work: (query: Query, join: Join) => Promise<T>,
    { sending, timeoutMs }: Limits = {},
  ): Promise<T> {
    const deadline = performance.now() + (timeoutMs ?? Number.POSITIVE_INFINITY);
    const pglite = await this.#open();
    sending?.();
    return pglite.transaction((transaction: Transaction) =>
      work(
        async <Row>({ text }: Statement, values: readonly unknown[]) =>
          rowsOf(await transaction.query<Row>(text, values as unknown[])),
        (within) => joined(begunIn(transaction, deadline), within),
      ),
    ) as Promise<T>;
  }

  async close(): Promise<void> {
    const opened = await this.#opening?.catch(() => undefined);
    if (opened !== undefined && opened !== this.#options.pglite) await opened.close();
    this.#unlock?.();
  }

  async #open(): Promise<PGlite> {
    this.#opening ??= this.#begin();
    const opening = this.#opening;
    try {
      return await opening;
    } catch (error) {
      if (this.#opening === opening) this.#opening = undefined;
      throw error;
    }
  }

  async #begin(): Promise<PGlite> {
    if (this.#options.pglite !== undefined) return this.#options.pglite as PGlite;
    const { PGlite } = await driver();
    const { dataDir = 'memory://' } = this.#options;
    if (/^[a-z-]+:\/\//.test(dataDir)) return PGlite.create(dataDir);
    await this.#lock(resolve(dataDir));
    try {
      return await PGlite.create(dataDir);
    } catch (cause) {
      this.#unlock?.();
      throw new StorageUnavailableError(
        `${this.location} does not open: no directory of PGlite, or one of another version, or damaged.`,
        { cause },
      );
    }
  }

  /** PGlite itself lets several in, and what one of them has saved is gone when another one saves. */
  async #lock(directory: string): Promise<void> {
    await makeDirectory(dirname(directory));
    this.#unlock = await lockExclusively(`${directory}.lock`);
    if (this.#unlock !== undefined) return;
    throw new StorageUnavailableError(
      `${this.location} is open already, here or in another process. One at a time may use it: share the backend, or close the other.`,
    );
  }
}

async function driver(): Promise<typeof import('@electric-sql/pglite')> {
  try {
    return await import('@electric-sql/pglite');
  } catch (cause) {
    throw new UnsupportedError('Embedded Postgres needs its package: npm install @electric-sql/pglite', {
      cause,
    });
  }
}

function begunIn(transaction: Transaction, deadline: number): Begun {
  return {
    query: async (text, values) => {
      const found = await transaction.query(text, values as unknown[]);
      return { rows: rowsOf(found), rowCount: found.affectedRows || found.rows.length };
    },
    exec: (text) => transaction.exec(text),
    leftMs: Number.isFinite(deadline) ? leftUntil(deadline) : undefined,
  };
}

function callOf(name: string, { types }: Routine): string {
  return `SELECT pg_temp."${name}"(${types.map((type, i) => `$${i + 1}::${type}`).join(', ')}) AS key`;
}

/** Arrays and objects of this realm. */
function rowsOf<Row>({ rows }: { rows: Row[] }): Row[] {
  return Array.from(rows);
}
