/** One reader's way through the feed: where it is, and what comes next. */
import type { FeedEntry, Position } from 'dgents-core';
import { keyOfText } from '../shared/key-text.js';
import { KINDS, recordOfRow, type StoredRow } from '../shared/rows.js';
import type { Executor, Limits } from './executor.js';
import type { Statements } from './statements.js';

type FeedRow = StoredRow & { key: string; transaction: string; sequence: string };

const PAGE = 64;

export class FeedReader {
  readonly #executor: Executor;
  readonly #sql: Statements;
  readonly #after: Position | undefined;
  #last: readonly [transaction: string, sequence: string] | undefined;

  constructor(executor: Executor, sql: Statements, after: Position | undefined) {
    this.#executor = executor;
    this.#sql = sql;
    this.#after = after;
  }

  /** @throws RangeError at a position that this store has not issued */
  async next(storeId: string, limits: Limits): Promise<FeedEntry[]> {
    this.#last ??= await this.#begin(storeId, limits);
    const { location } = this.#executor;
    const rows = await this.#executor.query<FeedRow>(this.#sql.feed, [...this.#last, PAGE], limits);
    return rows.map((row): FeedEntry => {
      this.#last = [row.transaction, row.sequence];
      const key = keyOfText(row.key);
      const position = `${storeId}.${row.transaction}.${row.sequence}`;
      if (row.kind === KINDS.base) return { position, key, trimmed: { from: 1, to: Number(row.version) } };
      return { position, key, record: recordOfRow(row, { key, location }) };
    });
  }

  async #begin(storeId: string, limits: Limits): Promise<readonly [string, string]> {
    if (this.#after === undefined) return ['0', '0'];
    const [store, transaction = '', sequence = '', ...more] = this.#after.split('.');
    const [horizon] = await this.#executor.query<{ xmax: string }>(this.#sql.horizon, [], limits);
    const isOurs =
      store === storeId && more.length === 0 && /^\d{1,18}$/.test(transaction) && /^\d{1,18}$/.test(sequence);
    if (isOurs && BigInt(transaction) < BigInt(horizon?.xmax ?? 0)) return [transaction, sequence];
    throw new RangeError(`this store has not issued the feed position ${JSON.stringify(this.#after)}`);
  }
}
