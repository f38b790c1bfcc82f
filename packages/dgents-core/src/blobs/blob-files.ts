/** Single files of a {@link FileBlobStore}: written, looked at, taken aside and put back. */
import { randomBytes } from 'node:crypto';
import fs, { type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncDirectory } from '../file/directories.js';
import { addressOf } from './blob-tags.js';

/** A draft or one taken aside that is this old was left behind by a process that ended. */
const STALE_MS = 24 * 60 * 60 * 1000;

const ASIDE = /\.aside-(\d+)-[0-9a-f]{12}$/;

/** Which file it is, whatever its name, and how long. A file that is written anew is another one. */
export interface FoundFile {
  readonly identity: string;
  readonly byteLength: number;
}

/**
 * Makes a file as young as now; undefined where there is none. It is looked at after that: one that still has its name
 * then is seen as young by whoever takes it aside later.
 */
export async function touched(file: string): Promise<FoundFile | undefined> {
  const now = new Date();
  if ((await unlessMissing(fs.utimes(file, now, now).then(() => true))) === undefined) return undefined;
  const stats = await unlessMissing(fs.stat(file, { bigint: true }));
  return stats && found(stats);
}

/** The file, young and durable, if it holds exactly these bytes; undefined where it has to be written. */
export async function confirmed(file: string, bytes: Uint8Array): Promise<FoundFile | undefined> {
  const young = await touched(file);
  if (young === undefined || young.byteLength !== bytes.length) return undefined;
  const handle = await unlessMissing(fs.open(file, 'r+'));
  if (handle === undefined) return undefined;
  try {
    if (found(await handle.stat({ bigint: true })).identity !== young.identity) return undefined;
    if (!(await handle.readFile()).equals(bytes)) return undefined;
    await handle.sync();
    return young;
  } finally {
    await handle.close();
  }
}

/** Writes the file, in the place of the one that may be there. Its name is durable with its directory only. */
export async function written(file: string, bytes: Uint8Array): Promise<FoundFile> {
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    const made = await filled(await fs.open(draft, 'wx', 0o600), bytes);
    await fs.rename(draft, file);
    return made;
  } catch (error) {
    await fs.rm(draft, { force: true });
    throw error;
  }
}

async function filled(handle: FileHandle, bytes: Uint8Array): Promise<FoundFile> {
  try {
    await handle.writeFile(bytes);
    await handle.sync();
    return found(await handle.stat({ bigint: true }));
  } finally {
    await handle.close();
  }
}

/** What is in the file; of one that is longer than it should be, one byte too many. Undefined where there is none. */
export async function read(file: string, byteLength = Number.POSITIVE_INFINITY): Promise<Buffer | undefined> {
  const handle = await unlessMissing(fs.open(file, 'r'));
  if (handle === undefined) return undefined;
  try {
    if ((await handle.stat()).size <= byteLength) return await handle.readFile();
    const bytes = Buffer.alloc(byteLength + 1);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Gives it a name of its own, so that it can be looked at and removed; undefined where there is none. */
export async function takenAside(file: string): Promise<string | undefined> {
  const aside = `${file}.aside-${Date.now()}-${randomBytes(6).toString('hex')}`;
  return unlessMissing(fs.rename(file, aside).then(() => aside));
}

/** Gives it its name again, unless another one has it by now: what was put meanwhile is younger. */
export async function putBack(aside: string): Promise<void> {
  const file = aside.replace(ASIDE, '');
  await unlessMissing(
    fs.link(aside, file).catch((error: unknown) => {
      if ((error as { code?: unknown }).code !== 'EEXIST') throw error;
    }),
  );
  await syncDirectory(dirname(file));
  await fs.rm(aside, { force: true });
}

/** A blob that a collector has taken aside at this moment, or left there when its process ended. */
export async function readAside(file: string, byteLength?: number): Promise<Buffer | undefined> {
  for (const name of (await unlessMissing(fs.readdir(dirname(file)))) ?? []) {
    if (!ASIDE.test(name) || !name.startsWith(`${basename(file)}.`)) continue;
    const bytes = await read(join(dirname(file), name), byteLength);
    if (bytes !== undefined && addressOf(bytes) === basename(file)) return bytes;
  }
  return undefined;
}

/** Cleans up after processes that ended: what they took aside gets its name again, and drafts go. */
export async function settleLeftover(path: string, modifiedAt: number): Promise<void> {
  const takenAt = ASIDE.exec(path)?.[1];
  if (Number(takenAt ?? modifiedAt) >= Date.now() - STALE_MS) return;
  if (takenAt === undefined) await fs.rm(path, { force: true });
  else await putBack(path);
}

export async function unlessMissing<T>(wanted: Promise<T>): Promise<T | undefined> {
  try {
    return await wanted;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return undefined;
    throw error;
  }
}

function found(stats: {
  readonly ino: bigint;
  readonly birthtimeNs: bigint;
  readonly size: bigint;
}): FoundFile {
  return { identity: `${stats.ino}:${stats.birthtimeNs}`, byteLength: Number(stats.size) };
}
