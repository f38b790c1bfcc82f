import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Store } from 'dgents-core';
import { Redis } from 'ioredis';
import { pause } from '../../dgents-core/test/child.js';
import { startProxy } from '../../dgents-sql/test/proxy.js';
import { RedisBackend } from '../src/redis-backend.js';
import { acknowledged, ended, expectNothingLost, heard, startWorker, stopped } from './load.js';
import { DURABLE, OwnRedis, ownRedisProblem, type Settings } from './own-redis.js';

const problem = ownRedisProblem();
const withServer = problem === undefined ? describe : describe.skip;
const reason = problem === undefined ? '' : ` (skipped: ${problem})`;

/** Loses the answer to every so many pieces that hold a script. */
function everyFew(few: number): (asked: Buffer) => boolean {
  let count = 0;
  return (asked) => asked.includes('evalsha') && ++count % few === 0;
}

withServer(`a Redis that fails${reason}`, () => {
  const servers: OwnRedis[] = [];
  const start = async (settings?: Settings): Promise<OwnRedis> => {
    const server = await OwnRedis.start(settings);
    servers.push(server);
    return server;
  };
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.remove();
  });

  test('answers that are lost lose and double nothing: every update happens once', async () => {
    const server = await start();
    const proxy = await startProxy(server.port, '127.0.0.1', everyFew(5));
    const redis = { url: `redis://127.0.0.1:${proxy.port}` };
    const load = await ended(startWorker('load.mjs', { redis, flows: 3, updates: 20, named: true }));
    await proxy.close();
    expect(proxy.lost).toBeGreaterThan(5);
    expect([load.acknowledged, load.final]).toEqual([60, 60]);
  });

  test('a client of the caller that sends again what was lost doubles nothing', async () => {
    const server = await start();
    const proxy = await startProxy(server.port, '127.0.0.1', everyFew(5));
    const defaults = `redis://127.0.0.1:${proxy.port}`;
    const load = await ended(
      startWorker('load.mjs', { redis: {}, defaults, flows: 3, updates: 20, named: true }),
    );
    await proxy.close();
    expect(proxy.lost).toBeGreaterThan(5);
    expect([load.acknowledged, load.final]).toEqual([60, 60]);
  });

  test('connections that are ended again and again lose nothing', async () => {
    const server = await start();
    const worker = startWorker('load.mjs', { redis: { url: server.url }, flows: 4 });
    await heard(worker, 'ready');
    for (let i = 0; i < 10; i++) {
      await acknowledged(worker, 20);
      await server.say('client', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    }
    await acknowledged(worker, 20);
    const load = await stopped(worker);
    expectNothingLost(load);
    expect(load.slowestMs).toBeLessThan(5_500);
  });

  test('a server that is killed three times under load loses nothing that it acknowledged', async () => {
    const server = await start(DURABLE);
    const worker = startWorker('load.mjs', { redis: { url: server.url }, flows: 4 });
    await heard(worker, 'ready');
    for (let i = 0; i < 3; i++) {
      await acknowledged(worker, 50);
      await server.signal('SIGKILL');
      await pause(300);
      await server.start();
    }
    await acknowledged(worker, 50);
    const load = await stopped(worker);
    expectNothingLost(load);
    expect(load.slowestMs).toBeLessThan(5_500);
  });

  test('while a server hangs for five seconds every call is settled in time, and afterwards all works', async () => {
    const server = await start();
    const worker = startWorker('load.mjs', { redis: { url: server.url }, flows: 2, timeoutMs: 800 });
    await heard(worker, 'ready');
    await acknowledged(worker, 20);
    await server.signal('SIGSTOP');
    await heard(worker, 'not');
    await pause(5_000);
    await server.signal('SIGCONT');
    const began = performance.now();
    await acknowledged(worker, 20);
    expect(performance.now() - began).toBeLessThan(3_000);
    const load = await stopped(worker);
    expectNothingLost(load);
    expect(load.slowestMs).toBeLessThan(1_500);
    for (const code of Object.keys(load.failures)) expect(code).toMatch(/^DGENTS_/);
  });

  test('eight processes that update one state lose nothing', async () => {
    const server = await start();
    const workers = Array.from({ length: 8 }, () =>
      startWorker('load.mjs', { redis: { url: server.url }, updates: 200, timeoutMs: 40_000 }),
    );
    const loads = await Promise.all(workers.map(ended));
    expect(loads.map(({ acknowledged: each }) => each)).toEqual(Array(8).fill(200));
    const store = new Store(new RedisBackend({ url: server.url }));
    expect(await store.agent('counter').load()).toEqual({ count: 1_600 });
    await store.close();
  });

  describe('refuses, and says why; the same handle works once it can', () => {
    /** Writes are refused with this code, the state stays what it was, and afterwards a write is made. */
    async function refuses(
      server: OwnRedis,
      code: string,
      said: RegExp,
      begin: () => Promise<unknown>,
      end: () => Promise<unknown>,
    ): Promise<void> {
      const store = new Store(new RedisBackend({ url: server.url }), { timeoutMs: 2_000 });
      const agent = store.agent<string>('k');
      await agent.save('before');
      await begin();
      const failure = await agent.save('x'.repeat(500_000)).catch((error) => error);
      expect({ code: failure.code, retryable: failure.retryable }).toEqual({ code, retryable: true });
      expect(failure.message).toMatch(said);
      expect(await store.agent<string>('k').load()).toBe('before');
      await end();
      await agent.save('after');
      expect(await agent.history()).toEqual(['before']);
      await store.close();
    }

    test('MISCONF, when it cannot write its snapshot', async () => {
      const server = await start();
      // A directory in the place of the file.
      const dump = join(server.directory, 'dump.rdb');
      await refuses(
        server,
        'DGENTS_STORAGE_UNAVAILABLE',
        /snapshot/,
        async () => {
          mkdirSync(join(dump, 'x'), { recursive: true });
          await server.say('config', 'SET', 'save', '3600 1');
          await server.say('bgsave');
          while (!String(await server.say('info', 'persistence')).includes('bgsave_status:err'))
            await pause(20);
        },
        async () => {
          rmSync(dump, { recursive: true });
          await server.say('bgsave');
          while (!String(await server.say('info', 'persistence')).includes('bgsave_status:ok'))
            await pause(20);
        },
      );
    });

    test('OOM, when maxmemory is reached', async () => {
      const server = await start();
      await refuses(
        server,
        'DGENTS_STORAGE_FULL',
        /no memory/,
        () => server.say('config', 'SET', 'maxmemory', '1'),
        () => server.say('config', 'SET', 'maxmemory', '0'),
      );
    });

    test('READONLY, when it has become a replica', async () => {
      const server = await start();
      await refuses(
        server,
        'DGENTS_STORAGE_UNAVAILABLE',
        /replica/,
        async () => {
          await server.say('config', 'SET', 'replica-serve-stale-data', 'yes');
          // Nobody listens there: it keeps what it has.
          await server.say('replicaof', '127.0.0.1', 1);
        },
        () => server.say('replicaof', 'NO', 'ONE'),
      );
    });

    test('NOREPLICAS, when too few replicas keep up', async () => {
      const server = await start();
      await refuses(
        server,
        'DGENTS_STORAGE_UNAVAILABLE',
        /replicas/,
        () => server.say('config', 'SET', 'min-replicas-to-write', '1'),
        () => server.say('config', 'SET', 'min-replicas-to-write', '0'),
      );
    });
  });

  test('LOADING, while it starts: calls wait for it, or are told, and then all is there', async () => {
    const server = await start(DURABLE);
    const store = new Store(new RedisBackend({ url: server.url }), { timeoutMs: 1_000 });
    await Promise.all(Array.from({ length: 40 }, (_, i) => store.agent<number>(`k${i}`).save(i)));
    await server.signal('SIGKILL');
    const started = server.start({
      'key-load-delay': 50_000,
      'loading-process-events-interval-bytes': 1_024,
    });
    await pause(200);
    const impatient = new Redis(server.port, '127.0.0.1', { enableReadyCheck: false, retryStrategy: null });
    const given = new Store(new RedisBackend({ client: impatient }), { timeoutMs: 1_000 });
    const loads = [store, given].map((each) =>
      each
        .agent<number>('k1')
        .load()
        .catch((error) => error),
    );
    for (const failure of await Promise.all(loads)) {
      expect(failure).toMatchObject({ retryable: true, code: expect.stringMatching(/UNAVAILABLE|TIMEOUT/) });
    }
    await started;
    while (String(await server.say('info', 'persistence')).includes('loading:1')) await pause(50);
    for (const each of [store, given]) expect(await each.agent<number>('k39').load()).toBe(39);
    await store.close();
    await given.close();
    impatient.disconnect();
  });

  test('a log that has gone back in time is refused to a handle that saw more', async () => {
    const server = await start();
    const store = new Store(new RedisBackend({ url: server.url }));
    const agent = store.agent<number>('k');
    await agent.save(1);
    await server.say('copy', 'dgents/log/k', 'kept');
    await agent.save(2);
    await agent.save(3);
    await server.say('copy', 'kept', 'dgents/log/k', 'REPLACE');
    await expect(agent.save(4)).rejects.toMatchObject({ code: 'DGENTS_STATE_REGRESSION' });
    await expect(agent.load()).rejects.toMatchObject({ code: 'DGENTS_STATE_REGRESSION' });
    expect(await store.agent<number>('k').load()).toBe(1);
    await store.close();
  });

  test('a client that its owner has closed is a typed error', async () => {
    const server = await start();
    const client = new Redis(server.port, '127.0.0.1');
    const store = new Store(new RedisBackend({ client }), { timeoutMs: 1_000 });
    await store.agent<number>('k').save(1);
    await client.quit();
    await expect(store.agent<number>('k').load()).rejects.toMatchObject({
      code: 'DGENTS_STORAGE_UNAVAILABLE',
    });
    await store.close();
  });

  test('calls that wait for a server that is gone are bounded, in number and in time', async () => {
    const server = await start();
    const store = new Store(new RedisBackend({ url: server.url }), { timeoutMs: 1_000 });
    await store.agent<number>('k').save(1);
    await server.signal('SIGKILL');
    const began = performance.now();
    const loads = Array.from({ length: 12_000 }, (_, i) => store.agent<number>(`k${i}`).load());
    const outcomes = await Promise.allSettled(loads);
    // Making 12,000 errors takes a while on a busy machine.
    expect(performance.now() - began).toBeLessThan(15_000);
    const codes = new Set(outcomes.map((each) => (each.status === 'rejected' ? each.reason.code : 'there')));
    expect([...codes].every((code) => /UNAVAILABLE|TIMEOUT/.test(code))).toBe(true);
    await server.start();
    while (
      (await store
        .agent<number>('k', { initial: () => 0 })
        .load()
        .catch(() => -1)) !== 0
    )
      await pause(50);
    await store.close();
  });
});
