/** Rule 3: `update` never loses an update. */
import { HookedBackend } from '../../test/hooked-backend.js';
import { failureOf, PLACES, type Place } from '../../test/places.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { Store } from '../store.js';
import type { StateAgent } from './agent.js';

describe.each(PLACES)('update in %s', (_, open) => {
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
  const counter = (on = store) => on.agent<{ n: number }>('k', { initial: () => ({ n: 0 }) });

  test('ten at once give ten', async () => {
    const agent = counter();
    const results = await Promise.all(
      Array.from({ length: 10 }, () =>
        agent.update((draft) => {
          draft.n += 1;
        }),
      ),
    );
    expect(results.map(({ state }) => state.n)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await agent.load()).toEqual({ n: 10 });
  });

  test('two stores with many each lose none, and every result is of its own version', async () => {
    const many = (agent: ReturnType<typeof counter>) =>
      Array.from({ length: 60 }, async (_unused, i) => {
        if (i % 7 === 0) await new Promise((resolve) => setTimeout(resolve, i / 10));
        return agent.update((draft) => {
          draft.n += 1;
        });
      });
    const results = await Promise.all([...many(counter()), ...many(counter(other))]);
    expect(
      results.map(({ version, state }) => version - state.n).every((difference) => difference === 0),
    ).toBe(true);
    expect(new Set(results.map(({ version }) => version)).size).toBe(120);
    expect(await counter().load()).toEqual({ n: 120 });
    expect(await counter(other).load()).toEqual({ n: 120 });
  });

  test('one after the other by two stores needs no load in between', async () => {
    const [here, there] = [counter(), counter(other)];
    for (let i = 0; i < 10; i += 1) {
      await here.update((draft) => {
        draft.n += 1;
      });
      await there.update((draft) => {
        draft.n += 1;
      });
    }
    expect(await here.load()).toEqual({ n: 20 });
  });

  test('a recipe that throws rejects only itself', async () => {
    const agent = counter();
    const thrown = new RangeError('not me');
    const results = await Promise.allSettled([
      agent.update((draft) => {
        draft.n += 1;
      }),
      agent.update((draft) => {
        draft.n += 100;
        throw thrown;
      }),
      agent.update((draft) => {
        draft.n += 1;
      }),
      agent.update(() => ({ n: (() => 1) as never })),
      agent.update((draft) => {
        draft.n += 1;
      }),
    ]);
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect((results[1] as PromiseRejectedResult).reason).toBe(thrown);
    expect((results[3] as PromiseRejectedResult).reason).toMatchObject({
      code: 'DGENTS_STATE_SERIALIZATION',
    });
    expect(await agent.read()).toMatchObject({ version: 3, state: { n: 3 } });
  });

  test('a recipe that refuses a stale state is judged on what is there now', async () => {
    const [here, there] = [counter(), counter(other)];
    await here.save({ n: 0 });
    await there.update((draft) => {
      draft.n = 5;
    });
    const spend = here.update((draft) => {
      if (draft.n < 3) throw new RangeError('too poor');
      draft.n -= 3;
    });
    expect((await spend).state).toEqual({ n: 2 });
    expect(
      (
        await failureOf(
          here.update((draft) => {
            if (draft.n < 3) throw new RangeError('too poor');
          }),
        )
      ).message,
    ).toBe('too poor');
  });

  test('without a state and without `initial` there is nothing to update', async () => {
    expect((await failureOf(store.agent('k').update(() => 1))).name).toBe('StateNotFoundError');
    expect(await store.has('k')).toBe(false);
  });

  test('after a deletion begins with `initial` again', async () => {
    const agent = counter();
    await agent.save({ n: 5 });
    await agent.delete();
    expect(
      await agent.update((draft) => {
        draft.n += 1;
      }),
    ).toMatchObject({ version: 3, state: { n: 1 } });
  });

  describe.each([
    ['small', ''],
    ['large', 'x'.repeat(6000)],
  ])('a %s state', (_size, pad) => {
    interface State {
      pad: string;
      list: number[];
      sub: { n: number };
      when?: Date;
    }
    const start = (): State => ({ pad, list: [1], sub: { n: 1 } });
    let agent: StateAgent<State>;
    beforeEach(async () => {
      agent = store.agent<State>('s');
      await agent.save(start());
    });
    const refused = async (recipe: (draft: State) => unknown) => {
      const error = await failureOf(agent.update(recipe as never));
      expect(await agent.load()).toEqual(start());
      return `${error.name}: ${error.message}`;
    };

    test('may be changed in place, replaced, or returned as it was given', async () => {
      expect((await agent.update((draft) => void draft.list.push(2))).state.list).toEqual([1, 2]);
      expect((await agent.update((draft) => ({ ...draft, list: [] }))).state).toEqual({
        ...start(),
        list: [],
      });
      expect(
        (
          await agent.update((draft) => {
            draft.sub.n = 2;
            return draft;
          })
        ).state.sub,
      ).toEqual({ n: 2 });
      expect((await agent.update((draft) => draft)).version).toBe(5);
      expect((await agent.update(() => undefined)).version).toBe(6);
    });

    test('may become a part of itself, or hold itself twice', async () => {
      expect(
        (await agent.update((draft) => ({ ...draft, sub: draft.sub, more: draft.sub }) as never)).state,
      ).toEqual({
        ...start(),
        more: { n: 1 },
      });
      expect((await agent.update((draft) => draft.sub as never)).state).toEqual({ n: 1 });
      expect(await other.agent('s').load()).toEqual({ n: 1 });
    });

    test('may become a primitive, and come back', async () => {
      expect((await agent.update(() => 5 as never)).state).toBe(5);
      expect((await agent.update((five) => ((five as never as number) + 1) as never)).state).toBe(6);
      expect((await agent.update(() => null as never)).state).toBe(null);
      expect((await agent.update(start)).state).toEqual(start());
    });

    test('refuses a recipe that both changes and returns', async () => {
      for (const recipe of [
        (draft: State) => draft.list.push(2),
        (draft: State) => (draft.sub.n += 1),
        (draft: State) => {
          draft.sub.n = 2;
          return { ...draft, list: [] };
        },
        (draft: State) => {
          draft.sub.n = 2;
          return draft.sub;
        },
      ]) {
        expect(await refused(recipe)).toMatch(
          /^TypeError: The recipe both changed the draft and returned a value/,
        );
      }
    });

    test('refuses a promise, also one that rejects', async () => {
      const message = /^TypeError: The recipe returned a promise/;
      expect(await refused(async () => start())).toMatch(message);
      expect(await refused(async (draft) => void draft.list.push(2))).toMatch(message);
      expect(await refused(() => Promise.reject(new Error('unseen')))).toMatch(message);
    });

    test('refuses what cannot be stored, with its path', async () => {
      const error = await failureOf(
        agent.update((draft) => {
          draft.sub = { n: (() => 1) as never };
        }),
      );
      expect(error).toMatchObject({ code: 'DGENTS_STATE_SERIALIZATION', path: '$.sub.n' });
      expect(await agent.load()).toEqual(start());
    });

    test('with a Date inside is updated as well', async () => {
      await agent.save({ ...start(), when: new Date(1000) });
      await agent.update((draft) => void draft.when!.setTime(2000));
      expect((await agent.load()).when).toEqual(new Date(2000));
      expect((await agent.load({ at: 2 })).when).toEqual(new Date(1000));
      expect((await other.agent<State>('s').load()).when).toEqual(new Date(2000));
      expect(
        (
          await failureOf(
            agent.update((draft) => {
              draft.when!.setTime(3000);
              return start();
            }),
          )
        ).message,
      ).toMatch(/both changed/);
    });

    test('is stored as a patch that weighs no more than the change', async () => {
      if (pad === '') return;
      await agent.update((draft) => void draft.list.push(2));
      const { records } = await store.backend.read('s', { after: (await agent.read({ at: 1 })).head! });
      expect(records.map(({ kind, data }) => [kind, JSON.parse(data)])).toEqual([
        ['patch', [{ op: 'add', path: '/list/1', value: 2 }]],
      ]);
    });
  });
});

test('a hundred updates at once are a handful of commits', async () => {
  const backend = new HookedBackend(memoryBackend());
  const store = new Store(backend);
  const agent = store.agent<number>('k', { initial: () => 0 });
  const results = await Promise.all(Array.from({ length: 100 }, () => agent.update((n) => n + 1)));
  expect(backend.calls.commit).toBeLessThanOrEqual(3);
  expect(results.map(({ state }) => state)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
  expect(new Set(results.map(({ head }) => head!.id)).size).toBe(100);
});

test('more at once than one append may hold', async () => {
  const backend = new HookedBackend(memoryBackend());
  backend.declined = { limits: { ...backend.inner.capabilities.limits, recordsPerAppend: 7 } };
  const agent = new Store(backend).agent<number>('k', { initial: () => 0 });
  await Promise.all(Array.from({ length: 50 }, () => agent.update((n) => n + 1)));
  expect(await agent.load()).toBe(50);
  expect(Math.max(...backend.appends.map(({ records }) => records.length))).toBeLessThanOrEqual(7);
});

test('an update that meets conflicts until its deadline says so, and nothing is written', async () => {
  const logs = memoryBackend();
  const backend = new HookedBackend(memoryBackend({ sharing: logs }));
  const rival = new Store(logs).agent<number>('k', { initial: () => 0 });
  const agent = new Store(backend, { timeoutMs: 80 }).agent<number>('k', { initial: () => 0 });
  await agent.load();
  backend.before = async ({ method }) => {
    if (method === 'commit') await rival.update((n) => n + 1);
  };
  const error = await failureOf(agent.update((n) => n + 1000));
  expect(['StorageTimeoutError', 'OutcomeUnknownError']).toContain(error.name);
  backend.before = undefined;
  expect(await agent.load()).toBeLessThan(1000);
});
