import type { Checkpoint } from '../backend.js';
import type { JournalFile } from './journal-file.js';
import { idAt, placeOf } from './journal-reading.js';
import { InDoubt, layoutAfter, prepareForWriting, writeLines } from './journal-writing.js';

/**
 * Writes a checkpoint behind the journal, under the lock, unless there is a newer place to start reading from, or the
 * version is not the log's. It is made durable like an append, although nobody waits for that: what is acknowledged
 * after it must never have a hole in front.
 */
export async function writeCheckpoint(file: JournalFile, checkpoint: Checkpoint): Promise<void> {
  const { view } = file;
  if (view === undefined || !(await isWanted(file, checkpoint))) return;
  await prepareForWriting(file);
  const current = file.view;
  if (current === undefined || current.head.version < checkpoint.version) return;
  const isHead = checkpoint.version === current.head.version;
  const follower = isHead ? undefined : await placeOf(file, current, checkpoint.version + 1);
  const layout = layoutAfter(file);
  layout.checkpoint(checkpoint, follower?.offset);
  try {
    await writeLines(file, layout, current.head);
  } catch (error) {
    throw error instanceof InDoubt ? error.cause : error; // Doubt about a cache is a plain failure.
  }
}

async function isWanted(file: JournalFile, { version, id }: Checkpoint): Promise<boolean> {
  const { view } = file;
  if (view === undefined || version <= view.start.version || version > view.head.version) return false;
  return (await idAt(file, view, version)) === id;
}
