/** Earlier versions: one of them, the newest few, or all in order. Nothing here touches the replica of the present. */
import type { LogRecord, Version } from '../backend.js';
import { DgentsError, StateCorruptionError } from '../errors.js';
import type { Cell } from './cell.js';
import { compacted, holdsEvents, type Snapshot } from './replica.js';
import { versionAt } from './time.js';

/**
 * The snapshot at a version or time.
 * @returns undefined when the log had not begun by then
 * @throws LogCompactedError below the oldest kept; RangeError beyond the newest
 */
export async function snapshotAt(
  cell: Cell,
  at: Version | Date,
  timeoutMs: number,
): Promise<Snapshot | undefined> {
  const { head, floor } = await cell.engine.backend.read(cell.key, { timeoutMs, limit: 1 });
  const version = typeof at === 'number' ? at : await versionAt(cell, at.getTime(), timeoutMs);
  if (head === null) return undefined;
  if (version < floor) {
    if (floor > 1) throw compacted(cell.key, version, floor);
    return undefined;
  }
  if (version > head.version) {
    const hint = version > 1e11 ? ' A time is given as a Date.' : '';
    throw new RangeError(
      `"${cell.key}" has no version ${version} yet; the newest is ${head.version}.${hint}`,
    );
  }
  return await cell.reader.read(timeoutMs, version);
}

/** How many records are read at once while walking through a log. */
const PAGE = 500;

/** Every version kept from `from` to `to`, oldest first. */
export async function* successive(
  cell: Cell,
  from: Version,
  to: Version,
  timeoutMs: number,
): AsyncGenerator<Snapshot, void, undefined> {
  const { backend } = cell.engine;
  const start = await backend.read(cell.key, { timeoutMs, limit: 1 });
  if (start.head === null || to < 1) return;
  const first = Math.max(from, start.floor, 1);
  const last = Math.min(to, start.head.version);
  if (first > last) return;
  const walk = await cell.reader.walk(first, timeoutMs);
  await assertState(cell, first, timeoutMs);
  yield walk.snapshot;
  let next = first + 1;
  while (next <= last) {
    const page: LogRecord[] = [];
    const range = { from: next, to: Math.min(last, next + PAGE - 1), timeoutMs };
    for await (const record of backend.range(cell.key, range)) page.push(record);
    if (page[0]?.version !== next) {
      // Trimmed while this walk was on its way: what is gone cannot be shown, what follows cannot be built on it.
      const { floor } = await backend.read(cell.key, { timeoutMs, limit: 1 });
      if (floor >= next) throw compacted(cell.key, next, floor);
      throw new StateCorruptionError(`The log of "${cell.key}" has a gap at version ${next}.`, {
        key: cell.key,
      });
    }
    for (const record of page) {
      if (record.version !== next) {
        throw new StateCorruptionError(`The log of "${cell.key}" has a gap at version ${next}.`, {
          key: cell.key,
        });
      }
      next += 1;
      const advanced = walk.advance(record);
      const snapshot = advanced instanceof Promise ? await advanced : advanced;
      yield snapshot;
    }
  }
}

/** Where the walk starts from a checkpoint, nothing else looks at the record. @throws UnsupportedError for an event */
async function assertState(cell: Cell, version: Version, timeoutMs: number): Promise<void> {
  if (cell.definition.events !== undefined) return;
  const range = cell.engine.backend.range(cell.key, { from: version, to: version, limit: 1, timeoutMs });
  for await (const record of range) {
    if (record.version !== version || record.kind !== 'event') continue;
    cell.definition.wrapping.assertNoEvent(cell.key, record);
    throw holdsEvents(cell.key);
  }
}

/** The newest `limit` states before the head, newest first; deletions are passed over. */
export async function newest(cell: Cell, limit: number, timeoutMs: number): Promise<Snapshot[]> {
  for (;;) {
    try {
      return await newestKept(cell, limit, timeoutMs);
    } catch (error) {
      // Trimmed meanwhile: what is kept begins later now.
      if (!DgentsError.is(error, 'DGENTS_LOG_COMPACTED')) throw error;
    }
  }
}

async function newestKept(cell: Cell, limit: number, timeoutMs: number): Promise<Snapshot[]> {
  const { head, floor } = await cell.engine.backend.read(cell.key, { timeoutMs, limit: 1 });
  if (head === null || limit === 0) return [];
  let found: Snapshot[] = [];
  let end = head.version - 1;
  while (end >= Math.max(1, floor) && found.length < limit) {
    const begin = Math.max(1, floor, end - (limit - found.length) + 1);
    const window: Snapshot[] = [];
    for await (const snapshot of successive(cell, begin, end, timeoutMs)) {
      if (snapshot.head?.deleted !== true) window.push(snapshot);
    }
    found = [...found, ...window.reverse()];
    end = begin - 1;
  }
  return found;
}
