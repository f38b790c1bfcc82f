/** A fast part of `kill-every-syscall.mjs`; all of it runs with `npm run test:power`. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

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

function straceProblem(): string | undefined {
  if (process.platform !== 'linux') return `strace is for Linux, this is ${process.platform}`;
  const traced = spawnSync('strace', [
    '-f',
    '-qq',
    '-o',
    '/dev/null',
    '-e',
    'inject=fsync:error=EIO',
    'true',
  ]);
  if ((traced.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
    return 'strace is not installed';
  return traced.status === 0 ? undefined : 'strace may not trace here, or knows no inject';
}
