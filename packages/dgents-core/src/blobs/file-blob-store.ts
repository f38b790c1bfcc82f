import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { makeDirectory, syncDirectory } from '../file/directories.js';
import { storageError } from '../file/storage-error.js';
import type { BlobAddress, BlobEntry, BlobStore } from './blob-store.js';
import { addressOf } from './blob-tags.js';

const ADDRESS = /^[0-9a-f]{64}$/;
/** A draft this old was left behind by a process that ended. */
const STALE_DRAFT_MS = 24 * 60 * 60 * 1000;

/**
 * Blobs as files of one directory, which several processes may share:
 *
 *     <path>/9f/9f86d081884c7d65…      by the first two digits of the address; the time of the file says when it was put
 *     <path>/9f/<address>.<random>     a draft, or one that is being removed
 *
 * A put is durable: the draft is synced before it gets its name, and the directory after that.
 */
export class FileBlobStore implements BlobStore {
  readonly path: string;

  /** @param path made with the first blob, for the owner alone; relative to the working directory of now */
  constructor(path: string) {
    if (typeof path !== 'string' || path === '')
      throw new TypeError('FileBlobStore takes the path of a directory.');
    this.path = resolve(path);
  }

  async put(address: BlobAddress, bytes: Uint8Array): Promise<void> {
    const file = this.fileOf(address);
    await this.guarded('write', file, async () => {
      // One that is there counts as put anew; one that is being removed at this moment is not there any more.
      if ((await sizeOf(file)) === bytes.length && (await touch(file))) return;
      const folder = dirname(file);
      await makeDirectory(folder);
      const draft = `${file}.${randomBytes(6).toString('hex')}`;
      try {
        const handle = await open(draft, 'wx', 0o600);
        await filled(handle, bytes);
        await rename(draft, file);
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
      await syncDirectory(folder);
    });
  }

  async get(address: BlobAddress): Promise<Uint8Array | undefined> {
    const file = this.fileOf(address);
    return this.guarded('read', file, async () => (await unlessMissing(readFile(file))) ?? aside(file));
  }

  async *list(): AsyncGenerator<BlobEntry, void, undefined> {
    for (const shard of (await unlessMissing(readdir(this.path))) ?? []) {
      const folder = join(this.path, shard);
      if (!/^[0-9a-f]{2}$/.test(shard)) continue;
      for (const address of (await unlessMissing(readdir(folder))) ?? []) {
        const found = await unlessMissing(stat(join(folder, address)));
        if (found === undefined) continue;
        if (ADDRESS.test(address)) {
          yield { address, byteLength: found.size, putAt: found.mtimeMs };
        } else if (found.mtimeMs < Date.now() - STALE_DRAFT_MS) {
          await settle(join(folder, address));
        }
      }
    }
  }

  async remove(address: BlobAddress, putBefore: number): Promise<boolean> {
    const file = this.fileOf(address);
    return this.guarded('remove', file, async () => {
      // Taken away first and looked at then: whoever puts it meanwhile either is seen, or finds nothing and writes it.
      const aside = `${file}.${randomBytes(6).toString('hex')}`;
      if ((await unlessMissing(rename(file, aside).then(() => true))) === undefined) return false;
      if ((await stat(aside)).mtimeMs < putBefore) {
        await rm(aside);
        return true;
      }
      await rename(aside, file);
      return false;
    });
  }

  private fileOf(address: BlobAddress): string {
    if (!ADDRESS.test(address))
      throw new TypeError('The address of a blob is a SHA-256 in hexadecimal digits.');
    return join(this.path, address.slice(0, 2), address);
  }

  private async guarded<T>(verb: string, file: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw storageError(error, `${verb} the blob`, file);
    }
  }
}

/** What `remove` has taken away to look at it, or left when its process ended just then. */
async function aside(file: string): Promise<Uint8Array | undefined> {
  for (const name of (await unlessMissing(readdir(dirname(file)))) ?? []) {
    if (!name.startsWith(`${basename(file)}.`)) continue;
    const bytes = await unlessMissing(readFile(join(dirname(file), name)));
    if (bytes !== undefined && addressOf(bytes) === basename(file)) return bytes;
  }
  return unlessMissing(readFile(file));
}

/** Gives what an ended process left its name again if it is whole and wanted, and removes it otherwise. */
async function settle(draft: string): Promise<void> {
  const file = draft.slice(0, draft.lastIndexOf('.'));
  const bytes = await unlessMissing(readFile(draft));
  const isWhole = bytes !== undefined && addressOf(bytes) === basename(file);
  if (isWhole && (await sizeOf(file)) === undefined) await unlessMissing(rename(draft, file));
  else await rm(draft, { force: true });
}

async function filled(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function touch(file: string): Promise<boolean> {
  const now = new Date();
  return (await unlessMissing(utimes(file, now, now).then(() => true))) ?? false;
}

async function sizeOf(file: string): Promise<number | undefined> {
  return (await unlessMissing(stat(file)))?.size;
}

async function unlessMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return undefined;
    throw error;
  }
}
