/**
 * Reads stretches of logs from a copy of the database that may be behind.
 *
 * A copy shows what the primary was at some moment before. So a page of it is what the primary would give now if
 *
 *     its newest record of this log   is still part of the log: same id at the same version (it was not begun anew)
 *     its floor                       is the floor: what was trimmed away or erased since is not shown
 *     that record                     is not before the last version that was asked for, or the head
 *
 * The primary is asked about that after each page, in one look at one row; the page itself weighs nothing there. Where
 * it says no, or the copy fails, the page is read from the primary.
 */
import { keyOfText, textOfKey } from '../shared/key-text.js';
import type { Executor, Limits } from './executor.js';
import type { PgOptions } from './pg-options.js';
import type { Page, Stretch } from './ranges.js';
import { Reading } from './reading.js';
import type { HeadColumns, Statements } from './statements.js';

export interface ReplicaOptions
  extends Pick<PgOptions, 'connectionString' | 'pool' | 'poolOptions' | 'prepare' | 'serverTimeouts'> {
  /** Is told why the copy could not be read; whoever asked has been answered by the primary. Must not throw. */
  readonly onError?: (error: unknown) => void;
}

/** A copy that does not answer must not use up the time of the call: at most this, and half of what is left. */
const TIMEOUT_MS = 2_000;

/** One that has failed is left alone for a while. */
const REST_MS = 5_000;

export class Replica {
  readonly #copy: Executor;
  readonly #primary: Executor;
  readonly #sql: Statements;
  readonly #onError: (error: unknown) => void;
  #restUntil = 0;

  constructor(copy: Executor, primary: Executor, sql: Statements, onError: (error: unknown) => void) {
    this.#copy = copy;
    this.#primary = primary;
    this.#sql = sql;
    this.#onError = onError;
  }

  async range(key: string, stretch: Stretch, { timeoutMs }: Limits): Promise<Page | undefined> {
    const deadline = performance.now() + (timeoutMs ?? Number.POSITIVE_INFINITY);
    const left = () =>
      timeoutMs === undefined ? {} : { timeoutMs: Math.max(1, deadline - performance.now()) };
    const page = await this.#page(key, stretch, timeoutMs);
    if (page !== undefined && (await this.#isCurrent(key, page, stretch, left()))) return page;
    return new Reading(this.#primary, this.#sql).range(key, stretch, left());
  }

  close(): Promise<void> {
    return this.#copy.close();
  }

  async #page(
    key: string,
    stretch: Stretch,
    timeoutMs = Number.POSITIVE_INFINITY,
  ): Promise<Page | undefined> {
    if (performance.now() < this.#restUntil) return undefined;
    try {
      const limits = { timeoutMs: Math.min(TIMEOUT_MS, timeoutMs / 2) };
      return await new Reading(this.#copy, this.#sql).range(key, stretch, limits);
    } catch (error) {
      // Whatever it is, the primary knows better: it is asked next.
      this.#restUntil = performance.now() + REST_MS;
      this.#onError(error);
      return undefined;
    }
  }

  async #isCurrent(key: string, page: Page, { to }: Stretch, limits: Limits): Promise<boolean> {
    const { version, id } = page.head;
    const [row] = await this.#primary.query<HeadColumns & { alive: boolean; first_id: string | null }>(
      this.#sql.answer,
      [textOfKey(key), version, version],
      limits,
    );
    if (!row?.alive || row.first_id === null || row.floor !== page.floor) return false;
    return keyOfText(row.first_id) === id && Math.min(to, row.head_version) <= version;
  }
}
