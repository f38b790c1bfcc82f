import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Head } from '../backend.js';
import { StateCorruptionError, UnsupportedError } from '../errors.js';
import { asciiJson, type Extras, hex } from './line.js';

/** The sidecar of `a.json` is `a.json.dgents`. */
export const SIDECAR_SUFFIX = '.dgents';

const FORMAT = 1;

/** What is known of one version of a plain file, beside its contents. */
export interface Stamp extends Head, Extras {
  /** Hash of the file's bytes; null when this version has no file: it is a tombstone. */
  readonly hash: string | null;
  /** The first operation of the append, and how many versions it made: they tell a replay. */
  readonly first: string;
  readonly count: number;
}

/**
 * The sidecar of a plain file. It is replaced *before* the file, and knows both versions: which one is there, the hash
 * of the file says. So the file's own replacement is the moment of truth.
 */
export interface Sidecar {
  readonly key: string;
  readonly next: Stamp;
  /** What was there before; null: nothing. */
  readonly previous: Stamp | null;
}

export function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** One line: {"dgents":"plain","format":1,"key":…,"next":{…},"previous":{…},"crc":"…"} */
export function sidecarBytes({ key, next, previous }: Sidecar): Buffer {
  const body = asciiJson({ dgents: 'plain', format: FORMAT, key, next, previous }).slice(0, -1);
  return Buffer.from(`${body},"crc":"${hex(crc32(body))}"}\n`, 'latin1');
}

export function parsedSidecar(bytes: Buffer, path: string, key: string | undefined): Sidecar {
  const text = bytes.toString('latin1');
  const tail = /,"crc":"([0-9a-f]{8})"\}\n$/.exec(text);
  const where = { location: path, offset: 0, key };
  if (tail === null || tail[1] !== hex(crc32(text.slice(0, tail.index)))) {
    throw new StateCorruptionError(
      `${path} is damaged. Remove it to take its file as a new first version.`,
      where,
    );
  }
  const { dgents, format, ...sidecar } = JSON.parse(text) as Sidecar & { dgents: unknown; format: unknown };
  if (dgents !== 'plain' || format !== FORMAT) {
    throw new UnsupportedError(
      `${path} has format ${String(format)}; this version of dgents-core reads ${FORMAT}`,
      where,
    );
  }
  if (key !== undefined && sidecar.key !== key) {
    throw new StateCorruptionError(
      `${path} belongs to ${JSON.stringify(sidecar.key)}, not to ${JSON.stringify(key)}`,
      where,
    );
  }
  return sidecar;
}

/** The key that a sidecar tells, from its first bytes; it stands in front. */
export function sidecarKey(bytes: Buffer): string | undefined {
  const key = /^\{"dgents":"plain","format":\d+,"key":("(?:[^"\\]|\\.)*")/.exec(
    bytes.toString('latin1'),
  )?.[1];
  return key === undefined ? undefined : (JSON.parse(key) as string);
}
