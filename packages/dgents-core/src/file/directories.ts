import { resolve } from 'node:path';
import { ensureDirectory } from './durable.js';
import { NodeFileSystem } from './node-file-system.js';
import { storageError } from './storage-error.js';

/**
 * For backends that keep files: makes a directory, and those above it that are missing, each durable in its parent.
 * Those that are made are for the owner alone. Does nothing to one that is there.
 *
 * @throws StorageUnavailableError or StorageFullError, which say what to do
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await ensureDirectory(new NodeFileSystem(), resolve(path));
  } catch (error) {
    throw storageError(error, 'make the directory', path);
  }
}

/**
 * Makes the names in a directory durable: of files that were created, renamed or removed. What is in a file is made
 * durable by whoever writes it; that it is found after a power cut, by this.
 *
 * @throws StorageUnavailableError or StorageFullError, which say what to do
 */
export async function syncDirectory(path: string): Promise<void> {
  try {
    await new NodeFileSystem().syncDirectory(resolve(path));
  } catch (error) {
    throw storageError(error, 'sync the directory', path);
  }
}
