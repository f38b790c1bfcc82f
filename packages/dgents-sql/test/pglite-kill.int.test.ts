/** PGlite in a directory, whose process is killed while it writes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause, randomFrom, SEED, type Worker } from '../../dgents-core/test/child.js';
import { PgliteBackend } from '../src/postgres/postgres-backend.js';
import { ended, heard, startWorker } from './load.js';

const KILLS = process.env['DGENTS_KIT_EFFORT'] === 'long' ? 40 : 2;
const FLOWS = 2;

let folder: string;
const workers: Worker[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dgents-pglite-'));
});
afterEach(async () => {
  for (const worker of workers.splice(0)) {
    worker.kill();
    await worker.ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

function start(settings: object): Worker {
  const pglite = { dataDir: join(folder, 'db') };
  // Opening takes seconds, and a minute on a busy machine.
  const worker = startWorker('load.mjs', { pglite, timeoutMs: 120_000, ...settings });
  workers.push(worker);
  return worker;
}

test(`kill -9 leaves the last acknowledged state or the one in flight [seed ${SEED}]`, async () => {
  const random = randomFrom(SEED);
  const problems: string[] = [];
  let acked = 0;
  const look = ({ found }: Record<string, { a: number }>, kill: number) => {
    const kept = found?.a as number;
    if (kept < acked || kept > acked + FLOWS)
      problems.push(`kill ${kill}: ${acked} acknowledged, ${kept} kept`);
    acked = kept;
  };
  for (let kill = 0; kill < KILLS; kill++) {
    const worker = start({ flows: FLOWS, looks: true });
    look(await heard(worker, 'found'), kill);
    await heard(worker, 'ok');
    await pause(random() * 400);
    worker.kill();
    await worker.ended;
    acked += worker.messages.filter((message) => 'ok' in message).length;
  }
  const last = start({ updates: 1, looks: true });
  look(await heard(last, 'found'), KILLS);
  expect((await ended(last)).final).toEqual({ a: acked + 1 });
  expect(problems).toEqual([]);
  expect(acked).toBeGreaterThan(KILLS);
}, 1_500_000);

test('a directory promises to survive the process, memory nothing', () => {
  expect(new PgliteBackend({ dataDir: folder }).capabilities.durability).toBe('process');
  expect(new PgliteBackend().capabilities.durability).toBe('none');
});
