/** Rule 7: closing. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { gate, HookedBackend } from '../../test/hooked-backend.js';
import { all, failureOf, PLACES } from '../../test/places.js';
import { PersistentAgent } from '../file/persistent-agent.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { VolatileAgent } from '../memory/volatile-agent.js';
import { Store } from '../store.js';

const CALLS: [string, (agent: VolatileAgent<number>) => Promise<unknown>][] = [
  ['ready', (agent) => agent.ready()],
  ['load', (agent) => agent.load()],
  ['load at a version', (agent) => agent.load({ at: 1 })],
  ['read', (agent) => agent.read()],
  ['save', (agent) => agent.save(5)],
  ['update', (agent) => agent.update((n) => n + 1)],
  ['history', (agent) => agent.history()],
  ['timeline', (agent) => all(agent.timeline())],
  ['watch', (agent) => all(agent.watch())],
  ['delete', (agent) => agent.delete()],
];

describe('after close', () => {
  test.each(CALLS)('%s rejects with AgentClosedError', async (_, call) => {
    const agent = new VolatileAgent<number>({ initial: () => 0 });
    await agent.save(1);
    await agent.close();
    expect((await failureOf(call(agent))).name).toBe('AgentClosedError');
  });

  test.each(CALLS)('of the store, %s of its agents rejects with AgentClosedError', async (_, call) => {
    const store = new Store(memoryBackend());
    const agent = store.agent<number>('k', { initial: () => 0 });
    await agent.save(1);
    await store.close();
    expect((await failureOf(call(agent as VolatileAgent<number>))).name).toBe('AgentClosedError');
  });

  test.each<[string, (store: Store) => Promise<unknown>]>([
    ['ready', (store) => store.ready()],
    ['agent', async (store) => store.agent('k')],
    ['keys', (store) => all(store.keys())],
    ['has', (store) => store.has('k')],
    ['erase', (store) => store.erase('k')],
    ['fork', (store) => store.fork('k', 'l')],
    ['transact', (store) => store.transact([], () => undefined)],
    ['feed', (store) => all(store.feed())],
  ])('%s of the store rejects with AgentClosedError', async (_, call) => {
    const store = new Store(memoryBackend());
    await store.agent('k').save(1);
    await store.close();
    expect((await failureOf(call(store))).name).toBe('AgentClosedError');
  });

  test('other handles of the store go on', async () => {
    const store = new Store(memoryBackend());
    const [one, other] = [store.agent<number>('k'), store.agent<number>('k')];
    await one.save(1);
    await one.close();
    expect(await other.load()).toBe(1);
    expect(await other.save(2)).toBe(2);
  });
});

test('close is idempotent, also at once', async () => {
  const backend = new HookedBackend(memoryBackend());
  const store = new Store(backend);
  const agent = store.agent<number>('k');
  await agent.save(1);
  await Promise.all([agent.close(), agent.close(), store.close(), store.close(), agent.close()]);
  await store.close();
  expect(backend.calls.close).toBe(1);
});

test('`await using` closes', async () => {
  const backend = new HookedBackend(memoryBackend());
  const store = new Store(backend);
  await store.agent('k')[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  expect(backend.calls.close).toBe(1);
});

describe.each(PLACES)('close of a store in %s waits for what was accepted', (_, open) => {
  test('writes', async () => {
    const place = open();
    const store = new Store(place.backend());
    const agent = store.agent<number>('k', { initial: () => 0 });
    const writes = [agent.save(1), agent.update((n) => n + 1), agent.update((n) => n + 1)];
    const other = store.agent<number>('l').save(1);
    await store.close();
    await Promise.all([...writes, other]);
    const again = new Store(place.backend());
    expect(await again.agent('k').load()).toBe(3);
    await again.close();
    place.destroy();
  });

  test('reads, deletions with erasure, forks, transactions', async () => {
    const place = open();
    const first = new Store(place.backend());
    for (const key of ['k', 'l', 'gone'])
      for (const n of [1, 2]) await first.agent<{ n: number }>(key).save({ n });
    await first.close();
    const store = new Store(place.backend());
    const agent = store.agent<{ n: number }>('k');
    const transacts = store.capabilities.atomicity === 'store';
    const pending = [
      agent.load(),
      agent.load({ at: 1 }),
      agent.read().then(({ version }) => version),
      agent.history(),
      store.agent('gone').delete({ erase: true }),
      store.fork('k', 'm'),
      transacts
        ? store
            .transact([store.agent<{ n: number }>('l')], (draft) => {
              draft.n = 9;
            })
            .then(() => 9)
        : 9,
    ];
    await store.close();
    expect(await Promise.all(pending)).toEqual([{ n: 2 }, { n: 1 }, 2, [{ n: 1 }], true, 1, 9]);
    place.destroy();
  });
});

test('close waits for a read that is under way', async () => {
  const backend = new HookedBackend(memoryBackend());
  const store = new Store(backend);
  const agent = store.agent<number>('k');
  await agent.save(1);
  const slow = gate('read');
  backend.before = slow.hook;
  const loaded = agent.load();
  await slow.entered;
  let closed = false;
  const closing = store.close().then(() => {
    closed = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect([closed, backend.calls.close]).toEqual([false, 0]);
  slow.open();
  expect(await loaded).toBe(1);
  await closing;
});

test('close of an agent waits for its own writes only', async () => {
  const backend = new HookedBackend(memoryBackend());
  const store = new Store(backend);
  const agent = store.agent<number>('k');
  const slow = gate('commit');
  backend.before = slow.hook;
  const saved = agent.save(1);
  await store.agent('other').close();
  let closed = false;
  const closing = agent.close().then(() => {
    closed = true;
  });
  await slow.entered;
  expect(closed).toBe(false);
  slow.open();
  await closing;
  expect(await saved).toBe(1);
});

describe('the process', () => {
  const run = promisify(execFile);
  let folder: string;
  let program: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dgents-exit-'));
    program = join(folder, 'dgents.mjs');
    await build({
      entryPoints: [join(__dirname, '../index.ts')],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      logLevel: 'silent',
    });
    const modules = dirname(require.resolve('mutative/package.json'));
    symlinkSync(dirname(modules), join(folder, 'node_modules'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** What a program prints before it ends by itself; it fails when it does not within some seconds. */
  async function output(body: string): Promise<string> {
    const source = `import { VolatileAgent, PersistentAgent, Store, memoryBackend } from ${JSON.stringify(program)};\n${body}`;
    const args = ['--input-type=module', '--eval', source];
    const { stdout } = await run(process.execPath, args, { timeout: 8000, cwd: folder });
    return stdout.trim();
  }

  test('ends by itself with agents open that have been used', async () => {
    const path = JSON.stringify(join(folder, 'open.jsonl'));
    const body = `
      const agents = [new VolatileAgent({ initial: () => 0 }), new PersistentAgent({ path: ${path}, initial: () => 0 })];
      for (const agent of agents) { await agent.update((n) => n + 1); await agent.load(); await agent.history(); }
      console.log(await agents[1].load());`;
    expect(await output(body)).toBe('1');
  }, 20_000);

  test('is kept alive by a watch that is waited for, and not by one that is not', async () => {
    const body = `
      const store = new Store(memoryBackend());
      const agent = store.agent('k');
      await agent.save(1);
      const idle = agent.watch()[Symbol.asyncIterator]();
      await idle.next();
      const abort = new AbortController();
      setTimeout(() => abort.abort(), 300).unref();
      let seen = 0;
      for await (const _version of store.agent('k').watch({ signal: abort.signal, pollMs: 50 })) seen += 1;
      console.log('ended', seen);`;
    expect(await output(body)).toBe('ended 1');
  }, 20_000);

  test('waits for a save that nobody awaits', async () => {
    const path = join(folder, 'unawaited.jsonl');
    await output(`void new PersistentAgent({ path: ${JSON.stringify(path)} }).save({ n: 1 });`);
    const agent = new PersistentAgent<{ n: number }>({ path });
    expect(await agent.load()).toEqual({ n: 1 });
    await agent.close();
  }, 20_000);
});
