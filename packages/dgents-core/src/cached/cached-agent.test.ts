import { stranger } from '../../test/stranger.js';
import type { DataAgent } from '../data-agent.js';
import { AgentClosedError, StorageUnavailableError } from '../errors.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { VolatileAgent } from '../memory/volatile-agent.js';
import { Store } from '../store.js';
import { Recorder } from '../testing/wrapper/recorder.js';
import { CachedAgent, type CachedAgentOptions } from './index.js';

interface Note {
  text: string;
  tags: string[];
}

const note = (text: string): Note => ({ text, tags: ['a'] });

/** A cache with a clock to turn, what it asks inside, and a handle beside it. */
async function bench(options: CachedAgentOptions<Note> = {}) {
  const store = new Store(memoryBackend());
  const beside = store.agent<Note>('note');
  await beside.save(note('first'));
  const inner = new Recorder(store.agent<Note>('note'));
  const time = { ms: 0 };
  const cache = new CachedAgent(inner.agent as DataAgent<Note>, { clock: () => time.ms, ...options });
  const asked = () => inner.calls.splice(0).map(({ method }) => method);
  return { store, beside, inner, cache, asked, time };
}

describe('a cache', () => {
  test('answers load and read from what it asked for once', async () => {
    const { cache, asked, beside } = await bench();
    expect(await cache.load()).toEqual(note('first'));
    expect(await cache.load({ frozen: true })).toEqual(note('first'));
    const { state, version, head, savedAt } = await cache.read();
    const truth = await beside.read();
    expect({ state, version, head, savedAt }).toEqual({
      state: note('first'),
      version: 1,
      head: truth.head,
      savedAt: truth.savedAt,
    });
    expect(asked()).toEqual(['read']);
    expect(cache.stats).toMatchObject({ hits: 2, misses: 1, shared: 0, ageMs: 0 });
  });

  test('gives each asker a copy, and shares what is frozen', async () => {
    const { cache } = await bench();
    const mine = await cache.load();
    mine.tags.push('mine');
    (await cache.load()).tags.push('mine too');
    (await cache.read()).savedAt?.setTime(0);
    expect((await cache.load()).tags).toEqual(['a']);
    expect((await cache.read()).savedAt?.getTime()).toBeGreaterThan(0);
    const frozen = await cache.load({ frozen: true });
    expect(Object.isFrozen(frozen.tags)).toBe(true);
    expect(await cache.load({ frozen: true })).toBe(frozen);
  });

  test('is no older than maxAgeMs', async () => {
    const { cache, asked, beside, time } = await bench({ maxAgeMs: 100 });
    await cache.load();
    await beside.save(note('second'));
    time.ms = 100;
    expect((await cache.load()).text).toBe('first');
    time.ms = 101;
    expect((await cache.load()).text).toBe('second');
    expect(asked()).toEqual(['read', 'read']);
    expect(cache.stats).toMatchObject({ hits: 1, misses: 2, stalestMs: 100 });
  });

  test('with a maxAgeMs of 0 asks every time, and shares nothing', async () => {
    const { cache, asked } = await bench({ maxAgeMs: 0 });
    await Promise.all([cache.load(), cache.read()]);
    expect(asked()).toHaveLength(2);
    expect(cache.stats).toMatchObject({ hits: 0, misses: 2 });
  });

  test('asks once for all who ask at once', async () => {
    const { cache, asked } = await bench();
    const loads = await Promise.all([cache.load(), cache.load(), cache.load({ frozen: true })]);
    expect(asked()).toEqual(['read']);
    expect(loads[0]).not.toBe(loads[1]);
    expect(cache.stats).toMatchObject({ misses: 3, shared: 2 });
  });

  test('withdraws the question when the last who asked has given up, and not before', async () => {
    const { cache, inner } = await bench();
    await cache.ready();
    const release = inner.hold();
    const [one, other] = [new AbortController(), new AbortController()];
    const ends = [one, other].map(({ signal }) => cache.load({ signal }).catch((error: unknown) => error));
    const { signal } = inner.calls.at(-1)!.options as { signal: AbortSignal };
    one.abort('enough');
    expect(await ends[0]).toBe('enough');
    expect(signal.aborted).toBe(false);
    other.abort('enough, too');
    expect(await ends[1]).toBe('enough, too');
    expect(signal.aborted).toBe(true);
    release();
    expect((await cache.load()).text).toBe('first');
  });

  test('a failure is told to all who asked, and not kept', async () => {
    const { cache, inner } = await bench();
    const failure = new StorageUnavailableError('down');
    inner.failNext(failure);
    const ends = await Promise.allSettled([cache.load(), cache.load()]);
    expect(ends.map((end) => end.status === 'rejected' && end.reason)).toEqual([failure, failure]);
    expect((await cache.load()).text).toBe('first');
  });

  test('an update leaves its result, a save and a delete leave nothing', async () => {
    const { cache, asked } = await bench();
    const updated = await cache.update((draft) => {
      draft.text = 'updated';
    });
    updated.state.tags.push('mine');
    expect(await cache.load()).toEqual(note('updated'));
    expect(asked()).toEqual(['update']);
    await cache.save(note('saved'));
    expect((await cache.load()).text).toBe('saved');
    expect(asked()).toEqual(['save', 'read']);
    await cache.delete();
    await expect(cache.load()).rejects.toMatchObject({ code: 'DGENTS_STATE_NOT_FOUND' });
  });

  test('what was asked for before a write is not held after it', async () => {
    const { cache, inner, beside } = await bench();
    await cache.ready();
    const release = inner.hold();
    const asking = cache.load();
    cache.invalidate();
    await beside.save(note('second'));
    release();
    await asking;
    await beside.save(note('third'));
    expect((await cache.load()).text).toBe('third');
  });

  test('holds nothing after a write that failed or is in doubt', async () => {
    const { cache, inner, beside } = await bench();
    await cache.load();
    await beside.save(note('second'));
    inner.failNext(new StorageUnavailableError('down'));
    await expect(cache.save(note('mine'))).rejects.toMatchObject({ code: 'DGENTS_STORAGE_UNAVAILABLE' });
    expect((await cache.load()).text).toBe('second');
  });

  test('a save after a stale load is a conflict, and the next load is not stale', async () => {
    const { cache, beside } = await bench({ maxAgeMs: Number.POSITIVE_INFINITY });
    await cache.load();
    await beside.save(note('second'));
    const { text } = await cache.load();
    await expect(cache.save(note(`${text}, changed`))).rejects.toMatchObject({
      code: 'DGENTS_STATE_CONFLICT',
    });
    expect((await cache.load()).text).toBe('second');
    expect(await cache.save(note('third'))).toBe(3);
  });

  test('shows nobody anything older than a watch has', async () => {
    const { cache, beside } = await bench({ maxAgeMs: Number.POSITIVE_INFINITY });
    await cache.load();
    for await (const item of cache.watch()) {
      if (item.version === 1) await beside.save(note('second'));
      else break;
    }
    expect((await cache.load()).text).toBe('second');
  });

  test('warm asks, invalidate forgets', async () => {
    const { cache, asked } = await bench();
    await cache.warm();
    await cache.load();
    expect(asked()).toEqual(['read']);
    cache.invalidate();
    expect(cache.stats.ageMs).toBeUndefined();
    await cache.load();
    expect(asked()).toEqual(['read']);
  });

  test('does not hold what comes from `initial`', async () => {
    let made = 0;
    const cache = new CachedAgent(new VolatileAgent({ initial: () => ({ made: ++made }) }));
    expect([await cache.load(), await cache.load()]).toEqual([{ made: 1 }, { made: 2 }]);
  });

  test('class instances are held where their codec is known, and passed on otherwise', async () => {
    class Point {
      constructor(readonly x: number) {}
    }
    const codec = { classes: [{ name: 'Point', type: Point }] };
    for (const [outside, options, asks] of [
      [(known) => known, {}, 1],
      [stranger, { codec }, 1],
      // The first is asked for twice: it turns out that it cannot be copied.
      [stranger, {}, 5],
    ] as [typeof stranger, CachedAgentOptions<Point>, number][]) {
      const inner = new Recorder(new VolatileAgent({ initial: () => new Point(1), codec }));
      await inner.agent.save(new Point(7));
      const cache = new CachedAgent(outside(inner.agent as DataAgent<Point>), options);
      inner.calls.splice(0);
      for (let i = 0; i < 3; i++) expect(await cache.load()).toEqual(new Point(7));
      expect(await cache.load()).toBeInstanceOf(Point);
      expect(inner.calls.splice(0)).toHaveLength(asks);
      expect((await cache.update((point) => new Point(point.x + 1))).state).toEqual(new Point(8));
      expect(await cache.load()).toEqual(new Point(8));
    }
  });

  test('refuses after it was closed, and closes the agent inside', async () => {
    const { cache, inner } = await bench();
    await cache.load();
    await cache.close();
    await expect(cache.load()).rejects.toBeInstanceOf(AgentClosedError);
    await expect(inner.agent.load()).rejects.toBeInstanceOf(AgentClosedError);
  });

  test('options that cannot be meant are refused', () => {
    const inner = new VolatileAgent<Note>();
    for (const maxAgeMs of [-1, Number.NaN, '5' as never]) {
      expect(() => new CachedAgent(inner, { maxAgeMs })).toThrow(RangeError);
    }
    expect(() => new CachedAgent(inner, { pollMs: 0 })).toThrow(RangeError);
    expect(() => new CachedAgent(inner, { watched: inner })).toThrow(TypeError);
    for (const wrong of [
      { onError: 5 },
      { clock: 5 },
      { codec: 5 },
      { codec: null },
      { watched: 5 },
      { watched: {} },
      { pollMs: '100' },
      { schema: null, mode: 'write-behind' },
    ]) {
      expect(() => new CachedAgent(inner, wrong as never)).toThrow(TypeError);
    }
  });

  test('around another cache keeps to the ages of both', async () => {
    const { cache, time, beside, asked } = await bench({ maxAgeMs: 10 });
    const outer = new CachedAgent(cache, { maxAgeMs: 10, clock: () => time.ms });
    await outer.load();
    await beside.save(note('second'));
    time.ms = 21;
    expect((await outer.load()).text).toBe('second');
    expect(asked()).toEqual(['read', 'read']);
  });
});

describe('a cache that watches', () => {
  async function watching(options: CachedAgentOptions<Note> = {}) {
    const store = new Store(memoryBackend());
    const beside = store.agent<Note>('note');
    await beside.save(note('first'));
    const watched = store.agent<Note>('note');
    const cache = new CachedAgent(store.agent<Note>('note'), { watched, ...options });
    await cache.load();
    await held(cache);
    return { beside, watched, cache };
  }

  /** Once the first report is there, a load is a hit. */
  async function held(cache: CachedAgent<Note>): Promise<void> {
    const { hits } = cache.stats;
    while (cache.stats.hits === hits) {
      await new Promise(setImmediate);
      await cache.load();
    }
  }

  async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
    while (!(await isSo())) await new Promise(setImmediate);
  }

  test('hears of what others write', async () => {
    const { beside, cache } = await watching();
    await beside.save(note('second'));
    await until(async () => (await cache.load()).text === 'second');
    await held(cache);
    await beside.delete();
    await until(() =>
      cache.load().then(
        () => false,
        () => true,
      ),
    );
    await cache.close();
  });

  test('is told, but its handle has not seen: a save after a stale load is still a conflict', async () => {
    const { beside, cache } = await watching();
    const stale = await cache.load();
    await beside.save(note('second'));
    await until(() => cache.stats.ageMs === undefined);
    await expect(cache.save(stale)).rejects.toMatchObject({ code: 'DGENTS_STATE_CONFLICT' });
    await cache.close();
  });

  test('holds its own updates over the report of them', async () => {
    const { cache } = await watching();
    await cache.update((draft) => {
      draft.text = 'mine';
    });
    await held(cache);
    const { misses } = cache.stats;
    for (let i = 0; i < 20; i++) {
      await new Promise(setImmediate);
      expect((await cache.load()).text).toBe('mine');
    }
    expect(cache.stats.misses).toBe(misses);
    await cache.close();
  });

  test('tells when the watch fails, holds nothing then, and watches again', async () => {
    const told: unknown[] = [];
    const store = new Store(memoryBackend());
    const watched = new Recorder(store.agent<Note>('note'));
    const failure = new StorageUnavailableError('down');
    const beside = store.agent<Note>('note');
    await beside.save(note('first'));
    watched.failNext(failure, 1);
    const cache = new CachedAgent(store.agent<Note>('note'), {
      watched: watched.agent as DataAgent<Note>,
      onError: (error) => told.push(error),
    });
    await cache.load();
    await beside.save(note('second'));
    await until(() => told.length > 0);
    expect(told).toEqual([failure]);
    expect(cache.stats.ageMs).toBeUndefined();
    expect((await cache.load()).text).toBe('second');
    await held(cache);
    await cache.close();
  });

  test('onError is told of an error, whatever was thrown', async () => {
    const told: Error[] = [];
    const watched = new Recorder(new VolatileAgent<Note>({ initial: () => note('first') }));
    watched.failNext('down');
    const cache = new CachedAgent(new VolatileAgent<Note>({ initial: () => note('first') }), {
      watched: watched.agent as DataAgent<Note>,
      onError: (error) => told.push(error),
    });
    await cache.load();
    await until(() => told.length > 0);
    expect(told).toEqual([expect.any(TypeError)]);
    expect(told[0]).toMatchObject({ message: expect.stringContaining('down'), cause: 'down' });
    await cache.close();
  });

  test('ends its watch and leaves the watched handle open when it is closed', async () => {
    const { watched, cache } = await watching();
    await cache.close();
    expect((await watched.load()).text).toBe('first');
  });
});
