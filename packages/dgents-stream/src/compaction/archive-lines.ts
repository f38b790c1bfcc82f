/**
 * The file that compacted events go to: JSON lines, for people and for any language.
 *
 *     {"dgents":"archive","format":1,"key":"orders","first":1,"sum":"…"}
 *     {"version":1,"kind":"event","at":1700000000000,"id":"…","data":{"type":"placed"},"sum":"…"}
 *     {"version":2, …                       one line a record, without gaps
 *
 * `sum` is the last member of each line: the first half of the SHA-256, in hexadecimal digits, of the key as JSON, a line
 * feed, and the line as it would be without `sum`. A line that was damaged, or belongs to another stream, does not fit it.
 */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { LogRecord, Version } from 'dgents-core';

const FORMAT = 1;

/** Of every archive. */
export const BEGINNING = '{"dgents":"archive"';

const CHUNK_BYTES = 256 * 1024;

const SUMMED = /^(\{.*),"sum":"([0-9a-f]{32})"\}$/s;

export interface Header {
  readonly key: string;
  /** The version that the archive begins with. */
  readonly first: Version;
}

export function headerLine({ key, first }: Header): string {
  return summed(key, JSON.stringify({ dgents: 'archive', format: FORMAT, key, first }));
}

/** @throws TypeError where it is the header of a later format */
export function headerOf(line: string): Header | undefined {
  const header = parsed(line) as { dgents?: unknown; format?: unknown; key?: unknown; first?: unknown };
  const { key, first } = header ?? {};
  if (header?.dgents !== 'archive' || typeof key !== 'string' || !isSound(line, key)) return undefined;
  if (header.format !== FORMAT)
    throw new TypeError(`The archive has format ${String(header.format)}; this program knows ${FORMAT}.`);
  return Number.isSafeInteger(first) ? { key, first: first as Version } : undefined;
}

export function recordLine(
  key: string,
  { version, kind, at, id, data, codec, schema, meta }: LogRecord,
): string {
  const head = JSON.stringify({ version, kind, at, id, codec, schema, meta });
  return summed(key, `${head.slice(0, -1)},"data":${data}}`);
}

/** Undefined: damaged, or of another stream. */
export function recordOf(line: string, key: string): LogRecord | undefined {
  if (!isSound(line, key)) return undefined;
  const { sum: _, data, ...record } = parsed(line) as LogRecord & { readonly sum: string };
  return { ...record, data: JSON.stringify(data) };
}

function summed(key: string, body: string): string {
  return `${body.slice(0, -1)},"sum":"${sumOf(key, body)}"}`;
}

function sumOf(key: string, body: string): string {
  return createHash('sha256')
    .update(`${JSON.stringify(key)}\n${body}`)
    .digest('hex')
    .slice(0, 32);
}

function isSound(line: string, key: string): boolean {
  const [, body, sum] = SUMMED.exec(line) ?? [];
  return body !== undefined && sumOf(key, `${body}}`) === sum;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** A line of a file, without its line feed, and where it lies. */
export interface Line {
  readonly text: string;
  readonly offset: number;
  /** Behind the line feed. */
  readonly end: number;
}

/** The whole lines of a file from an offset on; what follows the last line feed is left out. */
export async function* linesFrom(file: FileHandle, offset: number): AsyncGenerator<Line, void, undefined> {
  let parts: Buffer[] = [];
  let begin = offset;
  for (let position = offset; ; ) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, position);
    if (bytesRead === 0) return;
    let from = 0;
    for (let feed = buffer.indexOf(10); feed >= 0 && feed < bytesRead; feed = buffer.indexOf(10, from)) {
      parts.push(buffer.subarray(from, feed));
      const end = position + feed + 1;
      yield { text: Buffer.concat(parts).toString('utf8'), offset: begin, end };
      parts = [];
      begin = end;
      from = feed + 1;
    }
    parts.push(buffer.subarray(from, bytesRead));
    position += bytesRead;
  }
}
