import type { Head, Version } from '../backend.js';
import { headOf, isRecord, isStart, type Line } from './line.js';

/** How many of the newest lines an open journal knows by heart, so that followers need not search. */
const RECENT_LINES = 64;

/** Where a record stands. */
export interface Place {
  readonly version: Version;
  readonly id: string;
  readonly offset: number;
}

/**
 * Follows the lines of a journal, checks that each one continues those before it, and knows at any time where the
 * last whole append ended. Lines of an append that has no end mark yet count for nothing.
 */
export class Walk {
  head: Head | undefined;
  /** The newest place where reading can start. */
  start: Place | undefined;
  /** Where the last whole append ends. */
  end: number;
  /** The last line of it. */
  lastLine: number;
  /** The newest records, oldest first. */
  recent: Place[] = [];

  #newestVersion: Version | undefined;
  /** How many lines of the current append have been seen; undefined when its beginning was not. */
  #lines: number | undefined;
  #pending: Place[] = [];
  #pendingStart: Place | undefined;

  /** `whole`: whether the walk begins at the beginning of an append. */
  constructor(from: number, whole: boolean) {
    this.end = from;
    this.lastLine = from;
    this.#lines = whole ? 0 : undefined;
  }

  /** Goes on from what a checkpoint line knows: the head it stands for. */
  beginAt(checkpoint: Line, offset: number): void {
    this.head = headOf(checkpoint);
    this.start = { version: checkpoint.version, id: checkpoint.id, offset };
    this.#newestVersion = checkpoint.version;
  }

  /** Goes on from a place already known. */
  continueFrom(head: Head, start: Place, lastLine: number, recent: Place[]): void {
    this.head = head;
    this.start = start;
    this.lastLine = lastLine;
    this.recent = recent;
    this.#newestVersion = head.version;
  }

  /** The version that the next record must have, if anything was seen. */
  get nextVersion(): Version | undefined {
    return this.head === undefined ? undefined : this.head.version + 1;
  }

  /** Takes the next line. Gives what is wrong with it, if anything is. */
  accept(line: Line, offset: number, next: number): string | undefined {
    return isRecord(line) ? this.#record(line, offset, next) : this.#checkpoint(line, offset, next);
  }

  #record(line: Line, offset: number, next: number): string | undefined {
    if (this.#newestVersion !== undefined && line.version !== this.#newestVersion + 1) {
      return `version ${line.version} follows version ${this.#newestVersion}`;
    }
    this.#newestVersion = line.version;
    if (this.#lines !== undefined) this.#lines++;
    const place = { version: line.version, id: line.id, offset };
    this.#pending.push(place);
    if (isStart(line)) this.#pendingStart = place;
    if (line.end === 0) return undefined;
    if (this.#lines !== undefined && line.end !== this.#lines) {
      return `an append of ${line.end} lines has ${this.#lines}`;
    }
    this.#finish(headOf(line), offset, next);
    return undefined;
  }

  #finish(head: Head, offset: number, next: number): void {
    this.head = head;
    this.start = this.#pendingStart ?? this.start;
    this.end = next;
    this.lastLine = offset;
    for (const place of this.#pending) this.recent.push(place);
    if (this.recent.length > 2 * RECENT_LINES) this.recent = this.recent.slice(-RECENT_LINES);
    this.#pending = [];
    this.#pendingStart = undefined;
    this.#lines = 0;
  }

  #checkpoint(line: Line, offset: number, next: number): string | undefined {
    if (this.#pending.length > 0) return 'a checkpoint stands within an append';
    if (this.head === undefined) {
      this.beginAt(line, offset);
    } else {
      if (line.kind === 'b') return 'a base does not stand at the beginning';
      if (line.version > this.head.version) return `a checkpoint of version ${line.version} stands before it`;
      this.start = { version: line.version, id: line.id, offset };
    }
    this.end = next;
    this.lastLine = offset;
    return undefined;
  }
}
