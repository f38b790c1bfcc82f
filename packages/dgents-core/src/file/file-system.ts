/**
 * What the file backend needs of a file system, and nothing more.
 *
 * The file system is injectable so that a simulated disk can fail every operation, crash after every step and lose
 * what was not synced. Three rules make the port small and fast:
 *
 * - Operations that only touch what the kernel keeps in memory (`stat`, `open`, `close`, locks) are synchronous: a
 *   hop to a thread and back costs ten times as much as the call itself. Everything that may wait for a disk is a
 *   promise around one callback.
 * - A durable append is *one* operation: `write` on a descriptor opened with `through` returns when data and length
 *   are on stable storage. That is one hop where the platform has O_DSYNC.
 * - Errors are the platform's, with `code` (`ENOSPC` …); `storageError` turns them into typed ones.
 *   Only `stat` treats a missing file as an answer.
 *
 * Nothing here retries, buffers or loops: `read` and `write` may be short, and callers must say what that means.
 */
export interface FileSystem {
  /** Loads what has to be loaded (the native lock). Called before anything else, may be called again. */
  prepare(): Promise<void>;

  /** Undefined when there is nothing at this path; follows symbolic links. */
  stat(path: string): FileStat | undefined;
  /** Of an open descriptor, also when its name is gone. */
  statOpen(descriptor: number): FileStat;
  /** The path with symbolic links followed, also when its last part, or what a link points to, does not exist yet. */
  resolve(path: string): string;
  open(path: string, how: OpenHow): number;
  /** Gives back the descriptor and every lock taken through it. */
  close(descriptor: number): void;

  /**
   * Takes the exclusive lock of the file, or gives false when someone else has it. The lock belongs to this
   * descriptor, also against others of the same process, needs one that can write, and ends with it or its process.
   */
  tryLock(descriptor: number): boolean;
  unlock(descriptor: number): void;

  /** Reads up to `into.length` bytes from `position`; 0 is the end of the file. */
  read(descriptor: number, into: Uint8Array, position: number): Promise<number>;
  /** Writes at `position` and gives how much of it was written, which may be less than all. */
  write(descriptor: number, bytes: Uint8Array, position: number): Promise<number>;
  truncate(descriptor: number, size: number): Promise<void>;
  /** Data and length of the file are on stable storage when this resolves. Not to be repeated after a failure. */
  sync(descriptor: number): Promise<void>;

  /** Replaces what is at `to`, atomically. */
  rename(from: string, to: string): Promise<void>;
  /** Gives a file a second name; fails with EEXIST when there is something, which makes it an exclusive creation. */
  link(existing: string, name: string): Promise<void>;
  unlink(path: string): Promise<void>;
  makeDirectory(path: string, mode: number): Promise<void>;
  /** The names in a directory. */
  list(path: string): Promise<string[]>;
  /** Creations, renames and removals in this directory are on stable storage when this resolves. */
  syncDirectory(path: string): Promise<void>;
}

/** What identifies a file and tells whether it was touched. */
export interface FileStat {
  readonly kind: 'file' | 'directory' | 'other';
  readonly device: number;
  readonly inode: number;
  readonly size: number;
  /** When contents or attributes last changed; unlike the time of modification, no tool can set it back. */
  readonly changedMs: number;
  readonly modifiedMs: number;
}

export interface OpenHow {
  readonly write?: boolean;
  /** A write is durable when it returns (O_DSYNC, or a sync after each write where there is none). */
  readonly through?: boolean;
  /** Creates the file with this mode; fails with EEXIST when it exists. */
  readonly create?: number;
}
