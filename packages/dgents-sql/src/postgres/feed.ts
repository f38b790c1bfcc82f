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
  readonly #follow: boolean;
  #last: readonly [transaction: string, sequence: string] | undefined;
  /** The first transaction that had not begun when the reader did. */
  #end = 0n;
  /** Whether everything was given that was committed when the reader began; never where it follows. */
  isOver = false;

  constructor(executor: Executor, sql: Statements, after: Position | undefined, follow = true) {
    this.#executor = executor;
    this.#sql = sql;
    this.#after = after;
    this.#follow = follow;
  }

  /** @throws RangeError at a position that this store has not issued */
  async next(storeId: string, limits: Limits): Promise<FeedEntry[]> {
    this.#last ??= await this.#begin(storeId, limits);
    const entries = await this.#page(this.#last, storeId, limits);
    if (this.#follow || entries.length > 0) return entries;
    // What was committed has to wait for older transactions that are still open. Once they are over, all of it is there.
    const { xmin } = await this.#horizon(limits);
    if (xmin < this.#end) return entries;
    const rest = await this.#page(this.#last, storeId, limits);
    this.isOver = rest.length === 0;
    return rest;
  }

  async #page(
    last: readonly [transaction: string, sequence: string],
    storeId: string,
    limits: Limits,
  ): Promise<FeedEntry[]> {
    const { location } = this.#executor;
    const rows = await this.#executor.query<FeedRow>(this.#sql.feed, [...last, PAGE], limits);
    return rows.map((row): FeedEntry => {
      this.#last = [row.transaction, row.sequence];
      const key = keyOfText(row.key);
      const position = `${storeId}.${row.transaction}.${row.sequence}`;
      if (row.kind === KINDS.base) return { position, key, trimmed: { from: 1, to: Number(row.version) } };
      return { position, key, record: recordOfRow(row, { key, location }) };
    });
  }

  async #begin(storeId: string, limits: Limits): Promise<readonly [string, string]> {
    if (this.#after === undefined && this.#follow) return ['0', '0'];
    const { xmax } = await this.#horizon(limits);
    this.#end = xmax;
    if (this.#after === undefined) return ['0', '0'];
    const [store, transaction = '', sequence = '', ...more] = this.#after.split('.');
    const isOurs =
      store === storeId && more.length === 0 && /^\d{1,18}$/.test(transaction) && /^\d{1,18}$/.test(sequence);
    if (isOurs && BigInt(transaction) < xmax) return [transaction, sequence];
    throw new RangeError(`this store has not issued the feed position ${JSON.stringify(this.#after)}`);
  }

  async #horizon(limits: Limits): Promise<{ xmin: bigint; xmax: bigint }> {
    const [row] = await this.#executor.query<{ xmin: string; xmax: string }>(this.#sql.horizon, [], limits);
    return { xmin: BigInt(row?.xmin ?? 0), xmax: BigInt(row?.xmax ?? 0) };
  }
}
