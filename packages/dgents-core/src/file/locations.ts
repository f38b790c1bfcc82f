import { dirname, join } from 'node:path';
import { closeQuietly, ensureDirectory } from './durable.js';
import type { FileSystem } from './file-system.js';
import { parseHeader } from './header.js';
import { JournalReader } from './journal-reader.js';
import { fileNameOf, HEADER_BYTES, keyOf } from './names.js';
import { codeOf, storageError } from './storage-error.js';
import { sweepDrafts } from './sweep.js';

/** The only key of a backend that is one file. */
export const SINGLE_KEY = 'state';

/** Where the files of a backend are, and which keys they stand for. */
export class Locations {
  readonly #fileSystem: FileSystem;
  readonly #given: string;
  readonly #single: boolean;
  readonly #suffix: string;
  readonly #clock: () => number;
  #resolved: string | undefined;
  #prepared: Promise<void> | undefined;

  constructor(
    fileSystem: FileSystem,
    { path, single, clock }: { path: string; single: boolean; clock: () => number },
    suffix: string,
  ) {
    this.#fileSystem = fileSystem;
    this.#given = path;
    this.#single = single;
    this.#suffix = suffix;
    this.#clock = clock;
  }

  /** The file of a key; undefined when this backend has no place for it. */
  pathOf(key: string): string | undefined {
    if (!this.#single) return join(this.#root(), fileNameOf(key, this.#suffix));
    return key === SINGLE_KEY ? this.#root() : undefined;
  }

  /** Makes the directory and sweeps what dead processes left in it: before the first file is created. */
  prepare(): Promise<void> {
    this.#prepared ??= this.#makeReady().catch((error: unknown) => {
      this.#prepared = undefined;
      throw error;
    });
    return this.#prepared;
  }

  async #makeReady(): Promise<void> {
    const root = this.#root();
    const directory = this.#single ? dirname(root) : root;
    await ensureDirectory(this.#fileSystem, directory);
    await sweepDrafts(this.#fileSystem, directory, this.#clock(), this.#single ? root : undefined);
  }

  /** Every key that has a file. */
  async keys(): Promise<string[]> {
    const root = this.#root();
    try {
      if (this.#single) return this.#fileSystem.stat(root) === undefined ? [] : [SINGLE_KEY];
      const keys: string[] = [];
      for (const name of await this.#fileSystem.list(root)) {
        const named = keyOf(name, this.#suffix);
        if (named === undefined) continue;
        keys.push('key' in named ? named.key : await this.#keyInside(join(root, name)));
      }
      return keys;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw storageError(error, 'list', root);
    }
  }

  /** The key that the header of a journal tells. */
  async #keyInside(path: string): Promise<string> {
    const descriptor = this.#fileSystem.open(path, {});
    try {
      const bytes = await new JournalReader(this.#fileSystem, descriptor, 0).bytes(0, HEADER_BYTES);
      return parseHeader(bytes)?.key ?? '';
    } finally {
      closeQuietly(this.#fileSystem, descriptor);
    }
  }

  #root(): string {
    if (this.#resolved !== undefined) return this.#resolved;
    try {
      this.#resolved = this.#fileSystem.resolve(this.#given);
      return this.#resolved;
    } catch (error) {
      throw storageError(error, 'find', this.#given);
    }
  }
}
