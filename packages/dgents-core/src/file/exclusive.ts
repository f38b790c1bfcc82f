import { closeSync, openSync } from 'node:fs';
import { NodeFileSystem } from './node-file-system.js';

/**
 * Keeps every other process, and every other caller of this, out of what a file stands for, until it is let go or the
 * process ends, in whatever way: the lock is the kernel's. The file is made where there is none, and stays.
 *
 * @returns how to let go; undefined when someone else has it
 * @throws StorageUnavailableError where there is no native lock for this platform; the system's error when the file
 *   cannot be opened
 */
export async function lockExclusively(path: string): Promise<(() => void) | undefined> {
  const fileSystem = new NodeFileSystem();
  await fileSystem.prepare();
  const descriptor = openSync(path, 'a', 0o600);
  try {
    if (fileSystem.tryLock(descriptor)) return () => closeSync(descriptor);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  closeSync(descriptor);
  return undefined;
}
