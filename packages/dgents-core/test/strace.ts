import { spawnSync } from 'node:child_process';

/** Why system calls cannot be made to fail here; undefined where they can. */
export function straceProblem(): string | undefined {
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
