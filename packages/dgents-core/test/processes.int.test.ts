/** Several processes on the same files: no update is lost, each version has one winner, nobody hangs. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DgentsError, fileBackend, PersistentAgent, Store } from '../src/index.js';
import { pause, Worker } from './child.js';

jest.setTimeout(60_000);

interface Counter {
  count: number;
}
const initial = (): Counter => ({ count: 0 });

let root: string;
const workers: Worker[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dgents-processes-'));
});
afterEach(async () => {
  for (const worker of workers.splice(0)) {
    worker.kill('SIGKILL');
    await worker.ended;
  }
  rmSync(root, { recursive: true, force: true });
});

function start(count: number, script: string, settings: (i: number) => object): Worker[] {
  const started = Array.from({ length: count }, (_, i) => new Worker(script, settings(i)));
  workers.push(...started);
  return started;
}

/** Starts them all at the same moment. */
async function go(started: readonly Worker[]): Promise<void> {
  await Promise.all(started.map((worker) => worker.heard('ready')));
  for (const worker of started) worker.tell('go');
}

async function results(started: readonly Worker[], name: string) {
  const ends = await Promise.all(started.map((worker) => worker.ended));
  expect(started.map((worker) => worker.complaints).join('')).toBe('');
  expect(ends.every(({ code }) => code === 0)).toBe(true);
  return started.map((worker) => worker.last(name) as any);
}

const drafts = (directory: string): string[] =>
  readdirSync(directory).filter((name) => /\.(draft|torn)-/.test(name));

test('8 processes × 200 updates of one file: none is lost, none fails', async () => {
  const path = join(root, 'n.jsonl');
  const started = start(8, 'count.mjs', () => ({ path, updates: 200, waits: true }));
  await go(started);
  const told = await results(started, 'done');
  expect(told.flatMap(({ errors }) => errors)).toEqual([]);
  const agent = new PersistentAgent<Counter>({ path });
  const { state, version } = await agent.read();
  expect({ state, version }).toEqual({ state: { count: 1600 }, version: 1600 });
  const counts: number[] = [];
  for await (const entry of agent.timeline()) if (!entry.deleted) counts.push(entry.state.count);
  expect(counts).toEqual(Array.from({ length: 1600 }, (_, i) => i + 1));
  await agent.close();
  expect(drafts(root)).toEqual([]);
});

test('4 processes × 100 updates of each of 10 keys of a directory: none is lost, none fails', async () => {
  const durability = 'process'; // 4,000 waits for the disk would say no more about locks, and take long.
  const directory = join(root, 'store');
  const keys = Array.from({ length: 10 }, (_, i) => `Agent/${i}`);
  const started = start(4, 'count.mjs', (i) => ({
    directory,
    durability,
    keys: [...keys.slice(i), ...keys.slice(0, i)],
    updates: 100,
    waits: true,
  }));
  await go(started);
  const told = await results(started, 'done');
  expect(told.flatMap(({ errors }) => errors)).toEqual([]);
  const store = new Store(fileBackend({ path: directory }));
  const found: [string, number, number][] = [];
  for await (const { key, version } of store.keys()) {
    found.push([key, version, (await store.agent<Counter>(key).load()).count]);
  }
  await store.close();
  expect(found).toEqual(keys.map((key) => [key, 400, 400]));
  expect(drafts(directory)).toEqual([]);
});

test('ten processes that create the same fresh store at once all succeed', async () => {
  for (let round = 0; round < 3; round++) {
    const directory = join(root, `deep/er/store-${round}`);
    const started = start(10, 'count.mjs', () => ({ directory, keys: ['a', 'b'], updates: 1, waits: true }));
    await go(started);
    const told = await results(started, 'done');
    expect(told).toEqual(Array.from({ length: 10 }, () => ({ done: 2, errors: [] })));
    const store = new Store(fileBackend({ path: directory }));
    for (const key of ['a', 'b']) {
      const { state, version } = await store.agent<Counter>(key).read();
      expect({ state, version }).toEqual({ state: { count: 10 }, version: 10 });
    }
    await store.close();
    expect(drafts(directory)).toEqual([]);
  }
});

test('saves of 5 processes that compete: each version has exactly one winner, and all winners are kept', async () => {
  const path = join(root, 'race.jsonl');
  const started = start(5, 'compete.mjs', (i) => ({ path, name: `p${i}`, wins: 20 }));
  await go(started);
  const told = await results(started, 'won');
  expect(told.flatMap(({ errors }) => errors)).toEqual([]);
  const versions = told.flatMap(({ won }) => won as number[]).sort((a, b) => a - b);
  expect(versions).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
  expect(told.reduce((sum, { lost }) => sum + lost, 0)).toBeGreaterThan(0);
  const agent = new PersistentAgent<{ winners: string[] }>({ path });
  const { winners } = await agent.load();
  await agent.close();
  const expected = Array.from(
    { length: 100 },
    (_, i) => `p${told.findIndex(({ won }) => won.includes(i + 1))}`,
  );
  expect(winners).toEqual(expected);
});

test('a process paused between load and save is refused when it goes on', async () => {
  const path = join(root, 'paused.jsonl');
  const agent = new PersistentAgent<{ by: string }>({ path });
  await agent.save({ by: 'one' });
  const [paused] = start(1, 'save-when-told.mjs', () => ({ path })) as [Worker];
  await paused.heard('loaded');
  paused.kill('SIGSTOP');
  paused.tell('save');
  await agent.save({ by: 'two' });
  paused.kill('SIGCONT');
  expect((await paused.heard('refused'))?.refused.code).toBe('DGENTS_STATE_CONFLICT');
  expect(await agent.load()).toEqual({ by: 'two' });
  await agent.close();
});

const canSeeLocks = existsSync('/proc/self/fdinfo');
(canSeeLocks ? test : test.skip)(
  `a process paused while it holds the lock stops writers with a typed error, readers not at all, and loses nothing${
    canSeeLocks ? '' : ' (skipped: /proc does not tell who holds a lock)'
  }`,
  async () => {
    const path = join(root, 'held.jsonl');
    const agent = new PersistentAgent<Counter>({ path, initial });
    await agent.update(countUp);
    let own = 1;
    const [holder] = start(1, 'count.mjs', () => ({ path, updates: 1_000_000, tells: true })) as [Worker];
    await holder.heard('acked');
    let pauses = 0;
    for (let attempt = 0; attempt < 400 && pauses < 5; attempt++) {
      await stop(holder);
      if (holdsLock(holder)) {
        pauses += 1;
        const before = (await agent.load()).count;
        const refused: unknown = await agent.update(countUp, { timeoutMs: 300 }).catch((error) => error);
        expect(['DGENTS_STORAGE_TIMEOUT', 'DGENTS_OUTCOME_UNKNOWN']).toContain((refused as DgentsError).code);
        expect((await agent.load()).count).toBe(before);
      }
      holder.kill('SIGCONT');
      if ((await agent.update(countUp, { timeoutMs: 10_000 })).version > 0) own += 1;
      await pause(attempt % 7);
    }
    holder.kill('SIGKILL');
    await holder.ended;
    const { state, version } = await agent.read();
    const acked = own + holder.messages.filter((message) => 'acked' in message).length;
    expect(holder.messages.filter((message) => 'refused' in message)).toEqual([]);
    expect(state.count).toBe(version);
    expect([acked, acked + 1]).toContain(version); // The holder's last one may have been in flight.
    await agent.close();
    expect(pauses).toBe(5);
  },
);

function countUp(draft: Counter): void {
  draft.count += 1;
}

/** Stops it, and waits until not one of its threads runs any more: the signal only asks for that. */
async function stop(worker: Worker): Promise<void> {
  worker.kill('SIGSTOP');
  const threads = `/proc/${worker.process.pid}/task`;
  const stopped = (thread: string) => {
    try {
      return /\) [TtXZ] /.test(readFileSync(join(threads, thread, 'stat'), 'utf8'));
    } catch {
      return true; // Ended since.
    }
  };
  while (!readdirSync(threads).every(stopped)) await pause(1);
}

/** Whether the kernel says that a descriptor of this process has a lock. */
function holdsLock({ process: { pid } }: Worker): boolean {
  const directory = `/proc/${pid}/fdinfo`;
  return readdirSync(directory).some((descriptor) => {
    try {
      return readFileSync(join(directory, descriptor), 'utf8').includes('lock:');
    } catch {
      return false; // Closed since.
    }
  });
}

test('watch sees what another process writes, and does not miss the last version', async () => {
  const path = join(root, 'watched.jsonl');
  const agent = new PersistentAgent<Counter>({ path, initial });
  await agent.update(countUp);
  const seen: number[] = [];
  const watching = (async () => {
    for await (const entry of agent.watch({ pollMs: 20 })) {
      seen.push(entry.version);
      if (entry.version === 31) return entry.deleted ? undefined : entry.state;
    }
    return undefined;
  })();
  const started = start(1, 'count.mjs', () => ({ path, updates: 30, paceMs: 5 }));
  await results(started, 'done');
  expect(await watching).toEqual({ count: 31 });
  expect(seen[0]).toBeLessThan(31);
  expect([...seen].sort((a, b) => a - b)).toEqual(seen);
  await agent.close();
});

const canCount = existsSync('/proc/self/fd');
(canCount ? test : test.skip)(
  `10 processes that open and close 1,000 agents hold no more descriptors in the end, and exit by themselves${
    canCount ? '' : ' (skipped: no /proc/self/fd)'
  }`,
  async () => {
    const started = start(10, 'churn.mjs', () => ({ directory: root, times: 1_000 }));
    const told = await results(started, 'descriptors');
    for (const { descriptors } of told) {
      expect(Math.max(...descriptors) - descriptors[0]).toBeLessThanOrEqual(8);
    }
    const updates = told.reduce((sum, { updates }) => sum + updates, 0);
    let found = 0;
    const store = new Store(fileBackend({ path: join(root, 'store') }));
    for await (const { key } of store.keys()) found += (await store.agent<Counter>(key).load()).count;
    for (const name of readdirSync(root).filter((name) => name.endsWith('.jsonl'))) {
      const agent = new PersistentAgent<Counter>({ path: join(root, name) });
      found += (await agent.load()).count;
      await agent.close();
    }
    await store.close();
    expect(found).toBe(updates);
    expect([...drafts(root), ...drafts(join(root, 'store'))]).toEqual([]);
  },
);
