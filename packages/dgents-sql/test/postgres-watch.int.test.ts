/** What another process writes is heard: at once where Postgres tells of it, soon where it cannot. */
import { join } from 'node:path';
import { pause, Worker } from '../../dgents-core/test/child.js';
import { PostgresBackend, type PostgresBackendOptions } from '../src/postgres/postgres-backend.js';
import { newDatabase, postgresUrl, type TestDatabase } from './postgres.js';

const server = postgresUrl();
const reason = server === undefined ? ' (skipped: no Postgres answers; set DATABASE_URL)' : '';
const withPostgres = server === undefined ? describe.skip : describe;

/** So long that what is heard before was told, not found. */
const NEVER_MS = 600_000;
const LISTENING =
  "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";

withPostgres(`watching a Postgres${reason}`, () => {
  let database: TestDatabase;
  const open: PostgresBackend[] = [];
  const writers: Worker[] = [];
  const backend = (options: PostgresBackendOptions = {}) => {
    const opened = new PostgresBackend({ connectionString: database.url, pollMs: NEVER_MS, ...options });
    open.push(opened);
    return opened;
  };
  const worker = (settings: object) =>
    new Worker(join(__dirname, 'workers/postgres-watch.mjs'), {
      postgres: { connectionString: database.url },
      ...settings,
    });
  const listening = async (count: number) => {
    for (let i = 0; i < 200 && (await database.say(LISTENING)).length !== count; i++) await pause(20);
    const pids = await database.say(LISTENING);
    expect(pids.length).toBe(count);
    return pids.map(({ pid }) => pid as number);
  };

  beforeEach(async () => {
    database = await newDatabase(server as string);
  });
  afterEach(async () => {
    for (const writer of writers) writer.tell('end');
    await Promise.all(writers.splice(0).map(({ ended }) => ended));
    await Promise.all(open.splice(0).map((each) => each.close()));
    await database.drop();
  });

  /** Saves in a process of its own: what it writes is told by the server, or not at all. */
  const writing = () => {
    const process = worker({ does: 'save' });
    writers.push(process);
    return async (key: string): Promise<number> => {
      const saved = process.next('saved');
      process.tell(key);
      return (await saved)!['saved'] as number;
    };
  };

  /** A watch that has begun: it was heard from. */
  const begun = async (watcher: PostgresBackend, key: string, save: (key: string) => Promise<number>) => {
    const watching = watcher.watch(key)[Symbol.asyncIterator]();
    let last = 0;
    const heardOf = async (version: number) => {
      while (last !== version) last = (await watching.next()).value!.version;
    };
    let over = false;
    const first = watching.next().then(({ value }) => {
      last = value!.version;
      over = true;
    });
    let version = 0;
    for (; !over; await pause(50)) version = await save(key);
    await first;
    await heardOf(version);
    return { heardOf, end: () => watching.return?.() };
  };

  test('a watch is told of what another process writes', async () => {
    const save = writing();
    const { heardOf } = await begun(backend(), 'a', save);
    for (let i = 0; i < 5; i++) {
      const version = await save('a');
      const began = performance.now();
      await heardOf(version);
      expect(performance.now() - began).toBeLessThan(2_000);
    }
  });

  test('a feed is woken by what another process writes', async () => {
    const save = writing();
    const feed = backend().feed()[Symbol.asyncIterator]();
    for (let i = 1; i <= 3; i++) {
      const next = feed.next();
      await listening(1);
      let over = false;
      void next.then(() => {
        over = true;
      });
      // Whatever else is open on this server may hold the feed back: each later change wakes it again.
      for (; !over; await pause(100)) await save('a');
      expect(await next).toMatchObject({ value: { key: 'a', record: { version: i } } });
    }
  });

  test('watchers of many keys hear each of their own, over one connection, which ends with the last', async () => {
    const save = writing();
    const here = backend();
    const keys = Array.from({ length: 10 }, (_, i) => `k${i}`);
    const watches: Awaited<ReturnType<typeof begun>>[] = [];
    for (const key of keys) watches.push(await begun(here, key, save));
    await listening(1);
    for (const [i, key] of keys.entries()) await watches[i]!.heardOf(await save(key));
    await Promise.all(watches.map(({ end }) => end()));
    await listening(0);
  });

  test('when its connection is ended a watch goes on, and is told again once there is another one', async () => {
    const save = writing();
    const looking = await begun(backend({ pollMs: 100 }), 'a', save);
    const told = await begun(backend(), 'a', save);
    for (let round = 1; round <= 3; round++) {
      for (const pid of await listening(2)) await database.say('SELECT pg_terminate_backend($1)', [pid]);
      await looking.heardOf(await save('a'));
      await listening(2);
      // It looks when it listens again; from then on it is told.
      await told.heardOf(await save('a'));
      await told.heardOf(await save('a'));
    }
  });

  test('a watch outlives every connection of its store', async () => {
    const save = writing();
    const { heardOf } = await begun(backend({ pollMs: 50 }), 'a', save);
    const terminate =
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()';
    for (let i = 0; i < 10; i++) {
      await database.say(terminate);
      await pause(20);
    }
    await heardOf(await save('a'));
  });

  test('without LISTEN what others write is found by looking, and others are told of what is written', async () => {
    const save = writing();
    const { heardOf } = await begun(backend({ listen: false, pollMs: 50 }), 'a', save);
    expect(await database.say(LISTENING)).toEqual([]);
    await heardOf(await save('a'));
  });

  test('a process that leaves a watch and its store open ends by itself', async () => {
    const save = writing();
    const watcher = worker({ does: 'watch', key: 'a' });
    const heard = watcher.heard('heard');
    let over = false;
    void heard.then(() => {
      over = true;
    });
    for (; !over; await pause(50)) await save('a');
    expect([await watcher.ended, watcher.complaints]).toEqual([{ code: 0, signal: null }, '']);
  });

  test('closing a store ends its listening at once, also where the server cannot be reached', async () => {
    const here = backend();
    const watching = here.watch('a')[Symbol.asyncIterator]();
    const next = watching.next();
    await listening(1);
    await here.close();
    expect(await next).toEqual({ done: true, value: undefined });
    await listening(0);
    const nowhere = backend({ connectionString: 'postgres://postgres@127.0.0.1:1/x' });
    await expect(nowhere.watch('a')[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'DGENTS_STORAGE_UNAVAILABLE',
    });
    await nowhere.close();
  });
});
