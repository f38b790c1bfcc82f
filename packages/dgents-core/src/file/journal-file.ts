import { dirname } from 'node:path';
import { StateCorruptionError, StorageUnavailableError } from '../errors.js';
import type { DescriptorPool, DescriptorUser } from './descriptor-pool.js';
import { closeQuietly } from './durable.js';
import type { FileStat, FileSystem } from './file-system.js';
import type { JournalIndex } from './journal-index.js';
import { JournalReader } from './journal-reader.js';
import { type Collector, extendView, type Opening, openView, type View } from './journal-view.js';
import { seedOf } from './line.js';
import { codeOf, storageError } from './storage-error.js';
import type { Place } from './walk.js';

/** What the files of one backend share. */
export interface FileContext {
  readonly fileSystem: FileSystem;
  readonly pool: DescriptorPool;
  readonly durability: 'power' | 'process';
  readonly mode: number;
  readonly clock: () => number;
  readonly random: () => number;
  readonly onRepair: (report: RepairReport) => void;
  /** Makes the directory of this path ready for writing: it exists, and leftovers are swept. Once. */
  readonly prepareDirectory: (path: string) => Promise<void>;
  readonly draftPath: (path: string) => string;
}

/** An append that was never finished was cut off; nothing of it had been acknowledged. */
export interface RepairReport {
  readonly path: string;
  readonly key: string;
  /** Where the last whole append ends. */
  readonly offset: number;
  /** How many bytes were cut off. */
  readonly bytes: number;
  /** The file that has them now. */
  readonly keptIn: string;
}

/** The file was replaced between two looks at it: the same again, from the beginning. */
export class Moved {}

/** How often a reader looks again when a file changes while it is read. */
export const MAX_LOOKS = 10;

/** The journal of one key as it is on disk: its descriptor, and what is known of it. Its methods are never concurrent. */
export class JournalFile implements DescriptorUser {
  readonly context: FileContext;
  readonly key: string;
  readonly path: string;
  readonly seed: number;
  view: View | undefined;
  /** The newest records and the index: dropped with the descriptor, so that an idle journal is small. */
  recent: Place[] | undefined;
  index: JournalIndex | undefined;
  /** After a write that failed and could not be taken back: what has to be cut off before anything else is written. */
  fence: { readonly inode: number; readonly from: number; readonly to: number } | undefined;
  #open: { readonly descriptor: number; readonly writable: boolean; readonly inode: number } | undefined;

  constructor(context: FileContext, key: string, path: string) {
    this.context = context;
    this.key = key;
    this.path = path;
    this.seed = seedOf(key);
  }

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  get descriptor(): number {
    if (this.#open === undefined) throw new TypeError('the journal is not open');
    return this.#open.descriptor;
  }

  get directory(): string {
    return dirname(this.path);
  }

  /** A reader of what is in the file now. */
  reader(): JournalReader {
    return new JournalReader(this.context.fileSystem, this.descriptor, this.seed);
  }

  /** Closes the descriptor and forgets what can be read again. */
  release(): void {
    const open = this.#open;
    if (open === undefined) return;
    const { fileSystem } = this.context;
    if (this.view !== undefined && this.view.changedMs === undefined) {
      // Without a descriptor the number of the inode may be given to another file: the time of change tells them apart.
      const { changedMs, size } = fileSystem.statOpen(open.descriptor);
      this.view = size === this.view.size ? { ...this.view, changedMs } : undefined;
    }
    this.#open = undefined;
    this.recent = undefined;
    this.index = undefined;
    closeQuietly(fileSystem, open.descriptor);
  }

  /** Closes the descriptor and forgets everything. */
  forget(): void {
    const open = this.#open;
    this.#open = undefined;
    this.view = undefined;
    this.recent = undefined;
    this.index = undefined;
    if (open !== undefined) closeQuietly(this.context.fileSystem, open.descriptor);
  }

  /** Takes over the descriptor of a file that was just created or replaced. */
  adopt(descriptor: number, view: View, recent: Place[]): void {
    const open = this.#open;
    this.#open = { descriptor, writable: true, inode: view.inode };
    this.view = view;
    this.recent = recent;
    this.index = undefined;
    if (open !== undefined) closeQuietly(this.context.fileSystem, open.descriptor);
  }

  /** Opens for writing; false when there is no file. */
  openForWriting(): boolean {
    if (this.#open?.writable) return true;
    if (this.context.fileSystem.stat(this.path) === undefined) {
      this.forget();
      return false;
    }
    this.#openAs(true);
    return true;
  }

  /** Opens for reading what the view was made of. */
  openForReading(): void {
    if (this.#open === undefined) this.#openAs(false);
    const { view } = this;
    if (view === undefined || view.inode === this.#open?.inode) return;
    this.forget();
    throw new Moved();
  }

  /** Whether nothing has happened to the file since it was last looked at: one stat. */
  isCurrent(): boolean {
    const { view } = this;
    if (view === undefined) return false;
    const stat = this.#stat();
    return stat !== undefined && this.#matches(stat, view);
  }

  /** Brings the view up to date under the lock; undefined when the lock is of a file that is no longer this one. */
  async refreshLocked(): Promise<View | undefined> {
    const stat = this.#stat();
    if (stat !== undefined && stat.inode === this.#open?.inode) return this.#look(stat, undefined);
    this.forget();
    return undefined;
  }

  /**
   * Brings the view up to date with the file; undefined when there is none. `lines` are those that were read on the
   * way, if the caller can use them: all from a starting point on, or all that are new.
   */
  async refresh(collector?: Collector): Promise<View | undefined> {
    for (let look = 1; ; look++) {
      const before = this.#stat();
      if (before === undefined) {
        this.forget();
        return undefined;
      }
      try {
        return await this.#look(before, collector);
      } catch (error) {
        // Without the lock a file can change while it is read: only what stays damaged is damaged.
        const after = this.#stat();
        const stable = after !== undefined && isSame(before, after);
        if (!(error instanceof StateCorruptionError) || stable || look === MAX_LOOKS) throw error;
        collector?.reset();
        this.forget();
      }
    }
  }

  async #look(stat: FileStat, collector: Collector | undefined): Promise<View> {
    const { view } = this;
    if (view !== undefined && this.#matches(stat, view)) return this.view as View;
    if (this.#open === undefined || this.#open.inode !== stat.inode) this.#openAs(false);
    const opened = this.#unfenced(this.context.fileSystem.statOpen(this.descriptor));
    const opening: Opening = { reader: this.reader(), path: this.path, key: this.key, seed: this.seed };
    const known = view !== undefined && view.inode === opened.inode && view.device === opened.device;
    const extended =
      known && opened.size >= view.end
        ? await extendView(opening, opened, view, this.recent ?? [], collector)
        : undefined;
    if (extended === undefined) this.index = undefined;
    const found = extended ?? (await openView(opening, opened, collector));
    this.view = found.view;
    this.recent = found.recent;
    return found.view;
  }

  /** Leaves out what a failed write left behind, until it is cut off: nobody must see what is going to vanish. */
  #unfenced(stat: FileStat): FileStat {
    const { fence } = this;
    const fenced = fence !== undefined && stat.inode === fence.inode;
    return fenced && stat.size > fence.from && stat.size <= fence.to ? { ...stat, size: fence.from } : stat;
  }

  /** Also notes the time of change, when the last one was our own. */
  #matches(stat: FileStat, view: View): boolean {
    if (stat.inode !== view.inode || stat.device !== view.device || stat.size !== view.size) return false;
    if (view.changedMs === stat.changedMs) return true;
    if (view.changedMs !== undefined || this.#open === undefined) return false;
    this.view = { ...view, changedMs: stat.changedMs };
    return true;
  }

  #stat(): FileStat | undefined {
    try {
      return this.context.fileSystem.stat(this.path);
    } catch (error) {
      throw storageError(error, 'look at', this.path, this.key);
    }
  }

  #openAs(writable: boolean): void {
    const { fileSystem, durability } = this.context;
    const how = writable ? { write: true, through: durability === 'power' } : {};
    const descriptor = this.#opened(how);
    const previous = this.#open;
    const stat = fileSystem.statOpen(descriptor);
    if (stat.kind !== 'file') {
      closeQuietly(fileSystem, descriptor);
      throw new StorageUnavailableError(
        `Cannot open ${this.path}: it is not a file. Give the path of a file, or open a directory as a store.`,
        { key: this.key },
      );
    }
    this.#open = { descriptor, writable, inode: stat.inode };
    if (previous !== undefined) closeQuietly(fileSystem, previous.descriptor);
  }

  #opened(how: { write?: boolean; through?: boolean }): number {
    const { fileSystem, pool } = this.context;
    try {
      return fileSystem.open(this.path, how);
    } catch (error) {
      const code = codeOf(error);
      if (code !== 'EMFILE' && code !== 'ENFILE') throw storageError(error, 'open', this.path, this.key);
    }
    pool.releaseIdle();
    try {
      return fileSystem.open(this.path, how);
    } catch (error) {
      throw storageError(error, 'open', this.path, this.key);
    }
  }
}

function isSame(a: FileStat, b: FileStat): boolean {
  return a.inode === b.inode && a.size === b.size && a.changedMs === b.changedMs;
}
