import { dirname } from 'node:path';
import { StorageUnavailableError } from '../errors.js';
import type { FileSystem } from './file-system.js';
import { codeOf } from './storage-error.js';

/** Directories that we make are for the owner: names of files tell keys. */
const DIRECTORY_MODE = 0o700;

/** Writes all of it. A short write is not an error of the system, and is followed by the rest, or by the reason. */
export async function writeAll(
  fileSystem: FileSystem,
  descriptor: number,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const rest = written === 0 ? bytes : bytes.subarray(written);
    const count = await fileSystem.write(descriptor, rest, position + written);
    if (count <= 0)
      throw new StorageUnavailableError('The file system accepts no more bytes and does not say why');
    written += count;
  }
}

/** A file that is being written beside the one it will become. */
export interface Draft {
  readonly path: string;
  /** Open for writing, and locked, so that nobody takes it for a leftover, nor writes to it before it is durable. */
  readonly descriptor: number;
  /** Set by {@link closeDraft}: the number may be another file's by then. */
  closed?: boolean;
}

/**
 * Writes a file beside its future place, durable and complete. On failure nothing is left. Whoever publishes it has
 * to close it.
 */
export async function writeDraft(
  fileSystem: FileSystem,
  path: string,
  how: { readonly mode: number; readonly through: boolean },
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<Draft> {
  const descriptor = fileSystem.open(path, { create: how.mode, through: how.through });
  const draft: Draft = { path, descriptor };
  try {
    fileSystem.tryLock(descriptor);
    let size = 0;
    for await (const piece of pieces) {
      await writeAll(fileSystem, descriptor, piece, size);
      size += piece.length;
    }
    const actual = fileSystem.statOpen(descriptor).size;
    if (actual !== size) {
      throw new StorageUnavailableError(`${path} has ${actual} bytes after ${size} were written`);
    }
    await fileSystem.sync(descriptor);
    return draft;
  } catch (error) {
    await discard(fileSystem, draft);
    throw error;
  }
}

/** Removes a draft that was not published. */
export async function discard(fileSystem: FileSystem, draft: Draft): Promise<void> {
  closeDraft(fileSystem, draft);
  await fileSystem.unlink(draft.path).catch(() => {
    // What is left is swept later; the reason why the draft is not wanted matters more.
  });
}

/** Makes a draft the file at `path`, unless there is one: then gives false, and the draft is gone. */
export async function publishNew(fileSystem: FileSystem, draft: Draft, path: string): Promise<boolean> {
  try {
    await fileSystem.link(draft.path, path);
  } catch (error) {
    await discard(fileSystem, draft);
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
  await fileSystem.unlink(draft.path).catch(() => {
    // A second name of the same file, swept later; the file itself is in place.
  });
  return true;
}

/** Closes it, once: a second time would close what was opened under the same number meanwhile. */
export function closeDraft(fileSystem: FileSystem, draft: Draft): void {
  if (draft.closed) return;
  draft.closed = true;
  closeQuietly(fileSystem, draft.descriptor);
}

/** Closing gives nothing to decide on: what had to be durable was synced before. */
export function closeQuietly(fileSystem: FileSystem, descriptor: number): void {
  try {
    fileSystem.close(descriptor);
  } catch {
    // The descriptor is gone either way, and so are its locks.
  }
}

/**
 * Makes a directory and those above it, each durable in its parent before the next one is made. So of those that are
 * there only the last can be one that another process made and could not make durable before it died.
 */
export async function ensureDirectory(fileSystem: FileSystem, path: string): Promise<void> {
  const parent = dirname(path);
  if (fileSystem.stat(path)?.kind === 'directory') return syncedByUs(fileSystem, parent);
  if (parent !== path) await ensureDirectory(fileSystem, parent);
  try {
    await fileSystem.makeDirectory(path, DIRECTORY_MODE);
  } catch (error) {
    const made = codeOf(error) === 'EEXIST' && fileSystem.stat(path)?.kind === 'directory';
    if (!made) throw error;
  }
  await fileSystem.syncDirectory(parent);
}

/** Whoever may not read a directory, or finds it read-only, cannot have made anything in it. */
async function syncedByUs(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await fileSystem.syncDirectory(path);
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EROFS', 'EINVAL'].includes(codeOf(error) ?? '')) throw error;
  }
}
