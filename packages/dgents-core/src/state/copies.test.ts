/** Rule 1: what you give is taken at the call, what you get is yours. */
import { PLACES, type Place } from '../../test/places.js';
import { Store } from '../store.js';

interface State {
  list: { n: number }[];
  when: Date;
  tags: Map<string, Set<number>>;
  bytes: Uint8Array;
}

const fresh = (): State => ({
  list: [{ n: 1 }, { n: 2 }],
  when: new Date(1000),
  tags: new Map([['a', new Set([1])]]),
  bytes: Uint8Array.of(1, 2, 3),
});

function spoil(state: State): void {
  state.list[0]!.n = 99;
  state.list.push({ n: 100 });
  state.when.setTime(0);
  state.tags.get('a')!.add(99);
  state.tags.set('b', new Set());
  state.bytes[0] = 99;
}

describe.each(PLACES)('a state in %s', (_, open) => {
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

  test('is taken at the call of save: what happens to the object during and after it changes nothing', async () => {
    const agent = store.agent<State>('k');
    const given = fresh();
    const saving = agent.save(given, { meta: { n: 1 } });
    spoil(given);
    await saving;
    spoil(given);
    expect(await agent.load()).toEqual(fresh());
    expect(await other.agent<State>('k').load()).toEqual(fresh());
  });

  test('so is its meta', async () => {
    const agent = store.agent<State>('k');
    const meta = { list: [1] };
    const saving = agent.save(fresh(), { meta });
    meta.list.push(2);
    await saving;
    expect((await agent.read()).meta).toEqual({ list: [1] });
  });

  test('is a private copy at each load, read, history, timeline and update', async () => {
    const agent = store.agent<State>('k');
    await agent.save(fresh());
    await agent.save(fresh());
    spoil(await agent.load());
    spoil((await agent.read()).state);
    spoil((await agent.read({ at: 1 })).state);
    spoil((await agent.history())[0]!);
    for await (const version of agent.timeline()) if (!version.deleted) spoil(version.state);
    spoil(
      (
        await agent.update((draft) => {
          draft.list[1]!.n = 2;
        })
      ).state,
    );
    expect(await agent.load()).toEqual(fresh());
    expect(await agent.load({ at: 1 })).toEqual(fresh());
    expect(await other.agent<State>('k').load()).toEqual(fresh());
  });

  test('is the same object as often as it is looked at in one Versioned, and another in the next', async () => {
    const agent = store.agent<State>('k');
    await agent.save(fresh());
    const [one, next] = [await agent.read(), await agent.read()];
    expect(one.state).toBe(one.state);
    expect(one.state).not.toBe(next.state);
  });

  test('of a Versioned stays what it was, however late it is looked at', async () => {
    const agent = store.agent<{ n: number }>('k');
    await agent.save({ n: 1 });
    const seen = await agent.read();
    await agent.update((draft) => {
      draft.n = 2;
    });
    expect(seen.state).toEqual({ n: 1 });
  });

  test('from `initial` is a fresh one each time', async () => {
    const shared = fresh();
    const agent = store.agent<State>('k', { initial: () => shared });
    spoil(await agent.load());
    await agent.update((draft) => spoil(draft));
    expect(shared).toEqual(fresh());
  });

  test('keeps no hold on what a recipe was given, gave back or put in', async () => {
    for (const pad of ['', 'x'.repeat(6000)]) {
      const agent = store.agent<{ pad: string; list: { n: number }[] }>(`k${pad.length}`);
      await agent.save({ pad, list: [{ n: 1 }] });
      const mine = { n: 2 };
      let leaked: { list: { n: number }[] } | undefined;
      await agent.update((draft) => {
        leaked = draft;
        draft.list.push(mine);
      });
      mine.n = 99;
      try {
        leaked!.list[0]!.n = 99;
      } catch {
        // A draft that was revoked.
      }
      const returned = { pad, list: [{ n: 1 }, { n: 2 }, { n: 3 }] };
      expect((await agent.load()).list).toEqual([{ n: 1 }, { n: 2 }]);
      await agent.update(() => returned);
      returned.list[2]!.n = 99;
      expect((await agent.load()).list).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    }
  });

  test('frozen is shared and frozen, except for what freezing cannot protect', async () => {
    const agent = store.agent<State>('k');
    await agent.save(fresh());
    const one = await agent.load({ frozen: true });
    const next = await agent.load({ frozen: true });
    expect(one).toEqual(fresh());
    expect(one.list).toBe(next.list);
    expect(Object.isFrozen(one.list[0])).toBe(true);
    expect(() => {
      (one.list as { n: number }[])[0]!.n = 5;
    }).toThrow(TypeError);
    expect(one.when).not.toBe(next.when);
    expect(one.tags).not.toBe(next.tags);
    expect(one.bytes).not.toBe(next.bytes);
    (one.when as Date).setTime(0);
    (one.bytes as Uint8Array)[0] = 99;
    expect(await agent.load()).toEqual(fresh());
  });

  test('frozen and plain is the very same object at the second call, and what did not change is shared with the next version', async () => {
    const agent = store.agent<{ a: { n: number }; b: { n: number } }>('k');
    await agent.save({ a: { n: 1 }, b: { n: 1 } });
    const one = await agent.load({ frozen: true });
    expect(await agent.load({ frozen: true })).toBe(one);
    await agent.update((draft) => {
      draft.a.n = 2;
    });
    const next = await agent.load({ frozen: true });
    expect(next.b).toBe(one.b);
    expect([one.a.n, next.a.n]).toEqual([1, 2]);
    const copy = await agent.load();
    copy.b.n = 7;
    expect(next.b.n).toBe(1);
  });

  test('keeps the order of its keys', async () => {
    const agent = store.agent<Record<string, number>>('k');
    const orders = [
      { x: 1, y: 2, z: 3 },
      { x: 1, z: 3, y: 2 },
      { z: 3, a: 0, x: 1, y: 2 },
      { y: 2 },
      { x: 1, y: 2 },
    ];
    for (const state of orders) await agent.save(state);
    await agent.update(({ x, y }) => ({ y: y!, x: x! }));
    const texts: string[] = [];
    for await (const version of other.agent('k').timeline())
      if (!version.deleted) texts.push(JSON.stringify(version.state));
    expect(texts).toEqual([...orders, { y: 2, x: 1 }].map((state) => JSON.stringify(state)));
    expect(JSON.stringify(await agent.load())).toBe('{"y":2,"x":1}');
  });

  test('may be null, 0, empty or false, and not undefined', async () => {
    for (const falsy of [null, 0, '', false, -0, Number.NaN, [], {}]) {
      const agent = store.agent<unknown>('k', { initial: () => 'default' });
      await agent.save(falsy);
      expect(await agent.load()).toStrictEqual(falsy);
      expect(await other.agent('k').load()).toStrictEqual(falsy);
      expect((await agent.update(() => falsy)).state).toStrictEqual(falsy);
    }
    await expect(store.agent<unknown>('k').save(undefined)).rejects.toThrow(TypeError);
    expect(() => store.agent('k', { initial: {} as never })).toThrow(TypeError);
  });

  test('with hostile names comes back whole, and leaves prototypes alone', async () => {
    const text =
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":1,"$date":2,"a/b~c":3,"":4}';
    const agent = store.agent<Record<string, unknown>>('k');
    await agent.save(JSON.parse(text) as Record<string, unknown>);
    await agent.update((draft) => {
      (draft['constructor'] as Record<string, unknown>)['more'] = [1];
    });
    expect(JSON.stringify(await other.agent('k').load())).toBe(
      text.replace('"polluted":1}},"toS', '"polluted":1},"more":[1]},"toS'),
    );
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
