/** Where a store keeps its files. */
import fs from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export interface Place {
  readonly url: string;
  /** Removes a folder that was made here; leaves alone what the user named. */
  remove(): Promise<void>;
}

/** The store the user named, or a new one in a temporary folder. */
export async function place(url: string | undefined): Promise<Place> {
  if (url !== undefined) return { url, remove: async () => undefined };
  const folder = await fs.mkdtemp(join(os.tmpdir(), 'dgents-quickstart-'));
  return { url: pathToFileURL(folder).href, remove: () => fs.rm(folder, { recursive: true, force: true }) };
}

/** How many bytes the files of a store take; undefined for a store that is no folder. */
export async function diskBytes(url: string): Promise<number | undefined> {
  if (!url.startsWith('file:')) return undefined;
  const [path = ''] = url.split('?');
  const folder = path.startsWith('file://')
    ? fileURLToPath(path)
    : decodeURIComponent(path.slice('file:'.length));
  let bytes = 0;
  for (const entry of await fs.readdir(folder, { withFileTypes: true })) {
    if (entry.isFile()) bytes += (await fs.stat(join(folder, entry.name))).size;
  }
  return bytes;
}
