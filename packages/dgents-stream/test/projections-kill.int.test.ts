/** Processes that are killed, or paused, in the midst of a projection. Of what is built: `npx tsc -b` comes first. */
import { join } from 'node:path';
import { type Backend, fileBackend, Store } from 'dgents-core';
import { Worker } from '../../dgents-core/test/child.js';
import { RedisBackend } from '../../dgents-redis/src/redis-backend.js';
import { newPrefix, removePrefix } from '../../dgents-redis/test/places.js';
import { redisUrl } from '../../dgents-redis/test/redis.js';
import { PostgresBackend } from '../../dgents-sql/src/postgres/postgres-backend.js';
import { SqliteBackend } from '../../dgents-sql/src/sqlite/sqlite-backend.js';
import { newDatabase, postgresUrl, type TestDatabase } from '../../dgents-sql/test/postgres.js';
import { defineProjection, ProjectionProcessor } from '../src/index.js';
import { deposit, openAccount, streams } from '../src/testing/accounts.js';
import { temporary } from './temporary.js';

const EVENTS = 10_000;
const STREAMS = 10;
const KILLS = 5;
const WORKER = join(__dirname, 'workers', 'project.mjs');

interface Digest {
  readonly count: number;
  readonly sum: number;
  readonly hash: number;
}
const isUnlucky = (amount: number): boolean => amount % 1_000 === 13;

/** Like that of the worker. */
function digestOf(amounts: readonly number[]): Digest {
  let [count, sum, hash] = [0, 0, 7];
  for (const amount of amounts) {
    count += 1;
    sum += amount;
    hash = (hash * 31 + amount) % 1_000_003;
  }
  return { count, sum, hash };
}

/** Only to read its model. */
const digest = defineProjection({
  name: 'digest',
  streams,
  initial: (): Digest => ({ count: 0, sum: 0, hash: 7 }),
  on: { deposited: (model) => model },
});

const postgres = postgresUrl();
const redis = redisUrl();

interface Kind {
  readonly name: 'files' | 'SQLite' | 'Postgres' | 'Redis';
  readonly stream?: string;
  /** Whether each event leaves a row in a table, too. */
  readonly rows: boolean;
}
const kinds: readonly Kind[] = [
  { name: 'files', stream: 'account:0', rows: false },
  { name: 'SQLite', rows: false },
  { name: 'SQLite', rows: true },
  ...(postgres === undefined ? [] : [{ name: 'Postgres', rows: true } as const]),
  ...(redis === undefined ? [] : [{ name: 'Redis', rows: false } as const]),
];
if (postgres === undefined) test.skip('Postgres (skipped: none answers)', () => undefined);
if (redis === undefined) test.skip('Redis (skipped: none answers)', () => undefined);

describe.each(kinds)('a projection of 10,000 events on $name (rows: $rows)', ({ name, stream, rows }) => {
  let path: string;
  let database: TestDatabase | undefined;
  let prefix: string;
  let store: Store;
  const directory = temporary();

  beforeEach(async () => {
    path = join(directory(), 'store');
    prefix = newPrefix();
    database = name === 'Postgres' ? await newDatabase(postgres as string) : undefined;
    store = new Store(open());
    await store.ready();
    await fill();
    if (rows && name === 'Postgres')
      await database?.say('CREATE TABLE public.deposits (n serial, amount int)');
    if (rows && name === 'SQLite')
      await statement('CREATE TABLE deposits (n INTEGER PRIMARY KEY, amount INT)');
  });
  afterEach(async () => {
    await store.close();
    await database?.drop();
    if (name === 'Redis') await removePrefix(redis as string, prefix);
  });

  function open(): Backend {
    if (name === 'files') return fileBackend({ path, durability: 'process' });
    if (name === 'SQLite') return new SqliteBackend({ path, pollMs: 20 });
    if (name === 'Redis') return new RedisBackend({ url: redis as string, prefix, feed: true });
    return new PostgresBackend({ connectionString: database!.url, pollMs: 20 });
  }
  async function statement(text: string): Promise<Record<string, unknown>[]> {
    if (database !== undefined) return database.say(text);
    const { default: Database } = await import('better-sqlite3');
    const db = new Database(path);
    try {
      const prepared = db.prepare(text);
      if (prepared.reader) return prepared.all() as Record<string, unknown>[];
      prepared.run();
      return [];
    } finally {
      db.close();
    }
  }
  async function fill(): Promise<void> {
    const size = 100;
    for (let i = 0; i < EVENTS; i += size) {
      const key = stream ?? `account:${(i / size) % STREAMS}`;
      await openAccount(store, key).append(Array.from({ length: size }, (_, n) => deposit(i + n)));
    }
  }
  const settings = (more: object = {}): object => ({
    ...{
      kind: name,
      path,
      prefix,
      url: database?.url ?? redis,
      schema: 'public',
      stream,
      rows,
      batchEvents: 40,
    },
    ...more,
  });

  /** All that has to be true at any moment, whoever died when. */
  async function check(): Promise<number> {
    const { state, position, streamVersion, parked, amounts } = await look();
    // Where one key changes at a time, an event is put aside before it is passed.
    if (stream !== undefined && parked.at(-1) === streamVersion) parked.pop();
    const seen = state.count + parked.length;
    const passed = Array.from({ length: seen }, (_, amount) => amount);
    expect(state).toEqual(digestOf(passed.filter((amount) => !isUnlucky(amount))));
    expect(parked).toEqual(passed.filter(isUnlucky));
    if (rows) expect(amounts).toEqual(passed.filter((amount) => !isUnlucky(amount)));
    if (stream !== undefined) expect(streamVersion ?? 0).toBe(seen);
    else if (seen > 0) {
      // The next one of the feed is the next one of the model: it is neither ahead nor behind.
      const next = await firstAfter(position);
      expect(next).toBe(seen === EVENTS ? undefined : seen);
    }
    return seen;
  }
  /** A server may be at the last commit of a process that is gone: what is seen is of one moment. */
  async function look() {
    for (;;) {
      const model = await digest.model(store).read();
      const parked = await waiting();
      const amounts = rows ? await inRows() : [];
      if ((await digest.model(store).read()).version !== model.version) continue;
      const { state, position, streamVersion } = model;
      return { state, position, streamVersion, parked, amounts };
    }
  }
  async function waiting(): Promise<number[]> {
    // It is not started.
    const processor = new ProjectionProcessor(store, digest);
    return (await processor.parked()).map(({ key, version }) => amountOf(key, version));
  }
  function amountOf(key: string, version: number): number {
    if (stream !== undefined) return version - 1;
    const round = Math.floor((version - 1) / 100);
    return round * 100 * STREAMS + Number(key.slice('account:'.length)) * 100 + ((version - 1) % 100);
  }
  async function inRows(): Promise<number[]> {
    return (await statement('SELECT amount FROM deposits ORDER BY n')).map(({ amount }) => Number(amount));
  }
  async function firstAfter(position: string | undefined): Promise<number | undefined> {
    for await (const entry of store.feed(position, { follow: false })) {
      if (entry.key.startsWith('account:') && 'record' in entry) return JSON.parse(entry.record.data).amount;
    }
    return undefined;
  }

  test('whenever it is killed, the model is what the events up to its checkpoint make', async () => {
    let seen = 0;
    for (let kills = 0; kills < KILLS; kills += 1) {
      // Somewhere in what is left, and a little later.
      const tellAt = seen + Math.floor(Math.random() * ((EVENTS - seen) / 3));
      const worker = new Worker(WORKER, settings({ tellAt: isUnlucky(tellAt) ? tellAt + 1 : tellAt }));
      expect(await worker.heard('reached')).toBeDefined();
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 15));
      worker.kill();
      await worker.ended;
      expect(worker.complaints).toBe('');
      const now = await check();
      expect(now).toBeGreaterThanOrEqual(seen);
      seen = now;
    }
    const last = new Worker(WORKER, settings());
    expect(await last.heard('caughtUp')).toBeDefined();
    last.kill();
    await last.ended;
    expect(last.complaints).toBe('');
    expect(await check()).toBe(EVENTS);
  }, 60_000);

  // Others may be stopped with a lock of their database in their hands.
  if (name !== 'Redis') return;
  test.each([100, 1_200])(
    'one that was paused at event %d, and overtaken, writes nothing when it goes on',
    async (tellAt) => {
      const paused = new Worker(WORKER, settings({ holder: 'paused', leaseMs: 200, batchEvents: 5, tellAt }));
      expect(await paused.heard('reached')).toBeDefined();
      paused.kill('SIGSTOP');
      expect(await check()).toBeLessThan(EVENTS);
      const other = new Worker(WORKER, settings({ holder: 'other', leaseMs: 200, batchEvents: 500 }));
      expect(await other.heard('caughtUp')).toBeDefined();
      paused.kill('SIGCONT');
      expect(await paused.heard('caughtUp')).toBeDefined();
      expect(await check()).toBe(EVENTS);
      for (const one of [paused, other]) {
        one.kill();
        await one.ended;
        expect(one.complaints).toBe('');
      }
    },
  );
});
