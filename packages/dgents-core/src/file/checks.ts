import type { Append, RangeOptions, ReadOptions } from '../backend.js';
import { UnsupportedError } from '../errors.js';

/** What only a mistake of the caller can bring about; found before anything is written. */
export function checkAppends(appends: readonly Append[]): void {
  const keys = new Set<string>();
  for (const append of appends) {
    if (keys.has(append.key))
      throw new TypeError(`the key ${JSON.stringify(append.key)} occurs twice in one commit`);
    keys.add(append.key);
    checkAppend(append);
  }
}

function checkAppend({ key, expected, records, ttlMs }: Append): void {
  if (ttlMs !== undefined) throw new UnsupportedError('Files have no time to live', { key });
  if (records.length === 0) throw new TypeError('an append has at least one record');
  let version = expected === null ? 0 : expected.version;
  for (const record of records) {
    version++;
    if (record.version === version) continue;
    throw new RangeError(
      `record ${record.version} stands where ${version} was due: records follow what is expected`,
    );
  }
}

export function checkRead({ at, limit }: ReadOptions): void {
  checkCount('limit', limit);
  if (at !== undefined && (!Number.isInteger(at) || at < 1))
    throw new RangeError(`at is ${at}, not a version`);
}

export function checkRange({ limit }: RangeOptions): void {
  checkCount('limit', limit);
}

function checkCount(name: string, count: number | undefined): void {
  if (count === undefined || count === Number.POSITIVE_INFINITY) return;
  if (!Number.isInteger(count) || count < 0) throw new RangeError(`${name} is ${count}, not a count`);
}
