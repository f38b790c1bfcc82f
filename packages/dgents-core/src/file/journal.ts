import type { Append, Checkpoint, CommitResult, Head, LogTail, ReadOptions, Version } from '../backend.js';
import type { Call } from '../backend-parts/call.js';
import { StorageUnavailableError } from '../errors.js';
import { writeCheckpoint } from './journal-checkpoint.js';
import { commitBatch, type Request } from './journal-commit.js';
import { type FileContext, JournalFile, MAX_LOOKS, Moved } from './journal-file.js';
import { rangePage } from './journal-range.js';
import { idsOf, readTail, unchangedTail } from './journal-reading.js';
import { trimJournal } from './journal-trim.js';
import type { View } from './journal-view.js';
import { prepareForWriting } from './journal-writing.js';
import { LockPacing } from './lock-pacing.js';
import type { Log, RangePage, RangeWanted } from './log.js';
import { storageError } from './storage-error.js';
import { Turns } from './turns.js';

/** Somebody else has the lock, or the file was replaced: not now. */
const BUSY = Symbol('busy');
const AGAIN = Symbol('again');

/** What a job with the lock comes to: `AGAIN`, or nothing more to do. */
type Job = () => Promise<unknown>;

/** How often a file may be found replaced after its lock was got, before it is no longer a coincidence. */
const MAX_MOVES = 200;

/**
 * The log of one key. Operations take turns: within the process by a queue, between processes by the kernel's lock
 * of the journal file itself.
 *
 * The lock is on the journal and not on a file beside it, because it then costs no second descriptor and leaves
 * nothing behind. The price is that a compaction replaces the locked file: whoever gets the lock compares the inode
 * with the one at the path, and starts again when they differ. The lock only keeps bytes from interleaving; what
 * decides is the comparison of the head, made after what others appended was read. Readers never lock.
 */
export class Journal implements Log {
  readonly #file: JournalFile;
  readonly #context: FileContext;
  readonly #turns = new Turns();
  readonly #pacing: LockPacing;
  #requests: Request[] = [];
  #draining = false;
  #writers = 0;

  /** `known` is what {@link retire} gave. */
  constructor(context: FileContext, key: string, path: string, known?: unknown) {
    this.#context = context;
    this.#file = new JournalFile(context, key, path);
    this.#file.view = known as View | undefined;
    this.#pacing = new LockPacing(context);
  }

  read(options: ReadOptions): Promise<LogTail> {
    return this.#reading(
      () => readTail(this.#file, options),
      () => unchangedTail(this.#file, options),
    );
  }

  head(): Promise<Head | null> {
    return this.#reading(async () => (await this.#file.refresh())?.head ?? null);
  }

  range(wanted: RangeWanted): Promise<RangePage> {
    return this.#reading(() => rangePage(this.#file, wanted));
  }

  find(ids: readonly string[]): Promise<ReadonlyMap<string, Version>> {
    return this.#reading(async () => {
      const known = await idsOf(this.#file);
      return new Map(ids.flatMap((id) => (known.has(id) ? [[id, known.get(id) as Version]] : [])));
    });
  }

  /** Appends. All that is waiting when the lock is got goes out in one write. */
  commit(append: Append, call: Call): Promise<CommitResult> {
    return new Promise((resolve, reject) => {
      this.#requests.push({ append, call, resolve, reject });
      if (!this.#draining) void this.#drain();
    });
  }

  async checkpoint(checkpoint: Checkpoint, call: Call): Promise<void> {
    await this.#exclusive(
      () => call.over,
      () => writeCheckpoint(this.#file, checkpoint),
    );
  }

  async trim(base: Checkpoint, call: Call): Promise<void> {
    await this.#exclusive(
      () => call.over,
      () => trimJournal(this.#file, base),
    );
  }

  get isIdle(): boolean {
    return !this.#draining && this.#writers === 0 && this.#turns.isIdle;
  }

  /** A cut that is still to be made must not be forgotten. */
  get canRetire(): boolean {
    return this.isIdle && this.#file.fence === undefined;
  }

  retire(): View | undefined {
    this.#context.pool.drop(this.#file);
    return this.#file.view;
  }

  async close(): Promise<void> {
    while (!this.isIdle) await this.#turns.run(() => Promise.resolve());
    this.#context.pool.drop(this.#file);
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    while (this.#requests.length > 0) {
      try {
        await this.#exclusive(
          () => this.#requests.every(({ call }) => call.over),
          () => this.#commitAll(),
        );
      } catch (error) {
        for (const { reject } of this.#requests) reject(error);
        this.#requests = [];
      }
      this.#requests = this.#requests.filter(({ call }) => !call.over);
    }
    this.#draining = false;
  }

  async #commitAll(): Promise<typeof AGAIN | undefined> {
    if (this.#file.view !== undefined) await prepareForWriting(this.#file);
    const batch = this.#requests.filter(({ call }) => !call.over);
    this.#requests = [];
    if (await commitBatch(this.#file, batch)) return undefined;
    this.#requests = [...batch, ...this.#requests];
    return AGAIN;
  }

  /** `quick` is tried first: what it can answer needs no descriptor, and so no place in the pool. */
  #reading<T>(job: () => Promise<T>, quick?: () => T | undefined): Promise<T> {
    return this.#turns.run(async () => {
      for (let look = 1; ; look++) {
        try {
          return quick?.() ?? (await this.#context.pool.use(this.#file, job));
        } catch (error) {
          if (!(error instanceof Moved) || look === MAX_LOOKS) throw this.#typed(error, 'read');
        }
      }
    });
  }

  /** Runs a job with the lock and an up-to-date view; `over` says that nobody waits for it any more. */
  async #exclusive(over: () => boolean, job: Job): Promise<void> {
    this.#writers++;
    try {
      await this.#takeTurns(over, job);
    } finally {
      this.#writers--;
    }
  }

  async #takeTurns(over: () => boolean, job: Job): Promise<void> {
    await this.#pacing.beforeTurn();
    for (let attempt = 0, moves = 0; !over(); attempt++) {
      const outcome = await this.#turns.run(() =>
        this.#context.pool.use(this.#file, () => this.#locked(job)),
      );
      if (outcome === undefined) return;
      if (outcome === AGAIN && ++moves > MAX_MOVES) throw this.#restless();
      if (outcome === BUSY || moves > MAX_LOOKS) await this.#pacing.wait(attempt);
    }
  }

  async #locked(job: Job): Promise<typeof BUSY | typeof AGAIN | undefined> {
    const file = this.#file;
    const { fileSystem } = this.#context;
    let descriptor: number | undefined;
    try {
      if (file.openForWriting()) {
        // Sweeps what a process left that died while it created, mended or compacted this very journal.
        await this.#context.prepareDirectory(file.path);
        if (!fileSystem.tryLock(file.descriptor)) return BUSY;
        descriptor = file.descriptor;
        const before = file.view?.end;
        const view = await file.refreshLocked();
        if (view === undefined) return AGAIN;
        if (before !== undefined && before !== view.end) this.#pacing.sawOthers();
      }
      return (await job()) === AGAIN ? AGAIN : undefined;
    } catch (error) {
      throw this.#typed(error, 'write to');
    } finally {
      // Unless the descriptor, and the lock with it, was given up on the way.
      if (descriptor !== undefined && file.isOpen && file.descriptor === descriptor)
        fileSystem.unlock(descriptor);
    }
  }

  #typed(error: unknown, action: string): unknown {
    return storageError(error, action, this.#file.path, this.#file.key);
  }

  #restless(): StorageUnavailableError {
    const { path, key } = this.#file;
    return new StorageUnavailableError(
      `${path} is replaced again and again: something else than dgents writes to it`,
      { key },
    );
  }
}
