import { Store } from 'dgents-core';
import { describeBackend } from 'dgents-core/testing';
import { advance, damage, newPrefix, removePrefix, withRedis } from '../test/places.js';
import { durabilityAt, redisUrl } from '../test/redis.js';
import { RedisBackend } from './redis-backend.js';

const url = redisUrl();
const reason = url === undefined ? ' (skipped: no Redis answers; set REDIS_URL)' : '';
const withServer = url === undefined ? describe.skip : describe;

if (url === undefined) test.skip(`the kit on a real Redis${reason}`, () => undefined);
else {
  const subject = new URL('../test/subjects/redis.mjs', import.meta.url);
  const durability = durabilityAt(url);
  subject.searchParams.set('server', url);
  subject.searchParams.set('durability', durability);
  describeBackend<string>({
    describe,
    test,
    name: 'redis',
    claims: {
      durability,
      sharing: 'network',
      atomicity: 'store',
      feed: 'global',
      watch: true,
      ttl: true,
      orderedKeys: true,
      find: true,
    },
    importFrom: subject,
    create: newPrefix,
    open: (prefix) => new RedisBackend({ url, prefix, feed: true, pollMs: 20 }),
    destroy: (prefix) => removePrefix(url, prefix),
    advance: (prefix, ms) => advance(url, prefix, ms),
    damage: (prefix, key) => damage(url, prefix, key),
  });
}

withServer(`a Redis store${reason}`, () => {
  const server = url as string;
  let prefix: string;
  beforeEach(() => {
    prefix = newPrefix();
  });
  afterEach(() => removePrefix(server, prefix));
  const open = () => new Store(new RedisBackend({ url: server, prefix }));

  test('a hundred agents that save at once lose nothing', async () => {
    const store = open();
    const agents = Array.from({ length: 100 }, (_, i) => store.agent<number>(`k${i}`, { initial: () => 0 }));
    for (let round = 0; round < 3; round++)
      await Promise.all(agents.map((agent) => agent.update((n) => n + 1)));
    expect(await Promise.all(agents.map((agent) => agent.load()))).toEqual(agents.map(() => 3));
    await store.close();
  });

  test('a log is one list, under a name without braces of the user', async () => {
    const store = open();
    await store.agent<number>('a{b}%c').save(1);
    await store.close();
    await withRedis(server, async (redis) => {
      expect(await redis.keys(`${prefix}*`)).toEqual([`${prefix}/log/a%7Bb%7D%25c`]);
      expect(await redis.type(`${prefix}/log/a%7Bb%7D%25c`)).toBe('list');
    });
  });

  test('what something else has put in the place of a log is told, and stays', async () => {
    await withRedis(server, (redis) => redis.set(`${prefix}/log/k`, 'mine'));
    const store = open();
    const agent = store.agent<number>('k');
    await expect(agent.load()).rejects.toMatchObject({ code: 'DGENTS_STATE_CORRUPTION', key: 'k' });
    await expect(agent.save(1)).rejects.toMatchObject({ code: 'DGENTS_STATE_CORRUPTION' });
    await store.close();
    await withRedis(server, async (redis) => expect(await redis.get(`${prefix}/log/k`)).toBe('mine'));
  });

  test.each([
    [
      'a wrong password',
      (address: URL) => Object.assign(address, { username: 'nobody', password: 'hush-hush' }),
    ],
    [
      'a port where nobody listens',
      (address: URL) => Object.assign(address, { port: '1', password: 'hush-hush' }),
    ],
  ])('%s is a typed error, without the password', async (_, spoil) => {
    const address = new URL(server);
    spoil(address);
    const backend = new RedisBackend({ url: address.href, prefix });
    const error = await backend.ready({ timeoutMs: 3_000 }).catch((failure) => failure);
    expect(error.code).toBe('DGENTS_STORAGE_UNAVAILABLE');
    expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).not.toContain('hush-hush');
    await backend.close();
  });
});
