import { randomBytes } from 'node:crypto';
import { basename, join } from 'node:path';
import { closeQuietly } from './durable.js';
import type { FileSystem } from './file-system.js';

/** Drafts are locked while they are written; this only covers the moment between creating and locking one. */
const STALE_MS = 60_000;

const DRAFT = /\.draft-[0-9a-f]{12}$/;

/** A name for a draft of the file at `path`, beside it. */
export function draftPath(path: string): string {
  return `${path}.draft-${randomBytes(6).toString('hex')}`;
}

/**
 * Removes drafts that a dead process left behind: those that are old and that nobody has locked. `of` limits it to the
 * drafts of one file. What cannot be removed stays for another time: it is in nobody's way.
 */
export async function sweepDrafts(
  fileSystem: FileSystem,
  directory: string,
  nowMs: number,
  of?: string,
): Promise<void> {
  for (const name of await fileSystem.list(directory)) {
    if (!DRAFT.test(name) || (of !== undefined && !name.startsWith(`${basename(of)}.`))) continue;
    const path = join(directory, name);
    try {
      if (isLeftover(fileSystem, path, nowMs)) await fileSystem.unlink(path);
    } catch {
      // Gone meanwhile, or not ours to remove.
    }
  }
}

function isLeftover(fileSystem: FileSystem, path: string, nowMs: number): boolean {
  const stat = fileSystem.stat(path);
  if (stat === undefined || stat.kind !== 'file' || nowMs - stat.changedMs < STALE_MS) return false;
  const descriptor = fileSystem.open(path, { write: true });
  try {
    return fileSystem.tryLock(descriptor);
  } finally {
    closeQuietly(fileSystem, descriptor);
  }
}
