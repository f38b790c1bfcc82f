/**
 * Writers that are killed at random: what is stored afterwards is the last acknowledged state or the one in flight,
 * history agrees with it, and the next save works. Each writer begins by checking what the one before it left.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Message, pause, randomFrom, SEED, Worker } from './child.js';

/** Killed so often in each scenario; DGENTS_TEST_KILLS=200 for a long run. */
const KILLS = Number(process.env.DGENTS_TEST_KILLS ?? 8);

/** How often before a new file is begun, since checking takes longer with every version. */
const KILLS_PER_FILE = 8;

/** Drafts of the dead are swept when they are this old. */
const DRAFTS_ARE_STALE_MS = 120_000;

jest.setTimeout(60_000 + KILLS * 4_000);

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'dgents-kill-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Kills one writer after another on one file; gives what went wrong and how far they came. */
async function killRepeatedly(scenario: string, path: string, random: () => number) {
  const problems: string[] = [];
  let acked = 0;
  let repairs = 0;
  const listen = (worker: Worker, when: string): void => {
    for (const message of worker.messages)
      problems.push(...complaintsOf(message).map((text) => `${when}: ${text}`));
    acked = worker.last('acked')?.acked ?? worker.last('verified')?.verified.version ?? acked;
    repairs += worker.messages.filter(({ repair }) => repair !== undefined).length;
  };
  for (let kill = 0; kill < KILLS_PER_FILE; kill++) {
    const worker = new Worker('write.mjs', { path, scenario, acked });
    const early = random() < 0.2; // While it starts, creates the file, or reads.
    if (!early) await worker.heard('verified');
    const afterMs = (early ? 90 : 20) + random() * (early ? 100 : 280);
    await pause(afterMs);
    worker.kill();
    const { signal } = await worker.ended;
    listen(
      worker,
      `kill ${kill} (after ${Math.round(afterMs)} ms${early ? ' from the start' : ''}, acked ${acked})`,
    );
    if (signal !== 'SIGKILL') problems.push(`kill ${kill}: the writer ended by itself: ${worker.complaints}`);
  }
  const last = { path, scenario, acked, until: acked + 12, clockAheadMs: DRAFTS_ARE_STALE_MS };
  const worker = new Worker('write.mjs', last);
  await worker.ended;
  listen(worker, 'in the end');
  const closed = worker.last('closed');
  if (closed === undefined) problems.push(`in the end: the next saves do not work: ${worker.complaints}`);
  else problems.push(...leftoversOf(closed.besides, repairs));
  return { problems, acked };
}

function complaintsOf({ verified, failed }: Message): string[] {
  if (failed !== undefined) return [`${failed.name} ${failed.code ?? ''} ${failed.message}`];
  return verified?.problems ?? [];
}

function leftoversOf({ drafts, torn }: Message, repairs: number): string[] {
  const left = drafts.map((name: string) => `left over: ${name}`);
  return torn.length === repairs ? left : [...left, `${torn.length} torn files, ${repairs} were reported`];
}

const SCENARIOS: [title: string, scenario: string][] = [
  ['update of a growing conversation', 'conversation'],
  ['save of whole states', 'whole'],
  ['save of Maps, Sets, Dates and bytes', 'rich'],
  ['update with retention, the journal rewritten all the while', 'retained'],
  ['update of a counter that keeps three versions', 'retained-counter'],
  ['eight updates at once', 'crowd'],
  ['save of a plain JSON file', 'json'],
  ['update with durability process', 'process'],
  ['update with durability process and retention', 'process-retained'],
];

test.concurrent.each(SCENARIOS)(
  `kill -9 leaves the last acknowledged state or the one in flight: %s [seed ${SEED}]`,
  async (_title, scenario) => {
    const random = randomFrom(SEED + scenario.length);
    let written = 0;
    for (let file = 0; file < KILLS / KILLS_PER_FILE; file++) {
      const path = join(root, `${scenario}-${file}`, 'agent.jsonl');
      const { problems, acked } = await killRepeatedly(scenario, path, random);
      expect(problems).toEqual([]);
      written += acked;
    }
    expect(written).toBeGreaterThan(KILLS);
  },
);
