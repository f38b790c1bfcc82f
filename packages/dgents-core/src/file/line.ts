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

const ENVELOPE =
  /^\["[0-9a-f]{8}",(\d{1,16}),"([spetkb])(x?)(\+?)",(-?\d[\d.e+-]*),"((?:[^"\\]|\\.)*)",(\d{1,16}),(\d{1,16}),/;

/** Holds every envelope whose id has up to 150 characters; longer ones are looked at a second time. */
const ENVELOPE_BYTES = 256;

const LINE_FEED = 10;
const QUOTE = 34;
const BACKSLASH = 92;
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
  let envelope = ENVELOPE.exec(bytes.toString('latin1', start, Math.min(end, start + ENVELOPE_BYTES)));
  if (envelope === null && end - start > ENVELOPE_BYTES) {
    envelope = ENVELOPE.exec(bytes.toString('latin1', start, end));
  }
  if (envelope === null) return undefined;
  let dataStart = start + envelope[0].length;
  let extras: Extras | undefined;
  if (envelope[4] === '+') {
    const extrasEnd = endOfObject(bytes, dataStart, end);
    extras = JSON.parse(bytes.toString('latin1', dataStart, extrasEnd)) as Extras;
    dataStart = extrasEnd + 1;
  }
  const id = envelope[6] as string;
  return {
    kind: envelope[2] as LineKind,
    version: Number(envelope[1]),
    at: Number(envelope[5]),
    id: id.includes('\\') ? (JSON.parse(`"${id}"`) as string) : id,
    distance: Number(envelope[7]),
    end: Number(envelope[8]),
    deleted: envelope[3] === 'x',
    extras,
    text: () => bytes.toString('utf8', dataStart, end - 1),
  };
}

/** Whether the checksum of the line is right. */
function isWhole(bytes: Buffer, start: number, end: number, seed: number): boolean {
  const written = bytes.toString('latin1', start + CRC_START, start + CRC_END);
  return (
    written === hex(crc32(bytes.subarray(start + COVERED_FROM, end), seed)) &&
    bytes.toString('latin1', start, start + CRC_START) === '["' &&
    bytes[start + CRC_END] === QUOTE
  );
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
  return { version: line.version, kind, at: line.at, id: line.id, data: line.text(), ...line.extras };
}

export function checkpointOf(line: Line): Checkpoint {
  const data = line.deleted ? null : line.text();
  return { version: line.version, id: line.id, at: line.at, data, ...line.extras };
}

export function headOf(line: Line): Head {
  return { version: line.version, id: line.id, at: line.at, deleted: line.kind === 't' || line.deleted };
}
