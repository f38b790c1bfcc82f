import type {
  Append,
  Checkpoint,
  CommitResult,
  Head,
  LogRecord,
  LogTail,
  ReadOptions,
  Version,
} from '../backend.js';
import { StorageUnavailableError } from '../errors.js';
import type { Call } from './call.js';
import { unknown } from './call.js';
import { writeCheckpoint } from './journal-checkpoint.js';
import { type FileContext, JournalFile, MAX_LOOKS, Moved } from './journal-file.js';
import type { JournalLayout } from './journal-layout.js';
import { rangePage } from './journal-range.js';
import { idAt, idsOf, readTail } from './journal-reading.js';
import { trimJournal } from './journal-trim.js';
import {
  createJournal,
  follows,
  headAfter,
  InDoubt,
  layoutAfter,
  prepareForWriting,
  writeLines,
} from './journal-writing.js';
import { LockPacing } from './lock-pacing.js';
import type { Log, RangePage, RangeWanted } from './log.js';
import { storageError } from './storage-error.js';
import { Turns } from './turns.js';

/** An append that waits for its turn. */
interface Request {
  readonly append: Append;
  readonly call: Call;
  readonly resolve: (result: CommitResult) => void;
  readonly reject: (reason: unknown) => void;
}

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

  constructor(context: FileContext, key: string, path: string) {
    this.#context = context;
    this.#file = new JournalFile(context, key, path);
    this.#pacing = new LockPacing(context);
  }

  read(options: ReadOptions): Promise<LogTail> {
    return this.#reading(() => readTail(this.#file, options));
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

  /** Whether nobody uses it. */
  get isIdle(): boolean {
    return !this.#draining && this.#turns.isIdle;
  }

  /** Closes the file, once everything that was accepted is done. */
  async close(): Promise<void> {
    while (!this.isIdle) await this.#turns.run(() => Promise.resolve());
    this.#file.release();
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    while (this.#requests.length > 0) {
      try {
        await this.#exclusive(
          () => this.#requests.every(({ call }) => call.over),
          () => this.#commitBatch(),
        );
      } catch (error) {
        for (const { reject } of this.#taken()) reject(error);
      }
    }
    this.#draining = false;
  }

  /** The requests that still wait for an answer; they are no longer queued. */
  #taken(): Request[] {
    const requests = this.#requests;
    this.#requests = [];
    return requests.filter(({ call }) => !call.over);
  }

  async #commitBatch(): Promise<typeof AGAIN | undefined> {
    const file = this.#file;
    if (file.view !== undefined) await prepareForWriting(file);
    const batch = this.#taken();
    const layout = layoutAfter(file);
    let head = file.view?.head;
    const accepted: Request[] = [];
    const refused: Request[] = [];
    for (const request of batch) {
      const { append } = request;
      if (!follows(append, head)) {
        refused.push(request);
        continue;
      }
      try {
        layout.append(append.records);
        accepted.push(request);
        head = headAfter(append.records);
      } catch (error) {
        request.reject(error);
      }
    }
    if (accepted.length > 0 && head !== undefined) {
      for (const { call } of accepted) call.sent = true;
      try {
        if (!(await this.#write(layout, head))) {
          this.#requests = [...batch, ...this.#requests];
          return AGAIN;
        }
        for (const { append, resolve } of accepted) {
          resolve({ ok: true, head: headAfter(append.records), replayed: false });
        }
      } catch (error) {
        for (const request of accepted) request.reject(failureOf(request.append, error));
      }
    }
    for (const request of refused) await this.#refuse(request);
    return undefined;
  }

  /** False when another process has created the journal meanwhile. */
  async #write(layout: JournalLayout, head: Head): Promise<boolean> {
    if (this.#file.view === undefined) return createJournal(this.#file, layout, head);
    await writeLines(this.#file, layout, head);
    return true;
  }

  /** Says what the head is, or that this very append has happened before. */
  async #refuse({ append, resolve, reject }: Request): Promise<void> {
    try {
      const view = await this.#file.refresh();
      if (view === undefined) return resolve({ ok: false, head: null });
      const replayed = await this.#hasHappened(append);
      if (replayed) resolve({ ok: true, head: headAfter(append.records), replayed: true });
      else resolve({ ok: false, head: view.head });
    } catch (error) {
      reject(error);
    }
  }

  async #hasHappened({ expected, records }: Append): Promise<boolean> {
    const { view } = this.#file;
    const first = records[0] as LogRecord;
    if (view === undefined || first.version > view.head.version || first.version < view.floor) return false;
    if ((await idAt(this.#file, view, first.version)) !== first.id) return false;
    if (expected === null || expected.version < view.floor) return true;
    return (await idAt(this.#file, view, expected.version)) === expected.id;
  }

  #reading<T>(job: () => Promise<T>): Promise<T> {
    return this.#turns.run(async () => {
      for (let look = 1; ; look++) {
        try {
          return await this.#context.pool.use(this.#file, job);
        } catch (error) {
          if (!(error instanceof Moved) || look === MAX_LOOKS) throw this.#typed(error, 'read');
        }
      }
    });
  }

  /** Runs a job with the lock and an up-to-date view; `over` says that nobody waits for it any more. */
  async #exclusive(over: () => boolean, job: Job): Promise<void> {
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

/** What the caller of an append is told when writing failed. */
function failureOf({ key, expected, records }: Append, error: unknown): unknown {
  if (!(error instanceof InDoubt)) return error;
  const operationId = (records[0] as LogRecord).id;
  return unknown(key, { operationId, ...(expected && { expected }) }, error.cause);
}
