/** From a point in time to a version. */
import type { Head, Version } from '../backend.js';
import { StateCorruptionError } from '../errors.js';
import type { Cell } from './cell.js';

/**
 * The newest version written at or before `time`, by the writers' clocks; 0 when all kept ones are later. Stamps never
 * go back within a log, so this is a binary search: one read of a single record for each step. Where records are
 * authenticated, the two versions that it ends between are read.
 * @throws StateCorruptionError when what those say for themselves is not what was found
 */
export async function versionAt(cell: Cell, time: number, timeoutMs: number): Promise<Version> {
  const { head, floor } = await cell.engine.backend.read(cell.key, { timeoutMs, limit: 1 });
  if (head === null) return 0;
  const version = await search(cell, head, floor, time, timeoutMs);
  if (version === 0 || !cell.definition.wrapping.authenticates) return version;
  const isLater = async (at: Version): Promise<boolean> =>
    ((await cell.reader.stored(timeoutMs, at))?.head.at ?? Infinity) > time;
  if ((await isLater(version)) || (version < head.version && !(await isLater(version + 1)))) {
    throw new StateCorruptionError(
      `The log of "${cell.key}" is damaged: the times of the records around version ${version} are not those that were ` +
        'written. They were left as they are.',
      { key: cell.key },
    );
  }
  return version;
}

async function search(
  cell: Cell,
  head: Head,
  floor: Version,
  time: number,
  timeoutMs: number,
): Promise<Version> {
  if (head.at <= time) return head.version;
  const oldest = (await cell.reader.stored(timeoutMs, floor))?.head;
  if (oldest === undefined || oldest.at > time) return 0;
  let low = oldest.version;
  let high = head.version;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((await stampOf(cell, middle, timeoutMs)) <= time) low = middle;
    else high = middle;
  }
  return low;
}

async function stampOf(cell: Cell, version: Version, timeoutMs: number): Promise<number> {
  const range = cell.engine.backend.range(cell.key, { from: version, to: version, limit: 1, timeoutMs });
  for await (const record of range) return record.at;
  return Infinity;
}
