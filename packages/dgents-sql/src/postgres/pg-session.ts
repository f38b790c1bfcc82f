/** One client of a pool, for one call: bounded by its deadline. */
import type pg from 'pg';
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

  /** @param name under which the server keeps the plan, if it may */
  async send<Row>(text: string, values: readonly unknown[] = [], name?: string): Promise<Row[]> {
    const config = {
      text,
      values: values as unknown[],
      query_timeout: leftUntil(this.#deadline),
      ...(name && { name }),
    };
    try {
      const { rows } = await this.#client.query(config as pg.QueryConfig);
      return rows as Row[];
    } catch (error) {
      if (!serverRefused(error)) this.#sound = false;
      throw error;
    }
  }
}
