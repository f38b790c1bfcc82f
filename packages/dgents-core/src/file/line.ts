import { crc32 } from 'node:zlib';
import type { Checkpoint, Head, LogRecord, Meta, RecordKind, Version } from '../backend.js';

/**
 * One line of a journal:
 *
 *     ["1c291ca3",42,"p",1700000000000,"op-id",5120,1,[{"op":"add","path":"/n","value":1}]]⏎
 *      │          │  │   │             │       │    │ └ DATA: the last element, sliced out as text, never parsed here
 *      │          │  │   │             │       │    └ end: 0, or on the last line of an append the number of its lines
 *      │          │  │   │             │       └ distance: bytes back to the line where reading starts
 *      │          │  │   │             └ id of the operation
 *      │          │  │   └ at, by the writer's clock
 *      │          │  └ kind; "p+" when an object with schema, meta and codec stands before DATA
 *      │          └ version
 *      └ CRC-32 of what follows it, up to the line feed, seeded with the key
 *
 * The seed makes a line of another log invalid in this one, while a file may be moved and renamed at will.
 */
export interface Line {
  readonly kind: LineKind;
  readonly version: Version;
  readonly at: number;
  readonly id: string;
  /** Bytes from the beginning of this line back to where reading starts; see {@link JournalLayout}. */
  readonly distance: number;
  /** 0, or on the last line of an append the number of its lines. */
  readonly end: number;
  /** Whether a checkpoint or base stands for a deleted state. */
  readonly deleted: boolean;
  readonly extras: Extras | undefined;
  /** DATA, decoded when called. Holds on to the bytes that were read: not to be kept. */
  readonly text: () => string;
}

/** set, patch, event, tombstone, checkpoint ("k" as in checkpoint: "c" would be taken for codec), base. */
export type LineKind = 's' | 'p' | 'e' | 't' | 'k' | 'b';

/** What a line carries only when it is there. */
export interface Extras {
  readonly codec?: string;
  readonly schema?: number;
  readonly meta?: Meta;
}

const LETTER: Readonly<Record<RecordKind, LineKind>> = { set: 's', patch: 'p', event: 'e', tombstone: 't' };
const RECORD_KIND: Partial<Readonly<Record<LineKind, RecordKind>>> = {
  s: 'set',
  p: 'patch',
  e: 'event',
  t: 'tombstone',
};

/** Where the checksum stands, and from where on it covers the line: `["` 8 digits `"`. */
const CRC_START = 2;
const CRC_END = 10;
const COVERED_FROM = 11;

const LINE_FEED = 10;
const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const PLUS = 43;
const ZERO = 48;
const NINE = 57;
const LETTER_A = 97;
const LETTER_X = 120;
const OPEN_BRACKET = 91;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

/** What the checksums of a log start from: its key, escaped, so that lone surrogates count too. */
export function seedOf(key: string): number {
  return crc32(asciiJson(key));
}

/** JSON in ASCII: text of any kind, with nothing that an encoding could change. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The bytes of a record's line. */
export function recordLine(seed: number, record: LogRecord, distance: number, end: number): Buffer {
  return line(seed, LETTER[record.kind], record, record.data, distance, end);
}

/** The bytes of a checkpoint's (`k`) or base's (`b`) line. */
export function checkpointLine(
  seed: number,
  kind: 'k' | 'b',
  checkpoint: Checkpoint,
  distance: number,
): Buffer {
  const letter = checkpoint.data === null ? `${kind}x` : kind;
  return line(seed, letter, checkpoint, checkpoint.data ?? 'null', distance, 1);
}

function line(
  seed: number,
  kind: string,
  { version, at, id, codec, schema, meta }: Omit<Checkpoint, 'data'>,
  data: string,
  distance: number,
  end: number,
): Buffer {
  if (!isOneLine(data)) throw new TypeError(`the data of version ${version} is not one line of JSON text`);
  const hasExtras = codec !== undefined || schema !== undefined || meta !== undefined;
  const extras = hasExtras ? `${asciiJson({ codec, schema, meta })},` : '';
  const letter = hasExtras ? `${kind}+` : kind;
  const bytes = Buffer.from(
    `["00000000",${version},"${letter}",${at},${asciiJson(id)},${distance},${end},${extras}${data}]\n`,
  );
  bytes.write(hex(crc32(bytes.subarray(COVERED_FROM, bytes.length - 1), seed)), CRC_START, 'latin1');
  return bytes;
}

/** JSON text has no raw control characters, and what JSON.stringify made has no lone surrogates. */
function isOneLine(data: string): boolean {
  const { isWellFormed } = data as { isWellFormed?: () => boolean };
  if (data.length === 0 || data.includes('\n') || data.includes('\0')) return false;
  return isWellFormed === undefined || isWellFormed.call(data);
}

/**
 * The line in `bytes` from `start` up to its line feed at `end`; undefined when it is damaged, or not of the log
 * that the seed stands for.
 */
export function parseLine(bytes: Buffer, start: number, end: number, seed: number): Line | undefined {
  if (end - start < COVERED_FROM || !isWhole(bytes, start, end, seed)) return undefined;
  const envelope = new Cursor(bytes, start + COVERED_FROM, end);
  envelope.expect(COMMA);
  const version = envelope.count();
  envelope.expect(QUOTE);
  const kind = LINE_KIND[envelope.next()];
  const deleted = envelope.skip(LETTER_X);
  const hasExtras = envelope.skip(PLUS);
  envelope.expect(QUOTE);
  envelope.expect(COMMA);
  const at = envelope.number();
  const id = envelope.text();
  const distance = envelope.count();
  const last = envelope.count();
  if (kind === undefined || envelope.failed) return undefined;
  const extrasEnd = hasExtras ? endOfObject(bytes, envelope.at, end) : envelope.at;
  const extras = hasExtras
    ? (JSON.parse(bytes.toString('latin1', envelope.at, extrasEnd)) as Extras)
    : undefined;
  const dataStart = hasExtras ? extrasEnd + 1 : extrasEnd;
  return new ParsedLine(kind, version, at, id, distance, last, deleted, extras, bytes, dataStart, end - 1);
}

class ParsedLine implements Line {
  constructor(
    readonly kind: LineKind,
    readonly version: number,
    readonly at: number,
    readonly id: string,
    readonly distance: number,
    readonly end: number,
    readonly deleted: boolean,
    readonly extras: Extras | undefined,
    private readonly bytes: Buffer,
    private readonly dataStart: number,
    private readonly dataEnd: number,
  ) {}

  text(): string {
    return this.bytes.toString('utf8', this.dataStart, this.dataEnd);
  }
}

const LINE_KIND: Readonly<Record<number, LineKind>> = Object.fromEntries(
  (['s', 'p', 'e', 't', 'k', 'b'] as const).map((letter) => [letter.charCodeAt(0), letter]),
);

/** Numbers in an envelope have no more digits. */
const MAX_DIGITS = 16;

/** Reads the envelope of a line byte by byte: most of a log is read only to be replayed, and strings cost more. */
class Cursor {
  failed = false;

  constructor(
    private readonly bytes: Buffer,
    /** Where it stands. */
    public at: number,
    private readonly end: number,
  ) {}

  next(): number {
    return this.bytes[this.at++] ?? 0;
  }

  /** Whether the byte stands here; goes behind it if so. */
  skip(byte: number): boolean {
    if (this.bytes[this.at] !== byte) return false;
    this.at++;
    return true;
  }

  expect(byte: number): void {
    if (!this.skip(byte)) this.failed = true;
  }

  /** A whole number from 0 on, and the comma behind it. */
  count(): number {
    const from = this.at;
    let value = 0;
    for (let byte = this.bytes[from] ?? 0; byte >= ZERO && byte <= NINE; byte = this.bytes[this.at] ?? 0) {
      value = value * 10 + byte - ZERO;
      this.at++;
    }
    if (this.at === from || this.at - from > MAX_DIGITS) this.failed = true;
    this.expect(COMMA);
    return value;
  }

  /** Any number, and the comma behind it. */
  number(): number {
    const from = this.at;
    const digits = this.bytes[from] ?? 0;
    if (digits > ZERO && digits <= NINE) {
      const value = this.count();
      if (!this.failed) return value;
      this.failed = false;
    }
    const comma = this.bytes.indexOf(COMMA, from);
    const text = comma < 0 || comma > this.end ? '' : this.bytes.toString('latin1', from, comma);
    this.at = comma + 1;
    if (!/^-?\d[\d.e+-]*$/.test(text)) this.failed = true;
    return Number(text);
  }

  /** A string, and the comma behind it. */
  text(): string {
    this.expect(QUOTE);
    const from = this.at;
    let close = this.bytes.indexOf(QUOTE, from);
    while (close > from && isEscaped(this.bytes, close, from)) close = this.bytes.indexOf(QUOTE, close + 1);
    if (close < 0 || close > this.end) {
      this.failed = true;
      return '';
    }
    this.at = close + 1;
    this.expect(COMMA);
    const text = this.bytes.toString('latin1', from, close);
    return text.includes('\\') ? unescaped(text) : text;
  }
}

function isEscaped(bytes: Buffer, at: number, from: number): boolean {
  let backslashes = 0;
  while (at - 1 - backslashes >= from && bytes[at - 1 - backslashes] === BACKSLASH) backslashes++;
  return backslashes % 2 === 1;
}

function unescaped(text: string): string {
  return JSON.parse(`"${text}"`) as string;
}

/** Whether the checksum of the line is right. */
function isWhole(bytes: Buffer, start: number, end: number, seed: number): boolean {
  return (
    bytes[start] === OPEN_BRACKET &&
    bytes[start + 1] === QUOTE &&
    bytes[start + CRC_END] === QUOTE &&
    hexAt(bytes, start + CRC_START) === crc32(bytes.subarray(start + COVERED_FROM, end), seed)
  );
}

/** The number that eight hexadecimal digits stand for; -1 when they are not, as {@link hex} writes them. */
function hexAt(bytes: Buffer, from: number): number {
  let value = 0;
  for (let index = from; index < from + 8; index++) {
    const byte = bytes[index] ?? 0;
    const digit = byte <= NINE ? byte - ZERO : byte - LETTER_A + 10;
    if (digit < 0 || digit > 15 || (byte > NINE && digit < 10)) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/** Where the object that begins at `from` ends: behind its closing brace. */
function endOfObject(bytes: Buffer, from: number, limit: number): number {
  let depth = 0;
  let quoted = false;
  for (let at = from; at < limit; at++) {
    const byte = bytes[at];
    if (quoted) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) quoted = false;
    } else if (byte === QUOTE) quoted = true;
    else if (byte === OPEN_BRACE) depth++;
    else if (byte === CLOSE_BRACE && --depth === 0) return at + 1;
  }
  return limit;
}

export function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}

/** Where the next line feed is, or -1. */
export function lineEnd(bytes: Buffer, from: number): number {
  return bytes.indexOf(LINE_FEED, from);
}

/** Whether reading can start here: the line holds a whole state, or begins the log. */
export function isStart(line: Line): boolean {
  return (
    line.kind === 's' || line.kind === 't' || line.kind === 'k' || line.kind === 'b' || line.version === 1
  );
}

/** Whether the line is a version of its own. */
export function isRecord(line: Line): boolean {
  return line.kind !== 'k' && line.kind !== 'b';
}

export function recordOf(line: Line): LogRecord {
  const kind = RECORD_KIND[line.kind] as RecordKind;
  return line.extras === undefined
    ? new JournalRecord(line, kind)
    : Object.assign(new JournalRecord(line, kind), line.extras);
}

/** The text is made when it is asked for, and not kept: a replay needs each one once. */
class JournalRecord implements LogRecord {
  readonly version: Version;
  readonly at: number;
  readonly id: string;
  readonly #line: Line;

  constructor(
    line: Line,
    readonly kind: RecordKind,
  ) {
    this.version = line.version;
    this.at = line.at;
    this.id = line.id;
    this.#line = line;
  }

  get data(): string {
    return this.#line.text();
  }
}

export function checkpointOf(line: Line): Checkpoint {
  const data = line.deleted ? null : line.text();
  return { version: line.version, id: line.id, at: line.at, data, ...line.extras };
}

/** Frozen: it is kept, and handed out. */
export function headOf(line: Line): Head {
  const deleted = line.kind === 't' || line.deleted;
  return Object.freeze({ version: line.version, id: line.id, at: line.at, deleted });
}
