/** Redis, beside ioredis by itself. */
import { Store } from 'dgents-core';
import { RedisBackend } from 'dgents-redis';
import { Redis } from 'ioredis';
import { creations, crowd, flat, saves, tail, unchanged } from './dgents.js';
import { each, interleaved, together } from './measure.js';
import type { Block } from './report.js';
import { type Conversation, message, small } from './states.js';
import type { Effort } from './suite.js';

const LOCAL = 'redis://127.0.0.1:6379/8';

const TURNS = 1_000;

let version = 0;
const text = () => JSON.stringify(small(++version));

export async function* redis({ quick, progress }: Effort): AsyncGenerator<Block> {
  const url = process.env['REDIS_URL'] ?? LOCAL;
  for (const block of [saving, loading, tails, conversations, atOnce, long]) {
    const prefix = `dgents-bench-${process.pid}`;
    const raw = new Redis(url, { lazyConnect: true, retryStrategy: null });
    raw.on('error', () => undefined);
    try {
      await raw.connect();
    } catch {
      process.stderr.write('redis: no server answers; set REDIS_URL\n');
      return;
    }
    const store = new Store(new RedisBackend({ url, prefix }));
    try {
      yield await block(raw, store, quick, progress, prefix);
    } finally {
      await store.close();
      const keys = await raw.keys(`${prefix}*`);
      if (keys.length > 0) await raw.del(...keys);
      raw.disconnect();
    }
  }
}

type Measured = (
  raw: Redis,
  store: Store,
  quick: boolean,
  progress: Effort['progress'],
  prefix: string,
) => Promise<Block>;

const saving: Measured = async (raw, store, quick, progress, prefix) => {
  const name = 'redis-save';
  const count = 10;
  const key = `${prefix}-raw`;
  const contenders = {
    'raw SET': () => each(count, () => raw.set(key, text())),
    'raw WATCH, GET, MULTI, EXEC': () =>
      each(count, async () => {
        await raw.watch(key);
        await raw.get(key);
        await raw.multi().set(key, text()).exec();
      }),
    ...(await saves(store, count)),
    ...creations(store, count),
  };
  return {
    name,
    title: 'save of a state of 400 B, that is there and that is new',
    times: await interleaved(contenders, quick ? 25 : 150, progress(name)),
    comparisons: [
      { of: 'agent.save', to: 'raw SET', most: 1.7 },
      { of: 'agent.update', to: 'raw SET', most: 1.7 },
      { of: 'agent.save', to: 'raw WATCH, GET, MULTI, EXEC', most: 0.6 },
      { of: 'port commit', to: 'raw SET' },
      { of: 'agent create', to: 'raw SET' },
    ],
  };
};

const loading: Measured = async (raw, store, quick, progress, prefix) => {
  const name = 'redis-load';
  const count = 10;
  await raw.set(`${prefix}-raw`, text());
  const contenders = {
    'raw GET + JSON.parse': () =>
      each(count, async () => JSON.parse((await raw.get(`${prefix}-raw`)) as string)),
    ...(await unchanged(store, count)),
    'agent.load, cold': () => each(count, () => store.agent(`cold-${version++ % 100}`).load()),
  };
  await Promise.all(Array.from({ length: 100 }, (_, i) => store.agent(`cold-${i}`).save(small(i))));
  return {
    name,
    title: 'load of a state of 400 B, unchanged and for the first time',
    times: await interleaved(contenders, quick ? 25 : 150, progress(name)),
    comparisons: [
      { of: 'agent.load', to: 'raw GET + JSON.parse', most: 1.5 },
      { of: 'agent.load, cold', to: 'raw GET + JSON.parse', most: 3.5 },
      { of: 'port read, nothing new', to: 'raw GET + JSON.parse' },
    ],
  };
};

const tails: Measured = async (raw, store, quick, progress, prefix) => {
  const name = 'redis-tail';
  const count = 10;
  const texts = await tail(store.backend, 'tail');
  await raw.set(`${prefix}-raw`, texts.join('\n'));
  const contenders = {
    'raw GET of as many bytes': () => each(count, () => raw.get(`${prefix}-raw`)),
    'port read': () => each(count, () => store.backend.read('tail')),
  };
  return {
    name,
    title: 'first read of a checkpoint of 4 KB and 50 changes of 100 B',
    times: await interleaved(contenders, quick ? 25 : 150, progress(name)),
    comparisons: [{ of: 'port read', to: 'raw GET of as many bytes', most: 3.5 }],
  };
};

const conversations: Measured = async (raw, store, quick, progress, prefix) => {
  const name = 'redis-conversation';
  const agent = store.agent<Conversation>('conversation', { initial: () => ({ messages: [] }) });
  for (let turn = 0; turn < TURNS; turn++)
    await agent.update(({ messages }) => void messages.push(message(turn)));
  const whole = JSON.stringify(await agent.load());
  await raw.set(`${prefix}-raw`, whole);
  const bytes = Number(await raw.call('memory', 'usage', `${prefix}/log/conversation`, 'samples', 0));
  // Every load by a store that has not seen it.
  const fresh = async () => {
    const other = new Store(store.backend);
    await other.agent<Conversation>('conversation').load({ frozen: true });
  };
  const contenders = {
    'raw GET + JSON.parse': () => each(3, async () => JSON.parse((await raw.get(`${prefix}-raw`)) as string)),
    'raw GET': () => each(3, () => raw.get(`${prefix}-raw`)),
    'agent.load, cold': () => each(3, fresh),
    'port read, cold': () => each(3, () => store.backend.read('conversation')),
    'agent.load, unchanged': () => each(3, () => agent.load({ frozen: true })),
  };
  return {
    name,
    title: `load of a conversation of ${TURNS} turns; on the server ${(bytes / whole.length).toFixed(2)} x its messages`,
    times: await interleaved(contenders, quick ? 20 : 80, progress(name)),
    comparisons: [
      { of: 'agent.load, cold', to: 'raw GET + JSON.parse', most: 3.5 },
      { of: 'port read, cold', to: 'raw GET', most: 3.5 },
      { of: 'agent.load, unchanged', to: 'raw GET', most: 1.5 },
    ],
  };
};

const atOnce: Measured = async (raw, store, quick, progress, prefix) => {
  const name = 'redis-crowd';
  const contenders = {
    'raw SET, pipelined': () =>
      together(100, () =>
        Promise.all(Array.from({ length: 100 }, (_, i) => raw.set(`${prefix}-raw-${i}`, text()))),
      ),
    ...(await crowd(store)),
  };
  return {
    name,
    title: '100 agents that save 400 B each; time for each of them',
    times: await interleaved(contenders, quick ? 25 : 100, progress(name)),
    comparisons: [
      { of: 'all at once', to: 'one after the other', least: 2.5 },
      { of: 'all at once', to: 'raw SET, pipelined', least: 0.45 },
    ],
  };
};

const long: Measured = (_, store, quick, progress) =>
  flat('redis-versions', store, { many: quick ? 10_000 : 100_000, rounds: quick ? 20 : 60, progress });
