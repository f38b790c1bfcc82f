/** Rows of the user's own, in the transaction that moves the checkpoint. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Store } from 'dgents-core';
import { SqliteBackend } from '../../dgents-sql/src/sqlite/sqlite-backend.js';
import { onSqlite } from '../../dgents-sql/src/within.js';
import { defineProjection } from '../src/index.js';
import { deposit, openAccount, Processors, streams } from '../src/testing/accounts.js';
import { temporary } from './temporary.js';

const directory = temporary();
const processors = new Processors();
let store: Store;
let db: Database.Database;
beforeEach(() => {
  const path = join(directory(), 'store.db');
  store = new Store(new SqliteBackend({ path, pollMs: 10 }));
  db = new Database(path);
  db.exec('CREATE TABLE deposits (n INTEGER PRIMARY KEY, amount INTEGER CHECK (amount > 0), sum INTEGER)');
});
afterEach(async () => {
  await processors.stop();
  db.close();
  await store.close();
});

const rows = defineProjection({
  name: 'rows',
  streams,
  initial: () => 0,
  on: { deposited: (sum, { event }) => sum + event.amount },
  within: (events) =>
    onSqlite((client) => {
      const insert = client.prepare('INSERT INTO deposits (amount) VALUES (?)');
      for (const { event } of events) if (event.type === 'deposited') insert.run(event.amount);
    }),
});
const amounts = (): unknown[] => db.prepare('SELECT amount FROM deposits ORDER BY n').pluck().all();

test('what the table refuses is found among the others, and put aside with neither row nor model', async () => {
  await openAccount(store).append([1, 2, -3, 4, -5, 6, 7].map(deposit));
  const processor = processors.start(store, rows, { attempts: 2 });
  await processor.caughtUp();
  expect(amounts()).toEqual([1, 2, 4, 6, 7]);
  expect(await rows.model(store).load()).toBe(20);
  expect(await processor.parked()).toMatchObject([
    { version: 3, error: expect.stringMatching(/CHECK/), attempts: 2 },
    { version: 5 },
  ]);
  db.exec(
    'ALTER TABLE deposits RENAME TO strict; CREATE TABLE deposits (n INTEGER PRIMARY KEY, amount INTEGER)',
  );
  expect(await processor.replayParked()).toEqual({ replayed: 2, failed: [] });
  expect(amounts()).toEqual([-3, -5]);
  expect(await rows.model(store).load()).toBe(12);
});

test('each event is one row, by processors that come and go', async () => {
  const numbers = Array.from({ length: 300 }, (_, i) => i + 1);
  let isOver = false;
  const writing = (async () => {
    for (const i of numbers) await openAccount(store, `account:${i % 3}`).append(deposit(i));
  })().finally(() => {
    isOver = true;
  });
  while (!isOver) {
    const some = [1, 2].map(() => processors.start(store, rows, { leaseMs: 40, batchEvents: 9 }));
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
    await Promise.all(some.map((one) => one.stop()));
  }
  await writing;
  await processors.start(store, rows).caughtUp();
  expect(amounts()).toEqual(numbers);
  expect(await rows.model(store).load()).toBe(45_150);
});
