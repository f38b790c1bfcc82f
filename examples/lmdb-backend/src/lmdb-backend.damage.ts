import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LmdbBackend } from './lmdb-backend.js';

/** Changes a letter of the newest id wherever it is kept: in the record, and in the head. */
export async function damage(path: string, key: string): Promise<void> {
  const backend = new LmdbBackend(path);
  const { head } = await backend.read(key);
  await backend.close();
  const file = join(path, 'data.mdb');
  const [bytes, handle] = [await readFile(file), await open(file, 'r+')];
  const id = `"id":"${head?.id}`;
  let hits = 0;
  for (let at = bytes.indexOf(id); at >= 0; at = bytes.indexOf(id, at + 1)) {
    await handle.write('~', at + id.length - 1);
    hits += 1;
  }
  await handle.close();
  if (hits === 0) throw new RangeError(`nothing to damage: ${id} is nowhere in ${file}`);
}
