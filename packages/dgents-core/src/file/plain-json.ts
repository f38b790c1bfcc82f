import { dirname } from 'node:path';
import type { Append, CommitResult, Head, LogRecord, LogTail, ReadOptions, Version } from '../backend.js';
import { type Call, unknown } from '../backend-parts/call.js';
import { LogCompactedError } from '../errors.js';
import { closeDraft, closeQuietly, type Draft, discard, publishNew, writeDraft } from './durable.js';
import type { FileContext } from './journal-file.js';
import { LockPacing } from './lock-pacing.js';
import type { Log, RangePage, RangeWanted } from './log.js';
import { contentsAfter, stampOf } from './plain-contents.js';
import { type Current, EDIT, headOf, type Memory, PlainFiles } from './plain-files.js';
import { sidecarBytes } from './plain-sidecar.js';
import { codeOf, storageError } from './storage-error.js';
import { Turns } from './turns.js';

const BUSY = Symbol('busy');

/**
 * The log of one key as one plain JSON file, replaced as a whole, of which only the newest version is kept. A person
 * may edit it: a file whose hash is not the one that the sidecar knows is a new version.
 *
 * Writers take the lock of the sidecar, and compare its inode as with a journal. Order of a commit: the new contents
 * in a draft, durable; the sidecar, durable; then the draft becomes the file. Whoever comes in between, also after a
 * crash, finds the hash that the sidecar calls `previous`: the commit has not happened.
 */
export class PlainJson implements Log {
  readonly #context: FileContext;
  readonly #files: PlainFiles;
  readonly #turns = new Turns();
  readonly #pacing: LockPacing;
  #writers = 0;

  /** `known` is what {@link retire} gave. */
  constructor(context: FileContext, key: string, path: string, known?: unknown) {
    this.#context = context;
    this.#files = new PlainFiles(context, key, path);
    if (known !== undefined) this.#files.memory = known as Memory;
    this.#pacing = new LockPacing(context);
  }

  get isIdle(): boolean {
    return this.#writers === 0 && this.#turns.isIdle;
  }

  get canRetire(): boolean {
    return this.isIdle;
  }

  retire(): unknown {
    return this.#files.memory;
  }

  read(options: ReadOptions): Promise<LogTail> {
    return this.#reading(async () => {
      const { after, at, limit } = options;
      const unchanged = this.#files.unchangedHead();
      if (
        after !== undefined &&
        at === undefined &&
        unchanged?.id === after.id &&
        unchanged.version === after.version
      ) {
        return { head: unchanged, floor: unchanged.version, since: 'same', records: [], more: false };
      }
      const current = await this.#files.load(after);
      const { stamp } = current;
      if (stamp === undefined) return { ...NO_LOG, since: after === undefined ? 'same' : 'diverged' };
      const { version } = stamp;
      if (at !== undefined && at < version) throw this.#compacted(at, version);
      const since = relation(current, after);
      const seen = since === 'same' && after?.version === version;
      const record = seen || limit === 0 ? [] : [this.#files.recordOf(current, stamp)];
      return { head: headOf(stamp), floor: version, since, records: record, more: !seen && limit === 0 };
    });
  }

  head(): Promise<Head | null> {
    return this.#reading(async () => {
      const { stamp } = await this.#files.load();
      return stamp === undefined ? null : headOf(stamp);
    });
  }

  range({ from, to }: RangeWanted): Promise<RangePage> {
    return this.#reading(async () => {
      const current = await this.#files.load();
      const { stamp } = current;
      const wanted = stamp !== undefined && stamp.version >= from && stamp.version <= to;
      return { records: wanted ? [this.#files.recordOf(current, stamp)] : [], done: true };
    });
  }

  find(ids: readonly string[]): Promise<ReadonlyMap<string, Version>> {
    return this.#reading(async () => {
      const { stamp } = await this.#files.load();
      const found = new Map<string, Version>();
      if (stamp === undefined) return found;
      for (const id of ids) {
        if (id === stamp.id) found.set(id, stamp.version);
        else if (id === stamp.first) found.set(id, stamp.version - stamp.count + 1);
      }
      return found;
    });
  }

  async commit(append: Append, call: Call): Promise<CommitResult> {
    const bytes = contentsAfter(append);
    await this.#pacing.beforeTurn();
    this.#writers++;
    try {
      for (let attempt = 0; !call.over; attempt++) {
        const result = await this.#turns.run(() => this.#locked(append, bytes, call));
        if (result !== BUSY) return result;
        await this.#pacing.wait(attempt);
      }
      // Nobody waits for this any more: the caller was told at its deadline.
      return { ok: false, head: null };
    } catch (error) {
      throw storageError(error, 'write to', this.#files.path, this.#files.key);
    } finally {
      this.#writers--;
    }
  }

  /** Every version is whole: there is nothing to shorten. */
  async checkpoint(): Promise<void> {}

  /** Only the newest version is kept: there is nothing to trim. */
  async trim(): Promise<void> {}

  async close(): Promise<void> {
    while (!this.isIdle) await this.#turns.run(() => Promise.resolve());
  }

  async #locked(append: Append, bytes: Buffer | undefined, call: Call): Promise<CommitResult | typeof BUSY> {
    const { fileSystem, prepareDirectory } = this.#context;
    // Before locking: a draft left by a process that died just after linking it is the very file to be locked.
    if (this.#sidecarIsThere()) await prepareDirectory(this.#files.path);
    const descriptor = this.#openSidecar();
    try {
      if (descriptor !== undefined) {
        if (!fileSystem.tryLock(descriptor)) return BUSY;
        if (fileSystem.stat(this.#files.sidecarPath)?.inode !== fileSystem.statOpen(descriptor).inode)
          return BUSY;
      }
      const current = await this.#files.load(append.expected ?? undefined);
      if (!expects(append, current)) return refusal(append, current);
      return await this.#write(append, bytes, current, call);
    } finally {
      if (descriptor !== undefined) closeQuietly(fileSystem, descriptor);
    }
  }

  #sidecarIsThere(): boolean {
    return this.#context.fileSystem.stat(this.#files.sidecarPath) !== undefined;
  }

  #openSidecar(): number | undefined {
    try {
      return this.#context.fileSystem.open(this.#files.sidecarPath, { write: true });
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #write(
    append: Append,
    bytes: Buffer | undefined,
    current: Current,
    call: Call,
  ): Promise<CommitResult | typeof BUSY> {
    const { fileSystem, draftPath, mode, prepareDirectory } = this.#context;
    await prepareDirectory(this.#files.path);
    const how = { mode, through: false };
    const next = stampOf(append, bytes);
    const sidecar = sidecarBytes({ key: this.#files.key, next, previous: current.stamp ?? null });
    const contents = bytes && (await writeDraft(fileSystem, draftPath(this.#files.path), how, [bytes]));
    let side: Draft;
    try {
      side = await writeDraft(fileSystem, draftPath(this.#files.sidecarPath), how, [sidecar]);
    } catch (error) {
      if (contents !== undefined) await discard(fileSystem, contents);
      throw error;
    }
    call.sent = true;
    try {
      // The lock of the new sidecar is ours until all is done: others find it taken.
      if (!(await this.#publishSidecar(side, current))) {
        if (contents !== undefined) await discard(fileSystem, contents);
        call.sent = false;
        return BUSY;
      }
      await this.#publishContents(contents);
      this.#files.memory = { ...this.#files.memory, placed: next.id };
      return { ok: true, head: headOf(next), replayed: false };
    } catch (error) {
      if (contents !== undefined) await discard(fileSystem, contents);
      throw this.#doubt(append, error);
    } finally {
      closeDraft(fileSystem, side);
    }
  }

  async #publishSidecar(side: Draft, { sidecar }: Current): Promise<boolean> {
    const { fileSystem } = this.#context;
    if (sidecar === undefined && !(await publishNew(fileSystem, side, this.#files.sidecarPath))) return false;
    if (sidecar !== undefined) await fileSystem.rename(side.path, this.#files.sidecarPath);
    await fileSystem.syncDirectory(dirname(this.#files.path));
    return true;
  }

  async #publishContents(contents: Draft | undefined): Promise<void> {
    const { fileSystem } = this.#context;
    if (contents !== undefined) await fileSystem.rename(contents.path, this.#files.path);
    else if (fileSystem.stat(this.#files.path) !== undefined) await fileSystem.unlink(this.#files.path);
    await fileSystem.syncDirectory(dirname(this.#files.path));
    if (contents !== undefined) closeDraft(fileSystem, contents);
  }

  /** From the sidecar's replacement on it takes a look to know what happened. */
  #doubt({ records, expected }: Append, error: unknown): unknown {
    const operationId = (records[0] as LogRecord).id;
    const reason = storageError(error, 'write to', this.#files.path, this.#files.key);
    return unknown(this.#files.key, { operationId, ...(expected && { expected }) }, reason);
  }

  #compacted(at: Version, floor: Version): LogCompactedError {
    return new LogCompactedError(`A plain JSON file keeps only its newest version, ${floor}, not ${at}`, {
      floor,
      key: this.#files.key,
    });
  }

  #reading<T>(job: () => Promise<T>): Promise<T> {
    return this.#turns.run(async () => {
      try {
        return await job();
      } catch (error) {
        throw storageError(error, 'read', this.#files.path, this.#files.key);
      }
    });
  }
}

const NO_LOG: Omit<LogTail, 'since'> = { head: null, floor: 0, records: [], more: false };

function expects({ expected }: Append, { stamp }: Current): boolean {
  if (expected === null || stamp === undefined) return expected === null && stamp === undefined;
  return expected.version === stamp.version && expected.id === stamp.id;
}

/** A conflict, or this very append found again. */
function refusal({ expected, records }: Append, { sidecar, stamp }: Current): CommitResult {
  if (stamp === undefined) return { ok: false, head: null };
  const before = sidecar?.previous ?? null;
  const replayed =
    stamp === sidecar?.next &&
    stamp.first === (records[0] as LogRecord).id &&
    stamp.count === records.length &&
    before?.id === expected?.id;
  return replayed ? { ok: true, head: headOf(stamp), replayed: true } : { ok: false, head: headOf(stamp) };
}

function relation({ sidecar, stamp }: Current, after: Head | undefined): LogTail['since'] {
  if (after === undefined || stamp === undefined) return 'same';
  if (after.version === stamp.version && after.id === stamp.id) return 'same';
  // Others may have counted fewer edits than whoever saw this one.
  if (after.version >= stamp.version) return after.id.startsWith(EDIT) ? 'trimmed' : 'diverged';
  const before = stamp === sidecar?.next ? sidecar.previous : sidecar?.next;
  return before?.id === after.id && after.version === stamp.version - 1 ? 'same' : 'trimmed';
}
