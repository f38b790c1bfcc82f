import { crc32 } from 'node:zlib';
import type { Checkpoint, LogRecord } from '../backend.js';
import { StateCorruptionError } from '../errors.js';

const FIELDS = ['version', 'kind', 'id', 'at', 'data', 'codec', 'schema', 'meta'] as const;

/** One line: the value as JSON, after its CRC-32 in eight hexadecimal digits. {@link unsealed} gives it back. */
export function sealed(value: object): string {
  const json = JSON.stringify(value);
  return checksumOf(json) + json;
}

/**
 * A record or a checkpoint, sealed, without its document. `data` is read once; that may run the writer's code and
 * throw, so do it before a transaction begins.
 */
export function sealedRecord(given: LogRecord | Checkpoint): string {
  const fields: Record<string, unknown> = {};
  for (const name of FIELDS) fields[name] = (given as Partial<LogRecord>)[name];
  return sealed(fields);
}

/**
 * What was {@link sealed}. Nothing is checked but that not a bit has changed since.
 *
 * @param where the key it belongs to, and the place that an operator has to look at
 * @throws StateCorruptionError when it does not match its checksum
 */
export function unsealed<T>(
  text: string,
  where: { readonly key?: string; readonly location?: string } = {},
): T {
  const json = text.slice(8);
  if (text.slice(0, 8) === checksumOf(json)) return JSON.parse(json);
  const what = where.key === undefined ? 'A stored text' : `What is stored of ${JSON.stringify(where.key)}`;
  throw new StateCorruptionError(`${what} does not match its checksum.`, where);
}

function checksumOf(json: string): string {
  return crc32(json).toString(16).padStart(8, '0');
}
