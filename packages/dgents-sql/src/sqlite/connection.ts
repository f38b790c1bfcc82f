/** One SQLite database that is open, and how transactions begin and end in it. */

import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type BetterSqlite3 from 'better-sqlite3';
import {
  DgentsError,
  makeDirectory,
  StateCorruptionError,
  StorageFullError,
  StorageTimeoutError,
  StorageUnavailableError,
  syncDirectory,
  UnsupportedError,
  WorkFailedError,
} from 'dgents-core';

export type Sqlite = BetterSqlite3.Database;
type Statement = BetterSqlite3.Statement<[]>;

/** How long a process that holds the lock is left alone before the next try, at first and at most. */
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 25;

export interface Opening {
  /** A file, or `:memory:`. */
  readonly path: string;
  readonly durability: 'power' | 'process' | 'none';
  readonly busyTimeoutMs: number;
}

/** Opens the file, makes it where there is none, and sets what every connection needs. */
export async function openSqlite({ path, durability, busyTimeoutMs }: Opening): Promise<Sqlite> {
  const Database = await driver();
  const isFile = path !== ':memory:';
  if (isFile) {
    await makeDirectory(dirname(path));
    await makePrivate(path);
  }
  const sqlite = connected(Database, path);
  try {
    await patiently(busyTimeoutMs, path, () => sqlite.pragma('journal_mode = WAL'));
    sqlite.pragma(`synchronous = ${durability === 'power' ? 'FULL' : 'NORMAL'}`);
    // A file that is on the disk can be found after a power cut if its name is there too.
    if (isFile) await syncDirectory(dirname(path));
    return sqlite;
  } catch (error) {
    sqlite.close();
    throw sqliteError(error, path);
  }
}

/** State is for its owner: SQLite would let everybody read it. The files beside it follow this one. */
async function makePrivate(path: string): Promise<void> {
  // What stands in the way is told when it is opened.
  const made = await open(path, 'wx', 0o600).catch(() => undefined);
  await made?.close();
}

function connected(Database: typeof BetterSqlite3, path: string): Sqlite {
  try {
    // Waiting is ours: the driver would block the event loop.
    return new Database(path, { timeout: 0 });
  } catch (error) {
    if (codeOf(error) !== '') throw sqliteError(error, path);
    throw new UnsupportedError('The driver of SQLite does not load: npm rebuild better-sqlite3', {
      cause: error,
    });
  }
}

async function driver(): Promise<typeof BetterSqlite3> {
  try {
    return (await import('better-sqlite3')).default;
  } catch (cause) {
    throw new UnsupportedError('SQLite needs its driver: npm install better-sqlite3', { cause });
  }
}

/**
 * Runs `work` between BEGIN IMMEDIATE and COMMIT. Nothing is awaited between the two: other code of this process may
 * use the same connection.
 *
 * @throws a `DgentsError` where nothing was written; anything else where that is not known
 */
export async function inTransaction<T>(
  sqlite: Sqlite,
  { path, busyTimeoutMs }: Pick<Opening, 'path' | 'busyTimeoutMs'>,
  work: () => T,
): Promise<T> {
  const outcome = await patiently(busyTimeoutMs, path, () => {
    boundsOf(sqlite).begin.run();
    return begun(sqlite, path, work);
  });
  return outcome();
}

const bounds = new WeakMap<Sqlite, { readonly begin: Statement; readonly commit: Statement }>();

/** How a transaction begins and ends, prepared once for each connection. */
function boundsOf(sqlite: Sqlite) {
  const known = bounds.get(sqlite);
  if (known !== undefined) return known;
  const made = { begin: sqlite.prepare('BEGIN IMMEDIATE'), commit: sqlite.prepare('COMMIT') };
  bounds.set(sqlite, made);
  return made;
}

/** What came of it, to be thrown or returned by whoever waits: it has begun, so it is not tried again. */
function begun<T>(sqlite: Sqlite, path: string, work: () => T): () => T {
  let result: T;
  try {
    result = work();
  } catch (error) {
    rollBack(sqlite);
    return failing(sqliteError(error, path));
  }
  try {
    boundsOf(sqlite).commit.run();
    return () => result;
  } catch (error) {
    rollBack(sqlite);
    // A deferred constraint, on tables of the caller's: those of the logs have none.
    if (codeOf(error).startsWith('SQLITE_CONSTRAINT')) return failing(new WorkFailedError(error));
    const typed = sqliteError(error, path);
    // What could not be written for want of room was not; of a device that fails nobody knows.
    return failing(typed instanceof StorageFullError || typed instanceof StorageTimeoutError ? typed : error);
  }
}

function failing(error: unknown): () => never {
  return () => {
    throw error;
  };
}

function rollBack(sqlite: Sqlite): void {
  if (!sqlite.inTransaction) return;
  try {
    // An iterator that the caller's work left open must not keep the lock: it only stops the driver.
    sqlite.unsafeMode(true).exec('ROLLBACK');
  } catch {
    // SQLite has rolled back by itself; what had failed before is told.
  } finally {
    sqlite.unsafeMode(false);
  }
}

/** Tries again while another connection holds the lock, without blocking this process. */
export async function patiently<T>(busyTimeoutMs: number, path: string, work: () => T): Promise<T> {
  const deadline = performance.now() + busyTimeoutMs;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error)) throw sqliteError(error, path);
      if (performance.now() + pause > deadline) throw busyFor(busyTimeoutMs, path, error);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, pause * (0.5 + Math.random()));
    });
  }
}

function busyFor(timeoutMs: number, path: string, cause: unknown): StorageTimeoutError {
  return new StorageTimeoutError(`Another connection has held the lock of ${path} for ${timeoutMs} ms.`, {
    timeoutMs,
    cause,
  });
}

export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

export function isBusy(error: unknown): boolean {
  const code = codeOf(error);
  return code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED');
}

/** What SQLite says, as the typed error that says what to do. Typed ones, and what is not SQLite's, pass through. */
export function sqliteError(error: unknown, path: string, key?: string): unknown {
  if (DgentsError.is(error)) return error;
  const code = codeOf(error);
  if (!code.startsWith('SQLITE_')) return error;
  const options = { cause: error, key };
  const said = (error as Error).message;
  if (code.startsWith('SQLITE_FULL'))
    return new StorageFullError(`There is no room for ${path}: ${said}`, options);
  if (code.startsWith('SQLITE_CORRUPT')) {
    const message = `${path} is damaged: ${said}. Keep a copy, and restore a backup.`;
    return new StateCorruptionError(message, { ...options, location: path });
  }
  if (code.startsWith('SQLITE_NOTADB')) {
    return new StorageUnavailableError(
      `${path} is not an SQLite database. Nothing was written to it.`,
      options,
    );
  }
  if (code.startsWith('SQLITE_READONLY')) {
    return new StorageUnavailableError(
      `${path} cannot be written: check owner and mode of the file and of its directory.`,
      options,
    );
  }
  if (code.startsWith('SQLITE_CANTOPEN')) {
    return new StorageUnavailableError(
      `${path} cannot be opened: check that it is a file that may be written.`,
      options,
    );
  }
  const others = /already exists|no such (table|column)|has no column/.test(said)
    ? 'Its tables are not those of this release: name others with { table }. '
    : '';
  return new StorageUnavailableError(`SQLite cannot use ${path}: ${others}${said} (${code})`, options);
}
