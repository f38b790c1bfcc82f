/** A Postgres, a schema of its own for each test, as a subject of the kit. */
import { randomUUID } from 'node:crypto';
import { PostgresBackend } from 'dgents-sql';
import pg from 'pg';

const connectionString =
  new URL(import.meta.url).searchParams.get('server') ??
  process.env.DATABASE_URL ??
  'postgres://postgres@127.0.0.1:5432/postgres';

export const name = 'postgres';
export const importFrom = import.meta.url;

export const claims = {
  durability: 'power',
  sharing: 'network',
  atomicity: 'store',
  feed: 'global',
  watch: true,
  ttl: true,
  orderedKeys: true,
  find: true,
  joins: true,
};

export function create() {
  return `dgents_kit_${randomUUID().replaceAll('-', '').slice(0, 16)}`;
}

/** One pool for all handles of this process on one schema, as an application has it. */
const pools = new Map();

function poolOf(schema) {
  let pool = pools.get(schema);
  if (pool === undefined) {
    pool = new pg.Pool({ connectionString, max: 6, allowExitOnIdle: true });
    pool.on('error', () => undefined);
    pools.set(schema, pool);
  }
  return pool;
}

export function open(schema) {
  return new PostgresBackend({ pool: poolOf(schema), schema, pollMs: 20 });
}

export async function destroy(schema) {
  const pool = poolOf(schema);
  pools.delete(schema);
  await pool.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
  await pool.end();
}

/** Moves the end of every log towards now. */
export async function advance(schema, ms) {
  await poolOf(schema).query(`UPDATE "${schema}".dgents_heads SET expires_at = expires_at - ${Number(ms)}`);
}
