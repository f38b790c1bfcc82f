import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

test('errors that no caller can catch fail the facts that they came in, and there is a scoreboard all the same', () => {
  const args = [path('../dist/bin.js'), path('subjects/leaky.mjs'), '--only', 'isolation', '--json'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(1);
  const { failures }: { failures: readonly { reason: string }[] } = JSON.parse(stdout);
  expect(failures.length).toBeGreaterThan(5);
  for (const { reason } of failures) expect(reason).toMatch(/no caller can catch: of the (pool|timer)/);
});
