/** What of an encrypted state lies in a database, and what a table of documents would give away. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compress, encrypt, Store } from 'dgents-core';
import { SQLAgent } from '../sql-agent.js';
import { SqliteBackend } from './sqlite-backend.js';

const MARKER = 'the marker that no stored byte may spell';
const transforms = [compress(), encrypt({ keys: [{ id: 'k1', key: randomBytes(32) }] })];

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dgents-encrypted-'));
  path = join(folder, 'state.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('no stored byte spells what was encrypted: records, checkpoints, bases', async () => {
  const store = new Store(new SqliteBackend({ path }), { checkpointFactor: 0.5 });
  const options = { transforms, retain: { versions: 4, graceMs: 0 }, initial: (): string[] => [] };
  const agent = store.agent<string[]>('notes', options);
  for (let n = 0; n < 60; n++) {
    await agent.update((draft) => {
      if (n === 30) draft.length = 0;
      draft.push(`${n} ${MARKER}`.repeat(n % 2 === 0 ? 1 : 50));
    });
  }
  const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
  expect(files.some((bytes) => bytes.includes('gzip+a256gcm:k1'))).toBe(true);
  for (const bytes of files) expect(bytes.includes(MARKER.slice(0, 20))).toBe(false);
  await store.close();
  expect(readFileSync(path).includes(MARKER.slice(0, 20))).toBe(false);
  const again = new SQLAgent<string[]>({ url: `sqlite:${path}`, key: 'notes', transforms });
  expect(await again.load()).toHaveLength(30);
  expect(await again.history()).not.toHaveLength(0);
  await again.close();
});

test('where documents are kept for queries, transforms are refused before anything is written', async () => {
  const backend = new SqliteBackend({ path, materialize: true });
  const refused = { code: 'DGENTS_UNSUPPORTED', message: expect.stringContaining('materialize') };
  expect(() => new SQLAgent({ backend, transforms })).toThrow(expect.objectContaining(refused));
  const store = new Store(backend);
  expect(() => store.agent('notes', { transforms })).toThrow(expect.objectContaining(refused));
  await store.agent('plain').save(1);
  await expect(store.fork('plain', 'copy', undefined, { transforms })).rejects.toMatchObject(refused);
  await store.close();
});

test('a query finds no state that was encrypted before documents were kept, and writes none of it down', async () => {
  const before = new SQLAgent<{ text: string }>({ url: `sqlite:${path}`, key: 'notes', transforms });
  await before.save({ text: MARKER });
  await before.close();
  const backend = new SqliteBackend({ path, materialize: true });
  const agent = new SQLAgent<{ text: string }>({ backend, key: 'notes' });
  await expect(agent.query({ where: [['text', '=', MARKER]] })).rejects.toMatchObject({
    code: 'DGENTS_UNSUPPORTED',
  });
  await backend.close();
  for (const name of readdirSync(folder)) {
    expect(readFileSync(join(folder, name)).includes(MARKER.slice(0, 20))).toBe(false);
  }
});
