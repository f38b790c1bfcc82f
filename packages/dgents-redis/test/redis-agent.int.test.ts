import { openStore, Store } from 'dgents-core';
import { Redis } from 'ioredis';
import { RedisAgent } from '../src/redis-agent.js';
import { RedisBackend } from '../src/redis-backend.js';
import { backends } from '../src/urls.js';
import { advance, newPrefix, removePrefix, withRedis } from './places.js';
import { redisUrl } from './redis.js';

const url = redisUrl() as string;
const withServer = url === undefined ? describe.skip : describe;
const reason = url === undefined ? ' (skipped: no Redis answers; set REDIS_URL)' : '';

withServer(`a RedisAgent${reason}`, () => {
  let prefix: string;
  beforeEach(() => {
    prefix = newPrefix();
  });
  afterEach(() => removePrefix(url, prefix));

  test('a misspelt option is refused, of its own and of every agent', async () => {
    const open = (options: object) => () => new RedisAgent({ url, ...options });
    expect(open({ prefx: prefix })).toThrow('RedisAgent has no option "prefx". Did you mean prefix?');
    expect(open({ prefix, ttlms: 5 })).toThrow('Did you mean ttlMs?');
    await new RedisAgent({ url, prefix, waitReplicas: 0, clock: Date.now, timeoutMs: 500 }).close();
  });

  test('a URL opens a store and an agent, and what one saved the other one loads', async () => {
    const address = new URL(url);
    address.searchParams.set('prefix', prefix);
    const store = await openStore(address.href, { backends });
    await store.agent<number>('a').save(1);
    const agent = new RedisAgent<number>({ url: address.href, key: 'a' });
    expect(await agent.load()).toBe(1);
    await agent.close();
    await store.close();
  });

  test('increments of many handles at once are all there, and each is told what it made', async () => {
    const backend = new RedisBackend({ url, prefix });
    const agents = Array.from(
      { length: 5 },
      () => new RedisAgent<{ n: number }>({ backend, initial: () => ({ n: 0 }) }),
    );
    const told = await Promise.all(
      agents.flatMap((agent) => Array.from({ length: 10 }, () => agent.increment('n'))),
    );
    expect(told.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
    expect(await agents[0]!.load()).toEqual({ n: 50 });
    await expect(agents[0]!.increment('n', Number.NaN)).rejects.toThrow(TypeError);
    const { version } = await agents[0]!.read();
    await expect(agents[0]!.increment(['n', 'deeper'])).rejects.toThrow(TypeError);
    expect((await agents[0]!.read()).version).toBe(version);
    await backend.close();
  });

  test('an increment that is repeated under its id is told what it made the first time', async () => {
    const open = () => new RedisAgent<{ n: number }>({ url, prefix, initial: () => ({ n: 10 }) });
    const [one, other] = [open(), open()];
    expect(await one.increment('n', 1, { operationId: 'first' })).toBe(11);
    expect(await one.increment('n', 5)).toBe(16);
    expect(await one.increment('n', 1, { operationId: 'first' })).toBe(11);
    expect(await other.increment('n', 1, { operationId: 'first' })).toBe(11);
    const twice = [1, 2].map(() => one.increment('n', 1, { operationId: 'second' }));
    expect(await Promise.all(twice)).toEqual([17, 17]);
    expect(await other.load()).toEqual({ n: 17 });
    await Promise.all([one.close(), other.close()]);
  });

  test('a condition that returns a promise is refused, and nothing is written', async () => {
    const agent = new RedisAgent<{ n: number }>({ url, prefix, initial: () => ({ n: 0 }) });
    const late = (async () => false) as unknown as () => boolean;
    await expect(agent.updateIf(late, (draft) => void draft.n++)).rejects.toThrow(/synchronous/);
    expect(await agent.read().then(({ version }) => version)).toBe(0);
    await agent.close();
  });

  test('a store that keeps a feed is not written to without it', async () => {
    const fed = new Store(new RedisBackend({ url, prefix, feed: true }));
    await fed.agent<number>('a').save(1);
    const store = new Store(new RedisBackend({ url, prefix }));
    await expect(store.agent<number>('b').save(1)).rejects.toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
    await store.close();
    await fed.close();
  });

  test('a state that is a number itself is incremented too', async () => {
    const agent = new RedisAgent<number>({ url, prefix, initial: () => 40 });
    expect(await agent.increment([], 2)).toBe(42);
    expect(await agent.load()).toBe(42);
    await agent.close();
  });

  test('an increment by a handle that has written is one command, and so is an unchanged load', async () => {
    const client = new Redis(url);
    const agent = new RedisAgent<{ n: number }>({ client, prefix, initial: () => ({ n: 0 }) });
    await agent.increment('n');
    const sent: string[] = [];
    const send = client.sendCommand.bind(client);
    client.sendCommand = (command, stream) => {
      sent.push(command.name);
      return send(command, stream);
    };
    await agent.increment('n');
    expect(sent.splice(0)).toEqual(['evalsha']);
    await agent.load();
    expect(sent.splice(0)).toEqual(['evalsha']);
    await agent.close();
    expect(await client.ping()).toBe('PONG');
    client.disconnect();
  });

  test('a conditional update happens only where its condition holds of the newest state', async () => {
    const backend = new RedisBackend({ url, prefix });
    const [a, b] = [0, 1].map(
      () => new RedisAgent<{ left: number }>({ backend, initial: () => ({ left: 3 }) }),
    );
    const take = (agent: typeof a) =>
      agent!.updateIf(
        ({ left }) => left > 0,
        (draft) => {
          draft.left -= 1;
        },
      );
    const taken = await Promise.all(Array.from({ length: 8 }, (_, i) => take(i % 2 === 0 ? a : b)));
    expect(taken.filter((each) => each !== undefined)).toHaveLength(3);
    expect(await a!.load()).toEqual({ left: 0 });
    // What this handle knows is old: the condition is asked of what is there.
    await b!.save({ left: 1 }, { expected: 'any' });
    expect(await take(a)).toMatchObject({ state: { left: 0 } });
    const failure = new RangeError('mine');
    const throwing = () => {
      throw failure;
    };
    await expect(a!.updateIf(throwing, () => undefined)).rejects.toBe(failure);
    await backend.close();
  });

  test('a conditional update has one deadline, however often it has to look again', async () => {
    for (const given of [{ timeoutMs: 250 }, {}]) {
      const key = `k${Object.keys(given)}`;
      const agent = new RedisAgent<{ n: number }>({ url, prefix, key, timeoutMs: 250 });
      await agent.save({ n: 1 });
      let asked = 0;
      // It holds of the newest state, and never of what is to be changed.
      const condition = (state: object) => {
        if (++asked > 20_000) throw new RangeError('it goes on without end');
        return Object.isFrozen(state);
      };
      const updating = agent.updateIf(condition, (draft) => void draft.n++, given);
      await expect(updating).rejects.toMatchObject({ code: 'DGENTS_STORAGE_TIMEOUT' });
      expect(asked).toBeGreaterThan(2);
      expect(await agent.read()).toMatchObject({ version: 1, state: { n: 1 } });
      await agent.close();
    }
  });

  test('every change is published, for whoever listens', async () => {
    const agent = new RedisAgent<number>({ url, prefix });
    const channel = await agent.channel();
    await withRedis(url, async (listener) => {
      const heard = new Promise((resolve) => listener.on('message', (...said) => resolve(said)));
      await listener.subscribe(channel);
      await agent.save(1, { operationId: 'op-1' });
      expect(await heard).toEqual([channel, expect.stringMatching(/^s 1 op-1 \d+$/)]);
    });
    await agent.close();
  });

  test('a sliding time to live is set anew by every write, an absolute one by the first', async () => {
    for (const expiry of ['sliding', 'absolute'] as const) {
      const backend = new RedisBackend({ url, prefix, expiry });
      const agent = new RedisAgent<number>({ backend, key: expiry, ttlMs: 60_000, retain: { versions: 2 } });
      await agent.save(1);
      await advance(url, prefix, 40_000);
      await agent.save(2);
      const left = await withRedis(url, (redis) => redis.pttl(`${prefix}/log/${expiry}`));
      if (expiry === 'sliding') expect(left).toBeGreaterThan(50_000);
      else expect(left).toBeLessThan(21_000);
      // State and history go together.
      await advance(url, prefix, left + 1);
      await expect(agent.load()).rejects.toMatchObject({ code: 'DGENTS_STATE_EXPIRED' });
      await expect(agent.load()).rejects.toMatchObject({ code: 'DGENTS_STATE_NOT_FOUND' });
      expect(await agent.history()).toEqual([]);
      await agent.save(1);
      await new RedisAgent<number>({ backend, key: expiry }).save(2);
      expect(await withRedis(url, (redis) => redis.pttl(`${prefix}/log/${expiry}`))).toBe(-1);
      await backend.close();
    }
  });

  test('a prefix that the client itself puts before keys is part of all names', async () => {
    const client = new Redis(url, { keyPrefix: `${prefix}{x}` });
    const store = new Store(new RedisBackend({ client, feed: true }));
    const other = new Store(new RedisBackend({ client, feed: true }));
    await store.agent<number>('a').save(1);
    const keys: string[] = [];
    for await (const { key } of store.keys()) keys.push(key);
    expect(keys).toEqual(['a']);
    const watching = other.agent<number>('a').watch()[Symbol.asyncIterator]();
    expect((await watching.next()).value).toMatchObject({ state: 1 });
    const next = watching.next();
    await store.agent<number>('a').save(2);
    expect((await next).value).toMatchObject({ state: 2 });
    await watching.return?.(undefined);
    await store.close();
    await other.close();
    client.disconnect();
    expect((await withRedis(url, (redis) => redis.keys(`${prefix}*`))).sort()).toEqual([
      `${prefix}{x}dgents/feed`,
      `${prefix}{x}dgents/log/a`,
    ]);
  });
});
