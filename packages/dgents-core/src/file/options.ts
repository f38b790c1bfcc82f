import type { FileSystem } from './file-system.js';
import type { RepairReport } from './journal-file.js';

export interface FileBackendOptions {
  /** A journal file (`single`), or the directory of a store. Symbolic links are followed. Made when first written to. */
  readonly path: string;
  /** Whether `path` is one file, whose only key is `state`; otherwise a directory with one file per key. */
  readonly single?: boolean;
  /** What an acknowledged commit survives: a power cut (the default), or only the end of the process. */
  readonly durability?: 'power' | 'process';
  /** `journal` (the default) keeps the history; `json` keeps one plain file that a person can edit, and no history. */
  readonly format?: 'journal' | 'json';
  /** Permissions of new files; 0o600 unless told. Directories are made for the owner only. */
  readonly mode?: number;
  /** How many files are held open at most, over all keys; 64 unless told. */
  readonly maxOpenFiles?: number;
  readonly fileSystem?: FileSystem;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
  /** From 0 up to 1; spreads the waits for a lock. */
  readonly random?: () => number;
  /**
   * Told when an append that was never finished was cut off. A warning of the process (code DGENTS_TORN_TAIL) unless
   * given.
   */
  readonly onRepair?: (report: RepairReport) => void;
}

/** Descriptors are a scarce good of the whole process; many systems give it 256 or 1,024. */
const MAX_OPEN_FILES = 64;

/** The options with everything that was left out; wrong ones are a TypeError or RangeError. */
export function checkedOptions(
  options: FileBackendOptions,
): Required<Omit<FileBackendOptions, 'fileSystem'>> {
  const {
    path,
    durability = 'power',
    format = 'journal',
    mode = 0o600,
    maxOpenFiles = MAX_OPEN_FILES,
  } = options;
  if (typeof path !== 'string' || path === '') throw new TypeError('path must be a non-empty string');
  if (path.includes('\0')) throw new TypeError('path must not contain NUL');
  if (durability !== 'power' && durability !== 'process') {
    throw new TypeError(`durability is ${JSON.stringify(durability)}, not 'power' or 'process'`);
  }
  if (format !== 'journal' && format !== 'json') {
    throw new TypeError(`format is ${JSON.stringify(format)}, not 'journal' or 'json'`);
  }
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o777)
    throw new RangeError(`mode ${mode} is no file mode`);
  if (!Number.isInteger(maxOpenFiles) || maxOpenFiles < 1) {
    throw new RangeError(`maxOpenFiles is ${maxOpenFiles}, not a positive whole number`);
  }
  const { single = false, clock = Date.now, random = Math.random, onRepair = warn } = options;
  return { path, single, durability, format, mode, maxOpenFiles, clock, random, onRepair };
}

function warn({ path, offset, bytes, keptIn }: RepairReport): void {
  process.emitWarning(
    `${path}: an append that was never finished (${bytes} bytes from byte ${offset} on) was cut off, and is kept in ${keptIn}`,
    { type: 'DgentsWarning', code: 'DGENTS_TORN_TAIL' },
  );
}
