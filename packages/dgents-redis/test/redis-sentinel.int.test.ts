import { Store } from 'dgents-core';
import { pause } from '../../dgents-core/test/child.js';
import { RedisBackend } from '../src/redis-backend.js';
import { DURABLE, OwnRedis, ownRedisProblem, type Settings } from './own-redis.js';

const problem = ownRedisProblem();
const withServer = problem === undefined ? describe : describe.skip;
const reason = problem === undefined ? '' : ` (skipped: ${problem})`;

withServer(`Redis behind a Sentinel${reason}`, () => {
  const servers: OwnRedis[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.remove();
  });

  async function startAll(settings: Settings = {}) {
    const master = await OwnRedis.start(settings);
    const replica = await OwnRedis.start({
      replicaof: `127.0.0.1 ${master.port}`,
      'repl-diskless-sync-delay': 0,
    });
    servers.push(master, replica);
    while (!String(await master.say('info', 'replication')).includes('state=online')) await pause(50);
    const sentinel = await OwnRedis.startSentinel(master.port);
    servers.push(sentinel);
    while (!String(await sentinel.say('info', 'sentinel')).includes('slaves=1')) await pause(50);
    return { master, replica, sentinel };
  }

  test('after a failover the same handle goes on with what the new master has', async () => {
    const { master, replica, sentinel } = await startAll();
    const sentinels = [{ host: '127.0.0.1', port: sentinel.port }];
    const backend = new RedisBackend({ redis: { sentinels, name: 'main' }, waitReplicas: 1 });
    const store = new Store(backend, { timeoutMs: 3_000 });
    const agent = store.agent<number>('k', { initial: () => 0 });
    for (let i = 0; i < 10; i++) await agent.update((n) => n + 1);
    await store.close();
    const going = new Store(new RedisBackend({ redis: { sentinels, name: 'main' } }), { timeoutMs: 3_000 });
    const handle = going.agent<number>('k');
    expect(await handle.load()).toBe(10);
    await master.signal('SIGKILL');
    const began = performance.now();
    for (;;) {
      const failure = await handle
        .update((n) => n + 1)
        .then(
          () => undefined,
          (error) => error,
        );
      if (failure === undefined) break;
      expect(failure.retryable).toBe(true);
      expect(performance.now() - began).toBeLessThan(40_000);
    }
    expect(await handle.load()).toBe(11);
    expect(await replica.say('llen', 'dgents/log/k')).toBe(3 + 11);
    await going.close();
  });

  test.each([0, 1])(
    'nothing is promised, with %i replicas that confirm, nor while the replica is away',
    async (waitReplicas) => {
      const { master, replica, sentinel } = await startAll(DURABLE);
      const sentinels = [{ host: '127.0.0.1', port: sentinel.port }];
      const backend = new RedisBackend({ redis: { sentinels, name: 'main' }, waitReplicas });
      expect(await backend.ready()).toMatchObject({ durability: 'unknown' });
      await replica.signal('SIGSTOP');
      await master.say('client', 'KILL', 'TYPE', 'replica');
      expect(String(await master.say('info', 'replication'))).toContain('connected_slaves:0');
      expect(await backend.ready()).toMatchObject({ durability: 'unknown' });
      await backend.close();
    },
  );

  test('what a master acknowledged and the next one never heard of is told to who saw it', async () => {
    const { master, replica, sentinel } = await startAll();
    const sentinels = [{ host: '127.0.0.1', port: sentinel.port }];
    const store = new Store(new RedisBackend({ redis: { sentinels, name: 'main' } }), { timeoutMs: 3_000 });
    const agent = store.agent<number>('k');
    await agent.save(1);
    while ((await replica.say('llen', 'dgents/log/k')) !== 4) await pause(20);
    // It hangs up on its replica, and takes nobody for one any more.
    await master.say('acl', 'SETUSER', 'default', '-psync', '-sync');
    await master.say('client', 'KILL', 'TYPE', 'replica');
    await agent.save(2);
    await master.signal('SIGKILL');
    const began = performance.now();
    for (;;) {
      const failure = await agent.save(3).then(
        () => undefined,
        (error) => error,
      );
      if (failure?.code === 'DGENTS_STATE_REGRESSION') break;
      expect(failure).toMatchObject({ retryable: true });
      expect(performance.now() - began).toBeLessThan(40_000);
    }
    expect(await store.agent<number>('k').load()).toBe(1);
    await store.close();
  });
});
