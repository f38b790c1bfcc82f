/** One reader's way through the feed: where it is, and what comes next. */
import type { FeedEntry, Position } from 'dgents-core';
import { keyOfText } from '../shared/key-text.js';
import { KINDS, recordOfRow } from '../shared/rows.js';
import type { Statements } from './statements.js';

const PAGE = 64;

/** What of an open database a reader needs. */
export interface Feedable {
  readonly sql: Statements;
  readonly storeId: string;
}

export class FeedReader {
  readonly #log: string;
  readonly #location: string;
  readonly #after: Position | undefined;
  #last: number | undefined;

  /** @param log the name of its table, without quotes */
  constructor(log: string, location: string, after: Position | undefined) {
    this.#log = log;
    this.#location = location;
    this.#after = after;
  }

  /** @throws RangeError at a position that this store has not issued */
  next(open: Feedable): FeedEntry[] {
    this.#last ??= this.#begin(open);
    return Array.from(open.sql.feed.all(this.#last, Date.now(), PAGE), (row): FeedEntry => {
      this.#last = row.seq;
      const key = keyOfText(row.key);
      const position = `${open.storeId}.${row.seq}`;
      if (row.kind === KINDS.base) return { position, key, trimmed: { from: 1, to: Number(row.version) } };
      return { position, key, record: recordOfRow(row, { key, location: this.#location }) };
    });
  }

  #begin({ sql, storeId }: Feedable): number {
    if (this.#after === undefined) return 0;
    const [store, digits = ''] = this.#after.split('.');
    const sequence = Number(digits);
    const last = sql.lastSequence.get(this.#log)?.seq ?? 0;
    if (store === storeId && /^\d+$/.test(digits) && sequence <= last) return sequence;
    throw new RangeError(`this store has not issued the feed position ${JSON.stringify(this.#after)}`);
  }
}
