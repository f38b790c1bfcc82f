import fs from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { makeDirectory, syncDirectory } from '../file/directories.js';
import { storageError } from '../file/storage-error.js';
import {
  confirmed,
  putBack,
  read,
  readAside,
  settleLeftover,
  takenAside,
  touched,
  unlessMissing,
  written,
} from './blob-files.js';
import type { BlobAddress, BlobEntry, BlobStore } from './blob-store.js';

const ADDRESS = /^[0-9a-f]{64}$/;
/** More than one process works with at a time; a few megabytes. */
const MAX_CONFIRMED = 10_000;

/**
 * Blobs as files of one directory, which several processes may share, on a file system with hard links:
 *
 *     <path>/9f/9f86d081884c7d65…                 by the first two digits of the address; its time says when it was put
 *     <path>/9f/<address>.<random>                a draft
 *     <path>/9f/<address>.aside-<time>-<random>   one that a collector has taken aside at that time, to look at it
 *
 * A put is durable: the draft is synced before it gets its name, and the directory after that. One that is there already
 * may be of a process that ended just before, or altered: the first time that this store meets it, it is read, compared
 * and synced.
 */
export class FileBlobStore implements BlobStore {
  readonly path: string;
  /** Files that are durable and were what they should be. */
  private readonly confirmed = new Map<BlobAddress, string>();

  /** @param path made with the first blob, for the owner alone; relative to the working directory of now */
  constructor(path: string) {
    if (typeof path !== 'string' || path === '')
      throw new TypeError('FileBlobStore takes the path of a directory.');
    this.path = resolve(path);
  }

  async put(address: BlobAddress, bytes: Uint8Array): Promise<void> {
    const file = this.fileOf(address);
    await this.guarded('write the blob', file, async () => {
      if (await this.isConfirmed(address, file, bytes.length)) return;
      const folder = dirname(file);
      await makeDirectory(folder);
      const { identity } = (await confirmed(file, bytes)) ?? (await written(file, bytes));
      await syncDirectory(folder);
      if (this.confirmed.size >= MAX_CONFIRMED) this.confirmed.clear();
      this.confirmed.set(address, identity);
    });
  }

  /** Whether it is the file that was confirmed before. It is young then. */
  private async isConfirmed(address: BlobAddress, file: string, byteLength: number): Promise<boolean> {
    const known = this.confirmed.get(address);
    if (known === undefined) return false;
    const now = await touched(file);
    return now?.identity === known && now.byteLength === byteLength;
  }

  async get(address: BlobAddress, byteLength?: number): Promise<Uint8Array | undefined> {
    const file = this.fileOf(address);
    return this.guarded(
      'read the blob',
      file,
      async () =>
        (await read(file, byteLength)) ?? (await readAside(file, byteLength)) ?? read(file, byteLength),
    );
  }

  async *list(): AsyncGenerator<BlobEntry, void, undefined> {
    for (const shard of await this.namesIn(this.path)) {
      if (!/^[0-9a-f]{2}$/.test(shard)) continue;
      const folder = join(this.path, shard);
      for (const name of await this.namesIn(folder)) {
        const entry = await this.guarded('list', folder, () => entryOf(folder, name));
        if (entry !== undefined) yield entry;
      }
    }
  }

  async remove(address: BlobAddress, putBefore: number): Promise<boolean> {
    const file = this.fileOf(address);
    return this.guarded('remove the blob', file, async () => {
      // Taken away first and looked at then: whoever puts it meanwhile either is seen, or finds nothing and writes it.
      const aside = await takenAside(file);
      const stats = aside && (await unlessMissing(fs.stat(aside)));
      if (!aside || !stats) return false;
      if (stats.mtimeMs < putBefore) {
        return (await unlessMissing(fs.rm(aside).then(() => true))) ?? false;
      }
      await putBack(aside);
      return false;
    });
  }

  private fileOf(address: BlobAddress): string {
    if (!ADDRESS.test(address))
      throw new TypeError('The address of a blob is a SHA-256 in hexadecimal digits.');
    return join(this.path, address.slice(0, 2), address);
  }

  private async namesIn(folder: string): Promise<readonly string[]> {
    return this.guarded('list', folder, async () => (await unlessMissing(fs.readdir(folder))) ?? []);
  }

  private async guarded<T>(action: string, path: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw storageError(error, action, path);
    }
  }
}

/** Undefined for what is no blob; what an ended process left is settled. */
async function entryOf(folder: string, name: string): Promise<BlobEntry | undefined> {
  const path = join(folder, name);
  const stats = await unlessMissing(fs.stat(path));
  if (stats?.isFile() !== true) return undefined;
  if (ADDRESS.test(name)) return { address: name, byteLength: stats.size, putAt: stats.mtimeMs };
  if (ADDRESS.test(name.slice(0, 64)) && name[64] === '.') await settleLeftover(path, stats.mtimeMs);
  return undefined;
}
