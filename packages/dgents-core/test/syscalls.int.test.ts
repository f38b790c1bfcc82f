/** A fast part of `kill-every-syscall.mjs`; all of it runs with `npm run test:power`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { straceProblem } from './strace.js';

const problem = straceProblem();

(problem === undefined ? test : test.skip)(
  `a process killed at a system call, or one that fails once or for ever, loses nothing acknowledged${
    problem === undefined ? '' : ` (skipped: ${problem})`
  }`,
  async () => {
    const script = join(__dirname, 'kill-every-syscall.mjs');
    const child = spawn(process.execPath, [script, '--quick', '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let told = '';
    child.stdout.on('data', (data) => {
      told += data;
    });
    await once(child, 'close');
    const { runs, problems } = JSON.parse(told);
    expect(problems).toEqual([]);
    expect(runs).toBeGreaterThan(20);
  },
  120_000,
);
