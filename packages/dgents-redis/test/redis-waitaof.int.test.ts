/** WAITAOF, where the server has it: Redis 7.2 and Valkey 8 do. */
import { spawnSync } from 'node:child_process';
import { Store } from 'dgents-core';
import { pause } from '../../dgents-core/test/child.js';
import { RedisBackend } from '../src/redis-backend.js';
import { DURABLE, OwnRedis, ownRedisProblem, redisBinary, type Settings } from './own-redis.js';

function waitAofProblem(): string | undefined {
  const problem = ownRedisProblem();
  if (problem !== undefined) return problem;
  const text = spawnSync(redisBinary() as string, ['--version'], { encoding: 'utf8' }).stdout;
  const [, version = '', major = 0, minor = 0] = /v=((\d+)\.(\d+)\S*)/.exec(text) ?? [];
  const isNew = Number(major) > 7 || (Number(major) === 7 && Number(minor) >= 2);
  return isNew ? undefined : `the server here is ${version}, and WAITAOF is of 7.2`;
}

const problem = waitAofProblem();
const withServer = problem === undefined ? describe : describe.skip;

/** A disk has it a second later at most, but for those who wait for it. */
const LAZY: Settings = { appendonly: 'yes', appendfsync: 'everysec' };

withServer(`waiting for disks${problem === undefined ? '' : ` (skipped: ${problem})`}`, () => {
  const servers: OwnRedis[] = [];
  const start = async (settings: Settings): Promise<OwnRedis> => {
    const server = await OwnRedis.start(settings);
    servers.push(server);
    return server;
  };
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.remove();
  });

  async function startPair(settings: Settings) {
    const master = await start(settings);
    const replica = await start({
      ...settings,
      replicaof: `127.0.0.1 ${master.port}`,
      'repl-diskless-sync-delay': 0,
    });
    while (!String(await master.say('INFO', 'replication')).includes('state=online')) await pause(50);
    return { master, replica };
  }

  test('what was acknowledged is on the disk of the server, and is there after a kill', async () => {
    const server = await start(LAZY);
    const store = new Store(new RedisBackend({ url: server.url, waitAof: { local: 1, replicas: 0 } }));
    const agent = store.agent<number>('k');
    for (let i = 1; i <= 5; i++) await agent.save(i);
    expect(String(await server.say('INFO', 'commandstats'))).toMatch(/cmdstat_waitaof:calls=5,/);
    await server.signal('SIGKILL');
    await server.start();
    expect(await agent.load()).toBe(5);
    await store.close();
  });

  test('a disk of a replica that does not answer leaves the save in doubt, and repeating it settles it', async () => {
    const { master, replica } = await startPair(DURABLE);
    const store = new Store(new RedisBackend({ url: master.url, waitAof: { local: 1, replicas: 1 } }));
    const agent = store.agent<number>('k');
    await agent.save(1);
    await replica.signal('SIGSTOP');
    const save = (timeoutMs: number) => agent.save(2, { timeoutMs, operationId: 'once' });
    await expect(save(800)).rejects.toMatchObject({ code: 'DGENTS_OUTCOME_UNKNOWN' });
    await replica.signal('SIGCONT');
    await save(5_000);
    await replica.signal('SIGKILL');
    await replica.start({ replicaof: 'no one' });
    const promoted = new Store(new RedisBackend({ url: replica.url }));
    expect(await promoted.agent<number>('k').load()).toBe(2);
    await Promise.all([store.close(), promoted.close()]);
  });

  test('with the disks of all replicas a failover takes nothing back, and that is promised', async () => {
    const { master } = await startPair(DURABLE);
    const sentinel = await OwnRedis.startSentinel(master.port);
    servers.push(sentinel);
    while (!String(await sentinel.say('info', 'sentinel')).includes('slaves=1')) await pause(50);
    const redis = { sentinels: [{ host: '127.0.0.1', port: sentinel.port }], name: 'main' };
    const open = (replicas: number) => new RedisBackend({ redis, waitAof: { local: 1, replicas } });
    for (const [replicas, durability] of [
      [0, 'unknown'],
      [1, 'power'],
    ] as const) {
      const backend = open(replicas);
      expect(await backend.ready()).toMatchObject({ durability });
      await backend.close();
    }
    const store = new Store(open(1), { requireDurability: 'power' });
    await store.agent<number>('k').save(1);
    await store.close();
  });
});
