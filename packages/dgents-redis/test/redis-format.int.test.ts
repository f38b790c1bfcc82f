/** The worked example of docs/formats/redis.md: what was written in this layout can be read, and goes on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Store } from 'dgents-core';
import { RedisAgent } from '../src/redis-agent.js';
import { RedisBackend } from '../src/redis-backend.js';
import { OwnRedis, ownRedisProblem } from './own-redis.js';
import { newPrefix, removePrefix, withRedis } from './places.js';
import { redisUrl } from './redis.js';

const url = redisUrl() as string;
const withServer = url === undefined ? describe.skip : describe;
const reason = url === undefined ? ' (skipped: no Redis answers; set REDIS_URL)' : '';

/** The elements as the page shows them. */
function example(): string[] {
  const page = readFileSync(join(__dirname, '../../../docs/formats/redis.md'), 'utf8');
  const shown = /LRANGE dgents\/log\/user:ada 0 -1\n\n(.*?)\n```/s.exec(page)?.[1] as string;
  return shown.split('\n').map((line) =>
    line
      .replace(/^\d {3}/, '')
      .replace(/^\(empty.*/, '')
      .replace('⏎', '\n'),
  );
}

withServer(`the layout of a log${reason}`, () => {
  const prefix = newPrefix();
  afterAll(() => removePrefix(url, prefix));

  test('the example of the page is read as the page says, and can be written to', async () => {
    await withRedis(url, (redis) => redis.rpush(`${prefix}/log/user:ada`, ...example()));
    const agent = new RedisAgent<{ name: string; log: string[] }>({ url, prefix, key: 'user:ada' });
    expect(await agent.read()).toMatchObject({
      state: { name: 'Ada', log: ['…', 'hello', 'bye'] },
      version: 3,
      head: { version: 3, id: 'CCCCCCCCCCCC', at: 1_767_268_803_000, deleted: false },
    });
    expect((await agent.read({ at: 2 })).state.log).toEqual(['…', 'hello']);
    await agent.update(({ log }) => {
      log.push('again');
    });
    const fresh = new RedisAgent<{ log: string[] }>({ url, prefix, key: 'user:ada' });
    expect((await fresh.load()).log).toHaveLength(4);
    await fresh.close();
    await agent.close();
  });

  test('what has another layout is not read, and not written to', async () => {
    const name = `${prefix}/log/later`;
    const [header = '', ...rest] = example();
    await withRedis(url, (redis) => redis.rpush(name, header.replace('\n', '2'), ...rest));
    const agent = new RedisAgent<{ log: string[] }>({ url, prefix, key: 'later' });
    await expect(agent.load()).rejects.toMatchObject({ code: 'DGENTS_STATE_CORRUPTION' });
    await expect(agent.save({ log: [] })).rejects.toMatchObject({ code: 'DGENTS_STATE_CORRUPTION' });
    expect(await withRedis(url, (redis) => redis.llen(name))).toBe(6);
    await agent.close();
  });
});

const problem = ownRedisProblem();
const withOwn = problem === undefined ? describe : describe.skip;

withOwn(`the rights that a user needs${problem === undefined ? '' : ` (skipped: ${problem})`}`, () => {
  test('those of the page are enough for all that a store does', async () => {
    const page = readFileSync(join(__dirname, '../../../docs/formats/redis.md'), 'utf8');
    const rights = page.slice(page.indexOf('## What a user')).match(/[+~&][\w|*/:-]+/g) as string[];
    const server = await OwnRedis.start();
    // Older servers do not know it.
    const known = rights.filter((right) => right !== '+waitaof');
    try {
      await server.say('acl', 'SETUSER', 'app', 'on', '>pw', ...known);
      const backend = new RedisBackend({
        url: server.url.replace('//', '//app:pw@'),
        feed: true,
        pollMs: 60_000,
      });
      const store = new Store(backend);
      expect(await store.ready()).toMatchObject({ durability: 'none', feed: 'global' });
      const agent = store.agent<number>('k', { retain: { versions: 2 } });
      await agent.save(1, { ttlMs: 60_000 });
      const watching = store.agent<number>('k').watch({ pollMs: 60_000 })[Symbol.asyncIterator]();
      expect((await watching.next()).value).toMatchObject({ state: 1 });
      const next = watching.next();
      await agent.save(2, { operationId: 'op-2' });
      expect((await next).value).toMatchObject({ state: 2 });
      await watching.return?.(undefined);
      expect(await agent.history()).toEqual([1]);
      for await (const { key } of store.keys()) expect(key).toBe('k');
      const fed: number[] = [];
      for await (const entry of store.feed(undefined, { limit: 2 })) {
        if ('record' in entry) fed.push(entry.record.version);
      }
      expect(fed).toEqual([1, 2]);
      await agent.delete({ erase: true });
      await store.close();
    } finally {
      await server.remove();
    }
  });
});
