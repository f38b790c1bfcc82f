import type { Checkpoint, Head, LogRecord, LogTail, ReadOptions, Version } from '../backend.js';
import { headOf } from '../backend-parts/log-view.js';
import { LogCompactedError } from '../errors.js';

/** Enough to reach any old version in an eighth of the log; each may hold a whole state. */
const MAX_CHECKPOINTS = 8;

/** Trimmed slots are given back once they are more than this, and more than half of the array. */
const SPARE_SLOTS = 16;

const NO_RECORDS: readonly LogRecord[] = Object.freeze([]);

/**
 * What memory keeps of one key. It is never empty.
 *
 *     #records    [ –  –  –  4  5  6 ]     head.version = 6: the last slot is the head's
 *     #sequences  [ –  –  – 17 18 23 ]     the place of each in the feed
 *     base          version 3, place 9     slots up to the base's are let go, and closed up now and then
 *
 * Ten thousand keys with one record each should cost little, so what most logs lack is `undefined`.
 */
export class MemoryLog {
  readonly key: string;
  head: Head;
  expiresAt: number | undefined = undefined;
  #base: Checkpoint | undefined = undefined;
  #baseSequence = 0;
  /** The newest version that holds a whole state by itself; 0 for none. */
  #whole: Version = 0;
  #checkpoints: Checkpoint[] | undefined = undefined;
  #versionsById: Map<string, Version> | undefined = undefined;
  readonly #records: (LogRecord | undefined)[];
  readonly #sequences: number[];

  constructor(key: string, records: readonly LogRecord[], sequence: number) {
    this.key = key;
    // Arrays made at their size: one that grew by `push` from empty has room for seventeen.
    this.#records = records.slice();
    this.#sequences = records.map((_, i) => sequence + i);
    this.head = headOf(records[records.length - 1]!);
    this.#whole = newestWhole(records) ?? 0;
  }

  /** The oldest version whose state is kept. */
  get floor(): Version {
    return this.#base === undefined ? 1 : this.#base.version;
  }

  append(records: readonly LogRecord[], sequence: number): void {
    for (let i = 0; i < records.length; i++) {
      const record = records[i]!;
      this.#records.push(record);
      this.#sequences.push(sequence + i);
      this.#versionsById?.set(record.id, record.version);
    }
    this.head = headOf(records[records.length - 1]!);
    this.#whole = newestWhole(records) ?? this.#whole;
  }

  /** The record, or the base that took its place, at this version. */
  at(version: Version): LogRecord | Checkpoint | undefined {
    return version === this.#base?.version ? this.#base : this.#record(version);
  }

  read({ after, at, limit }: ReadOptions): LogTail {
    const end = at === undefined ? this.head.version : Math.min(at, this.head.version);
    const since = after === undefined ? 'same' : this.#since(after);
    if (after !== undefined && since === 'same') {
      return { head: this.head, floor: this.floor, since, ...this.#page(after.version + 1, end, limit) };
    }
    if (end < this.floor) {
      const message = `version ${end} is no longer kept: the oldest one is ${this.floor}`;
      throw new LogCompactedError(message, { key: this.key, floor: this.floor });
    }
    const start = this.#startingPoint(end);
    const first = typeof start === 'number' ? start : start.version + 1;
    const tail = { head: this.head, floor: this.floor, since, ...this.#page(first, end, limit) };
    if (typeof start === 'number') return tail;
    return start === this.#base ? { ...tail, base: start } : { ...tail, checkpoint: start };
  }

  /** A copy of the records from one version to another, as far as they are kept. */
  range(from: Version, to: Version): LogRecord[] {
    const first = Math.max(from, this.#oldestRecord);
    const last = Math.min(to, this.head.version);
    // Slots above the base are filled.
    return first > last ? [] : (this.#records.slice(this.#slot(first), this.#slot(last) + 1) as LogRecord[]);
  }

  /** Keeps a few, spread out, in the order of their versions. */
  checkpoint(checkpoint: Checkpoint): void {
    if (this.#record(checkpoint.version)?.id !== checkpoint.id) return;
    this.#checkpoints ??= [];
    const kept = this.#checkpoints;
    const place = kept.findIndex((other) => other.version >= checkpoint.version);
    const same = place >= 0 && kept[place]!.version === checkpoint.version;
    kept.splice(place < 0 ? kept.length : place, same ? 1 : 0, checkpoint);
    if (kept.length > MAX_CHECKPOINTS) kept.splice(mostCrowded(kept), 1);
  }

  trim(base: Checkpoint): void {
    if (base.version <= this.floor || this.#record(base.version)?.id !== base.id) return;
    const end = this.#slot(base.version);
    this.#baseSequence = this.#sequences[end]!;
    for (let i = this.#slot(this.#oldestRecord); i <= end; i++) {
      // The base's own id can still be found.
      if (i < end) this.#forgetId(this.#records[i]!);
      this.#records[i] = undefined;
    }
    if (this.#base !== undefined) this.#forgetId(this.#base);
    this.#base = base;
    if (end >= SPARE_SLOTS && end * 2 > this.#records.length) {
      this.#records.splice(0, end + 1);
      this.#sequences.splice(0, end + 1);
    }
    this.#checkpoints = this.#checkpoints?.filter((checkpoint) => checkpoint.version > base.version);
  }

  /** The newest version with this operation id. The index is made when first asked for, and kept up from then on. */
  find(id: string): Version | undefined {
    this.#versionsById ??= this.#indexIds();
    return this.#versionsById.get(id);
  }

  /** Calls back with the place in the feed and the version of everything after `sequence`, newest first. */
  newerThan(sequence: number, visit: (sequence: number, version: Version) => void): void {
    for (let version = this.head.version; version >= this.#oldestRecord; version--) {
      const place = this.#sequences[this.#slot(version)]!;
      if (place <= sequence) return;
      visit(place, version);
    }
    if (this.#base !== undefined && this.#baseSequence > sequence)
      visit(this.#baseSequence, this.#base.version);
  }

  get #oldestRecord(): Version {
    return this.#base === undefined ? 1 : this.#base.version + 1;
  }

  #slot(version: Version): number {
    return this.#records.length - 1 - (this.head.version - version);
  }

  #record(version: Version): LogRecord | undefined {
    return this.#records[this.#slot(version)];
  }

  #since(after: Head): LogTail['since'] {
    if (after.version < this.floor) return 'trimmed';
    return this.at(after.version)?.id === after.id ? 'same' : 'diverged';
  }

  /** A whole state at or before `end`: a checkpoint, the base, or the version of a record to begin with. */
  #startingPoint(end: Version): Checkpoint | Version {
    const point = this.#checkpoints?.findLast((checkpoint) => checkpoint.version <= end) ?? this.#base;
    const oldest = point?.version ?? 1;
    // Of a log of a million events nothing needs to be looked at.
    for (let version = Math.min(end, this.#whole); version > oldest; version--) {
      if (isWhole(this.#record(version)!)) return version;
    }
    return point ?? 1;
  }

  #page(from: Version, to: Version, limit = Number.POSITIVE_INFINITY): Pick<LogTail, 'records' | 'more'> {
    const last = Math.min(to, from + limit - 1);
    return { records: from > last ? NO_RECORDS : this.range(from, last), more: to > last && from <= to };
  }

  #indexIds(): Map<string, Version> {
    const index = new Map<string, Version>();
    if (this.#base !== undefined) index.set(this.#base.id, this.#base.version);
    for (let version = this.#oldestRecord; version <= this.head.version; version++) {
      index.set(this.#record(version)!.id, version);
    }
    return index;
  }

  /** Records of one append may share an id: it is forgotten with the last of them. */
  #forgetId({ id, version }: LogRecord | Checkpoint): void {
    if (this.#versionsById?.get(id) === version) this.#versionsById.delete(id);
  }
}

function isWhole({ kind }: LogRecord): boolean {
  return kind === 'set' || kind === 'tombstone';
}

function newestWhole(records: readonly LogRecord[]): Version | undefined {
  return records.findLast(isWhole)?.version;
}

/** The one that leaves the smallest gap when it goes; never the newest, which most reads start from. */
function mostCrowded(checkpoints: readonly Checkpoint[]): number {
  let best = 0;
  let smallest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < checkpoints.length - 1; i++) {
    const gap = checkpoints[i + 1]!.version - (checkpoints[i - 1]?.version ?? 0);
    if (gap < smallest) [best, smallest] = [i, gap];
  }
  return best;
}
