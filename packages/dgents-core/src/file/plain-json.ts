import { dirname } from 'node:path';
import type { Append, CommitResult, Head, LogRecord, LogTail, ReadOptions, Version } from '../backend.js';
import {
  LogCompactedError,
  StateCorruptionError,
  StorageUnavailableError,
  UnsupportedError,
} from '../errors.js';
import { type Call, unknown } from './call.js';
import { closeQuietly, type Draft, discard, publishNew, writeDraft } from './durable.js';
import type { FileStat } from './file-system.js';
import { type FileContext, MAX_LOOKS } from './journal-file.js';
import { JournalReader } from './journal-reader.js';
import { LockPacing } from './lock-pacing.js';
import type { Log, RangePage, RangeWanted } from './log.js';
import { hashOf, parsedSidecar, type Sidecar, type Stamp, sidecarBytes } from './plain-sidecar.js';
import { onManyLines, onOneLine } from './plain-text.js';
import { codeOf, storageError } from './storage-error.js';
import { Turns } from './turns.js';

export const SIDECAR_SUFFIX = '.dgents';

/** What is there: the version that the file's contents are of, and the contents. */
interface Current {
  readonly sidecar: Sidecar | undefined;
  /** Undefined: there is no log. */
  readonly stamp: Stamp | undefined;
  readonly bytes: Buffer | undefined;
}

/** The ids of versions that somebody made with an editor begin with this; the hash of the file follows. */
const EDIT = 'edit:';

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
  readonly #key: string;
  readonly #path: string;
  readonly #sidecarPath: string;
  readonly #turns = new Turns();
  readonly #pacing: LockPacing;
  /** The newest edit seen by this process, so that two edits in a row are two versions. */
  #edit: { readonly id: string; readonly version: Version } | undefined;
  /** What the files looked like, and the head they held. */
  #known: { readonly files: readonly (FileStat | undefined)[]; readonly head: Head | null } | undefined;
  #writers = 0;

  constructor(context: FileContext, key: string, path: string) {
    this.#context = context;
    this.#key = key;
    this.#path = path;
    this.#sidecarPath = path + SIDECAR_SUFFIX;
    this.#pacing = new LockPacing(context);
  }

  get isIdle(): boolean {
    return this.#writers === 0 && this.#turns.isIdle;
  }

  read(options: ReadOptions): Promise<LogTail> {
    return this.#reading(async () => {
      const { after, at, limit } = options;
      const unchanged = this.#unchangedHead();
      if (
        after !== undefined &&
        at === undefined &&
        unchanged?.id === after.id &&
        unchanged.version === after.version
      ) {
        return { head: unchanged, floor: unchanged.version, since: 'same', records: [], more: false };
      }
      const current = await this.#load(after);
      const { stamp } = current;
      if (stamp === undefined) return { ...NO_LOG, since: after === undefined ? 'same' : 'diverged' };
      const { version } = stamp;
      if (at !== undefined && at < version) throw this.#compacted(at, version);
      const since = relation(current, after);
      const seen = since === 'same' && after?.version === version;
      const record = seen || limit === 0 ? [] : [this.#recordOf(current, stamp)];
      return { head: headOf(stamp), floor: version, since, records: record, more: !seen && limit === 0 };
    });
  }

  head(): Promise<Head | null> {
    return this.#reading(async () => {
      const { stamp } = await this.#load();
      return stamp === undefined ? null : headOf(stamp);
    });
  }

  range({ from, to }: RangeWanted): Promise<RangePage> {
    return this.#reading(async () => {
      const current = await this.#load();
      const { stamp } = current;
      const wanted = stamp !== undefined && stamp.version >= from && stamp.version <= to;
      return { records: wanted ? [this.#recordOf(current, stamp)] : [], done: true };
    });
  }

  find(ids: readonly string[]): Promise<ReadonlyMap<string, Version>> {
    return this.#reading(async () => {
      const { stamp } = await this.#load();
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
    const text = contentsAfter(append);
    await this.#pacing.beforeTurn();
    this.#writers++;
    try {
      for (let attempt = 0; !call.over; attempt++) {
        const result = await this.#turns.run(() => this.#locked(append, text, call));
        if (result !== BUSY) return result;
        await this.#pacing.wait(attempt);
      }
      // Nobody waits for this any more: the caller was told at its deadline.
      return { ok: false, head: null };
    } catch (error) {
      throw storageError(error, 'write to', this.#path, this.#key);
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

  async #locked(append: Append, text: string | null, call: Call): Promise<CommitResult | typeof BUSY> {
    const { fileSystem } = this.#context;
    const descriptor = this.#openSidecar();
    try {
      if (descriptor !== undefined) {
        if (!fileSystem.tryLock(descriptor)) return BUSY;
        if (fileSystem.stat(this.#sidecarPath)?.inode !== fileSystem.statOpen(descriptor).inode) return BUSY;
      }
      const current = await this.#load(append.expected ?? undefined);
      if (!expects(append, current)) return refusal(append, current);
      return await this.#write(append, text, current, call);
    } finally {
      if (descriptor !== undefined) closeQuietly(fileSystem, descriptor);
    }
  }

  #openSidecar(): number | undefined {
    try {
      return this.#context.fileSystem.open(this.#sidecarPath, { write: true });
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #write(
    append: Append,
    text: string | null,
    current: Current,
    call: Call,
  ): Promise<CommitResult | typeof BUSY> {
    const { fileSystem, draftPath, mode, prepareDirectory } = this.#context;
    await prepareDirectory(this.#path);
    const how = { mode, through: false };
    const bytes = text === null ? undefined : Buffer.from(text);
    const next = stampOf(append, bytes);
    const sidecar = sidecarBytes({ key: this.#key, next, previous: current.stamp ?? null });
    const contents = bytes && (await writeDraft(fileSystem, draftPath(this.#path), how, [bytes]));
    let side: Draft;
    try {
      side = await writeDraft(fileSystem, draftPath(this.#sidecarPath), how, [sidecar]);
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
      return { ok: true, head: headOf(next), replayed: false };
    } catch (error) {
      if (contents !== undefined) await discard(fileSystem, contents);
      throw this.#doubt(append, error);
    } finally {
      closeQuietly(fileSystem, side.descriptor);
    }
  }

  async #publishSidecar(side: Draft, { sidecar }: Current): Promise<boolean> {
    const { fileSystem } = this.#context;
    if (sidecar === undefined && !(await publishNew(fileSystem, side, this.#sidecarPath))) return false;
    if (sidecar !== undefined) await fileSystem.rename(side.path, this.#sidecarPath);
    await fileSystem.syncDirectory(dirname(this.#path));
    return true;
  }

  async #publishContents(contents: Draft | undefined): Promise<void> {
    const { fileSystem } = this.#context;
    if (contents !== undefined) await fileSystem.rename(contents.path, this.#path);
    else if (fileSystem.stat(this.#path) !== undefined) await fileSystem.unlink(this.#path);
    await fileSystem.syncDirectory(dirname(this.#path));
    if (contents !== undefined) closeQuietly(fileSystem, contents.descriptor);
  }

  /** From the sidecar's replacement on it takes a look to know what happened. */
  #doubt({ records, expected }: Append, error: unknown): unknown {
    const operationId = (records[0] as LogRecord).id;
    const reason = storageError(error, 'write to', this.#path, this.#key);
    return unknown(this.#key, { operationId, ...(expected && { expected }) }, reason);
  }

  /** Both files, as they were at one moment. */
  async #load(seen?: Head): Promise<Current> {
    for (let look = 1; look <= MAX_LOOKS; look++) {
      const before = this.#stats();
      const side = await this.#contents(this.#sidecarPath);
      const bytes = await this.#contents(this.#path);
      const after = this.#stats();
      if (!before.every((stat, i) => isSame(stat, after[i]))) continue;
      const sidecar = side && parsedSidecar(side, this.#sidecarPath, this.#key);
      const stamp = this.#stampOf(sidecar, bytes, after[1], seen);
      this.#known = { files: after, head: stamp === undefined ? null : headOf(stamp) };
      return { sidecar, stamp, bytes };
    }
    throw new StorageUnavailableError(`${this.#path} changes all the time`, { key: this.#key });
  }

  #stampOf(
    sidecar: Sidecar | undefined,
    bytes: Buffer | undefined,
    stat: FileStat | undefined,
    seen: Head | undefined,
  ): Stamp | undefined {
    const hash = bytes === undefined ? null : hashOf(bytes);
    if (sidecar?.next.hash === hash) return sidecar.next;
    if (sidecar?.previous?.hash === hash) return sidecar.previous;
    if (hash === null && (sidecar === undefined || sidecar.previous === null)) return undefined;
    const id = `${EDIT}${hash ?? 'removed'}`;
    const version = this.#editVersion(id, sidecar?.next.version ?? 0, seen);
    this.#edit = { id, version };
    const at = Math.max(stat?.modifiedMs ?? this.#context.clock(), sidecar?.next.at ?? 0);
    return { version, id, at: Math.trunc(at), deleted: hash === null, hash, first: id, count: 1 };
  }

  /**
   * Nobody writes down the version of an edit, since reading never writes. It is the one after the last that was
   * written, unless somebody has seen that one as another edit.
   */
  #editVersion(id: string, written: Version, seen: Head | undefined): Version {
    let version = written + 1;
    for (const known of [this.#edit, seen]) {
      if (known === undefined || known.version <= written || !known.id.startsWith(EDIT)) continue;
      version = Math.max(version, known.id === id ? known.version : known.version + 1);
    }
    return version;
  }

  async #contents(path: string): Promise<Buffer | undefined> {
    const { fileSystem } = this.#context;
    let descriptor: number;
    try {
      descriptor = fileSystem.open(path, {});
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
    try {
      const { size, kind } = fileSystem.statOpen(descriptor);
      if (kind !== 'file')
        throw new StorageUnavailableError(`Cannot open ${path}: it is not a file.`, { key: this.#key });
      return await new JournalReader(fileSystem, descriptor, 0).bytes(0, size);
    } finally {
      closeQuietly(fileSystem, descriptor);
    }
  }

  #recordOf({ bytes }: Current, stamp: Stamp): LogRecord {
    const { version, at, id, codec, schema, meta } = stamp;
    const extras = {
      ...(codec !== undefined && { codec }),
      ...(schema !== undefined && { schema }),
      ...(meta && { meta }),
    };
    if (bytes === undefined) return { version, kind: 'tombstone', at, id, data: 'null', ...extras };
    const text = bytes.toString('utf8').replace(/^\ufeff/, '');
    if (id.startsWith(EDIT)) this.#checkJson(text);
    return { version, kind: 'set', at, id, data: onOneLine(text), ...extras };
  }

  /** What a person wrote may not be JSON. */
  #checkJson(text: string): void {
    try {
      JSON.parse(text);
    } catch (cause) {
      const offset = /position (\d+)/.exec(String(cause))?.[1];
      throw new StateCorruptionError(
        `${this.#path} was edited and is not JSON: ${(cause as Error).message}`,
        {
          location: this.#path,
          key: this.#key,
          cause,
          ...(offset !== undefined && { offset: Number(offset) }),
        },
      );
    }
  }

  #unchangedHead(): Head | undefined {
    const known = this.#known;
    if (known === undefined || known.head === null) return undefined;
    const now = this.#stats();
    return now.every((stat, i) => isSame(stat, known.files[i])) ? known.head : undefined;
  }

  #stats(): [FileStat | undefined, FileStat | undefined] {
    const { fileSystem } = this.#context;
    return [fileSystem.stat(this.#sidecarPath), fileSystem.stat(this.#path)];
  }

  #compacted(at: Version, floor: Version): LogCompactedError {
    return new LogCompactedError(`A plain JSON file keeps only its newest version, ${floor}, not ${at}`, {
      floor,
      key: this.#key,
    });
  }

  #reading<T>(job: () => Promise<T>): Promise<T> {
    return this.#turns.run(async () => {
      try {
        return await job();
      } catch (error) {
        throw storageError(error, 'read', this.#path, this.#key);
      }
    });
  }
}

const NO_LOG: Omit<LogTail, 'since'> = { head: null, floor: 0, records: [], more: false };

/** What the file will hold; null: there will be none. */
function contentsAfter({ key, records, document }: Append): string | null {
  if (records.some(({ kind }) => kind === 'event')) {
    throw new UnsupportedError('A plain JSON file keeps no events: use the format "journal"', { key });
  }
  const last = records[records.length - 1] as LogRecord;
  if (last.kind === 'tombstone') return null;
  const text = last.kind === 'set' ? last.data : document;
  if (text === undefined) throw new TypeError('an append to a plain JSON file needs the whole document');
  return onManyLines(text);
}

function stampOf({ records }: Append, bytes: Buffer | undefined): Stamp {
  const { version, id, at, codec, schema, meta, kind } = records[records.length - 1] as LogRecord;
  const extras = {
    ...(codec !== undefined && { codec }),
    ...(schema !== undefined && { schema }),
    ...(meta && { meta }),
  };
  const first = (records[0] as LogRecord).id;
  const hash = bytes === undefined ? null : hashOf(bytes);
  return { version, id, at, deleted: kind === 'tombstone', hash, first, count: records.length, ...extras };
}

function headOf({ version, id, at, deleted }: Stamp): Head {
  return { version, id, at, deleted };
}

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
  if (after.version === stamp.version) return after.id === stamp.id ? 'same' : 'diverged';
  if (after.version > stamp.version) return 'diverged';
  const before = stamp === sidecar?.next ? sidecar.previous : sidecar?.next;
  return before?.id === after.id && after.version === stamp.version - 1 ? 'same' : 'trimmed';
}

function isSame(a: FileStat | undefined, b: FileStat | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.inode === b.inode && a.size === b.size && a.changedMs === b.changedMs;
}
