import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { describeQueries } from '../../test/describe-queries.js';
import { postgresUrl } from '../../test/postgres.js';
import { PostgresBackend } from '../postgres/postgres-backend.js';

const connectionString = postgresUrl();
const schema = `dgents_test_${randomUUID().replaceAll('-', '').slice(0, 16)}`;

if (connectionString === undefined) {
  test.skip('queries on postgres (skipped: no Postgres answers; set DATABASE_URL)', () => undefined);
} else {
  // So few rows are read one after the other otherwise, whatever indexes there are.
  const pool = new pg.Pool({
    connectionString,
    max: 6,
    allowExitOnIdle: true,
    options: '-c enable_seqscan=off -c jit=off',
  });
  pool.on('error', () => undefined);
  afterAll(async () => {
    await pool.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
    await pool.end();
  });
  describeQueries('postgres', ({ materialize }) => new PostgresBackend({ pool, schema, materialize }));
}
