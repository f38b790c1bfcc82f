/** PGlite loads its parts in a way that jest does not allow: all of it runs in processes of their own. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from 'dgents-core';
import { backends } from '../src/urls.js';

const here = (path: string) => join(__dirname, path);

// The statements are those of Postgres, where the kit runs every time; here it takes most of a minute.
const isLong = process.env['DGENTS_KIT_EFFORT'] === 'long';
const reason = isLong ? '' : ' (skipped: only with DGENTS_KIT_EFFORT=long)';
(isLong ? test : test.skip)(
  `the kit holds on PGlite${reason}`,
  () => {
    const args = [here('../../dgents-conformance/dist/bin.js'), here('subjects/pglite.mjs')];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect([status, status === 0 ? '' : stdout + stderr]).toEqual([0, '']);
    expect(stdout).toContain('sharing process, atomicity store, feed global, watch, ttl, orderedKeys, find');
  },
  300_000,
);

test('a directory keeps what was saved for the next process that opens it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dgents-pglite-'));
  try {
    for (const count of ['1\n', '2\n']) {
      const args = [here('workers/pglite-counts.mjs'), join(folder, 'db')];
      expect(execFileSync(process.execPath, args, { encoding: 'utf8' })).toBe(count);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 120_000);

test('a directory that is open already is refused, also by another process, and free again after that', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dgents-pglite-'));
  try {
    const out = execFileSync(process.execPath, [here('workers/pglite-twice.mjs'), join(folder, 'db')], {
      encoding: 'utf8',
    });
    expect(JSON.parse(out)).toEqual({
      first: 1,
      same: 'DGENTS_STORAGE_UNAVAILABLE',
      other: 'DGENTS_STORAGE_UNAVAILABLE',
      after: 2,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 120_000);

test('work within a transaction happens with its commit or not at all', () => {
  const out = execFileSync(process.execPath, [here('workers/pglite-within.mjs')], { encoding: 'utf8' });
  expect(JSON.parse(out)).toEqual([
    ['made', 1, 1, 'a,b'],
    ['thrown', 'RangeError', 1, 'a,b'],
    ['refused', '23505', 1, 'a,b'],
    ['swallowed', '23505', 1, 'a,b'],
    ['deferred', '23503', 1, 'a,b'],
    ['ended', 'TypeError', 1, 'a,b'],
    ['hangs', 'DGENTS_STORAGE_TIMEOUT', 1, 'a,b'],
    ['too late', 'TypeError', 1, 'a,b'],
    ['made again', 2, 2, 'a,b,e'],
    ['last', 6, 6, 'a,b,e,f,g,h'],
  ]);
}, 120_000);

test('a URL with another option is refused', async () => {
  await expect(openStore('pglite:?shema=x', { backends })).rejects.toMatchObject({
    code: 'DGENTS_UNSUPPORTED',
  });
});
