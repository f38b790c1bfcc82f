/** From a point in time to a version. */
import type { Version } from '../backend.js';
import type { Cell } from './cell.js';

/**
 * The newest version written at or before `time`, by the writers' clocks; 0 when all kept ones are later. Stamps never
 * go back within a log, so this is a binary search: one read of a single record for each step.
 */
export async function versionAt(cell: Cell, time: number, timeoutMs: number): Promise<Version> {
  const { backend } = cell.engine;
  const { head, floor } = await backend.read(cell.key, { timeoutMs, limit: 1 });
  if (head === null) return 0;
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
