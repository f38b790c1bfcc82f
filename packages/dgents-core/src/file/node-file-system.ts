import {
  close,
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  fsync,
  ftruncate,
  link,
  mkdir,
  open,
  openSync,
  read,
  readdir,
  readlinkSync,
  realpathSync,
  rename,
  type Stats,
  statSync,
  unlink,
  write,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { StorageUnavailableError } from '../errors.js';
import type { FileStat, FileSystem, OpenHow } from './file-system.js';
import { codeOf } from './storage-error.js';

type NativeLocks = Pick<typeof import('fs-native-extensions'), 'tryLock' | 'unlock'>;

/** O_DSYNC is trusted on Linux only: macOS defines it, but only F_FULLFSYNC (Node's fsync) reaches the platters there. */
const SYNCS_WRITES = process.platform === 'linux';

/** Windows cannot open a directory to sync it; its file systems log renames themselves. */
const SYNCS_DIRECTORIES = process.platform !== 'win32';

/**
 * One byte far behind any data: Windows locks are mandatory, and a lock over the data would stop readers. Linux and
 * Windows lock this byte, macOS the whole file; each of them against all other writers.
 */
const LOCK_OFFSET = 2 ** 52;

/** More links than any kernel follows. */
const MAX_LINKS = 40;

/** The file system of this machine. */
export class NodeFileSystem implements FileSystem {
  #locks: NativeLocks | undefined;
  /** Descriptors whose writes have to be followed by a sync, where the platform cannot do it in one. */
  readonly #syncAfterWrite = new Set<number>();

  async prepare(): Promise<void> {
    if (this.#locks !== undefined) return;
    try {
      const module = (await import('fs-native-extensions')) as NativeLocks & { default?: NativeLocks };
      this.#locks = module.default ?? module;
    } catch (cause) {
      throw new StorageUnavailableError(
        `The native file lock (fs-native-extensions) does not load on ${process.platform}-${process.arch}. ` +
          'Files are never written without it. Reinstall it for this platform, keep it out of the bundle (mark it as ' +
          'external), or use another store.',
        { cause },
      );
    }
  }

  stat(path: string): FileStat | undefined {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats && fileStat(stats);
  }

  statOpen(descriptor: number): FileStat {
    return fileStat(fstatSync(descriptor));
  }

  resolve(path: string, links = 0): string {
    const absolute = resolve(path);
    try {
      return realpathSync.native(absolute);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    const target = links < MAX_LINKS ? linkTarget(absolute) : undefined;
    if (target !== undefined) return this.resolve(resolve(dirname(absolute), target), links + 1);
    const parent = dirname(absolute);
    return parent === absolute ? absolute : join(this.resolve(parent, links), basename(absolute));
  }

  open(path: string, how: OpenHow): number {
    let flags = how.write || how.create !== undefined ? constants.O_RDWR : constants.O_RDONLY;
    if (how.create !== undefined) flags |= constants.O_CREAT | constants.O_EXCL;
    if (how.through && SYNCS_WRITES) flags |= constants.O_DSYNC;
    if (how.create === undefined) {
      // Opening a pipe waits for its other end, and with it the whole process.
      const stats = statSync(path, { throwIfNoEntry: false });
      if (stats !== undefined && !stats.isFile() && !stats.isDirectory())
        throw new StorageUnavailableError(`Cannot open ${path}: it is not a file.`);
    }
    const descriptor = openSync(path, flags, how.create);
    if (how.through && !SYNCS_WRITES) this.#syncAfterWrite.add(descriptor);
    return descriptor;
  }

  close(descriptor: number): void {
    this.#syncAfterWrite.delete(descriptor);
    closeSync(descriptor);
  }

  tryLock(descriptor: number): boolean {
    return this.#native().tryLock(descriptor, LOCK_OFFSET, 1);
  }

  unlock(descriptor: number): void {
    this.#native().unlock(descriptor, LOCK_OFFSET, 1);
  }

  read(descriptor: number, into: Uint8Array, position: number): Promise<number> {
    return new Promise((settle, fail) => {
      read(descriptor, into, 0, into.length, position, (error, count) =>
        error === null ? settle(count) : fail(error),
      );
    });
  }

  write(descriptor: number, bytes: Uint8Array, position: number): Promise<number> {
    const syncs = this.#syncAfterWrite.has(descriptor);
    return new Promise((settle, fail) => {
      write(descriptor, bytes, 0, bytes.length, position, (error, count) => {
        if (error !== null) fail(error);
        else if (!syncs) settle(count);
        else fdatasync(descriptor, (failure) => (failure === null ? settle(count) : fail(failure)));
      });
    });
  }

  truncate(descriptor: number, size: number): Promise<void> {
    return called((done) => ftruncate(descriptor, size, done));
  }

  sync(descriptor: number): Promise<void> {
    return called((done) => fdatasync(descriptor, done));
  }

  rename(from: string, to: string): Promise<void> {
    return called((done) => rename(from, to, done));
  }

  link(existing: string, name: string): Promise<void> {
    return called((done) => link(existing, name, done));
  }

  unlink(path: string): Promise<void> {
    return called((done) => unlink(path, done));
  }

  makeDirectory(path: string, mode: number): Promise<void> {
    return called((done) => mkdir(path, { mode }, done));
  }

  list(path: string): Promise<string[]> {
    return new Promise((settle, fail) => {
      readdir(path, (error, names) => (error === null ? settle(names) : fail(error)));
    });
  }

  syncDirectory(path: string): Promise<void> {
    if (!SYNCS_DIRECTORIES) return Promise.resolve();
    return new Promise((settle, fail) => {
      open(path, constants.O_RDONLY, (failure, descriptor) => {
        if (failure !== null) return fail(failure);
        fsync(descriptor, (error) => {
          close(descriptor, (late) => {
            const problem = error ?? late;
            if (problem === null || problem === undefined) settle();
            else fail(problem);
          });
        });
      });
    });
  }

  #native(): NativeLocks {
    if (this.#locks !== undefined) return this.#locks;
    throw new StorageUnavailableError('The file system was used before prepare().');
  }
}

function called(call: (done: (error: NodeJS.ErrnoException | null) => void) => void): Promise<void> {
  return new Promise((settle, fail) => {
    call((error) => (error === null || error === undefined ? settle() : fail(error)));
  });
}

function fileStat(stats: Stats): FileStat {
  return {
    kind: stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : 'other',
    device: stats.dev,
    inode: stats.ino,
    size: stats.size,
    changedMs: stats.ctimeMs,
    modifiedMs: stats.mtimeMs,
  };
}

/** Where a link points to that leads nowhere yet; undefined when it is no link. */
function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // Nothing there, or no link: both mean that the name itself is meant.
  }
}
