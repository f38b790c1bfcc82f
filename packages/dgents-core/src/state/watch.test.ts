/** watch: the current state, then newer ones as they come. */
import { HookedBackend, type Method } from '../../test/hooked-backend.js';
import { failureOf, PLACES, type Place } from '../../test/places.js';
import type { Deleted, Versioned } from '../data-agent.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { Store } from '../store.js';

type Seen = Versioned<number> | Deleted;

/** Steps through a watch; each step says what came, or 'nothing' after a while. */
function stepping(watch: AsyncIterable<Seen>) {
  const iterator = watch[Symbol.asyncIterator]();
  let pending: Promise<IteratorResult<Seen>> | undefined;
  return {
    iterator,
    next: async (ms = 2000): Promise<unknown> => {
      pending ??= iterator.next();
      const late = new Promise<'nothing'>((resolve) => setTimeout(resolve, ms, 'nothing').unref());
      const step = await Promise.race([pending, late]);
      if (step === 'nothing') return step;
      pending = undefined;
      if (step.done) return 'end';
      return step.value.deleted ? 'deleted' : step.value.state;
    },
  };
}

describe.each(PLACES)('watch in %s', (_, open) => {
  let place: Place;
  let store: Store;
  let other: Store;
  beforeEach(() => {
    place = open();
    store = new Store(place.backend());
    other = new Store(place.backend());
  });
  afterEach(async () => {
    await Promise.all([store.close(), other.close()]);
    place.destroy();
  });

  test.each(['same store', 'other store'])(
    'gives the current state, then what handles of the %s write',
    async (where) => {
      const writer = (where === 'same store' ? store : other).agent<number>('k');
      await writer.save(1);
      const { next } = stepping(store.agent<number>('k').watch({ pollMs: 20 }));
      expect(await next()).toBe(1);
      const second = next();
      await writer.save(2);
      expect(await second).toBe(2);
      await writer.delete();
      expect(await next()).toBe('deleted');
      await writer.save(3);
      expect(await next()).toBe(3);
    },
  );

  test('waits for a state that is not there yet; a default is none', async () => {
    const { next } = stepping(store.agent<number>('k', { initial: () => 7 }).watch({ pollMs: 20 }));
    expect(await next(60)).toBe('nothing');
    await other.agent<number>('k').save(1);
    expect(await next()).toBe(1);
  });

  test('does not begin with a deletion, and tells one that comes', async () => {
    const writer = other.agent<number>('k');
    await writer.save(1);
    await writer.delete();
    const { next } = stepping(store.agent<number>('k').watch({ pollMs: 20 }));
    expect(await next(60)).toBe('nothing');
    await writer.save(2);
    expect(await next()).toBe(2);
  });

  test('may skip what came in between, and never misses the last', async () => {
    const writer = other.agent<number>('k', { initial: () => 0 });
    const seen: number[] = [];
    const watching = (async () => {
      for await (const version of store.agent<number>('k').watch({ pollMs: 5 })) {
        if (!version.deleted) seen.push(version.state);
        if (seen.at(-1) === 200) return;
      }
    })();
    for (let i = 0; i < 200; i += 1) {
      await writer.update((n) => n + 1);
      if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await watching;
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('counts as having looked', async () => {
    const writer = other.agent<number>('k');
    const handle = store.agent<number>('k');
    await writer.save(1);
    const { next } = stepping(handle.watch({ pollMs: 20 }));
    await next();
    await writer.save(2);
    expect((await failureOf(handle.save(9))).name).toBe('StateConflictError');
    expect(await next()).toBe(2);
    expect(await handle.save(9)).toBe(3);
  });

  test('ends when its signal aborts, the agent or the store is closed, or the consumer leaves', async () => {
    const agent = store.agent<number>('k');
    await agent.save(1);
    const controller = new AbortController();
    const aborted = stepping(agent.watch({ signal: controller.signal }));
    const closed = stepping(store.agent<number>('k').watch());
    expect([await aborted.next(), await closed.next()]).toEqual([1, 1]);
    const end = aborted.next();
    controller.abort();
    expect(await end).toBe('end');
    for await (const _version of agent.watch()) break;
    const own = store.agent<number>('k');
    const ofOwn = stepping(own.watch());
    await ofOwn.next();
    const ownEnd = ofOwn.next();
    await own.close();
    expect(await ownEnd).toBe('end');
    const storeEnd = closed.next();
    await store.close();
    expect(await storeEnd).toBe('end');
    expect(await stepping(other.agent<number>('k').watch({ signal: AbortSignal.abort() })).next()).toBe(
      'end',
    );
  });
});

describe('a watch', () => {
  test('polls where the store gives no hints, and reads nothing else', async () => {
    const backend = new HookedBackend(memoryBackend(), { without: ['watch'] });
    const store = new Store(backend);
    const agent = store.agent<number>('k');
    await agent.save(1);
    const { next } = stepping(store.agent<number>('k').watch({ pollMs: 30 }));
    expect(await next()).toBe(1);
    backend.reset();
    expect(await next(200)).toBe('nothing');
    expect(backend.calls.read).toBeGreaterThanOrEqual(3);
    expect(backend.calls.read).toBeLessThanOrEqual(9);
    await store.close();
  });

  test('is woken by the writes of its own store, where there are no hints either', async () => {
    const store = new Store(new HookedBackend(memoryBackend(), { without: ['watch'] }));
    const writer = store.agent<number>('k');
    await writer.save(1);
    const { next } = stepping(store.agent<number>('k').watch({ pollMs: 60_000 }));
    expect(await next()).toBe(1);
    const second = next(1000);
    await writer.save(2);
    expect(await second).toBe(2);
    await store.close();
  });

  test('is woken by hints long before it would poll', async () => {
    const logs = memoryBackend();
    const store = new Store(memoryBackend({ sharing: logs }));
    const writer = new Store(logs).agent<number>('k');
    await writer.save(1);
    const { next } = stepping(store.agent<number>('k').watch({ pollMs: 60_000 }));
    expect(await next()).toBe(1);
    const second = next(1000);
    await writer.save(2);
    expect(await second).toBe(2);
    await store.close();
  });

  test('goes on polling when the hints fail', async () => {
    const backend = new HookedBackend(memoryBackend());
    const inner = backend.inner as { watch?: unknown };
    inner.watch = () => {
      throw new Error('no hints today');
    };
    const store = new Store(backend);
    const { next } = stepping(store.agent<number>('k').watch({ pollMs: 20 }));
    expect(await next(40)).toBe('nothing');
    await new Store(backend.inner).agent<number>('k').save(1);
    expect(await next()).toBe(1);
    await store.close();
  });

  test('whose read fails rejects, and can be begun again', async () => {
    const backend = new HookedBackend(memoryBackend());
    const store = new Store(backend);
    const agent = store.agent<number>('k');
    await agent.save(1);
    const failing: Method = 'read';
    backend.before = ({ method }) => {
      if (method === failing) throw new RangeError('unreachable');
    };
    await expect(stepping(agent.watch()).next()).rejects.toThrow('unreachable');
    backend.before = undefined;
    expect(await stepping(agent.watch()).next()).toBe(1);
    await store.close();
  });

  test('with a pollMs that makes no sense rejects', async () => {
    const store = new Store(memoryBackend());
    for (const pollMs of [0, -1, Number.NaN]) {
      await expect(stepping(store.agent<number>('k').watch({ pollMs })).next()).rejects.toThrow(RangeError);
    }
  });
});
