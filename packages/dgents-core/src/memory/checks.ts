import type { Append, ReadOptions } from '../backend.js';

/** What only a mistake of the caller can bring about; found before anything is written. */
export function checkAppends(appends: readonly Append[]): void {
  for (const append of appends) checkAppend(append);
  if (appends.length < 2) return;
  const keys = new Set<string>();
  for (const { key } of appends) {
    if (keys.has(key)) throw new TypeError(`the key ${JSON.stringify(key)} occurs twice in one commit`);
    keys.add(key);
  }
}

function checkAppend({ expected, records, ttlMs }: Append): void {
  if (records.length === 0) throw new TypeError('an append has at least one record');
  let version = expected === null ? 0 : expected.version;
  for (const record of records) {
    version++;
    if (record.version === version) continue;
    throw new RangeError(
      `record ${record.version} stands where ${version} was due: records follow what is expected`,
    );
  }
  if (ttlMs !== undefined && !(ttlMs > 0)) throw new RangeError(`ttlMs is ${ttlMs}, not a time to live`);
}

export function checkRead({ after, at, limit }: ReadOptions): void {
  checkCount('limit', limit);
  if (at === undefined) return;
  if (!Number.isInteger(at) || at < 1) throw new RangeError(`at is ${at}, not a version`);
  if (after !== undefined && after.version > at) {
    throw new RangeError(`what came after version ${after.version} cannot be read as of version ${at}`);
  }
}

export function checkCount(name: string, count: number | undefined): void {
  if (count === undefined || count === Number.POSITIVE_INFINITY) return;
  if (!Number.isInteger(count) || count < 0) throw new RangeError(`${name} is ${count}, not a count`);
}
