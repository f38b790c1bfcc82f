/** What a server told before it was restarted, lost its memory or trimmed a log holds no more afterwards. */
import { OutcomeUnknownError, Store } from 'dgents-core';
import { Redis } from 'ioredis';
import { pause } from '../../dgents-core/test/child.js';
import { RedisAgent } from '../src/redis-agent.js';
import { RedisBackend } from '../src/redis-backend.js';
import { DURABLE, OwnRedis, ownRedisProblem, type Settings } from './own-redis.js';

const problem = ownRedisProblem();
const withServer = problem === undefined ? describe : describe.skip;

withServer(`what holds no more${problem === undefined ? '' : ` (skipped: ${problem})`}`, () => {
  const servers: OwnRedis[] = [];
  const closing: { close(): Promise<void> }[] = [];
  const clients: Redis[] = [];
  const start = async (settings: Settings = {}): Promise<OwnRedis> => {
    const server = await OwnRedis.start(settings);
    servers.push(server);
    return server;
  };
  const connected = ({ port }: OwnRedis): Redis => {
    const client = new Redis(port, '127.0.0.1');
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  };
  const opened = <T extends { close(): Promise<void> }>(each: T): T => {
    closing.push(each);
    return each;
  };
  afterEach(async () => {
    for (const each of closing.splice(0)) await each.close();
    for (const each of clients.splice(0)) each.disconnect();
    for (const each of servers.splice(0)) await each.remove();
  });

  const record = (key: string, version: number) => ({
    version,
    kind: 'set' as const,
    id: `${key}-${version}`,
    at: 1,
    data: JSON.stringify('x'.repeat(100)),
  });

  test('keys are all listed though the server is restarted between two looks', async () => {
    const server = await start(DURABLE);
    const client = connected(server);
    const store = opened(new Store(new RedisBackend({ client })));
    const keys = Array.from({ length: 1_000 }, (_, i) => `k${i}`);
    for (let round = 0; round < 3; round++) {
      const appends = keys.map((key) => ({
        key: `${round}${key}`,
        expected: null,
        records: [record(key, 1)],
      }));
      await store.backend.commit(appends, { atomic: true });
    }
    const call = client.call.bind(client) as (...args: unknown[]) => Promise<unknown>;
    let scans = 0;
    client.call = (async (...args: unknown[]) => {
      const answer = await call(...args);
      if (args[0] === 'scan' && ++scans === 2) {
        await server.signal('SIGKILL');
        await server.start();
      }
      return answer;
    }) as typeof client.call;
    let count = 0;
    for await (const _ of store.keys()) count++;
    expect(count).toBe(3_000);
  });

  test('a commit that reaches a server that promises less is not acknowledged as what is required', async () => {
    const server = await start(DURABLE);
    const agent = opened(
      new RedisAgent<number>({
        client: connected(server),
        key: 'k',
        requireDurability: 'power',
        timeoutMs: 8_000,
      }),
    );
    await agent.save(1);
    await server.signal('SIGSTOP');
    const saving = agent.save(2).catch((error: unknown) => error);
    await pause(200);
    await server.signal('SIGKILL');
    await server.start({ appendfsync: 'everysec' });
    expect(await saving).toBeInstanceOf(OutcomeUnknownError);
    await expect(agent.save(3)).rejects.toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
  });

  test('a log that is trimmed during every look is read, and not taken for damaged', async () => {
    const server = await start();
    const client = connected(server);
    const backend = opened(new RedisBackend({ client }));
    const writer = opened(new RedisBackend({ url: server.url }));
    const records = Array.from({ length: 900 }, (_, i) => ({
      ...record('k', i + 1),
      kind: i === 0 ? ('set' as const) : ('event' as const),
    }));
    await writer.commit([{ key: 'k', expected: null, records }]);
    let floor = 1;
    const ask = client.callBuffer.bind(client) as (...args: unknown[]) => Promise<unknown>;
    client.callBuffer = (async (...args: unknown[]) => {
      if (args[0] === 'lrange') {
        floor += 100;
        await writer.trim('k', { version: floor, id: `k-${floor}`, at: 1, data: '1' });
      }
      return ask(...args);
    }) as typeof client.callBuffer;
    const tail = await backend.read('k');
    expect(tail.floor).toBeGreaterThan(101);
    expect(tail.records).toHaveLength(900 - tail.floor);
  });

  test('the feed of a Cluster gives what is written after its list of streams was lost', async () => {
    const server = await start({ 'cluster-enabled': 'yes', 'cluster-announce-ip': '127.0.0.1' });
    await server.say('cluster', 'ADDSLOTSRANGE', 0, 16_383);
    while (!String(await server.say('cluster', 'INFO')).includes('cluster_state:ok')) await pause(20);
    const cluster = { nodes: [{ host: '127.0.0.1', port: server.port }] };
    const store = opened(new Store(new RedisBackend({ cluster, feed: true })));
    const agent = store.agent<number>('k');
    for (const lose of [
      () => server.say('client', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'),
      () => pause(1_100),
    ]) {
      await agent.save(1);
      await server.say('del', 'dgents/feeds');
      await lose();
      await agent.save(2);
      expect(await server.say('scard', 'dgents/feeds')).toBe(1);
    }
  });
});
