/** Answers that overtake each other on their way: what a user was shown never goes back. */
import type { LoadOptions, Versioned } from '../data-agent.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { Store } from '../store.js';
import { ForwardingAgent } from '../wrapper/forwarding-agent.js';
import { CachedAgent, type CachedAgentOptions } from './index.js';

interface Note {
  n: number;
}

/** Reads at once, and brings the answer when it is let. */
class Late extends ForwardingAgent<Note> {
  reads = 0;
  private late = new Map<number, Promise<void>>();

  /** The answer to the read of this number, counted from 1, comes once the function is called. */
  delay(number: number): () => void {
    let release = (): void => undefined;
    this.late.set(number, new Promise((resolve) => (release = resolve)));
    return release;
  }

  override read(options?: LoadOptions): Promise<Versioned<never>> {
    this.reads += 1;
    return this.bring(super.read(options), this.late.get(this.reads));
  }

  private async bring(answer: Promise<Versioned<Note>>, late: Promise<void> | undefined) {
    const end = await answer.then(
      (found) => () => found as Versioned<never>,
      (error: unknown) => () => {
        throw error;
      },
    );
    await late;
    return end();
  }
}

async function bench(options: CachedAgentOptions<Note> = {}) {
  const store = new Store(memoryBackend());
  const beside = store.agent<Note>('note', { initial: () => ({ n: 0 }) });
  await beside.save({ n: 1 });
  const inner = new Late(store.agent<Note>('note'));
  const cache = new CachedAgent<Note>(inner, options);
  /** A load that has looked at version 1, and does not bring it yet. */
  const slow = async () => {
    const release = inner.delay(inner.reads + 1);
    const { reads } = inner;
    // Nobody else has as much time, and so nobody shares the question.
    const answer = cache.load({ timeoutMs: 60_000 + reads });
    while (inner.reads === reads) await new Promise(setImmediate);
    // It reads from memory: some turns are enough for it.
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    const bring = (): Promise<Note> => {
      release();
      return answer;
    };
    return { bring };
  };
  return { beside, inner, cache, slow };
}

test('an answer that a later one has overtaken is neither shown nor held', async () => {
  const { beside, inner, cache, slow } = await bench();
  const older = await slow();
  await beside.save({ n: 2 });
  expect(await cache.load()).toEqual({ n: 2 });
  expect(await older.bring()).toEqual({ n: 2 });
  expect(await cache.load()).toEqual({ n: 2 });
  expect(inner.reads).toBe(2);
});

test('a save made of what was shown overwrites nobody', async () => {
  const { beside, cache, slow } = await bench();
  const older = await slow();
  await beside.update(({ n }) => ({ n: n + 10 }));
  await cache.load();
  const shown = await older.bring();
  await cache.save({ n: shown.n + 1 });
  expect(await beside.load()).toEqual({ n: 12 });
});

test('an answer that is newer than one asked for later is held', async () => {
  const { beside, cache, slow, inner } = await bench();
  const later = await slow();
  await beside.save({ n: 2 });
  const older = await slow();
  await beside.save({ n: 3 });
  expect(await cache.load()).toEqual({ n: 3 });
  expect(await older.bring()).toEqual({ n: 3 });
  expect(await later.bring()).toEqual({ n: 3 });
  expect(inner.reads).toBe(3);
});

test('where what was shown is too old to be held, it is asked again', async () => {
  const time = { ms: 0 };
  const { beside, inner, cache, slow } = await bench({ maxAgeMs: 10, clock: () => time.ms });
  const older = await slow();
  await beside.save({ n: 2 });
  await cache.load();
  await beside.save({ n: 3 });
  time.ms = 100;
  expect(await older.bring()).toEqual({ n: 3 });
  expect(inner.reads).toBe(3);
});

test('an absence that was overtaken is not told, nor is a state after an absence', async () => {
  const { beside, cache, slow } = await bench();
  await beside.delete();
  const absence = await slow();
  await beside.save({ n: 2 });
  expect(await cache.load()).toEqual({ n: 2 });
  expect(await absence.bring()).toEqual({ n: 2 });

  cache.invalidate();
  const state = await slow();
  await beside.delete();
  await expect(cache.load()).rejects.toMatchObject({ code: 'DGENTS_STATE_NOT_FOUND' });
  await expect(state.bring()).rejects.toMatchObject({ code: 'DGENTS_STATE_NOT_FOUND' });
});

test.each<[string, CachedAgentOptions<Note>]>([
  ['at once', {}],
  ['later', { mode: 'write-behind', flushMs: Infinity }],
])('a load does not go back behind what was written meanwhile and stored %s', async (_, options) => {
  const { cache, slow } = await bench(options);
  await cache.load();
  for (const [n, write] of [
    [2, () => cache.save({ n: 2 })],
    [3, () => cache.update(({ n }) => ({ n: n + 1 }))],
  ] as const) {
    await cache.flush();
    cache.invalidate();
    const older = await slow();
    await write();
    expect(await older.bring()).toEqual({ n });
  }
  await cache.flush();
  cache.invalidate();
  const older = await slow();
  await cache.delete();
  await expect(older.bring()).rejects.toMatchObject({ code: 'DGENTS_STATE_NOT_FOUND' });
  await cache.close();
});

test('a load does not go back behind what a watch has shown', async () => {
  const { beside, cache, slow } = await bench();
  const older = await slow();
  await beside.save({ n: 2 });
  for await (const item of cache.watch()) {
    expect(item.version).toBe(2);
    break;
  }
  expect(await older.bring()).toEqual({ n: 2 });
});

test('numbering that began anew is not taken for something older', async () => {
  const heads = [5, 1, 5].map((version, i) => ({ version, id: `${i}`, at: i * 10, deleted: false }));
  /** Three logs, one after the other. */
  class Restarting extends Late {
    override read(options?: LoadOptions): Promise<Versioned<never>> {
      const head = heads[this.reads]!;
      return super
        .read(options)
        .then((found) => ({ ...found, state: { n: head.at } as never, head, version: head.version }));
    }
  }
  const store = new Store(memoryBackend());
  await store.agent<Note>('note').save({ n: 1 });
  const cache = new CachedAgent<Note>(new Restarting(store.agent<Note>('note')), { maxAgeMs: 0.001 });
  for (const { at } of heads) expect(await cache.load()).toEqual({ n: at });
});

test('an agent that throws at once is an answer too', async () => {
  class Throwing extends Late {
    override read(): never {
      throw new RangeError('at once');
    }
  }
  const cache = new CachedAgent<Note>(new Throwing(new Store(memoryBackend()).agent<Note>('note')));
  for (const _ of [1, 2]) await expect(cache.load()).rejects.toThrow(new RangeError('at once'));
});
