import type { Checkpoint, Head, LogRecord, LogTail, RangeOptions, ReadOptions, Version } from '../backend.js';
import { LogCompactedError, StateCorruptionError } from '../errors.js';
import type { LogView } from './log-view.js';

/**
 * What a read of the port returns: how the log relates to `after`, the newest starting point, and what follows it, up
 * to `at` and `limit`. Looks up what it returns, each version once.
 *
 * @param log undefined when the key has none
 * @throws LogCompactedError when the log as of `at` is no longer kept
 * @throws StateCorruptionError when a version between floor and head is missing
 */
export function tailOf(key: string, log: LogView | undefined, options: ReadOptions = {}): LogTail {
  const { after, at = Number.POSITIVE_INFINITY, limit = Number.POSITIVE_INFINITY } = options;
  if (log === undefined) {
    return { head: null, floor: 0, since: after ? 'diverged' : 'same', records: [], more: false };
  }
  const { head, floor } = log;
  const since = after === undefined ? 'same' : relation(log, after);
  const end = Math.min(at, head.version);
  if (after !== undefined && since === 'same') {
    return { head, floor, since, ...following(key, log, after.version, end, limit) };
  }
  if (end < floor) throw compacted(key, end, floor);
  return { head, floor, since, ...whole(key, log, end, limit) };
}

function relation(log: LogView, after: Head): LogTail['since'] {
  if (after.version < log.floor) return 'trimmed';
  return log.at(after.version)?.id === after.id ? 'same' : 'diverged';
}

function following(key: string, log: LogView, after: Version, end: Version, limit: number) {
  const last = Math.min(end, after + limit);
  const records: LogRecord[] = [];
  for (let version = after + 1; version <= last; version++) {
    records.push(standing(key, log, version) as LogRecord);
  }
  return { records, more: last < end };
}

/** Goes back to the newest starting point. Of the records on the way only those are held that will be returned. */
function whole(key: string, log: LogView, end: Version, limit: number) {
  const newestFirst: LogRecord[] = [];
  const newest = log.checkpoint?.();
  // One at the base, which a trim has left behind, may hold what was erased.
  const checkpoint = newest !== undefined && newest.version > log.floor ? newest : undefined;
  let start: Pick<LogTail, 'base' | 'checkpoint'> = {};
  let version = end;
  for (; version >= log.floor; version--) {
    const found = version === checkpoint?.version ? checkpoint : standing(key, log, version);
    if (!('kind' in found)) {
      start = found === checkpoint ? { checkpoint: found } : { base: found };
      break;
    }
    const record = found as LogRecord;
    newestFirst.push(record);
    if (newestFirst.length > limit) newestFirst.shift();
    if (record.kind !== 'set' && record.kind !== 'tombstone') continue;
    version--;
    break;
  }
  return { ...start, records: newestFirst.reverse(), more: end - version > limit };
}

/**
 * What a range of the port yields, one look at the log per record: nothing stays open between two steps, and a long
 * log never lies in memory.
 *
 * @param look calls back with the log as it is now, and resolves to what that returned
 * @throws LogCompactedError where what comes next was trimmed away meanwhile; a `reverse` range ends there
 */
export async function* rangeOver(
  key: string,
  options: RangeOptions,
  look: <T>(work: (log: LogView | undefined) => T) => Promise<T>,
): AsyncGenerator<LogRecord, void, undefined> {
  const { from = 1, to = Number.POSITIVE_INFINITY, reverse, limit = Number.POSITIVE_INFINITY } = options;
  const bounds = await look((log) => log && { first: oldestRecord(log), last: log.head.version });
  if (bounds === undefined) return;
  const first = Math.max(from, bounds.first);
  const last = Math.min(to, bounds.last);
  const count = Math.min(limit, last - first + 1);
  for (let i = 0; i < count; i++) {
    const version = reverse ? last - i : first + i;
    const record = await look((log) => {
      // A log that expired is gone, also when a shorter one has begun in its place.
      if (log === undefined || version > log.head.version) return undefined;
      if (version >= oldestRecord(log)) return standing(key, log, version) as LogRecord;
      if (reverse) return undefined;
      throw compacted(key, version, log.floor);
    });
    if (record === undefined) return;
    yield record;
  }
}

function oldestRecord({ floor }: LogView): Version {
  return floor === 1 ? 1 : floor + 1;
}

function standing(key: string, log: LogView, version: Version): LogRecord | Checkpoint {
  const found = log.at(version);
  if (found !== undefined) return found;
  throw new StateCorruptionError(`Version ${version} of ${JSON.stringify(key)} is missing.`, { key });
}

function compacted(key: string, version: Version, floor: Version): LogCompactedError {
  const message = `version ${version} is no longer kept: the oldest one is ${floor}`;
  return new LogCompactedError(message, { key, floor });
}
