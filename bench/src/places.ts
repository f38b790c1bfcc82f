/** Where things are measured: folders of their own, and a database of its own. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

/** Gives a new folder to `work` and removes it afterwards. `DGENTS_BENCH_DIR` says on which disk. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(process.env['DGENTS_BENCH_DIR'] ?? tmpdir(), 'dgents-bench-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the files in a folder whose names begin so weigh. */
export function bytesIn(folder: string, beginning = ''): number {
  const names = readdirSync(folder).filter((name) => name.startsWith(beginning));
  return names.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

/** A pool that does not end the process when the database goes away: its `end` does not wait for the last connection. */
export function poolOf(connectionString: string, max: number): pg.Pool {
  const pool = new pg.Pool({ connectionString, max });
  pool.on('error', () => undefined);
  return pool;
}

const LOCAL = [
  'postgres://postgres@127.0.0.1:5432/postgres',
  'postgres://postgres:postgres@127.0.0.1:5432/postgres',
];

/** Gives the URL of a new database to `work`; undefined where no server answers: `DATABASE_URL`, or one on this machine. */
export async function inDatabase<T>(work: (url: string) => Promise<T>): Promise<T | undefined> {
  const given = process.env['DATABASE_URL'];
  for (const url of given === undefined ? LOCAL : [given]) {
    const admin = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000 });
    // One that does not answer is not there, as far as this is concerned.
    const connected = await admin.connect().then(
      () => true,
      () => false,
    );
    if (!connected) continue;
    const name = `dgents_bench_${process.pid}`;
    await admin.query(`CREATE DATABASE ${name}`);
    const own = new URL(url);
    own.pathname = `/${name}`;
    try {
      return await work(own.href);
    } finally {
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin.end();
    }
  }
  return undefined;
}
