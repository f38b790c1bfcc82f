/**
 * The Redis that tests talk to: `REDIS_URL`, or one on this machine (in a database of its own), or one that is started
 * for this run.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownRedisProblem, redisBinary } from './own-redis.js';

/** A database that hardly anybody uses; every test has a prefix of its own in it besides. */
const LOCAL = 'redis://127.0.0.1:6379/9';

const START_MS = 30_000;
const LOOK_MS = 100;

/**
 * Undefined where none answers, and none can be started: tests are declared before anything can be waited for, so
 * processes of their own look and start.
 */
export function redisUrl(): string | undefined {
  const given = process.env['REDIS_URL'];
  const isAsked = process.env['DGENTS_TEST_REDIS'] === 'own';
  if (!isAsked && answers(given ?? LOCAL)) {
    return tell(given ?? LOCAL, given === undefined ? 'on this machine' : 'REDIS_URL');
  }
  // One that was named and does not answer is not replaced behind anybody's back.
  if (given !== undefined && !isAsked) return undefined;
  if (ownRedisProblem() !== undefined) return undefined;
  return tell(startedForThisRun(), 'started for this run');
}

function tell(url: string | undefined, whose: string): string | undefined {
  if (url !== undefined) process.stderr.write(`Redis: ${new URL(url).host}, ${whose}\n`);
  return url;
}

/** The same one for all test files: the first that comes starts it. */
function startedForThisRun(): string | undefined {
  const run = /jest-worker/.test(process.argv[1] ?? '') ? process.ppid : process.pid;
  const directory = join(tmpdir(), `dgents-test-redis-${run}`);
  const note = join(directory, 'url');
  const until = Date.now() + START_MS;
  if (isFirst(directory)) {
    try {
      const port = freePort();
      const keeper = join(__dirname, 'workers', 'keep-redis.mjs');
      const settings = JSON.stringify({ command: redisBinary(), port, directory, run });
      spawn(process.execPath, [keeper, settings], { detached: true, stdio: 'ignore' }).unref();
      const url = `redis://127.0.0.1:${port}/0`;
      while (!answers(url)) if (Date.now() > until) return undefined;
      writeFileSync(note, url);
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }
  while (!existsSync(note) && Date.now() < until) sleep(LOOK_MS);
  return existsSync(note) ? readFileSync(note, 'utf8') : undefined;
}

function isFirst(directory: string): boolean {
  try {
    mkdirSync(directory);
    return true;
  } catch {
    return false;
  }
}

/** For what has to be known when tests are declared. */
export function freePort(): number {
  const script = `
    const server = require('net').createServer().listen(0, '127.0.0.1', () => {
      console.log(server.address().port);
      server.close();
    });`;
  return Number(spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' }).stdout);
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function answers(url: string): boolean {
  const script = `
    const { Redis } = require('ioredis');
    const client = new Redis(process.argv[1], { lazyConnect: true, connectTimeout: 3000, retryStrategy: null });
    client.on('error', () => undefined);
    client.connect().then(() => client.ping()).then(() => process.exit(0), () => process.exit(1));`;
  return spawnSync(process.execPath, ['-e', script, url], { cwd: __dirname }).status === 0;
}

/** What a server says of its durability, for tests that have to claim it before anything can be waited for. */
export function durabilityAt(url: string): 'none' | 'power' | 'unknown' {
  const script = `
    const { Redis } = require('ioredis');
    const client = new Redis(process.argv[1], { retryStrategy: null });
    const ask = async (name) => (await client.config('GET', name).catch(() => []))[1];
    Promise.all(['appendonly', 'appendfsync', 'maxmemory-policy'].map(ask)).then((found) => {
      console.log(JSON.stringify(found));
      process.exit(0);
    });`;
  const { stdout } = spawnSync(process.execPath, ['-e', script, url], { cwd: __dirname, encoding: 'utf8' });
  const [appendOnly, appendFsync, policy] = JSON.parse(stdout) as (string | null)[];
  if (policy?.startsWith('allkeys') || appendOnly === 'no') return 'none';
  if (appendOnly !== 'yes') return 'unknown';
  // Otherwise it is written before the answer, but for what the disk has no room or no time for: a kill costs that.
  return appendFsync === 'always' ? 'power' : 'unknown';
}
