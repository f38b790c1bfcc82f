import type { Head, LogRecord, Version } from '../backend.js';
import { StateCorruptionError, StorageUnavailableError } from '../errors.js';
import { closeQuietly } from './durable.js';
import type { FileStat } from './file-system.js';
import { type FileContext, MAX_LOOKS } from './journal-file.js';
import { JournalReader } from './journal-reader.js';
import type { Extras } from './line.js';
import { hashOf, parsedSidecar, SIDECAR_SUFFIX, type Sidecar, type Stamp } from './plain-sidecar.js';
import { onOneLine } from './plain-text.js';
import { codeOf } from './storage-error.js';

/** What is there: the version that the file's contents are of, and the contents. */
export interface Current {
  readonly sidecar: Sidecar | undefined;
  /** Undefined: there is no log. */
  readonly stamp: Stamp | undefined;
  readonly bytes: Buffer | undefined;
}

/** The ids of versions that somebody made with an editor begin with this; the hash of the file follows. */
export const EDIT = 'edit:';

/** What this process has seen and nobody writes down, so that no version is used for two things. */
export interface Memory {
  /** The newest edit, and the last version written at that time: two edits in a row are two versions. */
  readonly edit?: { readonly id: string; readonly version: Version; readonly after: string | undefined };
  /** The id of the sidecar's `next` when its contents were in place: what comes later is an edit, also if it is older. */
  readonly placed?: string;
}

/** A plain file and its sidecar, read together. */
export class PlainFiles {
  readonly path: string;
  readonly sidecarPath: string;
  readonly key: string;
  readonly #context: FileContext;
  memory: Memory = {};
  /** What the files looked like, and the head they held. */
  #known: { readonly files: readonly (FileStat | undefined)[]; readonly head: Head | null } | undefined;

  constructor(context: FileContext, key: string, path: string) {
    this.#context = context;
    this.key = key;
    this.path = path;
    this.sidecarPath = path + SIDECAR_SUFFIX;
  }

  /** Both files, as they were at one moment. */
  async load(seen?: Head): Promise<Current> {
    for (let look = 1; look <= MAX_LOOKS; look++) {
      const before = this.#stats();
      const side = await this.#contents(this.sidecarPath);
      const bytes = await this.#contents(this.path);
      const after = this.#stats();
      if (!before.every((stat, i) => isSame(stat, after[i]))) continue;
      const sidecar = side && parsedSidecar(side, this.sidecarPath, this.key);
      const stamp = this.#stampOf(sidecar, bytes, after[1], seen);
      this.#known = { files: after, head: stamp === undefined ? null : headOf(stamp) };
      return { sidecar, stamp, bytes };
    }
    throw new StorageUnavailableError(`${this.path} changes all the time`, { key: this.key });
  }

  #stampOf(
    sidecar: Sidecar | undefined,
    bytes: Buffer | undefined,
    stat: FileStat | undefined,
    seen: Head | undefined,
  ): Stamp | undefined {
    const hash = bytes === undefined ? null : hashOf(bytes);
    const written = this.#written(sidecar, hash, seen);
    if (written !== undefined && !('edited' in written)) return written;
    if (hash === null && (sidecar === undefined || sidecar.previous === null)) return undefined;
    const id = `${EDIT}${hash ?? 'removed'}`;
    const version = this.#editVersion(id, sidecar?.next.version ?? 0, seen);
    this.memory = { ...this.memory, edit: { id, version, after: sidecar?.next.id } };
    const at = Math.trunc(Math.max(stat?.modifiedMs ?? this.#context.clock(), sidecar?.next.at ?? 0));
    return { ...written?.edited, version, id, at, deleted: hash === null, hash, first: id, count: 1 };
  }

  /**
   * The version that was written with these contents, if it is the one that is there: who has seen a later one knows
   * that somebody put the contents back, which is an edit. How they are encoded stays known.
   */
  #written(
    sidecar: Sidecar | undefined,
    hash: string | null,
    seen: Head | undefined,
  ): Stamp | { readonly edited: Extras } | undefined {
    if (sidecar === undefined) return undefined;
    const { next, previous } = sidecar;
    const stamp = next.hash === hash ? next : previous?.hash === hash ? previous : undefined;
    if (stamp === next || seen?.id === next.id) this.memory = { ...this.memory, placed: next.id };
    if (stamp === undefined) return undefined;
    const { edit, placed } = this.memory;
    const later = [edit?.after === next.id ? edit : undefined, seen?.id.startsWith(EDIT) ? seen : undefined]
      .filter((known) => known !== undefined)
      .filter((known) => known.version > stamp.version);
    const other = later.some(({ id }) => id !== stamp.id) || (stamp !== next && placed === next.id);
    if (other) {
      const { codec, schema } = stamp;
      return { edited: { ...(codec !== undefined && { codec }), ...(schema !== undefined && { schema }) } };
    }
    const [same] = later;
    return same === undefined ? stamp : { ...stamp, version: same.version };
  }

  /**
   * Nobody writes down the version of an edit, since reading never writes. It is the one after the last that was
   * written, unless somebody has seen that one as another edit.
   */
  #editVersion(id: string, written: Version, seen: Head | undefined): Version {
    let version = written + 1;
    for (const known of [this.memory.edit, seen]) {
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
        throw new StorageUnavailableError(`Cannot open ${path}: it is not a file.`, { key: this.key });
      return await new JournalReader(fileSystem, descriptor, 0).bytes(0, size);
    } finally {
      closeQuietly(fileSystem, descriptor);
    }
  }

  /** The newest version as a record; an edit that is not JSON is damage. */
  recordOf({ bytes }: Current, stamp: Stamp): LogRecord {
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
      throw new StateCorruptionError(`${this.path} was edited and is not JSON: ${(cause as Error).message}`, {
        location: this.path,
        key: this.key,
        cause,
        ...(offset !== undefined && { offset: Number(offset) }),
      });
    }
  }

  /** The head, when neither file was touched since it was read: two stats. */
  unchangedHead(): Head | undefined {
    const known = this.#known;
    if (known === undefined || known.head === null) return undefined;
    const now = this.#stats();
    return now.every((stat, i) => isSame(stat, known.files[i])) ? known.head : undefined;
  }

  #stats(): [FileStat | undefined, FileStat | undefined] {
    const { fileSystem } = this.#context;
    return [fileSystem.stat(this.sidecarPath), fileSystem.stat(this.path)];
  }
}

export function headOf({ version, id, at, deleted }: Stamp): Head {
  return Object.freeze({ version, id, at, deleted });
}

function isSame(a: FileStat | undefined, b: FileStat | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.inode === b.inode && a.size === b.size && a.changedMs === b.changedMs;
}
