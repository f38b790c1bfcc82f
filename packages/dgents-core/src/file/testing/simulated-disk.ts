import type { FileStat } from '../file-system.js';
import { SimulatedProcess, type Trouble } from './simulated-process.js';

/** The unit in which a disk keeps or loses data: one sector, so that small appends span several. */
export const PAGE_BYTES = 512;

/** What becomes of bytes and names that were not synced when the power goes. */
export type Fate = 'dropped' | 'kept' | 'torn';

/**
 * A file system in memory that knows what a power cut would leave: for every file the bytes that were synced beside
 * those that are only cached, for every directory the names that were synced beside those that are there.
 *
 *     disk.process()      a FileSystem, as one process sees it; it can be told to fail or to stop at its n-th operation
 *     process.kill()      ends it: its locks are gone, what it had written stays in the cache
 *     disk.powerCut(…)    ends all of them: what was not synced is dropped, kept, or kept in part
 */
export class SimulatedDisk {
  readonly root = new Directory();
  readonly #processes: SimulatedProcess[] = [];
  /** A clock of its own, so that every change has its time. */
  #now = 0;

  process(trouble?: Trouble): SimulatedProcess {
    const process = new SimulatedProcess(this, trouble);
    this.#processes.push(process);
    return process;
  }

  /** `random` decides what a torn file or directory keeps. */
  powerCut(data: Fate, names: Fate, random: () => number = Math.random): void {
    for (const process of this.#processes) process.kill();
    this.#cut(this.root, data, names, random, new Set());
  }

  tick(): number {
    return ++this.#now;
  }

  find(path: string): Node | undefined {
    let node: Node | undefined = this.root;
    for (const part of parts(path)) {
      if (!(node instanceof Directory)) return undefined;
      node = node.entries.get(part);
    }
    return node;
  }

  /** The directory that a path lies in, and its last part. */
  parent(path: string): [Directory, string] {
    const names = parts(path);
    const name = names.pop() ?? '';
    const directory = this.find(names.join('/'));
    if (directory instanceof Directory) return [directory, name];
    throw systemError(directory === undefined ? 'ENOENT' : 'ENOTDIR', path);
  }

  /** The bytes of a file as they are now, for tests that look at them or change them behind everyone's back. */
  bytes(path: string): Buffer {
    const node = this.find(path);
    if (node instanceof File) return node.cached;
    throw systemError('ENOENT', path);
  }

  /** Puts bytes into a file as if they had always been there. */
  plant(path: string, bytes: Buffer): void {
    const [directory, name] = this.parent(path);
    const file = new File();
    file.cached = Buffer.from(bytes);
    file.stored = Buffer.from(bytes);
    file.changedMs = this.tick();
    directory.entries.set(name, file);
    directory.stored.set(name, file);
  }

  /** Replaces the contents of a file that others may have open. */
  overwrite(path: string, bytes: Buffer): void {
    const file = this.find(path);
    if (!(file instanceof File)) throw systemError('ENOENT', path);
    file.cached = Buffer.from(bytes);
    file.stored = Buffer.from(bytes);
    file.changedMs = this.tick();
  }

  makeDirectory(path: string): void {
    const [directory, name] = this.parent(path);
    directory.change([name, new Directory()]);
    directory.sync();
  }

  #cut(directory: Directory, data: Fate, names: Fate, random: () => number, seen: Set<Node>): void {
    directory.cut(names, random);
    for (const node of directory.entries.values()) {
      if (seen.has(node)) continue;
      seen.add(node);
      if (node instanceof Directory) this.#cut(node, data, names, random, seen);
      else node.cut(data, random);
    }
  }
}

export type Node = File | Directory;

let inodes = 0;

export class File {
  readonly inode = ++inodes;
  changedMs = 0;
  /** What programs see. */
  cached = Buffer.alloc(0);
  /** What the disk has. */
  stored = Buffer.alloc(0);
  /** Pages that differ from the disk and will be written by the next sync. */
  readonly dirty = new Set<number>();
  lockedBy: number | undefined;

  write(bytes: Uint8Array, position: number): void {
    const size = Math.max(this.cached.length, position + bytes.length);
    const next = Buffer.alloc(size);
    this.cached.copy(next);
    next.set(bytes, position);
    this.cached = next;
    for (const page of pages(position, position + bytes.length)) this.dirty.add(page);
  }

  truncate(size: number): void {
    const next = Buffer.alloc(size);
    this.cached.copy(next, 0, 0, size);
    this.cached = next;
    for (const page of this.dirty) if (page * PAGE_BYTES >= size) this.dirty.delete(page);
    if (size % PAGE_BYTES !== 0) this.dirty.add(Math.floor(size / PAGE_BYTES));
  }

  /** Makes the length and these pages durable; what else is dirty stays so. A page never written reads as NUL. */
  sync(wanted: Iterable<number> = [...this.dirty]): void {
    const next = Buffer.alloc(this.cached.length);
    this.stored.copy(next, 0, 0, next.length);
    for (const page of wanted) {
      if (this.dirty.delete(page)) copyPage(this.cached, next, page);
    }
    this.stored = next;
  }

  /** A failed sync: the pages count as clean and are not on the disk. The next sync succeeds, and lies. */
  loseDirty(): void {
    this.dirty.clear();
  }

  cut(fate: Fate, random: () => number): void {
    const { cached, stored, dirty } = this;
    this.lockedBy = undefined;
    if (fate === 'kept') this.sync();
    else if (fate === 'torn') {
      const longer = cached.length > stored.length;
      const size =
        random() < 0.3
          ? stored.length
          : random() < 0.5 || !longer
            ? cached.length
            : between(stored.length, cached.length, random);
      const next = Buffer.alloc(size);
      stored.copy(next, 0, 0, size);
      for (const page of dirty) if (random() < 0.5) copyPage(cached, next, page);
      this.stored = next;
    }
    this.cached = Buffer.from(this.stored);
    dirty.clear();
  }
}

/** A change of a directory that was not synced: these names become these nodes, or nothing, all at once. */
type Change = readonly (readonly [string, Node | undefined])[];

export class Directory {
  readonly inode = ++inodes;
  changedMs = 0;
  entries = new Map<string, Node>();
  stored = new Map<string, Node>();
  changes: Change[] = [];

  change(...change: Change): void {
    apply(this.entries, change);
    this.changes.push(change);
  }

  sync(): void {
    this.stored = new Map(this.entries);
    this.changes = [];
  }

  cut(fate: Fate, random: () => number): void {
    for (const change of this.changes) {
      if (fate === 'kept' || (fate === 'torn' && random() < 0.5)) apply(this.stored, change);
    }
    this.changes = [];
    this.entries = new Map(this.stored);
  }
}

function apply(entries: Map<string, Node>, change: Change): void {
  for (const [name, node] of change) {
    if (node === undefined) entries.delete(name);
    else entries.set(name, node);
  }
}

export function pages(from: number, to: number): number[] {
  const first = Math.floor(from / PAGE_BYTES);
  const count = Math.max(0, Math.ceil(to / PAGE_BYTES) - first);
  return Array.from({ length: count }, (_, i) => first + i);
}

function copyPage(from: Buffer, to: Buffer, page: number): void {
  const start = page * PAGE_BYTES;
  if (start < to.length) from.copy(to, start, start, Math.min(start + PAGE_BYTES, from.length, to.length));
}

function between(low: number, high: number, random: () => number): number {
  return low + Math.floor(random() * (high - low));
}

function parts(path: string): string[] {
  return path.split(/[\\/]/).filter((part) => part !== '');
}

export function statOf(node: Node): FileStat {
  const file = node instanceof File;
  return {
    kind: file ? 'file' : 'directory',
    device: 1,
    inode: node.inode,
    size: file ? node.cached.length : 0,
    changedMs: node.changedMs,
    modifiedMs: node.changedMs,
  };
}

/** What a system call reports, with its errno name as `code`. */
export class SystemError extends Error {
  readonly code: string;

  constructor(code: string, path: string) {
    super(`${code}: simulated, '${path}'`);
    this.code = code;
  }
}

export function systemError(code: string, path: string): SystemError {
  return new SystemError(code, path);
}
