/** Disks that fail while an archive is written. Of what is built: `npx tsc -b` comes first. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { straceProblem } from '../../dgents-core/test/strace.js';

const problem = straceProblem();
const eachFault = problem === undefined ? test.each : test.skip.each;

eachFault([
  ['fsync', 'EIO', 'DGENTS_STORAGE_UNAVAILABLE'],
  ['fsync', 'ENOSPC', 'DGENTS_STORAGE_FULL'],
  ['pwrite64', 'EIO', 'DGENTS_STORAGE_UNAVAILABLE'],
  ['pwrite64', 'ENOSPC', 'DGENTS_STORAGE_FULL'],
  ['ftruncate', 'EIO', 'DGENTS_STORAGE_UNAVAILABLE'],
])(
  `where %s fails with %s nothing is compacted, and the next time all of it${problem === undefined ? '' : ` (skipped: ${problem})`}`,
  (call, cause, code) => {
    const directory = mkdtempSync(join(tmpdir(), 'dgents-archive-'));
    try {
      const archive = join(directory, 'sums.jsonl');
      const worker = join(__dirname, 'workers', 'archive-thrice.mjs');
      const strace = ['-f', '-qq', '-o', '/dev/null', '-P', archive, '-e', `trace=${call}`];
      const inject = ['-e', `inject=${call}:error=${cause}:when=1`];
      // Counted for each thread: there is one.
      const env = { ...process.env, UV_THREADPOOL_SIZE: '1' };
      const { stdout, stderr } = spawnSync(
        'strace',
        [...strace, ...inject, process.execPath, worker, archive],
        {
          encoding: 'utf8',
          env,
        },
      );
      expect(stderr).toBe('');
      expect(JSON.parse(stdout)).toEqual({
        told: [
          { code, cause, kept: 10 },
          { compactedTo: 5, removed: 5, kept: 5 },
          { compactedTo: 5, removed: 0, kept: 5 },
        ],
        archived: [1, 2, 3, 4, 5],
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
);
