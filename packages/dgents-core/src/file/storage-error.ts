import { DgentsError, StorageFullError, StorageUnavailableError } from '../errors.js';

/** What the operating system says when there is no room: of the disk, the quota, or the largest file allowed. */
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

const ADVICE: Readonly<Record<string, string>> = {
  EACCES: 'Permission denied: check the owner and mode of the file and of its directory.',
  EPERM: 'Not permitted: check the owner, mode and attributes of the file and of its directory.',
  EROFS: 'The file system is read-only.',
  EISDIR: 'It is a directory: give the path of a file, or open the directory as a store.',
  ENOTDIR: 'A part of the path is a file, not a directory.',
  EEXIST: 'It is a file: give a directory, or open the file with PersistentAgent({ path }).',
  ENOENT: 'A directory of the path is missing.',
  EMFILE: 'This process has too many open files: raise `ulimit -n` or lower `maxOpenFiles`.',
  ENFILE: 'The system has too many open files.',
  ENAMETOOLONG: 'The path is too long for this file system.',
  ELOOP: 'The path leads through too many symbolic links.',
  EIO: 'The device failed to read or write.',
  ENOSPC: 'There is no space (or no inode) left on the device.',
  EDQUOT: 'The disk quota is used up.',
  EFBIG: 'The file would be larger than this process or file system allows.',
};

/** The errno name of a system error. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** A system error as the typed one, saying what was tried, with which file, and what to do. Typed ones pass through. */
export function storageError(error: unknown, action: string, path: string, key?: string): unknown {
  if (DgentsError.is(error) || error instanceof TypeError || error instanceof RangeError) return error;
  const code = codeOf(error) ?? '';
  const detail = ADVICE[code] ?? (error instanceof Error ? error.message : String(error));
  const message = `Cannot ${action} ${path}: ${detail}`;
  const options = { cause: error, key };
  return FULL.has(code)
    ? new StorageFullError(message, options)
    : new StorageUnavailableError(message, options);
}
