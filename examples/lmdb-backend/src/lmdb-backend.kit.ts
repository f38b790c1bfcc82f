/** How the kit gets at this backend: in tests, in processes of its own, and on the command line. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LmdbBackend } from './lmdb-backend.js';

export { damage } from './lmdb-backend.damage.js';

export const name = 'lmdb';
export const claims = {
  durability: 'power',
  sharing: 'host',
  atomicity: 'store',
  orderedKeys: true,
} as const;
/** This module, compiled: the kit's own processes are plain Node. */
export const importFrom = new URL('../dist/lmdb-backend.kit.js', import.meta.url);
export const create = () => mkdtemp(join(tmpdir(), 'dgents-lmdb-'));
export const open = (path: string) => new LmdbBackend(path);
export const destroy = (path: string) => rm(path, { recursive: true });
