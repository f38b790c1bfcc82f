/** One client of a pool, for one call: bounded by its deadline. */
import type pg from 'pg';
import type { PostgresResult } from '../drivers.js';
import { serverRefused } from './errors.js';

/** Timers wait no longer: what is more would be over at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** What is left until a deadline, as timers take it. */
export function leftUntil(deadline: number): number {
  return Math.min(LONGEST_MS, Math.max(1, deadline - performance.now()));
}

export class Session {
  readonly #client: pg.ClientBase;
  readonly #deadline: number;
  #sound = true;

  /** @param deadline in the time of `performance.now()` */
  constructor(client: pg.ClientBase, deadline: number) {
    this.#client = client;
    this.#deadline = deadline;
  }

  /** Whether the server still answers. If not, it is not known what it is doing: the connection is of no use any more. */
  get isSound(): boolean {
    return this.#sound;
  }

  /** What is left until the deadline, as timers take it. */
  get leftMs(): number {
    return leftUntil(this.#deadline);
  }

  /** What is under way is waited for no longer, and the connection is of no use any more. */
  giveUp(): void {
    this.#sound = false;
  }

  /** @param name under which the server keeps the plan, if it may */
  async send<Row>(text: string, values: readonly unknown[] = [], name?: string): Promise<Row[]> {
    return (await this.ask<Row>(text, values, name && { name })).rows;
  }

  /** The same with the count of rows. @param more settings of the driver for this statement */
  async ask<Row>(
    text: string,
    values: readonly unknown[],
    more?: { readonly name?: string; readonly queryMode?: 'extended' } | '',
  ): Promise<PostgresResult<Row>> {
    const config = { text, values: values as unknown[], query_timeout: this.leftMs, ...(more || undefined) };
    try {
      const { rows, rowCount } = await this.#client.query(config as pg.QueryConfig);
      return { rows: rows as Row[], rowCount: rowCount ?? 0 };
    } catch (error) {
      if (!serverRefused(error)) this.#sound = false;
      throw error;
    }
  }
}
