/**
 * The Redis of the tests. They use `REDIS_URL`, or one on this machine, or start a redis-server of their own; where there
 * is none to be started, Debian's is installed by root. Otherwise their summary says what was skipped, and why.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { capture } from './run.mjs';

const SERVERS = ['redis-server', 'valkey-server'];

/** Whether it is to be installed; `has` says whether a program is on the PATH. */
export function isWanted({ env, isRoot, has }) {
  const isNamed = env.REDIS_URL !== undefined || env.DGENTS_TEST_REDIS === 'none';
  return !isNamed && isRoot && has('apt-get') && !SERVERS.some(has);
}

/** Installs it if it is wanted. What goes wrong is told, and stops nothing: tests that need it are skipped. */
export async function ensureRedis(report) {
  const isRoot = process.getuid?.() === 0 && fs.existsSync('/etc/debian_version');
  if (!isWanted({ env: process.env, isRoot, has })) return;
  report.write('dgents: installing redis-server for the tests (DGENTS_TEST_REDIS=none leaves that) …\n');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { code, output } = await capture(
    'apt-get',
    ['install', '--yes', '--no-install-recommends', 'redis-server'],
    { env },
  );
  if (code !== 0) report.write(`dgents: it could not be installed; tests of Redis are skipped\n${output}\n`);
}

function has(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}
