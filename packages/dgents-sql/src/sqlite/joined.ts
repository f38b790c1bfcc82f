/** Work of the caller's in the transaction of a commit. All of it is synchronous, as the driver is. */
import { WorkFailedError } from 'dgents-core';
import { codeOf, type Sqlite } from './connection.js';

/** Work that ended the transaction itself: what was written before is there, unless it was rolled back. */
export class EndedByWork extends Error {}

/**
 * Runs the work. The savepoint tells whether the transaction is still the same one afterwards.
 *
 * @throws WorkFailedError where the transaction is to be rolled back; EndedByWork where there is none any more
 */
export function joined(sqlite: Sqlite, within: (client: unknown) => unknown): void {
  sqlite.exec('SAVEPOINT dgents_within');
  try {
    refusePromise(within(sqlite));
    sqlite.exec('RELEASE dgents_within');
  } catch (cause) {
    throw isStillThere(sqlite) ? new WorkFailedError(cause) : new EndedByWork('', { cause });
  }
}

function isStillThere(sqlite: Sqlite): boolean {
  try {
    sqlite.exec('ROLLBACK TO dgents_within');
    return true;
  } catch (error) {
    // An iterator that was left open keeps the driver from running it, which is not the database's word.
    return !codeOf(error).startsWith('SQLITE_');
  }
}

function refusePromise(returned: unknown): void {
  if (typeof (returned as { then?: unknown } | null | undefined)?.then !== 'function') return;
  Promise.resolve(returned).catch(() => {
    // It goes on outside, and nobody waits for it.
  });
  throw new TypeError(
    'The work within a transaction of SQLite is synchronous, as better-sqlite3 is: a promise that it returns would end after the transaction.',
  );
}
