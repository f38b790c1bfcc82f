/**
 * What is wrong with a call of the port whatever the store holds: mistakes of the caller, found before anything is
 * read or written. Every backend begins its methods with these, so that the same mistake is the same error everywhere.
 */
import type {
  Append,
  Backend,
  BackendCapabilities,
  CommitOptions,
  KeysOptions,
  RangeOptions,
  ReadOptions,
} from '../backend.js';
import { UnsupportedError } from '../errors.js';

/**
 * @param backend what was called: what its capabilities do not claim is refused
 * @throws TypeError when a key occurs twice or an append is empty; RangeError when records do not follow `expected`
 * @throws TypeError when `within` is no function, or stands without `atomic` or without an append
 * @throws UnsupportedError for a time to live, `within`, or `atomic` over several keys, where that is not claimed
 */
export function checkCommit(
  { name, capabilities }: Pick<Backend, 'name' | 'capabilities'>,
  appends: readonly Append[],
  options: CommitOptions = {},
): void {
  if (options.atomic && appends.length > 1 && capabilities.atomicity === 'key') {
    throw new UnsupportedError(
      `The ${name} store is atomic per key: a commit over several cannot be atomic.`,
    );
  }
  if (options.within !== undefined) checkWithin(name, capabilities, appends, options);
  for (const append of appends) {
    checkAppend(append);
    if (append.ttlMs === undefined || capabilities.ttl) continue;
    throw new UnsupportedError(`The ${name} store has no time to live.`, { key: append.key });
  }
  if (appends.length < 2) return;
  const keys = new Set<string>();
  for (const { key } of appends) {
    if (keys.has(key)) throw new TypeError(`the key ${JSON.stringify(key)} occurs twice in one commit`);
    keys.add(key);
  }
}

function checkWithin(
  name: string,
  { joins = false }: Pick<BackendCapabilities, 'joins'>,
  appends: readonly Append[],
  { atomic = false, within }: CommitOptions,
): void {
  if (!joins) throw new UnsupportedError(`The ${name} store runs no work within its transactions.`);
  if (typeof within !== 'function') throw new TypeError(`within is a function, not ${typeof within}`);
  if (!atomic) throw new TypeError('within goes with atomic: there is one transaction to run it in');
  // Where nothing is appended, a commit that was made before could not be told from a new one.
  if (appends.length === 0) throw new TypeError('within goes with an append');
}

function checkAppend({ expected, records, ttlMs, keepTtl }: Append): void {
  if (records.length === 0) throw new TypeError('an append has at least one record');
  let version = expected === null ? 0 : expected.version;
  for (const record of records) {
    version++;
    if (record.version === version) continue;
    throw new RangeError(
      `record ${record.version} stands where ${version} was due: records follow what is expected`,
    );
  }
  if (keepTtl === true && (ttlMs !== undefined || expected === null)) {
    throw new TypeError('keepTtl goes without ttlMs, and behind a head');
  }
  if (ttlMs !== undefined && !(ttlMs > 0)) throw new RangeError(`ttlMs is ${ttlMs}, not a time to live`);
}

/** @throws RangeError when `at` is no version or lies before `after`, or `limit` is no count */
export function checkRead({ after, at, limit }: ReadOptions): void {
  checkCount('limit', limit);
  if (at === undefined) return;
  if (!Number.isInteger(at) || at < 1) throw new RangeError(`at is ${at}, not a version`);
  if (after !== undefined && after.version > at) {
    throw new RangeError(`what came after version ${after.version} cannot be read as of version ${at}`);
  }
}

/** For `range`, `keys` and `feed`. @throws RangeError when `limit` is no count */
export function checkLimit({ limit }: Pick<RangeOptions & KeysOptions, 'limit'>): void {
  checkCount('limit', limit);
}

function checkCount(name: string, count: number | undefined): void {
  if (count === undefined || count === Number.POSITIVE_INFINITY) return;
  if (!Number.isInteger(count) || count < 0) throw new RangeError(`${name} is ${count}, not a count`);
}
