import { randomUUID } from 'node:crypto';
import { test } from '@jest/globals';
import pg from 'pg';
import { PostgresBackend } from '../../dgents-sql/src/postgres/postgres-backend.js';
import { postgresUrl } from '../../dgents-sql/test/postgres.js';
import { describeOnStores } from './kit-on-stores.js';

const connectionString = postgresUrl();

if (connectionString === undefined) {
  test.skip('streams on a real Postgres (skipped: no Postgres answers; set DATABASE_URL)', () => undefined);
} else {
  const pool = new pg.Pool({ connectionString, max: 6 });
  pool.on('error', () => undefined);
  describeOnStores({
    name: 'Postgres',
    durability: 'power',
    sharing: 'network',
    query: { store: 'postgres', server: connectionString },
    // A schema of its own, so that whatever else is in the database stays as it is.
    create: () => `dgents_test_${randomUUID().replaceAll('-', '').slice(0, 16)}`,
    backend: (schema) => new PostgresBackend({ pool, schema, pollMs: 20 }),
    destroy: async (schema) => {
      await pool.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
    },
    advance: async (schema, ms) => {
      await pool.query(`UPDATE "${schema}".dgents_heads SET expires_at = expires_at - $1::float8`, [ms]);
    },
    end: () => pool.end(),
  });
}
