/** Rule 2: `save` compares. */

import { gate, HookedBackend } from '../../test/hooked-backend.js';
import { failureOf, PLACES, type Place } from '../../test/places.js';
import type { Backend } from '../backend.js';
import { StateConflictError } from '../errors.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { Store } from '../store.js';
import { newOperationId } from './ids.js';

/** Two stores on the same logs, and one more that has looked at nothing yet. */
function stores(place: Place): { here: Store; there: Store; fresh: () => Store } {
  const fresh = (): Store => new Store(place.backend());
  return { here: fresh(), there: fresh(), fresh };
}

describe.each(PLACES)('save in %s', (_, open) => {
  let place: Place;
  let here: Store;
  let there: Store;
  beforeEach(() => {
    place = open();
    ({ here, there } = stores(place));
  });
  afterEach(async () => {
    await Promise.all([here.close(), there.close()]);
    place.destroy();
  });

  test('a handle that has seen nothing overwrites', async () => {
    await here.agent<number>('k').save(1);
    expect(await here.agent<number>('k').save(2)).toBe(2);
    expect(await there.agent<number>('k').save(3)).toBe(3);
  });

  test('a handle may replace what it saved, again and again', async () => {
    const agent = here.agent<number>('k');
    expect([await agent.save(1), await agent.save(2), await agent.save(3)]).toEqual([1, 2, 3]);
  });

  test.each(['same store', 'other store'])(
    'what another handle of the %s wrote since is a conflict',
    async (where) => {
      const one = here.agent<number>('k');
      const other = (where === 'same store' ? here : there).agent<number>('k');
      await one.save(1);
      await other.load();
      const head = (await one.read()).head!;
      await other.save(2, { operationId: 'the-winner' });
      const error = await failureOf(one.save(3));
      expect(error).toBeInstanceOf(StateConflictError);
      expect(error).toMatchObject({
        code: 'DGENTS_STATE_CONFLICT',
        key: 'k',
        retryable: false,
        expected: { version: 1, id: head.id, at: head.at },
        actual: { version: 2, id: 'the-winner' },
      });
      expect(error.message).toMatch(/update/i);
      expect(await there.agent<number>('k').load()).toBe(2);
    },
  );

  test('a conflict stays one until the handle has loaded again', async () => {
    const one = here.agent<number>('k');
    await one.save(1);
    await there.agent<number>('k').save(2);
    for (let i = 0; i < 3; i += 1) await expect(one.save(3)).rejects.toThrow(StateConflictError);
    await expect(one.delete()).rejects.toThrow(StateConflictError);
    expect(await one.load()).toBe(2);
    expect(await one.save(3)).toBe(3);
  });

  test('time travel, history and timeline do not count as having looked at the present', async () => {
    const one = here.agent<number>('k');
    await one.save(1);
    await there.agent<number>('k').save(2);
    await one.load({ at: 2 });
    await one.history();
    for await (const _version of one.timeline());
    await expect(one.save(3)).rejects.toThrow(StateConflictError);
  });

  test('an absent state that was seen counts as version 0', async () => {
    const one = here.agent<number>('k', { initial: () => 0 });
    const other = there.agent<number>('k');
    await expect(other.load()).rejects.toThrow('There is no state');
    await one.load();
    await one.save(1);
    const error = await failureOf(other.save(2));
    expect(error).toMatchObject({
      code: 'DGENTS_STATE_CONFLICT',
      expected: { version: 0 },
      actual: { version: 1 },
    });
  });

  test('a handle that saw the state deleted may write it anew, and once only', async () => {
    const one = here.agent<number>('k');
    const other = there.agent<number>('k');
    await one.save(1);
    await other.load();
    await one.delete();
    await expect(other.load()).rejects.toThrow('There is no state');
    expect(await other.save(2)).toBe(3);
    await expect(one.save(3)).rejects.toThrow(StateConflictError);
  });

  describe('`expected`', () => {
    test('takes a Versioned, a head, a tombstone, a version, 0 and "any"', async () => {
      const agent = here.agent<string>('k');
      const other = there.agent<string>('k');
      await other.save('a');
      const first = await other.read();
      expect(await agent.save('b', { expected: first })).toBe(2);
      expect(await agent.save('c', { expected: (await other.read()).head! })).toBe(3);
      expect(await agent.save('d', { expected: 3 })).toBe(4);
      for (const stale of [first, first.head!, 3, 0] as const) {
        await expect(agent.save('x', { expected: stale })).rejects.toThrow(StateConflictError);
        await expect(agent.update(() => 'x', { expected: stale })).rejects.toThrow(StateConflictError);
        await expect(agent.delete({ expected: stale })).rejects.toThrow(StateConflictError);
      }
      await expect(agent.save('x', { expected: 99 })).rejects.toThrow(StateConflictError);
      await other.load();
      await other.save('e');
      expect(await agent.save('f', { expected: 'any' })).toBe(6);
      await agent.delete();
      let tombstone: Parameters<typeof agent.save>[1];
      for await (const version of agent.timeline({ from: 7 })) tombstone = { expected: version };
      expect(await other.save('g', tombstone)).toBe(8);
      await other.delete();
      expect(await agent.save('h', { expected: 0 })).toBe(10);
    });

    test('a default that was read is no live state', async () => {
      const agent = here.agent<number>('k', { initial: () => 7 });
      const seen = await agent.read();
      expect([seen.version, seen.head, seen.savedAt]).toEqual([0, null, null]);
      await expect(agent.save(8, { expected: seen })).resolves.toBe(1);
      await expect(there.agent<number>('k').save(9, { expected: seen })).rejects.toThrow(StateConflictError);
    });

    test('compares the id of the operation, not only the version', async () => {
      const agent = here.agent<number>('k');
      await agent.save(1);
      const head = { ...(await agent.read()).head!, id: 'another' };
      await expect(agent.save(2, { expected: head })).rejects.toThrow(StateConflictError);
    });

    test('anything else is a TypeError or RangeError, and nothing is stored', async () => {
      const agent = here.agent<number>('k');
      for (const wrong of [-1, 1.5, Number.NaN]) {
        await expect(agent.save(1, { expected: wrong })).rejects.toThrow(RangeError);
      }
      for (const wrong of [null, 'none', true, {}, { version: 1 }]) {
        await expect(agent.save(1, { expected: wrong as never })).rejects.toThrow(TypeError);
      }
      expect(await here.has('k')).toBe(false);
    });
  });

  describe('saves that are not awaited', () => {
    test('on one handle build on each other', async () => {
      const agent = here.agent<number>('k');
      expect(await Promise.all([1, 2, 3, 4].map((n) => agent.save(n)))).toEqual([1, 2, 3, 4]);
      await agent.load();
      expect(await Promise.all([5, 6].map((n) => agent.save(n)))).toEqual([5, 6]);
      expect(await agent.history(2)).toEqual([5, 4]);
    });

    test('all fail where the first meets a conflict', async () => {
      const agent = here.agent<number>('k');
      await agent.save(1);
      await there.agent<number>('k').save(2);
      const errors = await Promise.all([
        failureOf(agent.save(3)),
        failureOf(agent.save(4)),
        failureOf(agent.delete()),
      ]);
      expect(errors.map(({ name }) => name)).toEqual(Array(3).fill('StateConflictError'));
      expect(await there.agent<number>('k').load()).toBe(2);
    });

    test('on two handles compete: one wins, the other is told', async () => {
      const [one, other] = [here.agent<number>('k'), here.agent<number>('k')];
      await one.save(1);
      await other.load();
      const results = await Promise.allSettled([one.save(2), other.save(3)]);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    });

    test('a save behind a delete follows its tombstone', async () => {
      const agent = here.agent<number>('k');
      await agent.save(1);
      expect(await Promise.all([agent.delete(), agent.save(2), agent.delete(), agent.delete()])).toEqual([
        true,
        3,
        true,
        false,
      ]);
      expect(await agent.save(5)).toBe(5);
    });

    test('a save behind an update that fails still compares with what the handle saw', async () => {
      const agent = here.agent<number>('k');
      await agent.save(1);
      await there.agent<number>('k').save(2);
      const failed = failureOf(
        agent.update(() => {
          throw new RangeError('no');
        }),
      );
      const conflict = failureOf(agent.save(3));
      expect((await failed).message).toBe('no');
      expect((await conflict).name).toBe('StateConflictError');
      expect(await there.agent<number>('k').load()).toBe(2);
    });

    test('a save behind one that forces and fails compares with what the handle saw', async () => {
      const agent = here.agent<number>('k');
      await agent.save(1);
      await there.agent<number>('k').save(2);
      const aborted = new AbortController();
      const forced = failureOf(agent.save(3, { expected: 'any', signal: aborted.signal }));
      const conflict = failureOf(agent.save(4));
      aborted.abort();
      expect((await forced).name).toBe('AbortError');
      expect((await conflict).name).toBe('StateConflictError');
    });
  });

  test('a save that was aborted before it began leaves no trace in what the handle compares with', async () => {
    await there.agent<number>('k').save(1);
    const agent = here.agent<number>('k');
    expect((await failureOf(agent.save(9, { signal: AbortSignal.abort() }))).name).toBe('AbortError');
    await agent.load();
    await there.agent<number>('k').save(2);
    await expect(agent.save(3)).rejects.toThrow(StateConflictError);
    await agent.load();
    expect(await agent.save(3)).toBe(3);
  });
});

describe('round trips', () => {
  let backend: HookedBackend;
  let logs: ReturnType<typeof memoryBackend>;
  let store: Store;
  const io = (): { reads: number; commits: number; others: number } => {
    const { read, commit, ready: _, ...others } = backend.calls;
    return { reads: read, commits: commit, others: Object.values(others).reduce((sum, n) => sum + n, 0) };
  };
  beforeEach(async () => {
    logs = memoryBackend();
    const shared: Backend = memoryBackend({ sharing: logs });
    await new Store(memoryBackend({ sharing: logs })).agent<number>('k').save(0);
    backend = new HookedBackend(shared);
    store = new Store(backend);
    await store.ready();
    backend.reset();
  });

  test('a save by a handle that has loaded is one commit and no read', async () => {
    const agent = store.agent<number>('k');
    await agent.load();
    backend.reset();
    await agent.save(1);
    expect(io()).toEqual({ reads: 0, commits: 1, others: 0 });
    await agent.save(2);
    await agent.update((n) => n + 1);
    await agent.delete();
    expect(io()).toEqual({ reads: 0, commits: 4, others: 0 });
  });

  test('a first save is one commit and no read where there is nothing', async () => {
    const agent = store.agent<number>('new');
    await agent.save(1);
    expect(io()).toEqual({ reads: 0, commits: 1, others: 0 });
    await agent.save(2);
    await agent.update((n) => n + 1);
    expect(io()).toEqual({ reads: 0, commits: 3, others: 0 });
    backend.reset();
    await Promise.all([store.agent<number>('j').save(1, { expected: 0 }), store.agent<number>('j').save(2)]);
    expect(io()).toEqual({ reads: 0, commits: 1, others: 0 });
    expect(await store.agent<number>('j').history()).toEqual([1]);
  });

  test('a first save where there is something is refused once, reads, and is made after it', async () => {
    expect(await store.agent<number>('k').save(1)).toBe(2);
    expect(io()).toEqual({ reads: 1, commits: 2, others: 0 });
    const another = () => new Store(memoryBackend({ sharing: logs })).agent<number>('k');
    await expect(another().save(1, { expected: 0 })).rejects.toThrow(StateConflictError);
    await another().delete();
    expect(await another().save(7, { expected: 0 })).toBe(4);
    expect(await store.agent<number>('k').load()).toBe(7);
  });

  test('a first update, or one whose id is to be looked up, reads first', async () => {
    await store.agent<number>('k', { initial: () => 0 }).update((n) => n + 1);
    expect(io()).toEqual({ reads: 1, commits: 1, others: 0 });
    backend.reset();
    await store.agent<number>('j').save(1, { operationId: newOperationId() });
    expect(io().reads).toBeGreaterThan(0);
  });

  test('a load is one read', async () => {
    const agent = store.agent<number>('k');
    await agent.load();
    await agent.load();
    expect(io()).toEqual({ reads: 2, commits: 0, others: 0 });
  });

  test('a conflict costs one more read, and is told without a second commit', async () => {
    const agent = store.agent<number>('k');
    await agent.load();
    await new Store(memoryBackend({ sharing: logs })).agent<number>('k').save(5);
    backend.reset();
    await expect(agent.save(1)).rejects.toThrow(StateConflictError);
    expect(io()).toEqual({ reads: 1, commits: 1, others: 0 });
  });

  test('what is refused whatever the store holds costs nothing', async () => {
    const agent = store.agent<unknown>('k');
    await expect(agent.save(undefined)).rejects.toThrow(TypeError);
    await expect(agent.save(() => 1)).rejects.toThrow('Cannot store $: a function');
    await expect(agent.save(1, { meta: { x: 'x'.repeat(5000) } })).rejects.toThrow(RangeError);
    await expect(agent.save(1, { meta: [] as never })).rejects.toThrow(TypeError);
    await expect(agent.save(1, { operationId: '' })).rejects.toThrow(RangeError);
    await expect(agent.save(1, { timeoutMs: 0 })).rejects.toThrow(RangeError);
    await expect(agent.save(1, { ttlMs: -1 })).rejects.toThrow(RangeError);
    await expect(agent.update(5 as never)).rejects.toThrow(TypeError);
    expect(io()).toEqual({ reads: 0, commits: 0, others: 0 });
  });

  test('saves that wait for one on its way go out together', async () => {
    const agent = store.agent<number>('k');
    await agent.load();
    backend.reset();
    const slow = gate('commit');
    backend.before = slow.hook;
    const first = agent.save(1);
    await slow.entered;
    const rest = [2, 3, 4, 5].map((n) => agent.save(n));
    slow.open();
    expect(await Promise.all([first, ...rest])).toEqual([2, 3, 4, 5, 6]);
    expect(io()).toEqual({ reads: 0, commits: 2, others: 0 });
  });
});

describe('a handle with always a save under way', () => {
  test('does not hold on to the earlier ones', async () => {
    const agent = new Store(memoryBackend()).agent<number>('k');
    const pending: Promise<number>[] = [];
    for (let i = 0; i < 300; i += 1) {
      pending.push(agent.save(i));
      if (i % 10 === 9) await pending[i - 5];
    }
    await Promise.all(pending);
    const last = agent.save(-1);
    const { lastWrite } = agent as unknown as { lastWrite: { otherwise: { kind: string } } };
    await last;
    expect(lastWrite.otherwise.kind).not.toBe('after');
  });
});
