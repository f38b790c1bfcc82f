/** Answers that are lost while the driver sends again by itself: what is told must hold of the first sending, too. */
import { OutcomeUnknownError } from 'dgents-core';
import { Redis } from 'ioredis';
import { pause } from '../../dgents-core/test/child.js';
import { startProxy } from '../../dgents-sql/test/proxy.js';
import { RedisAgent } from '../src/redis-agent.js';
import { RedisBackend } from '../src/redis-backend.js';
import { OwnRedis, ownRedisProblem, type Settings } from './own-redis.js';

/** Until the driver sends again: long enough to change the rights of a user. */
const RESEND_MS = 1_000;

const problem = ownRedisProblem();
const withServer = problem === undefined ? describe : describe.skip;

withServer(`a driver that sends again${problem === undefined ? '' : ` (skipped: ${problem})`}`, () => {
  const servers: OwnRedis[] = [];
  const start = async (settings: Settings = {}): Promise<OwnRedis> => {
    const server = await OwnRedis.start(settings);
    servers.push(server);
    return server;
  };
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.remove();
  });

  const record = (version: number) => ({
    version,
    kind: 'set' as const,
    id: `id-${version}`,
    at: 1,
    data: '1',
  });

  /** Loses the answer to the next script, and lets the user run none any more before the driver sends it again. */
  async function losing(server: OwnRedis) {
    let armed = false;
    const proxy = await startProxy(
      server.port,
      '127.0.0.1',
      (asked) => armed && asked.includes('evalsha') && asked.includes('changes/'),
    );
    return {
      proxy,
      arm: async (): Promise<void> => {
        armed = true;
        while (proxy.lost === 0) await pause(1);
        armed = false;
        await server.say('acl', 'SETUSER', 'default', '-evalsha', '-eval');
      },
      allow: () => server.say('acl', 'SETUSER', 'default', '+@all'),
    };
  }

  test('a commit that was made, and whose second sending is refused, is in doubt; repeated it is made once', async () => {
    const server = await start();
    const { proxy, arm, allow } = await losing(server);
    const client = new Redis(proxy.port, '127.0.0.1', { retryStrategy: () => RESEND_MS });
    client.on('error', () => undefined);
    const backend = new RedisBackend({ client });
    const [first] = await backend.commit([{ key: 'k', expected: null, records: [record(1)] }]);
    const second = { key: 'k', expected: first?.head ?? null, records: [record(2)] };
    const [failure] = await Promise.all([backend.commit([second]).catch((error: unknown) => error), arm()]);
    expect(await server.say('llen', 'dgents/log/k')).toBe(5);
    expect(failure).toBeInstanceOf(OutcomeUnknownError);
    await allow();
    expect(await backend.commit([second])).toMatchObject([{ ok: true, replayed: true }]);
    await backend.close();
    client.disconnect();
    await proxy.close();
  });

  test('a commit that is there, and cannot be confirmed for a refusal, is in doubt', async () => {
    const server = await start();
    const backend = new RedisBackend({ url: server.url, waitReplicas: 1 });
    const append = { key: 'k', expected: null, records: [record(1)] };
    const commit = () => backend.commit([append], { timeoutMs: 500 }).catch((error: unknown) => error);
    expect(await commit()).toBeInstanceOf(OutcomeUnknownError);
    // Nobody listens there: it keeps what it has, and is only read.
    await server.say('replicaof', '127.0.0.1', 1);
    expect(await commit()).toBeInstanceOf(OutcomeUnknownError);
    await backend.close();
  });

  test('the same over our own connections to a Cluster: an increment is made once', async () => {
    const server = await start({ 'cluster-enabled': 'yes', 'cluster-announce-ip': '127.0.0.1' });
    const { proxy, arm, allow } = await losing(server);
    await server.say('config', 'SET', 'cluster-announce-port', proxy.port);
    await server.say('cluster', 'ADDSLOTSRANGE', 0, 16_383);
    while (!String(await server.say('cluster', 'INFO')).includes('cluster_state:ok')) await pause(20);
    const cluster = {
      nodes: [{ host: '127.0.0.1', port: proxy.port }],
      options: { retryDelayOnFailover: RESEND_MS },
    };
    const agent = new RedisAgent<{ n: number }>({ cluster, key: 'k', initial: () => ({ n: 0 }) });
    expect(await agent.increment('n')).toBe(1);
    const [outcome] = await Promise.all([agent.increment('n').catch((error: unknown) => error), arm()]);
    // Refused for sure it would be repeated by whoever wants it made.
    if (outcome !== 2) expect(outcome).toBeInstanceOf(OutcomeUnknownError);
    await allow();
    expect(await agent.load()).toEqual({ n: 2 });
    await agent.close();
    await proxy.close();
  });
});
