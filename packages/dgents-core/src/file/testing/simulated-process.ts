import type { FileStat, FileSystem, OpenHow } from '../file-system.js';
import { Directory, File, pages, type SimulatedDisk, statOf, systemError } from './simulated-disk.js';

/** What goes wrong, and at which operation of the process, counted from 1. */
export interface Trouble {
  readonly at: number;
  /**
   * - an errno (`EIO` …): the operation fails, and a write leaves its bytes in the cache, where no later sync finds them;
   * - `short`: a write takes only half; anything else is left alone;
   * - `halt`: the process is dead from just before the operation on;
   * - `halt-within`: it is dead from just after its effect on the cache, before anything became durable.
   */
  readonly what: 'short' | 'halt' | 'halt-within' | (string & {});
  /** From that operation on every one fails, until {@link SimulatedProcess.recover}. */
  readonly forEver?: boolean;
}

interface OpenFile {
  readonly file: File;
  readonly path: string;
  readonly writable: boolean;
  readonly through: boolean;
}

let descriptors = 0;

/** One process on a simulated disk: its descriptors, its locks, and its troubles. */
export class SimulatedProcess implements FileSystem {
  /** How many operations there have been, and what they were. */
  readonly operations: string[] = [];
  readonly #disk: SimulatedDisk;
  #trouble: Trouble | undefined;
  readonly #open = new Map<number, OpenFile>();
  #dead = false;
  #troubled = false;

  constructor(disk: SimulatedDisk, trouble?: Trouble) {
    this.#disk = disk;
    this.#trouble = trouble;
  }

  /** Whether the trouble has come to pass. */
  get troubled(): boolean {
    return this.#troubled;
  }

  get openDescriptors(): number {
    return this.#open.size;
  }

  recover(): void {
    this.#trouble = undefined;
  }

  /** Ends the process: its descriptors and locks are gone, the cache stays. */
  kill(): void {
    this.#dead = true;
    for (const descriptor of this.#open.keys()) this.#release(descriptor);
  }

  async prepare(): Promise<void> {
    // There is nothing to load.
  }

  stat(path: string): FileStat | undefined {
    this.#operation('stat', path);
    const node = this.#disk.find(path);
    return node && statOf(node);
  }

  statOpen(descriptor: number): FileStat {
    return statOf(this.#opened(descriptor).file);
  }

  resolve(path: string): string {
    return path;
  }

  open(path: string, how: OpenHow): number {
    this.#operation('open', path);
    let node = this.#disk.find(path);
    if (how.create !== undefined) {
      if (node !== undefined) throw systemError('EEXIST', path);
      const [directory, name] = this.#disk.parent(path);
      node = new File();
      directory.change([name, node]);
      this.#touch(node);
    }
    if (node === undefined) throw systemError('ENOENT', path);
    if (node instanceof Directory) throw systemError('EISDIR', path);
    const descriptor = ++descriptors;
    const writable = how.write === true || how.create !== undefined;
    this.#open.set(descriptor, { file: node, path, writable, through: how.through ?? false });
    return descriptor;
  }

  close(descriptor: number): void {
    this.#opened(descriptor);
    this.#release(descriptor);
  }

  tryLock(descriptor: number): boolean {
    const { file, path, writable } = this.#opened(descriptor);
    this.#operation('tryLock', path);
    if (!writable) throw systemError('EBADF', path);
    if (file.lockedBy !== undefined && file.lockedBy !== descriptor) return false;
    file.lockedBy = descriptor;
    return true;
  }

  unlock(descriptor: number): void {
    const { file } = this.#opened(descriptor);
    if (file.lockedBy === descriptor) file.lockedBy = undefined;
  }

  async read(descriptor: number, into: Uint8Array, position: number): Promise<number> {
    const { file, path } = this.#opened(descriptor);
    await this.#later('read', path);
    return file.cached.copy(into, 0, position, position + into.length);
  }

  async write(descriptor: number, bytes: Uint8Array, position: number): Promise<number> {
    const { file, path, through, writable } = this.#opened(descriptor);
    if (!writable) throw systemError('EBADF', path);
    let count = bytes.length;
    const put = (): void => {
      file.write(bytes.subarray(0, count), position);
      this.#touch(file);
    };
    await this.#later('write', path, {
      within: put,
      failed: () => {
        put();
        file.loseDirty();
      },
      short: () => {
        count = Math.ceil(count / 2);
      },
    });
    put();
    if (through) file.sync(pages(position, position + count));
    return count;
  }

  async truncate(descriptor: number, size: number): Promise<void> {
    const { file, path } = this.#opened(descriptor);
    const effect = (): void => {
      file.truncate(size);
      this.#touch(file);
    };
    await this.#later('truncate', path, { within: effect });
    effect();
  }

  async sync(descriptor: number): Promise<void> {
    const { file, path } = this.#opened(descriptor);
    await this.#later('sync', path, { failed: () => file.loseDirty() });
    file.sync();
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#named('rename', to, (directory, name) => {
      const [source, old] = this.#disk.parent(from);
      const node = source.entries.get(old);
      if (node === undefined || source !== directory) throw systemError('ENOENT', from);
      directory.change([name, node], [old, undefined]);
      this.#touch(node);
    });
  }

  async link(existing: string, path: string): Promise<void> {
    await this.#named('link', path, (directory, name) => {
      const node = this.#disk.find(existing);
      if (node === undefined) throw systemError('ENOENT', existing);
      if (directory.entries.has(name)) throw systemError('EEXIST', path);
      directory.change([name, node]);
      this.#touch(node);
    });
  }

  async unlink(path: string): Promise<void> {
    await this.#named('unlink', path, (directory, name) => {
      const node = directory.entries.get(name);
      if (node === undefined) throw systemError('ENOENT', path);
      directory.change([name, undefined]);
      this.#touch(node);
    });
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#named('makeDirectory', path, (directory, name) => {
      if (directory.entries.has(name)) throw systemError('EEXIST', path);
      directory.change([name, new Directory()]);
    });
  }

  async list(path: string): Promise<string[]> {
    await this.#later('list', path);
    const node = this.#disk.find(path);
    if (node instanceof Directory) return [...node.entries.keys()];
    throw systemError(node === undefined ? 'ENOENT' : 'ENOTDIR', path);
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#later('syncDirectory', path);
    const node = this.#disk.find(path);
    if (!(node instanceof Directory)) throw systemError('ENOENT', path);
    node.sync();
  }

  async #named(
    what: string,
    path: string,
    effect: (directory: Directory, name: string) => void,
  ): Promise<void> {
    const change = (): void => effect(...this.#disk.parent(path));
    await this.#later(what, path, { within: change });
    change();
  }

  /** An operation that takes its time, so that others come in between. */
  async #later(what: string, path: string, effects: Effects = {}): Promise<void> {
    await undefined;
    this.#operation(what, path, effects);
  }

  #operation(what: string, path: string, effects: Effects = {}): void {
    if (this.#dead) throw systemError('EKILLED', path);
    this.operations.push(`${what} ${path}`);
    const trouble = this.#trouble;
    const count = this.operations.length;
    if (trouble === undefined || count < trouble.at || (count > trouble.at && !trouble.forEver)) return;
    this.#troubled = true;
    if (trouble.what === 'short') {
      effects.short?.();
      return;
    }
    if (trouble.what === 'halt' || trouble.what === 'halt-within') {
      if (trouble.what === 'halt-within') effects.within?.();
      this.kill();
      throw systemError('EKILLED', path);
    }
    effects.failed?.();
    throw systemError(trouble.what, path);
  }

  #opened(descriptor: number): OpenFile {
    const open = this.#open.get(descriptor);
    if (open !== undefined) return open;
    throw systemError(this.#dead ? 'EKILLED' : 'EBADF', String(descriptor));
  }

  #release(descriptor: number): void {
    const file = this.#open.get(descriptor)?.file;
    if (file?.lockedBy === descriptor) file.lockedBy = undefined;
    this.#open.delete(descriptor);
  }

  #touch(node: File | Directory): void {
    node.changedMs = this.#disk.tick();
  }
}

/** What an operation does in special cases. */
interface Effects {
  readonly within?: () => void;
  readonly failed?: () => void;
  readonly short?: () => void;
}
