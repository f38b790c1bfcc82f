/** One log in Postgres: a read is one statement, and so one moment. */
import {
  type Head,
  LogCompactedError,
  type LogRecord,
  type LogTail,
  type ReadOptions,
  StateCorruptionError,
  type Version,
} from 'dgents-core';
import { keyOfText, textOfKey } from '../shared/key-text.js';
import { KINDS, pointOfRow, ROW_KINDS, recordOfRow, type StoredRow } from '../shared/rows.js';
import type { Executor, Limits, Statement } from './executor.js';
import type { Page, Stretch } from './ranges.js';
import type { HeadColumns, Statements } from './statements.js';

/** No log is as long. */
const FOR_EVER = Number.MAX_SAFE_INTEGER;

export function headOfColumns({ head_version, head_id, head_at, deleted }: HeadColumns): Head {
  return Object.freeze({ version: head_version, id: keyOfText(head_id), at: head_at, deleted });
}

/** What was read of a log at one moment. */
interface Log {
  readonly head: Head;
  readonly floor: Version;
  readonly rows: readonly StoredRow[];
}

export class Reading {
  readonly #executor: Executor;
  readonly #sql: Statements;

  constructor(executor: Executor, sql: Statements) {
    this.#executor = executor;
    this.#sql = sql;
  }

  async read(key: string, options: ReadOptions, limits: Limits): Promise<LogTail> {
    const known = options.after && (await this.#after(key, options.after, options, limits));
    return known ?? this.#whole(key, options, limits);
  }

  /** A page of a range, and the oldest record that is kept; nothing where there is no log. */
  async range(key: string, { from, to, limit, reverse }: Stretch, limits: Limits): Promise<Page | undefined> {
    const statement = reverse ? this.#sql.rangeBack : this.#sql.range;
    const log = await this.#log(statement, [textOfKey(key), from, bounded(to), limit], limits);
    return log && { head: log.head, floor: log.floor, records: this.#records(key, log.rows) };
  }

  async head(key: string, limits: Limits): Promise<Head | undefined> {
    const [row] = await this.#executor.query<HeadColumns>(this.#sql.head, [textOfKey(key)], limits);
    return row && headOfColumns(row);
  }

  /** What follows a head, if the log still has it. */
  async #after(
    key: string,
    after: Head,
    { at, limit }: ReadOptions,
    limits: Limits,
  ): Promise<LogTail | undefined> {
    const values = [textOfKey(key), after.version, bounded(at), bounded(limit, 2)];
    const log = await this.#log(this.#sql.after, values, limits);
    if (log === undefined) return { head: null, floor: 0, since: 'diverged', records: [], more: false };
    const { head, floor, rows } = log;
    const [own, ...rest] = rows;
    if (own === undefined || Number(own.version) !== after.version || keyOfText(own.id) !== after.id)
      return undefined;
    const end = Math.min(at ?? head.version, head.version);
    return { head, floor, since: 'same', ...this.#page(key, rest, after.version + 1, end, limit) };
  }

  async #whole(key: string, { after, at, limit }: ReadOptions, limits: Limits): Promise<LogTail> {
    const statement = at === undefined ? this.#sql.whole : this.#sql.wholeAt;
    const values = [textOfKey(key), bounded(limit, 2), ...(at === undefined ? [] : [bounded(at)])];
    const log = await this.#log(statement, values, limits);
    if (log === undefined) {
      return { head: null, floor: 0, since: after ? 'diverged' : 'same', records: [], more: false };
    }
    const { head, floor, rows } = log;
    const since = after === undefined ? 'same' : after.version < floor ? 'trimmed' : 'diverged';
    const end = Math.min(at ?? head.version, head.version);
    if (end < floor) {
      throw new LogCompactedError(`version ${end} is no longer kept: the oldest one is ${floor}`, {
        key,
        floor,
      });
    }
    const [first, ...rest] = rows;
    if (first === undefined) throw this.#missing(key, end);
    if (first.kind !== ROW_KINDS.checkpoint && first.kind !== KINDS.base) {
      return { head, floor, since, ...this.#page(key, rows, Number(first.version), end, limit) };
    }
    const start = pointOfRow(first, { key, location: this.#executor.location });
    // The record of that version may be there too.
    const following = Number(rest[0]?.version) === start.version ? rest.slice(1) : rest;
    const page = this.#page(key, following, start.version + 1, end, limit);
    if (first.kind === KINDS.base) return { head, floor, since, base: start, ...page };
    return { head, floor, since, checkpoint: start, ...page };
  }

  /** The head, which comes first, and the rows after it. */
  async #log(statement: Statement, values: readonly unknown[], limits: Limits): Promise<Log | undefined> {
    const [first, ...rows] = await this.#executor.query<StoredRow>(statement, values, limits);
    if (first === undefined) return undefined;
    const { version, id, at, schema, meta } = first;
    const head = Object.freeze({ version: Number(version), id: keyOfText(id), at, deleted: meta !== null });
    return { head, floor: Number(schema), rows };
  }

  #page(
    key: string,
    rows: readonly StoredRow[],
    from: Version,
    end: Version,
    limit = Number.POSITIVE_INFINITY,
  ): Pick<LogTail, 'records' | 'more'> {
    const count = Math.max(0, Math.min(limit, end - from + 1));
    const records = this.#records(key, rows.slice(0, count));
    for (let i = 0; i < count; i++) if (records[i]?.version !== from + i) throw this.#missing(key, from + i);
    return { records, more: from + count - 1 < end };
  }

  #records(key: string, rows: readonly StoredRow[]): LogRecord[] {
    const where = { key, location: this.#executor.location };
    return Array.from(rows, (row) => recordOfRow(row, where));
  }

  #missing(key: string, version: Version): StateCorruptionError {
    const { location } = this.#executor;
    return new StateCorruptionError(`Version ${version} of ${JSON.stringify(key)} is missing.`, {
      key,
      location,
    });
  }
}

/** As a parameter: int8 knows no infinity. */
function bounded(count: number | undefined, more = 0): number {
  return count === undefined ? FOR_EVER : Math.min(count + more, FOR_EVER);
}
