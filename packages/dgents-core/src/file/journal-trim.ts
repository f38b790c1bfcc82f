import type { Checkpoint, LogRecord } from '../backend.js';
import { discard, writeDraft } from './durable.js';
import { headerOf } from './header.js';
import type { JournalFile } from './journal-file.js';
import { JournalLayout } from './journal-layout.js';
import { idAt, openingOf } from './journal-reading.js';
import { damaged, recognise, type View } from './journal-view.js';
import { prepareForWriting } from './journal-writing.js';
import { checkpointOf, isRecord, type Line, recordOf } from './line.js';
import { storageError } from './storage-error.js';
import type { Place } from './walk.js';

/** What is gathered before it is written out. */
const PIECE_BYTES = 1024 * 1024;

/**
 * Rewrites the journal with `base` in front, under the lock: header, base, and the lines of what came later, each
 * with its distance measured anew. The new file takes the place of the old one in one rename; who holds the old one
 * open notices by its inode.
 */
export async function trimJournal(file: JournalFile, base: Checkpoint): Promise<void> {
  if (file.view === undefined || !(await isWanted(file, base))) return;
  await prepareForWriting(file);
  const { view } = file;
  if (view === undefined || view.head.version < base.version) return;
  const { fileSystem, draftPath, mode, durability } = file.context;
  await file.context.prepareDirectory(file.path);
  const header = headerOf(file.key, base.version);
  const layout = new JournalLayout(file.seed, header.length, undefined);
  try {
    const how = { mode, through: durability === 'power' };
    const draft = await writeDraft(
      fileSystem,
      draftPath(file.path),
      how,
      pieces(file, view, header, base, layout),
    );
    try {
      await fileSystem.rename(draft.path, file.path);
    } catch (error) {
      await discard(fileSystem, draft);
      throw error;
    }
    // From here on the new file is the journal, whether its name is durable yet or not.
    const trimmed = trimmedView(file, view, header, base, layout, draft.descriptor);
    file.adopt(draft.descriptor, trimmed, layout.places.slice(-1));
    fileSystem.unlock(draft.descriptor);
    await fileSystem.syncDirectory(file.directory);
    file.view = { ...(file.view as View), settled: true };
  } catch (error) {
    throw storageError(error, 'compact', file.path, file.key);
  }
}

async function isWanted(file: JournalFile, { version, id }: Checkpoint): Promise<boolean> {
  const { view } = file;
  if (view === undefined || version <= view.floor || version > view.head.version) return false;
  return (await idAt(file, view, version)) === id;
}

function trimmedView(
  file: JournalFile,
  view: View,
  header: Buffer,
  base: Checkpoint,
  layout: JournalLayout,
  descriptor: number,
): View {
  const stat = file.context.fileSystem.statOpen(descriptor);
  return {
    device: stat.device,
    inode: stat.inode,
    size: layout.end,
    changedMs: undefined,
    end: layout.end,
    head:
      view.head.version === base.version
        ? Object.freeze({ ...view.head, deleted: base.data === null })
        : view.head,
    floor: base.version,
    headerBytes: header.length,
    start: layout.start as Place,
    lastLine: layout.lastLine,
    lastBytes: recognise(layout.newestLine),
    settled: false,
  };
}

async function* pieces(
  file: JournalFile,
  view: View,
  header: Buffer,
  base: Checkpoint,
  layout: JournalLayout,
): AsyncGenerator<Uint8Array> {
  layout.base(base);
  yield header;
  const copy = new Copy(base, layout);
  const opening = openingOf(file);
  let from = view.headerBytes;
  while (from < view.end) {
    let gathered = 0;
    const reached = await opening.reader.scan(from, view.end, (line, offset, next) => {
      copy.take(line);
      gathered += next - offset;
      return gathered < PIECE_BYTES;
    });
    if (reached < view.end && gathered < PIECE_BYTES) throw damaged(opening, reached, 'a line is damaged');
    from = reached;
    yield layout.taken();
  }
}

/** Lays out anew what comes after the base. */
class Copy {
  readonly #base: Checkpoint;
  readonly #layout: JournalLayout;
  #append: LogRecord[] = [];

  constructor(base: Checkpoint, layout: JournalLayout) {
    this.#base = base;
    this.#layout = layout;
  }

  take(line: Line): void {
    if (line.version <= this.#base.version) return;
    if (!isRecord(line)) {
      this.#layout.checkpoint(checkpointOf(line), this.#followerOf(line.version));
      return;
    }
    // An append that the base cuts in two keeps its later records as an append of their own.
    this.#append.push(recordOf(line));
    if (line.end === 0) return;
    this.#layout.append(this.#append);
    this.#append = [];
  }

  #followerOf(version: number): number | undefined {
    const { places } = this.#layout;
    const follower = places[version - this.#base.version];
    return follower?.offset;
  }
}
