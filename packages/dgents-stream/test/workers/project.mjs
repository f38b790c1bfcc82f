/**
 * Projects deposits until it is killed: `project.mjs <settings>`. Tells when it has come to the
 * event `tellAt`, before it is written, and when it has caught up.
 *
 * Settings: path, or url with a schema or prefix; stream, with the model in one stream; rows, for a row of each event in the same
 * transaction; batchEvents.
 */
import { fileBackend, Store } from 'dgents-core';
import { RedisBackend } from 'dgents-redis';
import { onPostgres, onSqlite, PostgresBackend, SqliteBackend } from 'dgents-sql';
import { defineProjection, defineStream, ProjectionProcessor } from 'dgents-stream';
import { settings, tell } from '../../../dgents-core/test/workers/messages.mjs';

const { kind, path, prefix, url, schema, stream, rows, batchEvents, holder, leaseMs, tellAt } = settings;

const backend = {
  files: () => fileBackend({ path, durability: 'process' }),
  SQLite: () => new SqliteBackend({ path, pollMs: 20 }),
  Redis: () => new RedisBackend({ url, prefix, feed: true }),
  Postgres: () => new PostgresBackend({ connectionString: url, schema, pollMs: 20 }),
}[kind]();

const account = defineStream({
  initial: () => 0,
  fold: { deposited: (sum, { amount }) => sum + amount },
});

const insert = (events) =>
  `INSERT INTO ${kind === 'Postgres' ? `${schema}.` : ''}deposits (amount) VALUES ${events.map(({ event }) => `(${event.amount})`)}`;

const digest = defineProjection({
  name: 'digest',
  streams: [{ prefix: 'account:', definition: account }],
  initial: () => ({ count: 0, sum: 0, hash: 7 }),
  on: {
    deposited: (model, { event }) => {
      if (event.amount === tellAt) tell({ reached: tellAt });
      if (event.amount % 1_000 === 13) throw new RangeError('an unlucky one');
      model.count += 1;
      model.sum += event.amount;
      model.hash = (model.hash * 31 + event.amount) % 1_000_003;
    },
  },
  ...(rows && {
    within: (events) =>
      kind === 'Postgres'
        ? onPostgres((sql) => sql.query(insert(events)))
        : onSqlite((db) => db.exec(insert(events))),
  }),
});

const store = new Store(backend);
const processor = new ProjectionProcessor(store, digest, {
  ...(stream && { stream }),
  batchEvents,
  leaseMs: leaseMs ?? 500,
  holder: holder ?? 'the one',
  attempts: 2,
  // The test looks at what was put aside; a warning would count as a complaint.
  onFailure: () => undefined,
  backoff: { firstMs: 1, maxMs: 2 },
});
processor.finished.catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
await processor.caughtUp();
tell({ caughtUp: true });
