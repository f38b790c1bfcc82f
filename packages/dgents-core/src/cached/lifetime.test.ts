import type { WriteOptions } from '../data-agent.js';
import { OutcomeUnknownError, StateConflictError } from '../errors.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { Store } from '../store.js';
import { Recorder } from '../testing/wrapper/recorder.js';
import { CachedAgent, type CachedAgentOptions } from './index.js';

/** How the state came to be, by a cache whose clock stands at 0, and until when it is answered from memory. */
async function bench(options: CachedAgentOptions<unknown> = {}) {
  const store = new Store(memoryBackend());
  await store.agent('note').save(0);
  const inner = new Recorder(store.agent('note'));
  const time = { ms: 0 };
  const cache = new CachedAgent<unknown>(inner.agent, { maxAgeMs: 1e9, clock: () => time.ms, ...options });
  const isHeldAt = async (ms: number): Promise<boolean> => {
    cache.invalidate();
    await cache.load();
    const { hits } = cache.stats;
    time.ms = ms;
    await cache.load();
    time.ms = 0;
    return cache.stats.hits > hits;
  };
  return { inner, cache, time, beside: store.agent('note'), isHeldAt };
}

const HOUR = 3_600_000;

test.each([
  ['save', (cache: CachedAgent<unknown>, options: WriteOptions) => cache.save(1, options)],
  ['update', (cache: CachedAgent<unknown>, options: WriteOptions) => cache.update(() => 1, options)],
])('what a %s gave a time to live is not held longer', async (_, write) => {
  for (const options of [{}, { mode: 'write-behind', flushMs: Infinity }] as const) {
    const { cache, isHeldAt } = await bench(options);
    if (options.mode === undefined) {
      await write(cache, { ttlMs: HOUR });
      expect([await isHeldAt(HOUR - 1), await isHeldAt(HOUR)]).toEqual([true, false]);
      await write(cache, { keepTtl: true });
      expect([await isHeldAt(HOUR - 1), await isHeldAt(HOUR)]).toEqual([true, false]);
      await write(cache, {});
      expect(await isHeldAt(HOUR)).toBe(true);
    }
    // When an operation of this name happened nobody knows here.
    await write(cache, { ttlMs: HOUR, operationId: 'once' });
    expect(await isHeldAt(HOUR)).toBe(false);
    await cache.close();
  }
});

test('the result of an update is not held past its time either', async () => {
  const { cache, time } = await bench();
  await cache.update(() => 1, { ttlMs: HOUR });
  await cache.load();
  time.ms = HOUR;
  await cache.load();
  expect(cache.stats).toMatchObject({ hits: 1, misses: 1 });
});

test('a write in doubt may have given it, one that was refused has not', async () => {
  const { cache, inner, isHeldAt } = await bench();
  await cache.save(1);
  inner.failNext(new StateConflictError('refused', { expected: 1, current: 2, key: 'note' } as never));
  await expect(cache.save(2, { ttlMs: HOUR })).rejects.toThrow('refused');
  expect(await isHeldAt(HOUR)).toBe(true);
  inner.failNext(new OutcomeUnknownError('No answer.', { operationId: 'x' }));
  await expect(cache.save(2, { ttlMs: HOUR })).rejects.toThrow('No answer.');
  expect([await isHeldAt(HOUR - 1), await isHeldAt(HOUR)]).toEqual([true, false]);
  await cache.delete();
  await cache.save(3);
  expect(await isHeldAt(HOUR)).toBe(true);
});

test('what others have written since has nothing to do with it', async () => {
  const { cache, beside, isHeldAt } = await bench();
  await cache.save(1, { ttlMs: HOUR });
  await beside.load();
  await beside.save(2);
  expect(await isHeldAt(HOUR)).toBe(true);
});
