/** What is set up wrongly is refused: nothing is written anywhere else than it was meant to be, and no secret is told. */
import { inspect } from 'node:util';
import { DgentsError, Store } from 'dgents-core';
import { Redis } from 'ioredis';
import { RedisAgent } from '../src/redis-agent.js';
import { RedisBackend } from '../src/redis-backend.js';
import { OwnRedis, ownRedisProblem } from './own-redis.js';
import { newPrefix, removePrefix } from './places.js';
import { redisUrl } from './redis.js';

const problem = ownRedisProblem();
const withOwn = problem === undefined ? describe : describe.skip;

withOwn(`a server with two databases${problem === undefined ? '' : ` (skipped: ${problem})`}`, () => {
  let server: OwnRedis;
  beforeAll(async () => {
    server = await OwnRedis.start({ databases: 2 });
  });
  afterAll(() => server.remove());

  const sizeOfFirst = async (): Promise<number> => {
    const client = new Redis({ port: server.port, host: '127.0.0.1' });
    try {
      return await client.dbsize();
    } finally {
      client.disconnect();
    }
  };

  test('a database that is not there is refused, and nothing is written to another', async () => {
    for (const options of [
      { url: `redis://127.0.0.1:${server.port}/7` },
      { redis: { host: '127.0.0.1', port: server.port, db: 7 } },
    ]) {
      const store = new Store(new RedisBackend(options), { timeoutMs: 2_000 });
      for (let i = 0; i < 3; i++) {
        await expect(store.agent<number>('a').save(1)).rejects.toMatchObject({
          code: 'DGENTS_STORAGE_UNAVAILABLE',
          message: expect.stringContaining('out of range'),
        });
      }
      await store.close();
    }
    expect(await sizeOfFirst()).toBe(0);
  });

  test('a client of the caller that is in another database than it should be is refused', async () => {
    const client = new Redis({ host: '127.0.0.1', port: server.port, db: 7, lazyConnect: true });
    const store = new Store(new RedisBackend({ client }), { timeoutMs: 1_000 });
    await expect(store.agent<number>('a').save(1)).rejects.toMatchObject({
      code: 'DGENTS_STORAGE_UNAVAILABLE',
    });
    expect(await sizeOfFirst()).toBe(0);
    await store.close();
    client.disconnect();
  });

  test('a database that is there is used', async () => {
    const agent = new RedisAgent<number>({ url: `redis://127.0.0.1:${server.port}/1`, key: 'a' });
    await agent.save(1);
    expect(await sizeOfFirst()).toBe(0);
    await agent.close();
  });

  test('no error holds a password or a state, however deep one looks', async () => {
    const secret = 'hush-hush';
    const locked = await OwnRedis.start({ requirepass: 'another' });
    try {
      const url = `redis://:${secret}@127.0.0.1:${locked.port}`;
      const store = new Store(new RedisBackend({ url }), { timeoutMs: 2_000 });
      const refused = await store
        .agent<string>('a')
        .save('the state')
        .catch((error: unknown) => error);
      expect(DgentsError.is(refused)).toBe(true);
      expect(inspect(refused, { depth: 20, showHidden: true })).not.toContain(secret);
      await store.close();
    } finally {
      await locked.remove();
    }
    const full = await OwnRedis.start({ maxmemory: 1, 'maxmemory-policy': 'noeviction' });
    try {
      const store = new Store(new RedisBackend({ url: full.url }), { timeoutMs: 2_000 });
      const refused = await store
        .agent<string>('a')
        .save('the state')
        .catch((error: unknown) => error);
      expect(DgentsError.is(refused, 'DGENTS_STORAGE_FULL')).toBe(true);
      expect(inspect(refused, { depth: 20, showHidden: true })).not.toContain('the state');
      await store.close();
    } finally {
      await full.remove();
    }
  });
});

const given = redisUrl();
const withServer = given === undefined ? describe.skip : describe;

withServer(
  `options of a RedisBackend${given === undefined ? ' (skipped: no Redis answers; set REDIS_URL)' : ''}`,
  () => {
    const url = given as string;
    const pipelining = new Redis({ enableAutoPipelining: true, lazyConnect: true });
    let prefix: string;
    beforeEach(() => {
      prefix = newPrefix();
    });
    afterEach(() => removePrefix(url, prefix));

    test('those in its URL hold, as they do for openStore', async () => {
      const address = new URL(url);
      address.search = `?prefix=${prefix}&feed=true`;
      const store = new Store(new RedisBackend({ url: address.href }));
      await store.agent<number>('a').save(1);
      expect(store.capabilities.feed).toBe('global');
      await store.close();
      const client = new Redis(url);
      expect(await client.exists(`${prefix}/log/a`)).toBe(1);
      client.disconnect();
    });

    test.each<[string, () => unknown]>([
      ['a path that is no number', () => new RedisBackend({ url: 'redis://localhost/abc' })],
      ['an option that there is not', () => new RedisBackend({ url: 'redis://localhost?wait=1' })],
      ['a client that pipelines by itself', () => new RedisBackend({ client: pipelining })],
      ['a replica', () => new RedisBackend({ redis: { sentinels: [], name: 'main', role: 'slave' } })],
      [
        'reads from replicas',
        () => new RedisBackend({ cluster: { nodes: [], options: { scaleReads: 'slave' } } }),
      ],
    ])('%s is refused', (_, open) => {
      expect(open).toThrow(expect.objectContaining({ code: 'DGENTS_UNSUPPORTED' }));
    });

    test.each([{ feed: 'false' }, { pollMs: Number.NaN }, { pollMs: -1 }, { pollMs: '5' }])(
      '%j is no option',
      (wrong) => {
        expect(() => new RedisBackend({ url, ...(wrong as object) })).toThrow(/feed is|pollMs is/);
      },
    );

    test('a client that gives numbers as texts is taken', async () => {
      const client = new Redis(url, { stringNumbers: true, lazyConnect: true });
      const agent = new RedisAgent<{ n: number }>({ client, prefix, key: 'a', initial: () => ({ n: 0 }) });
      expect(await agent.increment('n')).toBe(1);
      await agent.close();
      client.disconnect();
    });

    test('a client that only subscribes is refused, and it is sure that nothing was written', async () => {
      const client = new Redis(url, { protocol: 2, lazyConnect: true });
      await client.subscribe(prefix);
      const backend = new RedisBackend({ client, prefix });
      const record = { version: 1, kind: 'set' as const, id: 'x', at: 1, data: '1' };
      await expect(backend.commit([{ key: 'a', expected: null, records: [record] }])).rejects.toMatchObject({
        code: 'DGENTS_STORAGE_UNAVAILABLE',
      });
      await backend.close();
      client.disconnect();
    });

    test('the channels of a client are those of the database that its owner has selected', async () => {
      const client = new Redis(url, { lazyConnect: true });
      await client.select(4);
      const backend = new RedisBackend({ client, prefix });
      expect(await backend.channelOf('a')).toBe(`${prefix}/changes/4/a`);
      await backend.close();
      client.disconnect();
    });

    test('many backends share a client without a warning, and leave it as it was', async () => {
      const client = new Redis(url, { lazyConnect: true });
      const warnings: unknown[] = [];
      const note = (warning: unknown): void => void warnings.push(warning);
      process.on('warning', note);
      const most = client.getMaxListeners();
      const agents = Array.from(
        { length: 30 },
        (_, i) => new RedisAgent<number>({ client, prefix, key: `k${i}` }),
      );
      await Promise.all(agents.map((agent) => agent.save(1)));
      await Promise.all(agents.map((agent) => agent.close()));
      await new Promise(setImmediate);
      process.off('warning', note);
      expect(warnings).toEqual([]);
      expect(client.getMaxListeners()).toBe(most);
      client.disconnect();
    });
  },
);
