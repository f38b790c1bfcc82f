/** A dry run weighs what would be stored, which is not what a state weighs. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HookedBackend } from '../../test/hooked-backend.js';
import { FileBlobStore } from '../blobs/index.js';
import { type DefinitionOptions, memoryBackend, migrateAll, Store } from '../index.js';
import { compress, encrypt } from '../transforms/index.js';

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'dgents-weights-'));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

const parts = (): [string, DefinitionOptions<unknown>, unknown, boolean][] => [
  ['blobs', { blobs: { store: new FileBlobStore(place), threshold: 100 } }, randomBytes(50_000), true],
  ['compressed', { transforms: [compress()] }, 'x'.repeat(50_000), true],
  [
    'encrypted',
    { transforms: [encrypt({ keys: [{ id: 'k', key: randomBytes(32) }] })] },
    'x'.repeat(9_000),
    false,
  ],
  ['plain', {}, 'x'.repeat(50_000), false],
];

test('a dry run finds too large what the real one does, and nothing else', async () => {
  for (const [name, options, state, fits] of parts()) {
    const memory = memoryBackend();
    await new Store(memory).agent<unknown>('k', options).save(state);
    const backend = new HookedBackend(memory);
    const limits = { ...memory.capabilities.limits, recordBytes: 10_000 };
    backend.declined = { limits };
    const given = { ...options, schemaVersion: 2, migrations: { 1: (same: unknown) => same }, prefix: '' };
    for (const dryRun of [true, false]) {
      const { migrated, failed } = await migrateAll(new Store(backend), { ...given, dryRun });
      expect([name, dryRun, migrated]).toEqual([name, dryRun, fits ? 1 : 0]);
      if (!fits) expect(failed[0]?.error).toMatchObject({ code: 'DGENTS_STATE_TOO_LARGE' });
    }
  }
});
