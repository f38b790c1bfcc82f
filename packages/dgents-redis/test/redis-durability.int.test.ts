import { OutcomeUnknownError, StorageUnavailableError, Store } from 'dgents-core';
import { Redis } from 'ioredis';
import { pause } from '../../dgents-core/test/child.js';
import { startProxy } from '../../dgents-sql/test/proxy.js';
import { RedisBackend } from '../src/redis-backend.js';
import { DURABLE, OwnRedis, ownRedisProblem, type Settings } from './own-redis.js';

const problem = ownRedisProblem();
const withServer = problem === undefined ? describe : describe.skip;
const reason = problem === undefined ? '' : ` (skipped: ${problem})`;

withServer(`what a Redis promises${reason}`, () => {
  const servers: OwnRedis[] = [];
  const start = async (settings: Settings = {}): Promise<OwnRedis> => {
    const server = await OwnRedis.start(settings);
    servers.push(server);
    return server;
  };
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.remove();
  });

  test.each<[string, Settings]>([
    ['power', DURABLE],
    // What it acknowledged while the disk filled up is gone when it is killed.
    ['unknown', { appendonly: 'yes', appendfsync: 'no' }],
    ['unknown', { appendonly: 'yes', appendfsync: 'everysec' }],
    ['none', { appendonly: 'no' }],
    ['none', { ...DURABLE, 'maxmemory-policy': 'allkeys-lru' }],
    ['power', { ...DURABLE, 'maxmemory-policy': 'volatile-lru' }],
  ])('%s, with %j', async (durability, settings) => {
    const { url } = await start(settings);
    const backend = new RedisBackend({ url });
    expect(backend.capabilities.durability).toBe('unknown');
    expect(await backend.ready()).toMatchObject({ durability });
    await backend.close();
    const store = new Store(new RedisBackend({ url }), { requireDurability: 'power' });
    const saving = store.agent<number>('k').save(1);
    if (durability === 'power') await saving;
    else await expect(saving).rejects.toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
    await store.close();
    expect(await servers[0]!.say('EXISTS', 'dgents/log/k')).toBe(durability === 'power' ? 1 : 0);
  });

  test('where CONFIG is refused it is unknown, and eviction is still found out', async () => {
    const server = await start(DURABLE);
    await server.say('ACL', 'SETUSER', 'tenant', 'on', '>pw', '~*', '&*', '+@all', '-config');
    const url = server.url.replace('//', '//tenant:pw@');
    const ready = async () => {
      const backend = new RedisBackend({ url });
      const { durability } = await backend.ready();
      await backend.close();
      return durability;
    };
    expect(await ready()).toBe('unknown');
    await server.say('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lfu');
    expect(await ready()).toBe('none');
  });

  async function startPair() {
    const master = await start();
    const replica = await start({ replicaof: `127.0.0.1 ${master.port}`, 'repl-diskless-sync-delay': 0 });
    while (!String(await master.say('INFO', 'replication')).includes('state=online')) await pause(50);
    return { master, replica };
  }

  /** What it rejects with. */
  const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => undefined,
      (error: unknown) => error,
    );

  function causesOf(error: unknown): string {
    return error instanceof Error ? `${error.message} ${causesOf(error.cause)}` : '';
  }

  test('a commit that waits for a replica is acknowledged when that has it, and in doubt when none has', async () => {
    const { master, replica } = await startPair();
    const store = new Store(new RedisBackend({ url: master.url, waitReplicas: 1 }));
    const agent = store.agent<number>('k');
    await Promise.all([agent.save(1), store.agent<number>('l').save(1)]);
    expect(await replica.say('LLEN', 'dgents/log/k')).toBe(4);
    await replica.signal('SIGSTOP');
    await expect(agent.save(2, { timeoutMs: 300 })).rejects.toMatchObject({ code: 'DGENTS_OUTCOME_UNKNOWN' });
    await replica.signal('SIGCONT');
    await store.agent<number>('k').update((n) => n + 1);
    await store.close();
  });

  test('a commit that no replica has is in doubt to the end, is told so, and others are not held up', async () => {
    const { master, replica } = await startPair();
    const store = new Store(new RedisBackend({ url: master.url, waitReplicas: 1 }));
    await store.agent<number>('k').save(1);
    await store.agent<number>('l').save(1);
    const connections = async () =>
      /total_connections_received:(\d+)/.exec(String(await master.say('INFO', 'stats')))?.[1];
    await replica.signal('SIGSTOP');
    await master.say('CLIENT', 'KILL', 'TYPE', 'replica');
    const before = Number(await connections());
    const failed = failureOf(store.agent<number>('k').save(2));
    await pause(200);
    const began = performance.now();
    expect(await store.agent<number>('l').load()).toBe(1);
    expect(performance.now() - began).toBeLessThan(1_500);
    const failure = await failed;
    expect(failure).toBeInstanceOf(OutcomeUnknownError);
    expect(causesOf(failure)).toContain('0 of 1 replicas');
    // One to ask how many: nothing was given up for its silence.
    expect(Number(await connections()) - before).toBe(1);
    await master.signal('SIGKILL');
    await replica.signal('SIGCONT');
    await replica.say('REPLICAOF', 'NO', 'ONE');
    const promoted = new Store(new RedisBackend({ url: replica.url }));
    expect(await promoted.agent<number>('k').load()).toBe(1);
    await Promise.all([store.close(), promoted.close()]);
  }, 20_000);

  test('a save whose answer is lost is not taken for made before a replica has it, nor when it is repeated', async () => {
    const { master, replica } = await startPair();
    let loses = false;
    const proxy = await startProxy(master.port, '127.0.0.1', (asked) => {
      const isLost = loses && asked.includes('"lost"');
      if (isLost) loses = false;
      return isLost;
    });
    const store = new Store(new RedisBackend({ url: `redis://127.0.0.1:${proxy.port}`, waitReplicas: 1 }));
    await store.agent<string>('k').save('kept');
    await replica.signal('SIGSTOP');
    loses = true;
    const save = (timeoutMs: number) =>
      store.agent<string>('k').save('lost', { timeoutMs, operationId: 'once' });
    expect(await failureOf(save(1_500))).toBeInstanceOf(OutcomeUnknownError);
    expect(proxy.lost).toBe(1);
    expect(await master.say('LLEN', 'dgents/log/k')).toBe(3 + 2);
    expect(await failureOf(save(500))).toMatchObject({ retryable: true });
    await replica.signal('SIGCONT');
    await save(3_000);
    expect(await replica.say('LLEN', 'dgents/log/k')).toBe(3 + 2);
    await store.close();
    await proxy.close();
  });

  test('a transaction that no replica has is in doubt to the end', async () => {
    const { master, replica } = await startPair();
    const backend = new RedisBackend({ url: master.url, waitReplicas: 1 });
    const store = new Store(backend);
    const agents = [store.agent<{ n: number }>('k'), store.agent<{ n: number }>('l')] as const;
    await Promise.all(agents.map((agent) => agent.save({ n: 1 })));
    await replica.signal('SIGSTOP');
    const transacting = store.transact(
      [...agents],
      (k, l) => {
        k.n += 1;
        l.n += 1;
      },
      { timeoutMs: 800 },
    );
    expect(await failureOf(transacting)).toBeInstanceOf(OutcomeUnknownError);
    await replica.signal('SIGCONT');
    await store.close();
  });

  test('a connection that is cut while a commit waits leaves it in doubt', async () => {
    const { master, replica } = await startPair();
    const store = new Store(new RedisBackend({ url: master.url, waitReplicas: 1 }));
    await store.agent<number>('k').save(1);
    await replica.signal('SIGSTOP');
    const failed = failureOf(store.agent<number>('k').save(2, { timeoutMs: 1_500 }));
    await pause(300);
    await master.say('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    expect(await failed).toBeInstanceOf(OutcomeUnknownError);
    await replica.signal('SIGCONT');
    await store.close();
  });

  test('after a lost connection it is asked anew, before anything is written under the old promise', async () => {
    const server = await start(DURABLE);
    const backend = new RedisBackend({ url: server.url });
    const store = new Store(backend);
    const agent = store.agent<number>('k', { requireDurability: 'power' });
    await agent.save(1);
    await server.say('CONFIG', 'SET', 'appendfsync', 'everysec');
    await server.say('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await pause(50);
    expect(await failureOf(agent.save(2))).toBeInstanceOf(StorageUnavailableError);
    expect([backend.capabilities.durability, store.capabilities.durability]).toEqual(['unknown', 'unknown']);
    await expect(agent.save(2)).rejects.toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
    expect(await server.say('LLEN', 'dgents/log/k')).toBe(3 + 1);
    await store.agent<number>('k').save(2);
    await server.say('CONFIG', 'SET', 'appendfsync', 'always');
    expect(await backend.ready()).toMatchObject({ durability: 'power' });
    await agent.update(() => 3);
    await store.close();
  });

  test('a store that requires more than is promised since refuses, until enough is promised again', async () => {
    const server = await start(DURABLE);
    const store = new Store(new RedisBackend({ url: server.url }), { requireDurability: 'power' });
    const agent = store.agent<{ n: number }>('k', { initial: () => ({ n: 0 }) });
    await agent.save({ n: 1 });
    await server.say('CONFIG', 'SET', 'appendfsync', 'everysec');
    await server.say('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await pause(50);
    expect(await failureOf(agent.save({ n: 2 }))).toBeInstanceOf(StorageUnavailableError);
    for (const call of [
      () => agent.save({ n: 2 }),
      () => agent.update((draft) => void draft.n++),
      () => store.agent<number>('l').save(1),
      () => store.transact([agent], (draft) => void draft.n++),
    ]) {
      expect(await failureOf(call())).toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
    }
    expect(await server.say('LLEN', 'dgents/log/k')).toBe(3 + 1);
    await server.say('CONFIG', 'SET', 'appendfsync', 'always');
    expect(await agent.update((draft) => void draft.n++)).toMatchObject({ version: 2 });
    await store.close();
  });

  test('a server that is silent does not hold up close, whatever is watched', async () => {
    const server = await start();
    const client = new Redis(server.port, '127.0.0.1');
    client.on('error', () => undefined);
    const backend = new RedisBackend({ client, feed: true, pollMs: 10 });
    const pending = [backend.watch('k'), backend.feed!()].map((changes) =>
      changes[Symbol.asyncIterator]().next(),
    );
    await pause(300);
    await server.signal('SIGSTOP');
    await pause(1_200);
    const began = performance.now();
    await backend.close();
    expect(performance.now() - began).toBeLessThan(1_000);
    expect((await Promise.all(pending)).map(({ done }) => done)).toEqual([true, true]);
    client.disconnect();
  });

  test('waitAof is refused before anything is written where the server has no WAITAOF', async () => {
    const server = await start();
    const [hasIt] = (await server.say('COMMAND', 'INFO', 'WAITAOF')) as unknown[];
    const store = new Store(new RedisBackend({ url: server.url, waitAof: { local: 1, replicas: 0 } }));
    const saving = store.agent<number>('k').save(1);
    // With it, and without an append-only file, it can never be confirmed.
    if (hasIt) await expect(saving).rejects.toMatchObject({ code: 'DGENTS_OUTCOME_UNKNOWN' });
    else {
      await expect(saving).rejects.toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
      expect(await server.say('EXISTS', 'dgents/log/k')).toBe(0);
    }
    await store.close();
  });
});
