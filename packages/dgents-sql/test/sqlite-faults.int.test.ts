/** Processes that meet on one SQLite file, are killed, find no room, no permission, no lock, or damage. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Store } from 'dgents-core';
import { pause, randomFrom, SEED, type Worker } from '../../dgents-core/test/child.js';
import {
  mountProblem,
  mountReadOnly,
  mountSmall,
  remount,
  unmountAll,
} from '../../dgents-core/test/mounts.js';
import { failureOf } from '../../dgents-core/test/places.js';
import { SqliteBackend, type SqliteBackendOptions } from '../src/sqlite/sqlite-backend.js';
import { ended, heard, startWorker, totalOf } from './load.js';

const problem = mountProblem();
const mountTest = problem === undefined ? test : test.skip;
const reason = problem === undefined ? '' : ` (skipped: ${problem})`;
const isLong = process.env['DGENTS_KIT_EFFORT'] === 'long';

interface Counter {
  count: number;
}
const initial = (): Counter => ({ count: 0 });
const countUp = (draft: Counter): void => {
  draft.count += 1;
};

let root: string;
let path: string;
let workers: Worker[];
let stores: Store[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dgents-sqlite-'));
  path = join(root, 'state.db');
  workers = [];
  stores = [];
});
afterEach(async () => {
  for (const worker of workers) worker.kill();
  await Promise.all(workers.map((worker) => worker.ended));
  await Promise.all(stores.map((store) => store.close()));
  unmountAll();
  rmSync(root, { recursive: true, force: true });
});

function start(script: string, settings: object): Worker {
  const worker = startWorker(script, settings);
  workers.push(worker);
  return worker;
}

function open(options: SqliteBackendOptions = { path }): Store {
  const store = new Store(new SqliteBackend(options));
  stores.push(store);
  return store;
}

async function allAtOnce(count: number, settings: object) {
  const started = Array.from({ length: count }, () =>
    start('load.mjs', { sqlite: { path }, waits: true, timeoutMs: 60_000, ...settings }),
  );
  await Promise.all(started.map((worker) => worker.heard('ready')));
  for (const worker of started) worker.tell('go');
  const loads = await Promise.all(started.map(ended));
  expect(loads.map(({ failures }) => failures)).toEqual(Array(count).fill({}));
  return loads;
}

test('8 processes × 200 updates of one key: none is lost, none fails', async () => {
  const loads = await allAtOnce(8, { updates: 200 });
  expect(loads.reduce((sum, load) => sum + totalOf(load), 0)).toBe(1600);
  expect(await open().agent('a').read()).toMatchObject({ state: { count: 1600 }, version: 1600 });
});

test('ten processes that set up a fresh file at once all succeed', async () => {
  for (let round = 0; round < (isLong ? 20 : 1); round++) {
    path = join(root, `deep/er/state-${round}.db`);
    await allAtOnce(10, { updates: 1 });
    expect(await open().agent('a').read()).toMatchObject({ state: { count: 10 }, version: 10 });
  }
});

test(`kill -9 leaves the last acknowledged state or the one in flight [seed ${SEED}]`, async () => {
  const random = randomFrom(SEED);
  let acked = 0;
  let kills = 0;
  for (; kills < (isLong ? 200 : 8); kills++) {
    const worker = start('load.mjs', { sqlite: { path }, flows: 2 });
    await (kills % 4 === 3 ? worker.heard('ready') : heard(worker, 'ok'));
    await pause(random() * 150);
    worker.kill();
    await worker.ended;
    expect(worker.complaints).toBe('');
    const told = worker.messages.filter((message) => 'ok' in message).length;
    const store = open();
    const { state, version } = await store.agent('a', { initial }).read();
    expect(state).toEqual({ count: version });
    expect(version).toBeGreaterThanOrEqual(acked + told);
    expect(version).toBeLessThanOrEqual(acked + told + 2);
    acked = version;
    await store.close();
  }
  expect(acked).toBeGreaterThan(2 * kills);
  const counts: number[] = [];
  for await (const entry of open().agent<Counter>('a').timeline())
    if (!entry.deleted) counts.push(entry.state.count);
  expect(counts).toEqual(Array.from({ length: acked }, (_, i) => i + 1));
  await new SqliteBackend({ path }).verify();
});

describe.each(['power', 'process'] as const)('a full disk, durability %s', (durability) => {
  mountTest(
    `a save rejects StorageFullError and changes nothing; the same handle works once there is room${reason}`,
    async () => {
      const disk = mountSmall('size=1m');
      const store = open({ path: join(disk, 'state.db'), durability });
      const agent = store.agent<string>('a');
      let written = 0;
      let refused: { code?: string; cause?: { code?: string } } | undefined;
      while (refused === undefined && written < 1_000) {
        refused = await agent.save(`${written}`.padEnd(3_000, 'x')).then(
          () => void written++,
          (error) => error,
        );
      }
      expect(refused?.code).toBe('DGENTS_STORAGE_FULL');
      expect(refused?.cause?.code).toMatch(/^SQLITE_(FULL|IOERR)/);
      expect(await agent.read()).toMatchObject({ version: written });
      expect((await failureOf(agent.save('y'.repeat(20_000))))['code']).toBe('DGENTS_STORAGE_FULL');
      const fresh = open({ path: join(disk, 'state.db'), durability });
      expect((await fresh.agent<string>('a').load()).trimEnd()).toBe(`${written - 1}`.padEnd(3_000, 'x'));
      remount(disk, 'size=8m');
      expect(await agent.save('there is room')).toBe(written + 1);
      expect(await fresh.agent('a').read()).toMatchObject({ state: 'there is room', version: written + 1 });
      await store.close();
      await fresh.close();
      await new SqliteBackend({ path: join(disk, 'state.db') }).verify();
    },
  );
});

mountTest(
  `a disk that is full before the file is made is told, and used once there is room${reason}`,
  async () => {
    const disk = mountSmall('size=64k');
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(join(disk, 'filler'), Buffer.alloc(bavail * bsize));
    const agent = open({ path: join(disk, 'state.db') }).agent<number>('a');
    expect((await failureOf(agent.save(1)))['code']).toBe('DGENTS_STORAGE_FULL');
    rmSync(join(disk, 'filler'));
    remount(disk, 'size=8m');
    expect(await agent.save(1)).toBe(1);
  },
);

mountTest(`a read-only file system refuses every write, and nothing changes${reason}`, async () => {
  await open().agent('a').save(1);
  await stores.pop()?.close();
  const before = readFileSync(path);
  const view = mountReadOnly(root);
  for (const file of ['state.db', 'other.db', 'deep/er.db']) {
    const error = await failureOf(
      open({ path: join(view, file) })
        .agent('a')
        .save(2),
    );
    expect([file, error['code']]).toEqual([file, 'DGENTS_STORAGE_UNAVAILABLE']);
    expect(error.message).toContain(join(view, file.replace(/\/.*/, '')));
  }
  expect(readdirSync(root)).toEqual(['state.db']);
  expect(readFileSync(path).equals(before)).toBe(true);
});

const isRoot = process.getuid?.() === 0;
(isRoot ? test.skip : test)(
  `a directory that may not be written is told${isRoot ? ' (skipped: root may write everything)' : ''}`,
  async () => {
    const folder = join(root, 'closed');
    mkdirSync(folder);
    chmodSync(folder, 0o500);
    const error = await failureOf(
      open({ path: join(folder, 'state.db') })
        .agent('a')
        .save(1),
    );
    expect(error['code']).toBe('DGENTS_STORAGE_UNAVAILABLE');
  },
);

describe('a lock that another process holds', () => {
  const hold = async (begin: string): Promise<Worker> => {
    const worker = start('hold.mjs', { path, begin });
    expect(await worker.heard('held')).toBeDefined();
    return worker;
  };
  const release = async (worker: Worker): Promise<void> => {
    worker.tell('go');
    expect(await worker.ended).toEqual({ code: 0, signal: null });
  };

  test('ends a commit with a typed timeout in time, the event loop stays free, and nothing is written', async () => {
    const backend = new SqliteBackend({ path });
    const store = new Store(backend);
    stores.push(store);
    const agent = store.agent('a');
    await agent.save(1);
    const { head } = await backend.read('a');
    const holder = await hold('BEGIN EXCLUSIVE');
    let longest = 0;
    let last = performance.now();
    const turns = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 5);
    const began = performance.now();
    const record = { version: 2, kind: 'set', at: 0, id: 'op', data: '2' } as const;
    const error = await failureOf(
      backend.commit([{ key: 'a', expected: head, records: [record] }], { timeoutMs: 400 }),
    );
    clearInterval(turns);
    expect(error['code']).toBe('DGENTS_STORAGE_TIMEOUT');
    expect(performance.now() - began).toBeLessThan(900);
    expect(longest).toBeLessThan(200);
    expect(await agent.load()).toBe(1); // Reading goes on.
    await release(holder);
    expect(await agent.save(2)).toBe(2);
    expect(await store.agent('a').load()).toBe(2);
  });

  test('while the file is opened ends the call with a typed timeout, and the same handle opens it later', async () => {
    // Not in WAL mode yet: nobody else can even look.
    const database = new Database(path);
    database.exec('CREATE TABLE theirs (n)');
    database.close();
    const holder = await hold('BEGIN EXCLUSIVE');
    const agent = open({ path, busyTimeoutMs: 300 }).agent<number>('a', { initial: () => 0 });
    const began = performance.now();
    expect((await failureOf(agent.load()))['code']).toBe('DGENTS_STORAGE_TIMEOUT');
    expect((await failureOf(agent.save(1, { timeoutMs: 200 })))['code']).toBe('DGENTS_STORAGE_TIMEOUT');
    expect(performance.now() - began).toBeLessThan(1_500);
    await release(holder);
    expect(await agent.save(1)).toBe(1);
  });
});

describe('damage is told, and the bytes are kept', () => {
  const PAGE = 4_096;

  beforeEach(async () => {
    const store = open();
    for (let i = 0; i < 60; i++) await store.agent(`k${i}`).save('x'.repeat(1_000));
    await store.close();
  });

  test.each<[string, (bytes: Buffer) => Buffer]>([
    ['a garbled header', (bytes) => bytes.fill(0x5a, 0, 32)],
    ['pages overwritten with noise', (bytes) => bytes.fill(0xa5, PAGE)],
    ['pages overwritten with zeros', (bytes) => bytes.fill(0, 2 * PAGE)],
    ['a file cut in its first page', (bytes) => bytes.subarray(0, 700)],
    ['a file cut after a few pages', (bytes) => bytes.subarray(0, 5 * PAGE)],
    ['a file cut within a page', (bytes) => bytes.subarray(0, 7 * PAGE + 123)],
  ])('%s', async (_, damage) => {
    const damaged = Buffer.from(damage(readFileSync(path)));
    writeFileSync(path, damaged);
    const store = open();
    const codes = new Set<unknown>();
    for (let i = 0; i < 60; i++) {
      const loaded = await store
        .agent(`k${i}`)
        .load()
        .catch((error) => error);
      codes.add(loaded instanceof Error ? (loaded as { code?: string }).code : 'loaded');
      if (!(loaded instanceof Error)) expect(loaded).toBe('x'.repeat(1_000));
    }
    await store.close();
    expect(
      [...codes].filter(
        (code) => !/^(DGENTS_STATE_CORRUPTION|DGENTS_STORAGE_UNAVAILABLE|loaded)$/.test(`${code}`),
      ),
    ).toEqual([]);
    expect(codes).not.toEqual(new Set(['loaded']));
    expect(readFileSync(path).equals(damaged)).toBe(true);
  });

  test('a write-ahead log cut short after a crash costs nothing that was there before it', async () => {
    const worker = start('load.mjs', { sqlite: { path } });
    for (let i = 0; i < 20; i++) await heard(worker, 'ok');
    worker.kill();
    await worker.ended;
    const bytes = readFileSync(`${path}-wal`).length;
    truncateSync(`${path}-wal`, bytes - 1_000);
    const { state, version } = await open().agent('a', { initial }).read();
    expect(state).toEqual({ count: version });
    expect(version).toBeGreaterThan(0);
    for (let i = 0; i < 60; i++) expect(await open().agent(`k${i}`).load()).toBe('x'.repeat(1_000));
  });
});

test('tables of something else under our names are told, and left alone', async () => {
  for (const [table, message] of [
    ['CREATE TABLE dgents_meta (theirs)', /dgents_meta|no such column/],
    ['CREATE TABLE dgents_heads (theirs)', /dgents_heads/],
    ['CREATE VIEW dgents_log AS SELECT 1', /dgents_log/],
    [
      "CREATE TABLE dgents_meta (name, value); INSERT INTO dgents_meta VALUES ('schema', 'ours')",
      /dgents_meta/,
    ],
  ] as const) {
    path = join(root, `${stores.length}.db`);
    const database = new Database(path);
    database.exec(table);
    const before = database.prepare('SELECT * FROM sqlite_master').all();
    const error = await failureOf(open().agent('a', { initial }).update(countUp));
    expect(error['code']).toMatch(/^DGENTS_(STORAGE_UNAVAILABLE|UNSUPPORTED)$/);
    expect(error.message).toMatch(message);
    expect(database.prepare('SELECT * FROM sqlite_master').all()).toEqual(before);
    database.close();
  }
});
