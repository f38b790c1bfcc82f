/** One log in an SQLite database, as it is at this moment. All of it is synchronous. */
import {
  type Append,
  type Checkpoint,
  type Head,
  headOf,
  LogCompactedError,
  type LogRecord,
  type LogTail,
  type RangeOptions,
  type ReadOptions,
  StateCorruptionError,
  type StoredState,
  type Version,
} from 'dgents-core';
import { mostCrowded } from '../shared/crowded.js';
import { keyOfText, textOfKey } from '../shared/key-text.js';
import {
  type HeadRow,
  headOfRow,
  KINDS,
  kindOf,
  pointOfRow,
  recordOfRow,
  schemaOf,
  type Values,
  valuesOf,
} from '../shared/rows.js';
import type { Statements } from './statements.js';

/** Enough to reach any old version in an eighth of the log; each may hold a whole state. */
const MAX_CHECKPOINTS = 8;

/** An append whose texts were made before the transaction began: that may run the writer's code. */
export interface Draft extends Append {
  readonly values: readonly Values[];
}

export function draftOf(append: Append): Draft {
  return { ...append, values: append.records.map(valuesOf) };
}

export class SqliteLog {
  readonly key: string;
  readonly head: Head;
  readonly floor: Version;
  readonly #start: Version;
  readonly #expires: number | null;
  readonly #text: string;
  readonly #sql: Statements;
  readonly #location: string;

  private constructor(key: string, text: string, row: HeadRow, sql: Statements, location: string) {
    this.key = key;
    this.#text = text;
    this.head = headOfRow(row);
    this.floor = row.floor;
    this.#start = row.start;
    this.#expires = row.expires_at;
    this.#sql = sql;
    this.#location = location;
  }

  /** Undefined where there is none, or its time has run out. */
  static find(key: string, sql: Statements, location: string, now = Date.now()): SqliteLog | undefined {
    const text = textOfKey(key);
    const row = sql.head.get(text);
    if (row === undefined || row.version === 0) return undefined;
    if (row.expires_at !== null && row.expires_at <= now) return undefined;
    return new SqliteLog(key, text, row, sql, location);
  }

  /**
   * Writes an append if the head is the expected one, which takes one statement less than looking first. Returns the new
   * head; undefined where it is not, or where there was nothing: then somebody has to look.
   */
  static follow(draft: Draft, sql: Statements, now = Date.now()): Head | undefined {
    const { expected, records, ttlMs, keepTtl } = draft;
    if (expected === null || keepTtl === true) return undefined;
    const text = textOfKey(draft.key);
    const { version, id, at, deleted } = headOf(records[records.length - 1]!);
    const expires = ttlMs === undefined ? null : now + ttlMs;
    const before = [text, expected.version, textOfKey(expected.id), now] as const;
    const moved = sql.moveHead.run(
      ...[version, textOfKey(id), at, deleted ? 1 : 0, startIn(records, 0), expires],
      ...before,
    );
    return moved.changes === 0 ? undefined : SqliteLog.#write(text, draft, sql);
  }

  /** Writes an append that follows the head; without a log it begins one. Returns the new head. */
  static append(log: SqliteLog | undefined, draft: Draft, sql: Statements, now = Date.now()): Head {
    const { key, records, ttlMs, keepTtl } = draft;
    const text = textOfKey(key);
    // One whose time has run out may still be there.
    if (log === undefined && sql.head.get(text) !== undefined) SqliteLog.erase(text, sql);
    const { version, id, at, deleted } = headOf(records[records.length - 1]!);
    const start = startIn(records, log === undefined ? 1 : 0);
    const kept = keepTtl === true && log !== undefined ? log.#expires : null;
    const expires = ttlMs === undefined ? kept : now + ttlMs;
    sql.upsertHead.run(text, version, textOfKey(id), at, deleted ? 1 : 0, start, expires);
    return SqliteLog.#write(text, draft, sql);
  }

  /** Writes all of an append but the row of its head. */
  static #write(text: string, { records, values, document }: Draft, sql: Statements): Head {
    for (const [i, record] of records.entries()) {
      const { at, id, data, codec, schema, meta } = values[i]!;
      sql.insert.run(text, record.version, kindOf(record), at, id, data, codec, schema, meta);
    }
    const head = headOf(records[records.length - 1]!);
    if (document !== undefined) {
      const state = head.deleted ? null : document;
      sql.document.run(text, head.version, state, schemaOf(records));
    }
    return head;
  }

  /** Removes everything but the row of its head, which says that there is nothing. */
  static erase(text: string, sql: Statements): void {
    sql.forget.run(text, Number.MAX_SAFE_INTEGER);
    sql.dropCheckpoints.run(text, Number.MAX_SAFE_INTEGER);
    sql.dropDocument.run(text);
    sql.empty.run(text);
  }

  /** Erases some of those whose time has run out; says how many. */
  static eraseExpired(limit: number, sql: Statements, now = Date.now()): number {
    const expired = sql.expired.all(now, limit);
    for (const { key } of expired) SqliteLog.erase(key, sql);
    return expired.length;
  }

  at(version: Version): Pick<Head, 'id' | 'at'> | undefined {
    if (version < this.floor || version > this.head.version) return undefined;
    const row = this.#sql.idAt.get(this.#text, version);
    if (row === undefined) throw this.#missing(version);
    return { id: keyOfText(row.id), at: row.at };
  }

  read({ after, at, limit = Number.POSITIVE_INFINITY }: ReadOptions): LogTail {
    const { head, floor } = this;
    const end = at === undefined ? head.version : Math.min(at, head.version);
    const since = after === undefined ? 'same' : this.#since(after);
    if (after !== undefined && since === 'same') {
      return { head, floor, since, ...this.#page(after.version + 1, end, limit) };
    }
    if (end < floor) throw this.#compacted(end);
    const checkpoint = this.#checkpointFor(end);
    const from = end === head.version ? this.#start : this.#startBefore(end, checkpoint?.version ?? 0);
    if (checkpoint !== undefined && checkpoint.version >= from) {
      return { head, floor, since, checkpoint, ...this.#page(checkpoint.version + 1, end, limit) };
    }
    if (floor > 1 && from <= floor) {
      return { head, floor, since, base: this.#base(), ...this.#page(floor + 1, end, limit) };
    }
    return { head, floor, since, ...this.#page(from, end, limit) };
  }

  /** A page of records from one version on, or back from one, as far as they are kept. */
  range({ from = 1, to = Number.POSITIVE_INFINITY, reverse }: RangeOptions, limit: number): LogRecord[] {
    const first = Math.max(from, this.oldest);
    const last = Math.min(to, this.head.version);
    if (first > last || limit <= 0) return [];
    return this.#records(first, last, limit, reverse);
  }

  /** The oldest version that is kept as a record. */
  get oldest(): Version {
    return this.floor === 1 ? 1 : this.floor + 1;
  }

  /** Says that what comes next in a range was trimmed away. */
  compacted(version: Version): LogCompactedError {
    return this.#compacted(version);
  }

  checkpoint(checkpoint: Checkpoint, { at, id, data, codec, schema, meta }: Values): void {
    const row = this.#sql.idAt.get(this.#text, checkpoint.version);
    if (row === undefined || row.id !== id || row.kind === KINDS.base) return;
    this.#sql.insertCheckpoint.run(this.#text, checkpoint.version, at, id, data, codec, schema, meta);
    this.#sql.setStart.run(checkpoint.version, this.#text);
    const kept = Array.from(this.#sql.checkpoints.all(this.#text), ({ version }) => version);
    if (kept.length > MAX_CHECKPOINTS) this.#sql.dropCheckpoint.run(this.#text, mostCrowded(kept));
  }

  trim(base: Checkpoint, { at, id, data, codec, schema, meta }: Values): void {
    if (base.version <= this.floor || this.at(base.version)?.id !== base.id) return;
    this.#sql.rebase.run(at, id, data, codec, schema, meta, this.#text, base.version);
    this.#sql.forget.run(this.#text, base.version);
    this.#sql.dropCheckpoints.run(this.#text, base.version);
    this.#sql.setFloor.run(base.version, base.version, this.#text);
  }

  /** Keeps a document, unless the log has gone on. */
  materialize({ head, text, schema }: StoredState): void {
    if (head.version === this.head.version && head.id === this.head.id) {
      this.#sql.document.run(this.#text, head.version, text, schema);
    }
  }

  #since(after: Head): LogTail['since'] {
    const { head } = this;
    if (after.version === head.version) return after.id === head.id ? 'same' : 'diverged';
    if (after.version < this.floor) return 'trimmed';
    return this.at(after.version)?.id === after.id ? 'same' : 'diverged';
  }

  #checkpointFor(end: Version): Checkpoint | undefined {
    const row = this.#sql.checkpointBefore.get(this.#text, end);
    return row && pointOfRow(row, this.#where);
  }

  #startBefore(end: Version, known: Version): Version {
    const from = Math.max(known, this.floor);
    return this.#sql.startBefore.get(this.#text, from, end)?.version ?? from;
  }

  #base(): Checkpoint {
    const row = this.#sql.row.get(this.#text, this.floor);
    if (row === undefined) throw this.#missing(this.floor);
    return pointOfRow(row, this.#where);
  }

  #page(from: Version, to: Version, limit: number): Pick<LogTail, 'records' | 'more'> {
    const count = Math.min(limit, to - from + 1);
    if (count <= 0) return { records: [], more: from <= to };
    return { records: this.#records(from, to, count), more: from + count - 1 < to };
  }

  #records(from: Version, to: Version, limit: number, reverse = false): LogRecord[] {
    const rows = reverse
      ? this.#sql.rowsBack.all(this.#text, from, to, limit)
      : this.#sql.rows.all(this.#text, from, to, limit);
    return Array.from(rows, (row, i) => {
      const due = reverse ? to - i : from + i;
      if (row.version !== due) throw this.#missing(due);
      return recordOfRow(row, this.#where);
    });
  }

  get #where() {
    return { key: this.key, location: this.#location };
  }

  #missing(version: Version): StateCorruptionError {
    return new StateCorruptionError(
      `Version ${version} of ${JSON.stringify(this.key)} is missing.`,
      this.#where,
    );
  }

  #compacted(version: Version): LogCompactedError {
    const message = `version ${version} is no longer kept: the oldest one is ${this.floor}`;
    return new LogCompactedError(message, { key: this.key, floor: this.floor });
  }
}

/** The newest version that holds a whole state, or what it was before. */
function startIn(records: readonly LogRecord[], before: Version): Version {
  let start = before;
  for (const { kind, version } of records) if (kind === 'set' || kind === 'tombstone') start = version;
  return start;
}
