import type { Checkpoint, LogRecord } from '../backend.js';
import { checkpointLine, recordLine } from './line.js';
import type { Place } from './walk.js';

/**
 * Lays out lines one behind the other and measures their distances.
 *
 *     header │ set 1 │ patch 2 │ patch 3 │ checkpoint of 2 │ patch 4 │ patch 5 │
 *                ▲         │         │       │     ▲            │         │
 *                └─────────┘         ▲       │     └────────────┘         │
 *                └───────────────────┘───────┘     └──────────────────────┘
 *
 * - A record's distance leads to the newest line where reading can start; 0 when it is one itself.
 * - Within an append it leads at most to the append's own first line, so that whoever hops from the last line of a
 *   file reads the whole last append, and finds it torn when a part of it is missing.
 * - A checkpoint's distance leads to the record after its version, which stands before it when others were written
 *   meanwhile; 0 when the checkpoint is of the head.
 */
export class JournalLayout {
  lines: Buffer[] = [];
  readonly places: Place[] = [];
  end: number;
  start: Place | undefined;
  lastLine: number;
  readonly #seed: number;
  #newestLine: Buffer | undefined;

  constructor(seed: number, end: number, start: Place | undefined, lastLine = end) {
    this.#seed = seed;
    this.end = end;
    this.start = start;
    this.lastLine = lastLine;
  }

  /** Lays out the records of one append, or, when one of them cannot be written, none. */
  append(records: readonly LogRecord[]): void {
    const first = placeOf(records[0] as LogRecord, this.end);
    const before = this.start;
    const base = before === undefined || startsReading(records[0] as LogRecord) ? first : before;
    const lines: Buffer[] = [];
    const places: Place[] = [];
    let start = before ?? first;
    let end = this.end;
    for (const [i, record] of records.entries()) {
      const place = placeOf(record, end);
      if (startsReading(record)) start = place;
      const count = i === records.length - 1 ? records.length : 0;
      const line = recordLine(this.#seed, record, end - base.offset, count);
      lines.push(line);
      places.push(place);
      end += line.length;
    }
    for (const line of lines) this.#push(line);
    this.places.push(...places);
    this.start = start;
  }

  /** `follower`: where the record after the checkpoint's version stands, when there is one. */
  checkpoint(checkpoint: Checkpoint, follower: number | undefined): void {
    this.start = placeOf(checkpoint, this.end);
    const distance = follower === undefined ? 0 : this.end - follower;
    this.#push(checkpointLine(this.#seed, 'k', checkpoint, distance));
  }

  base(base: Checkpoint): void {
    this.start = placeOf(base, this.end);
    this.#push(checkpointLine(this.#seed, 'b', base, 0));
  }

  /** The last line laid out. */
  get newestLine(): Buffer {
    return this.#newestLine as Buffer;
  }

  /** The lines laid out since this was last called, as one piece. */
  taken(): Buffer {
    const { lines } = this;
    this.lines = [];
    return lines.length === 1 ? (lines[0] as Buffer) : Buffer.concat(lines);
  }

  #push(line: Buffer): void {
    this.lines.push(line);
    this.#newestLine = line;
    this.lastLine = this.end;
    this.end += line.length;
  }
}

function startsReading({ kind, version }: LogRecord): boolean {
  return kind === 'set' || kind === 'tombstone' || version === 1;
}

function placeOf({ version, id }: { version: number; id: string }, offset: number): Place {
  return { version, id, offset };
}
