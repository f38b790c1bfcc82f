/** Runs the built program as a user does: `npm test` builds before, `npm run build` does it by hand. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const MAIN = join(__dirname, '../dist/main.js');
const TIMEOUT_MS = 60_000; // for a machine that is busy with other tests

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the quickstart in a temporary folder of its own: what it leaves behind there, it forgot to remove. */
async function quickstart(...args: string[]): Promise<Ended> {
  const options = { env: { ...process.env, TMPDIR: folder, TEMP: folder, TMP: folder } };
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [MAIN, ...args], options);
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as Ended;
    return { code, stdout, stderr };
  }
}

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(join(os.tmpdir(), 'quickstart-test-'));
});

afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

test(
  'killed half way, it ends in the state of an uninterrupted run, and has kept every version',
  async () => {
    const { code, stdout, stderr } = await quickstart('--json', '--limit', '78');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const facts = JSON.parse(stdout);
    expect(facts).toMatchObject({ addresses: 78, startedAt: 0, equal: true, version: 78, store: null });
    expect(facts.killed).toEqual({ signal: 'SIGKILL', acknowledged: 39 });
    expect(facts.resumed.addresses).toBeGreaterThanOrEqual(39);
    expect(facts.resumed.version).toBe(facts.resumed.addresses);
    expect(facts.past).toMatchObject({ year: 1865, version: 76, president: 'Andrew Johnson', equal: true });
    expect(facts.past.vocabulary).toBeLessThan(facts.vocabulary);
    expect(facts.cost.versions).toBe(78);
    expect(facts.cost.ratio).toBeGreaterThan(5); // grows with the log: more than 30 after all 233
    expect(facts.growth).toHaveLength(78);
    expect(fs.readdirSync(folder)).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  'a named store goes on with what an earlier run left there, and is not removed',
  async () => {
    const url = `file:${join(folder, 'state')}`;
    const first = await quickstart('--store', url, '--limit', '4');
    expect(first.code).toBe(0);
    expectPlainLines(first.stdout);
    expect(first.stdout).toContain('after address 2 (George Washington, 1791)');
    expect(first.stdout).toContain('the final state equals that of an uninterrupted run in memory');
    expect(first.stdout).toContain(`kept in ${url}`);

    const more = JSON.parse((await quickstart('--json', '--store', url, '--limit', '10')).stdout);
    expect(more).toMatchObject({ startedAt: 4, equal: true, version: 10, store: url });
    expect(more.killed.acknowledged).toBe(7);

    const done = await quickstart('--store', url, '--limit', '10');
    expect(done.stdout).toContain('An earlier run has read all 10');
    expect(done.stdout).not.toContain('SIGKILL');
  },
  TIMEOUT_MS,
);

/** What a log file wants: no colours, nothing drawn over, 80 columns. */
function expectPlainLines(text: string): void {
  expect(text).not.toContain('\u001b');
  expect(text).not.toContain('\r');
  const lines = text.split('\n').filter((line) => !line.includes('file:'));
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
}

test('a command line that is not understood says so in one line and exits with 2', async () => {
  const { code, stdout, stderr } = await quickstart('--stroe', 'file:./state');
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^quickstart: Unknown option '--stroe'\. The options are [^\n]+\n$/);
});

test('a store that a second process cannot see is refused', async () => {
  const { code, stderr } = await quickstart('--store', 'memory:');
  expect(code).toBe(1);
  expect(stderr).toContain('lives in one process');
});
