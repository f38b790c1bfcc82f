import { crc32 } from 'node:zlib';
import type { Version } from '../backend.js';
import { StateCorruptionError, UnsupportedError } from '../errors.js';
import { asciiJson, hex, lineEnd } from './line.js';

/** The version of the format that is written, and the only one there has been. */
const FORMAT = 1;

/** The longest header there can be: a key of 1,024 bytes, each written as six, and what stands around it. */
export const MAX_HEADER_BYTES = 8192;

export interface Header {
  readonly key: string;
  /** The oldest version kept: 1, or the version of the base, which is the next line. */
  readonly floor: Version;
  /** Where the second line begins. */
  readonly bytes: number;
}

/**
 * The first line of a journal:
 *
 *     {"dgents":"journal","format":1,"key":"user:42","crc":"5d3f0c1a"}⏎
 *
 * with `"floor":41` after the key once trimmed, and the CRC-32 of everything before `,"crc"`.
 */
export function headerOf(key: string, floor: Version): Buffer {
  const trimmed = floor > 1 ? `,"floor":${floor}` : '';
  const covered = `{"dgents":"journal","format":${FORMAT},"key":${asciiJson(key)}${trimmed}`;
  return Buffer.from(`${covered},"crc":"${hex(crc32(covered))}"}\n`, 'latin1');
}

/** The header at the beginning of `bytes`; throws unless it is sound and belongs to this key. */
export function checkedHeader(bytes: Buffer, key: string, path: string): Header {
  const where = { location: path, offset: 0, key };
  const header = parseHeader(bytes);
  if (header === undefined) throw new StateCorruptionError(`${path} does not begin like a journal`, where);
  if (header.format !== FORMAT) {
    throw new UnsupportedError(
      `${path} has journal format ${header.format}; this version of dgents-core reads format ${FORMAT}`,
      { key },
    );
  }
  if (header.key === key) return header;
  throw new StateCorruptionError(
    `${path} is the journal of ${JSON.stringify(header.key)}, not of ${JSON.stringify(key)}`,
    where,
  );
}

/** What a header says; undefined when it is damaged or none. */
export function parseHeader(bytes: Buffer): (Header & { readonly format: number }) | undefined {
  const end = lineEnd(bytes, 0);
  if (end < 0) return undefined;
  const text = bytes.toString('latin1', 0, end);
  const tail = /,"crc":"([0-9a-f]{8})"\}$/.exec(text);
  if (tail === null || tail[1] !== hex(crc32(text.slice(0, tail.index)))) return undefined;
  try {
    const { dgents, format, key, floor = 1 } = JSON.parse(text) as Record<string, unknown>;
    if (dgents !== 'journal' || typeof format !== 'number' || typeof key !== 'string') return undefined;
    return { format, key, floor: Number(floor), bytes: end + 1 };
  } catch {
    return undefined; // The checksum is right by chance, the text is not JSON: no header either way.
  }
}
