/** Processes that are killed in the midst of a compaction. Of what is built: `npx tsc -b` comes first. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileBackend, Store } from 'dgents-core';
import { defineStream, readArchive, StreamAgent } from '../src/index.js';
import { all } from './places.js';

const sums = defineStream<{ type: 'added'; amount: number }, number>({
  initial: () => 0,
  fold: { added: (sum, { amount }) => sum + amount },
});

const EVENTS = 3_000;
const ROUNDS = 12;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dgents-compaction-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Compacts on, three versions at a time, and is killed. @returns the last version that it told */
async function killed(path: string, archive: string, from: number, afterMs: number): Promise<number> {
  const worker = join(__dirname, 'workers', 'compact.mjs');
  const child = spawn(process.execPath, [worker, path, archive, String(from)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let told = '';
  child.stdout.on('data', (chunk: Buffer) => {
    if (told === '') setTimeout(() => child.kill('SIGKILL'), afterMs);
    told += chunk.toString();
  });
  await new Promise((resolve) => child.on('close', resolve));
  return Number(told.trimEnd().split('\n').at(-1));
}

test('whenever it is killed, each event is in the stream, in the archive, or in both, and in the end in one', async () => {
  const path = join(directory, 'store');
  const archive = join(directory, 'sums.jsonl');
  const open = () => new Store(fileBackend({ path }), { clock: () => 1_800_000_000_000 });
  let store = new Store(fileBackend({ path }), { clock: () => 1_700_000_000_000 });
  const events = Array.from({ length: EVENTS }, (_, index) => ({
    type: 'added' as const,
    amount: index + 1,
  }));
  const first = new StreamAgent(store, 'sums', sums);
  for (let i = 0; i < EVENTS; i += 500) await first.append(events.slice(i, i + 500));
  await store.close();
  let told = 1;
  for (let round = 0; round < ROUNDS; round++) {
    told = await killed(path, archive, told + 1, 13 * round);
    store = open();
    const stream = new StreamAgent(store, 'sums', sums);
    const archived = (await all(readArchive(archive, sums))).map(({ version }) => version);
    const kept = (await all(stream.events())).map(({ version }) => version);
    expect(archived).toEqual(archived.map((_, index) => index + 1));
    expect(archived.length).toBeGreaterThanOrEqual(told);
    expect(kept[0]).toBeLessThanOrEqual(archived.length + 1);
    expect(kept.at(-1)).toBe(EVENTS);
    expect(await stream.load()).toBe((EVENTS * (EVENTS + 1)) / 2);
    await store.close();
  }
  store = open();
  const stream = new StreamAgent(store, 'sums', sums);
  await stream.compact({ before: EVENTS - 10, archive });
  const archived = await all(readArchive(archive, sums));
  const kept = await all(stream.events());
  expect([...archived, ...kept].map(({ event }) => event)).toEqual(events);
  await store.close();
});
