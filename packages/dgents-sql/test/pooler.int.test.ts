/**
 * Postgres behind a pooler in transaction mode: each transaction may get another connection of the server, so nothing
 * that a session remembers can be relied on.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Store } from 'dgents-core';
import pg from 'pg';
import { failureOf } from '../../dgents-core/test/places.js';
import { PostgresBackend, type PostgresBackendOptions } from '../src/postgres/postgres-backend.js';
import { newDatabase, postgresUrl, type TestDatabase } from './postgres.js';

const server = postgresUrl();
const version = /PgBouncer (\d+)\.(\d+)/.exec(
  spawnSync('pgbouncer', ['--version'], { encoding: 'utf8' }).stdout ?? '',
);
const problem =
  server === undefined
    ? 'no Postgres answers; set DATABASE_URL'
    : version === null
      ? 'no pgbouncer; apt-get install pgbouncer'
      : undefined;
const reason = problem === undefined ? '' : ` (skipped: ${problem})`;
const withPooler = problem === undefined ? describe : describe.skip;

/** From 1.21 on it can keep statements under their names for each client. */
const keepsNames = version !== null && (Number(version[1]) > 1 || Number(version[2]) >= 21);

interface Pooler {
  readonly url: string;
  end(): Promise<void>;
}

withPooler(`behind a pooler in transaction mode${reason}`, () => {
  let database: TestDatabase;
  let pooler: Pooler;
  beforeAll(async () => {
    database = await newDatabase(server as string);
    pooler = await startPooler(database.url);
  });
  afterAll(async () => {
    await pooler?.end();
    await database?.drop();
  });

  const backend = (options: PostgresBackendOptions) =>
    new PostgresBackend({
      connectionString: pooler.url,
      prepare: false,
      listen: false,
      serverTimeouts: false,
      pollMs: 20,
      ...options,
    });

  /** Many agents of several stores, which have more connections than the pooler has to the server. */
  async function expectNoneLost(options: PostgresBackendOptions): Promise<void> {
    const stores = Array.from(
      { length: 4 },
      () => new Store(backend({ poolOptions: { max: 6 }, ...options })),
    );
    const heard = stores[0]!.backend.watch!('shared')[Symbol.asyncIterator]();
    const first = heard.next();
    await Promise.all(
      stores.flatMap((store, i) =>
        ['shared', `own/${i}`, `other/${i}`].map(async (key) => {
          const agent = store.agent<number>(key, { initial: () => 0, timeoutMs: 30_000 });
          for (let n = 0; n < 20; n++) await agent.update((count) => count + 1);
        }),
      ),
    );
    expect((await first).done).toBe(false);
    const [store] = stores as [Store];
    expect(await store.agent('shared').load()).toBe(80);
    expect(await store.agent('own/3').load()).toBe(20);
    const pair = ['pair/1', 'pair/2'].map((key) =>
      store.agent<{ n: number }>(key, { initial: () => ({ n: 0 }) }),
    );
    const [one, other] = pair as [(typeof pair)[0], (typeof pair)[0]];
    await store.transact([one, other], (from, to) => {
      from.n -= 5;
      to.n += 5;
    });
    expect(await Promise.all(pair.map((agent) => agent.load()))).toEqual([{ n: -5 }, { n: 5 }]);
    let fed = 0;
    for await (const entry of store.backend.feed!(undefined, { limit: 4 * 60 + 2 }))
      fed += 'record' in entry ? 1 : 0;
    expect(fed).toBe(4 * 60 + 2);
    await Promise.all(stores.map((each) => each.close()));
  }

  test('with unnamed statements and no LISTEN, concurrent updates lose nothing, and watch and feed go on', () =>
    expectNoneLost({ schema: 'unnamed' }));

  const names = keepsNames ? '' : ' (skipped: this pgbouncer cannot keep statements; 1.21 can)';
  (keepsNames ? test : test.skip)(`with named statements too${names}`, () =>
    expectNoneLost({ schema: 'named', prepare: true }),
  );

  test('where LISTEN is left on, it is found out that no note arrives, and changes are looked for', async () => {
    const listening = backend({ schema: 'unheard', listen: true, pollMs: 50 });
    const heard = listening.watch('a')[Symbol.asyncIterator]();
    for (let n = 1; n <= 3; n++) {
      const next = heard.next();
      const writer = backend({ schema: 'unheard' });
      const began = performance.now();
      await new Store(writer).agent('a').save(n, { expected: 'any' });
      expect(await next).toMatchObject({ value: { version: n } });
      expect(performance.now() - began).toBeLessThan(5_000);
      await writer.close();
    }
    await listening.close();
  });

  test('a pooler that refuses settings of a session is told, with the way out', async () => {
    const refused = backend({ serverTimeouts: true });
    const error = await failureOf(refused.ready());
    expect(error).toMatchObject({ code: 'DGENTS_STORAGE_UNAVAILABLE' });
    expect(error.message).toContain('serverTimeouts: false');
    await refused.close();
  });
});

/** Has two connections to the server; it runs until it is ended. */
async function startPooler(target: string): Promise<Pooler> {
  const { hostname, port, username, password, pathname } = new URL(target);
  const own = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'dgents-pooler-'));
  // It gives up root, and reads its settings after that.
  chmodSync(folder, 0o755);
  const parts = [`host=${hostname}`, `port=${port || 5432}`, `user=${decodeURIComponent(username)}`];
  if (password !== '') parts.push(`password=${decodeURIComponent(password)}`);
  const settings = [
    '[databases]',
    `* = ${parts.join(' ')}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${own}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    'default_pool_size = 2',
    ...(keepsNames ? ['max_prepared_statements = 100'] : []),
  ];
  const file = join(folder, 'pgbouncer.ini');
  writeFileSync(file, settings.join('\n'));
  const asNobody = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const running = spawn('pgbouncer', [...asNobody, file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  running.stderr.on('data', (data) => {
    said += data;
  });
  const url = new URL(target);
  url.host = `127.0.0.1:${own}`;
  url.pathname = pathname;
  const end = async () => {
    if (running.exitCode === null && running.kill('SIGKILL')) await once(running, 'exit');
    rmSync(folder, { recursive: true });
  };
  if (!(await answers(url.href, running))) {
    await end();
    throw new Error(`pgbouncer did not start: ${said}`);
  }
  return { url: url.href, end };
}

async function freePort(): Promise<number> {
  const listening = createServer().listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const { port } = listening.address() as { port: number };
  await new Promise((resolve) => listening.close(resolve));
  return port;
}

async function answers(connectionString: string, running: ChildProcess): Promise<boolean> {
  for (let i = 0; i < 100 && running.exitCode === null; i++) {
    const client = new pg.Client({ connectionString });
    const answered = await client.connect().then(
      () => true,
      () => false,
    );
    await client.end().catch(() => undefined);
    if (answered) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}
