import { Store } from 'dgents-core';
import { RedisBackend } from '../src/redis-backend.js';
import { OwnRedis, ownRedisProblem } from './own-redis.js';

const problem = ownRedisProblem();
const withServer = problem === undefined ? describe : describe.skip;
const reason = problem === undefined ? '' : ` (skipped: ${problem})`;

/** So rarely does a watch look by itself, that only a hint can be in time. */
const NEVER_MS = 600_000;

withServer(`watching a Redis store${reason}`, () => {
  let server: OwnRedis;
  beforeAll(async () => {
    server = await OwnRedis.start();
  });
  afterAll(() => server.remove());
  afterEach(() => server.say('FLUSHALL'));

  const open = (pollMs: number) => new Store(new RedisBackend({ url: server.url, pollMs, feed: true }));

  test('a watch hears of changes from other connections without looking', async () => {
    const [watcher, writer] = [open(NEVER_MS), open(NEVER_MS)];
    const watching = watcher
      .agent<number>('k', { initial: () => 0 })
      .watch({ pollMs: NEVER_MS })
      [Symbol.asyncIterator]();
    const agent = writer.agent<number>('k');
    await agent.save(0);
    expect((await watching.next()).value).toMatchObject({ state: 0 });
    for (let i = 1; i <= 20; i++) {
      const next = watching.next();
      await agent.save(i);
      expect((await next).value).toMatchObject({ state: i });
    }
    await watching.return?.(undefined);
    await watcher.close();
    await writer.close();
  });

  test('a feed hears too', async () => {
    const [reader, writer] = [open(NEVER_MS), open(NEVER_MS)];
    const reading = (reader.backend.feed as NonNullable<typeof reader.backend.feed>)()[
      Symbol.asyncIterator
    ]();
    for (let i = 1; i <= 10; i++) {
      const next = reading.next();
      await writer.agent<number>(`k${i}`).save(i);
      expect((await next).value).toMatchObject({ key: `k${i}` });
    }
    await reading.return?.(undefined);
    await reader.close();
    await writer.close();
  });

  test('a watch whose connection is ended subscribes again, and misses nothing meanwhile', async () => {
    const [watcher, writer] = [open(NEVER_MS), open(NEVER_MS)];
    const watching = watcher.agent<number>('k').watch({ pollMs: NEVER_MS })[Symbol.asyncIterator]();
    const agent = writer.agent<number>('k');
    await agent.save(0);
    expect((await watching.next()).value).toMatchObject({ state: 0 });
    for (let i = 1; i <= 5; i++) {
      const next = watching.next();
      await server.say('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await agent.save(i);
      expect((await next).value).toMatchObject({ state: i });
    }
    await watching.return?.(undefined);
    await watcher.close();
    await writer.close();
  });

  test('a user who may not subscribe, nor publish, watches by looking', async () => {
    await server.say('ACL', 'SETUSER', 'deaf', 'on', '>pw', '~*', '+@all', 'resetchannels');
    const address = new URL(server.url);
    address.username = 'deaf';
    address.password = 'pw';
    const store = new Store(new RedisBackend({ url: address.href, pollMs: 20 }));
    const agent = store.agent<number>('k');
    await agent.save(1);
    const watching = store.agent<number>('k').watch()[Symbol.asyncIterator]();
    expect((await watching.next()).value).toMatchObject({ state: 1 });
    const next = watching.next();
    await agent.save(2);
    expect((await next).value).toMatchObject({ state: 2 });
    await watching.return?.(undefined);
    await store.close();
  });

  test('a feed skips what has expired, and does not take what was begun anew for it', async () => {
    const { backend } = open(20);
    const record = (version: number, id: string) => ({ version, id, kind: 'set', at: 1, data: '1' }) as const;
    await backend.commit([
      { key: 'k', expected: null, records: [record(1, 'a'), record(2, 'b')], ttlMs: 60_000 },
    ]);
    await server.say('DEL', 'dgents/log/k');
    await backend.commit([{ key: 'k', expected: null, records: [record(1, 'c')] }]);
    const reading = (backend.feed as NonNullable<typeof backend.feed>)(undefined, { limit: 1 });
    const ids: string[] = [];
    for await (const entry of reading) if ('record' in entry) ids.push(entry.record.id);
    expect(ids).toEqual(['c']);
    await backend.close();
  });
});
