/**
 * Connections that end, are all in use, or lose their answers, and processes that meet: nothing acknowledged is lost,
 * nothing refused is there, no process ends because of it.
 */
import { Store } from 'dgents-core';
import pg from 'pg';
import type { Worker } from '../../dgents-core/test/child.js';
import { failureOf } from '../../dgents-core/test/places.js';
import { PostgresBackend } from '../src/postgres/postgres-backend.js';
import { acknowledged, ended, expectNothingLost, startWorker, stopped, totalOf } from './load.js';
import { newDatabase, postgresUrl, type TestDatabase } from './postgres.js';
import { startProxy } from './proxy.js';

const server = postgresUrl();
const reason = server === undefined ? ' (skipped: no Postgres answers; set DATABASE_URL)' : '';
const withPostgres = server === undefined ? describe.skip : describe;
const isLong = process.env['DGENTS_KIT_EFFORT'] === 'long';

withPostgres(`connections to Postgres${reason}`, () => {
  let database: TestDatabase;
  let workers: Worker[];
  beforeEach(async () => {
    workers = [];
    database = await newDatabase(server as string);
  });
  afterEach(async () => {
    for (const worker of workers) worker.kill();
    await Promise.all(workers.map((worker) => worker.ended));
    await database.drop();
  });

  const start = (settings: object, url = database.url): Worker => {
    const worker = startWorker('load.mjs', { postgres: { connectionString: url }, ...settings });
    workers.push(worker);
    return worker;
  };

  test.each(['idle', 'active', 'idle in transaction'])(
    'ended from outside while %s, they lose nothing, and no process ends because of it',
    async (state) => {
      const worker = start({ keys: ['a', 'b', 'c', 'd'], flows: 2, pairs: true });
      await acknowledged(worker, 20);
      let killed = 0;
      const enough = isLong ? 200 : 12;
      for (const until = Date.now() + 20_000; killed < enough && Date.now() < until; ) {
        const [row] = await database.say(
          `SELECT count(pg_terminate_backend(pid))::int AS killed FROM pg_stat_activity
           WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = $1`,
          [state],
        );
        killed += row?.['killed'] as number;
        if (row?.['killed'] !== 0) await acknowledged(worker, 5);
      }
      await acknowledged(worker, 20);
      const load = await stopped(worker);
      expectNothingLost(load);
      expect(load.final['pair/1']).toBe(load.final['pair/2']);
      expect(killed).toBeGreaterThanOrEqual(enough);
      expect(load.slowestMs).toBeLessThan(5_500);
    },
  );

  test('all in use elsewhere: a typed timeout in time, nothing written, and it works once one is free', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    pool.on('error', () => undefined);
    const store = new Store(new PostgresBackend({ pool }));
    const known = store.agent<number>('known');
    await known.save(1);
    const backend = new PostgresBackend({ pool });
    const { head } = await backend.read('known');
    const held = await pool.connect();
    const began = performance.now();
    const record = { version: 2, kind: 'set', at: 0, id: 'op', data: '2' } as const;
    const calls: Promise<unknown>[] = [
      store.agent<number>('new').save(1, { timeoutMs: 300 }),
      known.load({ timeoutMs: 300 }),
      backend.commit([{ key: 'known', expected: head, records: [record] }], { timeoutMs: 300 }),
      known.save(2, { timeoutMs: 300 }),
    ];
    const refused = await Promise.all(calls.map(failureOf));
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(refused.map(({ code }) => code)).toEqual([
      // The engine had given it to the backend, and could not look afterwards.
      'DGENTS_OUTCOME_UNKNOWN',
      'DGENTS_STORAGE_TIMEOUT',
      'DGENTS_STORAGE_TIMEOUT',
      'DGENTS_OUTCOME_UNKNOWN',
    ]);
    expect((await held.query('SELECT key, version::int FROM dgents_log')).rows).toEqual([
      { key: 'known', version: 1 },
    ]);
    // The store's own deadline is that of the call, counted from when it was given it: a moment later.
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
    held.release();
    expect(await known.load()).toBe(1);
    expect(await store.agent<number>('new').save(1)).toBe(1);
    expect(await known.save(3)).toBe(2);
    await store.close();
    await backend.close();
    expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([1, 1, 0]);
    await pool.end();
  });

  /** The statements that write, by the names under which they are prepared, and the end of a transaction. */
  const WRITES = /dgents_(begin|follow|many)_|COMMIT/;

  test.each([
    ['no update is counted twice, none that was acknowledged is lost', false],
    ['an update of unknown outcome, repeated under its id, happens once', true],
  ])('whose answers are lost after a commit: %s', async (_, named) => {
    const { hostname, port } = new URL(database.url);
    let writes = 0;
    const proxy = await startProxy(Number(port || 5432), hostname, (asked) => {
      if (!WRITES.test(asked.toString('latin1'))) return false;
      writes += 1;
      return writes % 7 === 0;
    });
    try {
      const url = new URL(database.url);
      url.host = `127.0.0.1:${proxy.port}`;
      const keys = ['a', 'b', 'c'];
      const updates = isLong ? 1_000 : 40;
      const load = await ended(start({ keys, flows: 2, updates, named, pairs: true }, url.href));
      expectNothingLost(load);
      expect(load.final['pair/1']).toBe(load.final['pair/2']);
      expect(proxy.lost).toBeGreaterThan(5);
      if (named) for (const key of keys) expect([key, load.final[key]]).toEqual([key, 2 * updates]);
    } finally {
      await proxy.close();
    }
  });

  test('8 processes × 200 updates of one key: none is lost, none fails', async () => {
    const settings = { updates: 200, waits: true, timeoutMs: 60_000 };
    const started = Array.from({ length: 8 }, () => start(settings));
    await Promise.all(started.map((worker) => worker.heard('ready')));
    for (const worker of started) worker.tell('go');
    const loads = await Promise.all(started.map(ended));
    expect(loads.map(({ failures }) => failures)).toEqual(Array(8).fill({}));
    expect(loads.reduce((sum, load) => sum + totalOf(load), 0)).toBe(1600);
    const store = new Store(new PostgresBackend({ connectionString: database.url }));
    expect(await store.agent('a').read()).toMatchObject({ state: { count: 1600 }, version: 1600 });
    await store.close();
  });

  test('ten processes that set an empty database up at once all succeed', async () => {
    for (let round = 0; round < (isLong ? 10 : 1); round++) {
      const postgres = { connectionString: database.url, schema: `round_${round}` };
      const started = Array.from({ length: 10 }, () =>
        start({ postgres, updates: 1, waits: true, timeoutMs: 60_000 }),
      );
      await Promise.all(started.map((worker) => worker.heard('ready')));
      for (const worker of started) worker.tell('go');
      const loads = await Promise.all(started.map(ended));
      expect(loads.map(({ failures }) => failures)).toEqual(Array(10).fill({}));
      expect(Math.max(...loads.map(({ final }) => final['a'] as number))).toBe(10);
    }
  });
});
