/** What a disk does to files, for tests: it fails for a while, or changes bytes. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { FileStat, FileSystem, OpenHow } from '../file-system.js';
import { NodeFileSystem } from '../node-file-system.js';

/**
 * The file system of this machine, whose every operation fails with EIO while `fails` is set. Descriptors are closed and
 * locks given back all the same: those are the kernel's.
 */
export class FailingFileSystem implements FileSystem {
  fails = false;
  readonly #inner = new NodeFileSystem();

  prepare(): Promise<void> {
    return this.#inner.prepare();
  }

  close(descriptor: number): void {
    this.#inner.close(descriptor);
  }

  unlock(descriptor: number): void {
    this.#inner.unlock(descriptor);
  }

  stat(path: string): FileStat | undefined {
    return this.#tried('stat', () => this.#inner.stat(path));
  }

  statOpen(descriptor: number): FileStat {
    return this.#tried('fstat', () => this.#inner.statOpen(descriptor));
  }

  resolve(path: string): string {
    return this.#tried('realpath', () => this.#inner.resolve(path));
  }

  open(path: string, how: OpenHow): number {
    return this.#tried('open', () => this.#inner.open(path, how));
  }

  tryLock(descriptor: number): boolean {
    return this.#tried('fcntl', () => this.#inner.tryLock(descriptor));
  }

  async read(descriptor: number, into: Uint8Array, position: number): Promise<number> {
    return this.#tried('read', () => this.#inner.read(descriptor, into, position));
  }

  async write(descriptor: number, bytes: Uint8Array, position: number): Promise<number> {
    return this.#tried('write', () => this.#inner.write(descriptor, bytes, position));
  }

  async truncate(descriptor: number, size: number): Promise<void> {
    return this.#tried('ftruncate', () => this.#inner.truncate(descriptor, size));
  }

  async sync(descriptor: number): Promise<void> {
    return this.#tried('fsync', () => this.#inner.sync(descriptor));
  }

  async rename(from: string, to: string): Promise<void> {
    return this.#tried('rename', () => this.#inner.rename(from, to));
  }

  async link(existing: string, name: string): Promise<void> {
    return this.#tried('link', () => this.#inner.link(existing, name));
  }

  async unlink(path: string): Promise<void> {
    return this.#tried('unlink', () => this.#inner.unlink(path));
  }

  async makeDirectory(path: string, mode: number): Promise<void> {
    return this.#tried('mkdir', () => this.#inner.makeDirectory(path, mode));
  }

  async list(path: string): Promise<string[]> {
    return this.#tried('scandir', () => this.#inner.list(path));
  }

  async syncDirectory(path: string): Promise<void> {
    return this.#tried('fsync', () => this.#inner.syncDirectory(path));
  }

  #tried<T>(syscall: string, operation: () => T): T {
    if (!this.fails) return operation();
    throw Object.assign(new Error(`EIO: i/o error, ${syscall}`), { code: 'EIO', errno: -5, syscall });
  }
}

/** Changes a bit in each of three bytes of the data of the last line of a journal. */
export function damageLastLine(path: string): void {
  const bytes = readFileSync(path);
  // The line ends in `]` and a line feed: what stands before is data.
  for (let i = bytes.length - 6; i < bytes.length - 3; i++) bytes[i] = (bytes[i] as number) ^ 1;
  writeFileSync(path, bytes);
}
