/**
 * What the elements of a log hold: lines of text, each behind its CRC-32 in eight hexadecimal digits.
 *
 *     1b2c3d4e p 7 op-81 1767225600000 {"m":{"by":"alice"}}      a record: what it is, version, id, when, and what is rare
 *     [{"op":"add","path":"/messages/-","value":"hello"}]        its data
 *
 *     s set · p patch · e event · t tombstone · c checkpoint or base · x the same where the state is deleted
 *
 * (There is no space between checksum and kind.) The head of a log is the first line of its newest record, without what
 * is rare, under a checksum of its own. Scripts look for ` <version> <id> ` from the tenth byte on.
 */
import { crc32 } from 'node:zlib';
import {
  type Checkpoint,
  type Head,
  type LogRecord,
  type RecordKind,
  StateCorruptionError,
} from 'dgents-core';
import { idOfText, textOfId } from './texts.js';

const LINE_FEED = 10;

const LETTERS = { set: 's', patch: 'p', event: 'e', tombstone: 't' } as const satisfies Record<
  RecordKind,
  string
>;
const KINDS: Readonly<Record<string, RecordKind>> = { s: 'set', p: 'patch', e: 'event', t: 'tombstone' };

/** What few records have: codec, schema and meta. */
interface Rare {
  readonly c?: string;
  readonly s?: number;
  readonly m?: LogRecord['meta'];
}

/** Where something is: for those who are told that it is damaged. */
export interface Where {
  readonly key: string;
  readonly location: string;
}

/** By what scripts recognise what stands at a version. */
export function markOf({ version, id }: Pick<Head, 'version' | 'id'>): string {
  return ` ${version} ${textOfId(id)} `;
}

/** `data` is read once. */
export function lineOfRecord(record: LogRecord, mark = markOf(record)): string {
  return lineOf(LETTERS[record.kind], record, record.data, mark);
}

export function lineOfPoint(point: Checkpoint): string {
  const mark = markOf(point);
  return point.data === null ? lineOf('x', point, 'null', mark) : lineOf('c', point, point.data, mark);
}

function lineOf(letter: string, given: LogRecord | Checkpoint, data: string, mark: string): string {
  const { codec, schema, meta } = given;
  if (!isText(data)) throw new TypeError(`the data of version ${given.version} is not one line of JSON text`);
  const isPlain = codec === undefined && schema === undefined && meta === undefined;
  const rare = isPlain ? '' : ` ${JSON.stringify({ c: codec, s: schema, m: meta })}`;
  return sealed(`${letter}${mark}${given.at}${rare}\n${data}`);
}

/** What JSON.stringify made holds no halves of surrogate pairs; UTF-8 would make all of them the same. */
function isText(data: string): boolean {
  const { isWellFormed } = data as { isWellFormed?: () => boolean };
  return isWellFormed === undefined || isWellFormed.call(data);
}

/** The head once this record is the newest. */
export function lineOfHead(record: LogRecord, mark = markOf(record)): string {
  return sealed(`${LETTERS[record.kind]}${mark}${record.at}`);
}

function sealed(text: string): string {
  return checksumOf(text) + text;
}

/** Two digits for each byte: making them anew each time would cost as much as the checksum. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function checksumOf(text: string): string {
  const sum = crc32(text);
  const high = (HEX[sum >>> 24] as string) + HEX[(sum >>> 16) & 255];
  return high + HEX[(sum >>> 8) & 255] + HEX[sum & 255];
}

/** @throws StateCorruptionError when the line is not as it was written */
export function headOfLine(line: string, where: Where): Head {
  const { letter, version, id, at } = firstLine(line, where);
  if (checksumOf(line.slice(8)) !== line.slice(0, 8)) throw damaged(where);
  return Object.freeze({ version, id, at, deleted: letter === 't' || letter === 'x' });
}

/** The head that a record was when it was the newest; only its first line is given. */
export function earlierHead(line: string, where: Where): Head {
  const { letter, version, id, at } = firstLine(line, where);
  return Object.freeze({ version, id, at, deleted: letter === 't' || letter === 'x' });
}

/** @throws StateCorruptionError when the line is not as it was written */
export function recordOfLine(line: Buffer, where: Where): LogRecord {
  const { first, data } = unsealed(line, where);
  const { letter, version, id, at, rest } = first;
  const kind = KINDS[letter];
  if (kind === undefined) throw damaged(where);
  return rest === '' ? { version, kind, id, at, data } : { version, kind, id, at, data, ...rareOf(rest) };
}

/** @throws StateCorruptionError when the line is not as it was written */
export function pointOfLine(line: Buffer, where: Where): Checkpoint {
  const { first, data } = unsealed(line, where);
  const { letter, version, id, at, rest } = first;
  if (letter !== 'c' && letter !== 'x') throw damaged(where);
  return { version, id, at, data: letter === 'x' ? null : data, ...(rest !== '' && rareOf(rest)) };
}

function rareOf(text: string): Pick<LogRecord, 'codec' | 'schema' | 'meta'> {
  const { c, s, m } = JSON.parse(text) as Rare;
  return {
    ...(c !== undefined && { codec: c }),
    ...(s !== undefined && { schema: s }),
    ...(m !== undefined && { meta: m }),
  };
}

function unsealed(line: Buffer, where: Where) {
  const end = line.indexOf(LINE_FEED);
  if (end < 0 || crc32(line.subarray(8)) !== hexOf(line)) throw damaged(where);
  const first = firstLine(line.toString('utf8', 0, end), where);
  return { first, data: line.toString('utf8', end + 1) };
}

/** The first eight bytes as a number; -1 where they are no digits. */
function hexOf(line: Buffer): number {
  let value = 0;
  for (let i = 0; i < 8; i++) {
    const byte = line[i] as number;
    const digit = byte >= 97 ? byte - 87 : byte - 48;
    if (digit < 0 || digit > 15 || (byte > 57 && byte < 97)) return -1;
    value = value * 16 + digit;
  }
  return value;
}

function firstLine(line: string, where: Where): FirstLine {
  const afterVersion = line.indexOf(' ', 10);
  const afterId = line.indexOf(' ', afterVersion + 1);
  const next = line.indexOf(' ', afterId + 1);
  const afterAt = next < 0 ? line.length : next;
  const version = Number(line.substring(10, afterVersion));
  const at = Number(line.substring(afterId + 1, afterAt));
  if (afterVersion < 0 || afterId < 0 || !Number.isSafeInteger(version) || Number.isNaN(at)) {
    throw damaged(where);
  }
  const id = idOfText(line.substring(afterVersion + 1, afterId));
  return { letter: line.charAt(8), version, id, at, rest: next < 0 ? '' : line.substring(next + 1) };
}

interface FirstLine {
  readonly letter: string;
  readonly version: number;
  readonly id: string;
  readonly at: number;
  readonly rest: string;
}

export function damaged({ key, location }: Where): StateCorruptionError {
  return new StateCorruptionError(`What is stored of ${JSON.stringify(key)} is not as it was written.`, {
    key,
    location,
  });
}
