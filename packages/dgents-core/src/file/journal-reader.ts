import type { FileSystem } from './file-system.js';
import { type Line, lineEnd, parseLine } from './line.js';

/** What is read at once: large enough that a megabyte takes few hops, small enough to be cheap for a short log. */
const CHUNK_BYTES = 256 * 1024;

/** A line and where it stands. */
export interface PlacedLine {
  readonly line: Line;
  readonly offset: number;
  /** Where the next line begins. */
  readonly next: number;
}

/** Sees one line after another; `false` ends the scan behind it. */
export type Visit = (line: Line, offset: number, next: number) => boolean | undefined;

/** Reads the lines of one open file, forwards and backwards. Keeps the last bytes read, to be read again at no cost. */
export class JournalReader {
  readonly #fileSystem: FileSystem;
  readonly #descriptor: number;
  readonly #seed: number;
  #window: { readonly position: number; readonly bytes: Buffer } | undefined;

  constructor(fileSystem: FileSystem, descriptor: number, seed: number) {
    this.#fileSystem = fileSystem;
    this.#descriptor = descriptor;
    this.#seed = seed;
  }

  /** The bytes from `from` up to `to`, or to the end of the file when that comes first. */
  async bytes(from: number, to: number): Promise<Buffer> {
    const window = this.#window;
    if (window !== undefined && from >= window.position && to <= window.position + window.bytes.length) {
      return window.bytes.subarray(from - window.position, to - window.position);
    }
    const into = Buffer.allocUnsafe(to - from);
    let filled = 0;
    while (filled < into.length) {
      const count = await this.#fileSystem.read(this.#descriptor, into.subarray(filled), from + filled);
      if (count === 0) break;
      filled += count;
    }
    const bytes = into.subarray(0, filled);
    this.#window = { position: from, bytes };
    return bytes;
  }

  /**
   * Visits the lines between two offsets. Gives where it stopped: `to` when all was well, otherwise the beginning of
   * the first line that is damaged or incomplete, or the end of the one at which `visit` gave false.
   */
  async scan(from: number, to: number, visit: Visit): Promise<number> {
    let position = from;
    let length = CHUNK_BYTES;
    while (position < to) {
      const limit = Math.min(to, position + length);
      const bytes = await this.bytes(position, limit);
      let start = 0;
      for (let end = lineEnd(bytes, 0); end >= 0; end = lineEnd(bytes, start)) {
        const line = parseLine(bytes, start, end, this.#seed);
        if (line === undefined) return position + start;
        const next = position + end + 1;
        if (visit(line, position + start, next) === false) return next;
        start = end + 1;
      }
      position += start;
      if (limit === to || bytes.length < limit - (position - start)) return position;
      length = start === 0 ? length * 4 : CHUNK_BYTES;
    }
    return position;
  }

  /**
   * Some whole lines that end at `end`, which must be a boundary between lines, oldest first; at least one, unless
   * there is none behind `floor`. The last may be undefined: damaged. So is everything before a damaged one.
   */
  async linesBefore(end: number, floor: number, hintBytes = CHUNK_BYTES): Promise<PlacedLine[] | undefined> {
    for (let length = hintBytes; ; length *= 4) {
      const position = Math.max(floor, end - length);
      const bytes = await this.bytes(position, end);
      if (bytes.length < end - position) return undefined;
      const first = position === floor ? 0 : lineEnd(bytes, 0) + 1;
      if (first < bytes.length && (first > 0 || position === floor))
        return this.#split(bytes, first, position);
      if (position === floor) return [];
    }
  }

  #split(bytes: Buffer, first: number, position: number): PlacedLine[] | undefined {
    const lines: PlacedLine[] = [];
    for (let start = first; start < bytes.length; ) {
      const end = lineEnd(bytes, start);
      const line = end < 0 ? undefined : parseLine(bytes, start, end, this.#seed);
      if (line === undefined) return undefined;
      lines.push({ line, offset: position + start, next: position + end + 1 });
      start = end + 1;
    }
    return lines;
  }
}
