import type { Head, LogRecord } from '../backend.js';
import { closeQuietly, discard, publishNew, writeAll, writeDraft } from './durable.js';
import { headerOf } from './header.js';
import type { JournalFile } from './journal-file.js';
import { JournalLayout } from './journal-layout.js';
import { recognise, type View } from './journal-view.js';
import { storageError } from './storage-error.js';
import type { Place } from './walk.js';

/** A failure that leaves it open whether what was written will be there. */
export class InDoubt {
  readonly cause: unknown;
  constructor(cause: unknown) {
    this.cause = cause;
  }
}

/** Headers of an append's last record, as the compare-and-set will see it. Frozen: it is kept, and handed out. */
export function headAfter(records: readonly LogRecord[]): Head {
  const last = records[records.length - 1] as LogRecord;
  const deleted = last.kind === 'tombstone';
  return Object.freeze({ version: last.version, id: last.id, at: last.at, deleted });
}

/** A layout that goes on where the journal ends. */
export function layoutAfter(file: JournalFile): JournalLayout {
  const { view } = file;
  if (view === undefined) return new JournalLayout(file.seed, headerOf(file.key, 1).length, undefined);
  return new JournalLayout(file.seed, view.end, view.start, view.lastLine);
}

/** Makes the lines of a layout durable behind the journal, in one write. Throws typed errors, or {@link InDoubt}. */
export async function writeLines(file: JournalFile, layout: JournalLayout, head: Head): Promise<void> {
  const view = file.view as View;
  const bytes = layout.taken();
  try {
    await writeAll(file.context.fileSystem, file.descriptor, bytes, view.end);
  } catch (error) {
    const failure = storageError(error, 'write to', file.path, file.key);
    await cutBack(file, view, bytes.length, failure);
    throw failure;
  }
  file.view = {
    ...view,
    size: layout.end,
    changedMs: undefined,
    end: layout.end,
    head,
    start: layout.start as Place,
    lastLine: layout.lastLine,
    lastBytes: recognise(layout.newestLine),
  };
  remember(file, layout.places);
}

/** How many places are kept. */
const RECENT_LINES = 64;

function remember(file: JournalFile, places: readonly Place[]): void {
  const recent = file.recent ?? [];
  for (const place of places) recent.push(place);
  file.recent = recent.length > 2 * RECENT_LINES ? recent.slice(-RECENT_LINES) : recent;
}

/**
 * After a failed write: takes back what may have been written. The descriptor that failed is not synced again, since
 * a second sync would succeed and lie; but it holds the lock, and is closed only when the file is cut.
 */
async function cutBack(file: JournalFile, view: View, bytes: number, failure: unknown): Promise<void> {
  file.fence = { inode: view.inode, from: view.end, to: view.end + bytes };
  try {
    await cutTo(file, view.end);
    file.fence = undefined;
  } catch {
    throw new InDoubt(failure); // The fence remembers what is to be done; why it failed matters less than why we cut.
  } finally {
    file.forget();
  }
}

/** Cuts the file on a fresh descriptor and makes that durable. */
async function cutTo(file: JournalFile, size: number): Promise<void> {
  const { fileSystem } = file.context;
  const descriptor = fileSystem.open(file.path, { write: true });
  try {
    await fileSystem.truncate(descriptor, size);
    await fileSystem.sync(descriptor);
  } finally {
    closeQuietly(fileSystem, descriptor);
  }
}

/**
 * Makes the journal fit to be written to, under the lock: completes a cut that failed, cuts off an append that was
 * never finished, and makes durable what someone else may have written and not synced before it died. Without the last
 * step a power cut could leave a hole under our own, acknowledged append.
 */
export async function prepareForWriting(file: JournalFile): Promise<void> {
  try {
    await completeCut(file);
    await dropTornTail(file);
    await settleTail(file);
  } catch (error) {
    file.forget();
    throw storageError(error, 'prepare for writing', file.path, file.key);
  }
}

async function completeCut(file: JournalFile): Promise<void> {
  const { fence } = file;
  if (fence === undefined) return;
  const { inode, size } = file.context.fileSystem.statOpen(file.descriptor);
  // Beyond what we wrote, somebody went on from it: then it has happened, and is theirs to keep.
  if (inode === fence.inode && size >= fence.from && size <= fence.to) await cutTo(file, fence.from);
  file.fence = undefined;
  file.view = undefined;
  await file.refreshLocked();
}

async function dropTornTail(file: JournalFile): Promise<void> {
  const { view } = file;
  if (view === undefined || view.size === view.end) return;
  const { context, path, key } = file;
  const bytes = await file.reader().bytes(view.end, view.size);
  const keptIn = `${path}.torn-${view.end}-${Math.trunc(context.clock())}`;
  const kept = await writeDraft(
    context.fileSystem,
    context.draftPath(path),
    { mode: context.mode, through: false },
    [bytes],
  );
  try {
    await context.fileSystem.rename(kept.path, keptIn);
  } catch (error) {
    await discard(context.fileSystem, kept);
    throw error;
  }
  closeQuietly(context.fileSystem, kept.descriptor);
  await context.fileSystem.syncDirectory(file.directory);
  await cutTo(file, view.end);
  file.view = { ...view, size: view.end, changedMs: undefined };
  context.onRepair({ path, key, offset: view.end, bytes: view.size - view.end, keptIn });
}

async function settleTail(file: JournalFile): Promise<void> {
  const { view } = file;
  const { fileSystem, durability } = file.context;
  if (view === undefined || view.settled) return;
  if (durability === 'power') {
    await fileSystem.sync(file.descriptor);
    await fileSystem.syncDirectory(file.directory);
  }
  file.view = { ...view, settled: true };
}

/** Creates the journal with its first appends. False when somebody else was first. */
export async function createJournal(file: JournalFile, layout: JournalLayout, head: Head): Promise<boolean> {
  const { context, path, key } = file;
  const { fileSystem, mode } = context;
  const header = headerOf(key, 1);
  try {
    await context.prepareDirectory(path);
    const draft = await writeDraft(
      fileSystem,
      context.draftPath(path),
      { mode, through: context.durability === 'power' },
      [header, layout.taken()],
    );
    if (!(await publishNew(fileSystem, draft, path))) return false;
    await makeNameDurable(file, draft.descriptor);
    const stat = fileSystem.statOpen(draft.descriptor);
    const view: View = {
      device: stat.device,
      inode: stat.inode,
      size: layout.end,
      changedMs: stat.changedMs,
      end: layout.end,
      head,
      floor: 1,
      headerBytes: header.length,
      start: layout.start as Place,
      lastLine: layout.lastLine,
      lastBytes: recognise(layout.newestLine),
      settled: true,
    };
    file.adopt(draft.descriptor, view, []);
    remember(file, layout.places);
    fileSystem.unlock(draft.descriptor);
    return true;
  } catch (error) {
    if (error instanceof InDoubt) throw error;
    throw storageError(error, 'create', path, key);
  }
}

/** Nobody can have appended yet: the lock is ours. So a file whose name cannot be made durable can be taken back. */
async function makeNameDurable(file: JournalFile, descriptor: number): Promise<void> {
  const { fileSystem } = file.context;
  try {
    await fileSystem.syncDirectory(file.directory);
  } catch (error) {
    const failure = storageError(error, 'create', file.path, file.key);
    try {
      await fileSystem.unlink(file.path);
      await fileSystem.syncDirectory(file.directory);
    } catch {
      throw new InDoubt(failure); // Whether the name will be there after a power cut is open.
    } finally {
      closeQuietly(fileSystem, descriptor);
    }
    throw failure;
  }
}
