import type { Endable } from './live-iterator.js';
import { PolledIterator, type PolledIteratorOptions } from './polled-iterator.js';

/** A store that is asked for what is new. */
function source(options: Partial<PolledIteratorOptions> = {}) {
  const fresh: number[][] = [];
  const among = new Set<Endable>();
  let looks = 0;
  const look = async () => {
    looks++;
    return fresh.shift() ?? [];
  };
  const iterator = new PolledIterator(look, { among, pollMs: 5, ...options });
  return { fresh, among, iterator, looks: () => looks };
}

const soon = (ms = 20) => new Promise((resolve) => setTimeout(resolve, ms));

test('what is there is given one by one, in order, over several looks', async () => {
  const { fresh, iterator } = source();
  fresh.push([1, 2], [], [3]);
  for (const value of [1, 2, 3]) expect(await iterator.next()).toEqual({ done: false, value });
  await iterator.return();
});

test('nobody asks the store while nobody waits', async () => {
  const { iterator, looks } = source();
  await soon();
  expect(looks()).toBe(0);
  await iterator.return();
});

test('several that wait are each given another one', async () => {
  const { fresh, iterator } = source();
  const waiting = [iterator.next(), iterator.next(), iterator.next()];
  fresh.push([1], [2, 3]);
  expect((await Promise.all(waiting)).map(({ value }) => value)).toEqual([1, 2, 3]);
  await iterator.return();
});

test('it looks at once when it is woken, also when that comes during a look', async () => {
  const { fresh, iterator } = source({ pollMs: 60_000 });
  const next = iterator.next();
  fresh.push([7]);
  await soon(5);
  iterator.wake();
  expect(await next).toEqual({ done: false, value: 7 });
  const last = iterator.next();
  iterator.wake();
  fresh.push([8]);
  iterator.wake();
  expect(await last).toEqual({ done: false, value: 8 });
  await iterator.return();
});

test.each(['return', 'signal', 'end'])(
  'a pending next ends at once by %s, and it is among the running no more',
  async (how) => {
    const controller = new AbortController();
    let cleanedUp = 0;
    const { among, iterator } = source({
      pollMs: 60_000,
      signal: controller.signal,
      cleanUp: () => cleanedUp++,
    });
    expect(among.size).toBe(1);
    const next = iterator.next();
    await soon(5);
    if (how === 'return') await iterator.return();
    else if (how === 'signal') controller.abort();
    else iterator.end();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect([among.size, cleanedUp]).toEqual([0, 1]);
  },
);

test('a limit ends it, and 0 before it begins', async () => {
  const { fresh, iterator } = source({ limit: 2 });
  fresh.push([1, 2, 3]);
  const found: number[] = [];
  for await (const value of iterator) found.push(value);
  expect(found).toEqual([1, 2]);
  expect(await source({ limit: 0 }).iterator.next()).toEqual({ done: true, value: undefined });
});

test('a look that fails is told to who waits, and ends it', async () => {
  const among = new Set<Endable>();
  const look = () => Promise.reject(new RangeError('no such place'));
  const iterator = new PolledIterator<number>(look, { among, pollMs: 5 });
  const [first, second] = [iterator.next(), iterator.next()];
  await expect(first).rejects.toThrow('no such place');
  expect(await second).toEqual({ done: true, value: undefined });
  expect(among.size).toBe(0);
});
