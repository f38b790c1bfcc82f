import { dirname, join, resolve } from 'node:path';
import { closeQuietly, ensureDirectory } from './durable.js';
import type { FileSystem } from './file-system.js';
import { parseHeader } from './header.js';
import { JournalReader } from './journal-reader.js';
import { fileNameOf, HEADER_BYTES, keyOf } from './names.js';
import type { FileBackendOptions } from './options.js';
import { SIDECAR_SUFFIX, sidecarKey } from './plain-sidecar.js';
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
  #isReady = false;

  constructor(
    fileSystem: FileSystem,
    {
      path,
      single,
      format,
      clock,
    }: Pick<Required<FileBackendOptions>, 'path' | 'single' | 'format' | 'clock'>,
  ) {
    this.#fileSystem = fileSystem;
    // Symbolic links may lead elsewhere later; the working directory is that of now.
    this.#given = resolve(path);
    this.#single = single;
    this.#suffix = format === 'json' ? '.json' : '.jsonl';
    this.#clock = clock;
  }

  /** The file of a key; undefined when this backend has no place for it. */
  pathOf(key: string): string | undefined {
    if (!this.#single) return join(this.#root(), fileNameOf(key, this.#suffix));
    return key === SINGLE_KEY ? this.#root() : undefined;
  }

  /** Makes the directory and sweeps what dead processes left in it: before the first file is created. */
  prepare(): Promise<void> {
    // Somebody may have removed the directory since.
    if (this.#isReady && this.#fileSystem.stat(this.#directory()) === undefined) this.#prepared = undefined;
    this.#prepared ??= this.#makeReady().catch((error: unknown) => {
      this.#prepared = undefined;
      throw error;
    });
    return this.#prepared;
  }

  #directory(): string {
    return this.#single ? dirname(this.#root()) : this.#root();
  }

  async #makeReady(): Promise<void> {
    this.#isReady = false;
    const directory = this.#directory();
    try {
      await ensureDirectory(this.#fileSystem, directory);
      await sweepDrafts(this.#fileSystem, directory, this.#clock(), this.#single ? this.#root() : undefined);
      this.#isReady = true;
    } catch (error) {
      throw storageError(error, 'use the directory', directory);
    }
  }

  /** Every key that has a file. */
  async keys(): Promise<string[]> {
    const root = this.#root();
    try {
      if (this.#single) return this.#isThere(root) ? [SINGLE_KEY] : [];
      const keys = new Set<string>();
      for (const name of await this.#fileSystem.list(root)) {
        const named = keyOf(withoutSidecar(name), this.#suffix);
        const key =
          named !== undefined && 'hashed' in named ? await this.#keyInside(join(root, name)) : named?.key;
        if (key !== undefined) keys.add(key);
      }
      return [...keys];
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw storageError(error, 'list', root);
    }
  }

  #isThere(path: string): boolean {
    return [path, path + SIDECAR_SUFFIX].some((each) => this.#fileSystem.stat(each) !== undefined);
  }

  /** The key that the first line of a journal, or of a sidecar, tells; undefined when it tells none. */
  async #keyInside(path: string): Promise<string | undefined> {
    const descriptor = this.#fileSystem.open(path, {});
    try {
      const bytes = await new JournalReader(this.#fileSystem, descriptor, 0).bytes(0, HEADER_BYTES);
      if (path.endsWith(SIDECAR_SUFFIX)) return sidecarKey(bytes);
      return parseHeader(bytes)?.key;
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

function withoutSidecar(name: string): string {
  return name.endsWith(SIDECAR_SUFFIX) ? name.slice(0, -SIDECAR_SUFFIX.length) : name;
}
