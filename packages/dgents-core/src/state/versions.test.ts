/** Rule 4 and time travel: versions only grow, and each of them can be read again. */
import { all, failureOf, PLACES, type Place } from '../../test/places.js';
import { Store } from '../store.js';
import type { StateAgent } from './agent.js';

describe.each(PLACES)('versions in %s', (_, open) => {
  let place: Place;
  let store: Store;
  let agent: StateAgent<string>;
  let now: number;
  beforeEach(() => {
    place = open();
    now = 1000;
    store = new Store(place.backend(), { clock: () => now });
    agent = store.agent<string>('k');
  });
  afterEach(async () => {
    await store.close();
    place.destroy();
  });

  /** 1 a, 2 b, 3 deleted, 4 c, 5 c, 6 d; a second apart. */
  async function live(): Promise<void> {
    for (const step of ['a', 'b', undefined, 'c', 'c', 'd']) {
      now += 1000;
      if (step === undefined) await agent.delete();
      else await agent.save(step, { meta: { step } });
    }
  }

  test('grow with each write, across deletion and re-creation, also for an equal state', async () => {
    expect(await agent.save('a')).toBe(1);
    expect(await agent.save('a')).toBe(2);
    expect(await agent.delete()).toBe(true);
    expect(await agent.delete()).toBe(false);
    expect(await agent.save('a')).toBe(4);
    expect((await agent.update((text) => text)).version).toBe(5);
    expect(await agent.read()).toMatchObject({
      version: 5,
      state: 'a',
      deleted: false,
      head: { version: 5 },
    });
  });

  test('history is newest first, without the current one and without deletions', async () => {
    expect(await store.agent('absent').history()).toEqual([]);
    await live();
    expect(await agent.history()).toEqual(['c', 'c', 'b', 'a']);
    expect(await agent.history(3)).toEqual(['c', 'c', 'b']);
    expect(await agent.history(0)).toEqual([]);
    expect(await agent.history(Infinity)).toEqual(['c', 'c', 'b', 'a']);
    await agent.delete();
    expect(await agent.history(1)).toEqual(['d']);
  });

  test('history is 100 long unless told', async () => {
    for (let i = 0; i < 12; i += 1) {
      await Promise.all(Array.from({ length: 10 }, (_unused, j) => agent.save(`${i * 10 + j}`)));
    }
    expect(await agent.history()).toEqual(Array.from({ length: 100 }, (_unused, i) => `${118 - i}`));
    expect(await agent.history(119)).toHaveLength(119);
  });

  test('a limit that is none is a RangeError or TypeError', async () => {
    for (const wrong of [-1, 1.5, Number.NaN, -Infinity])
      await expect(agent.history(wrong)).rejects.toThrow(RangeError);
    await expect(agent.history('3' as never)).rejects.toThrow(TypeError);
  });

  test('read at a version gives that state, its meta, its time and its head', async () => {
    await live();
    const expected = ['a', 'b', undefined, 'c', 'c', 'd'];
    for (const [index, state] of expected.entries()) {
      const version = index + 1;
      if (state === undefined) {
        expect((await failureOf(agent.load({ at: version }))).name).toBe('StateNotFoundError');
        continue;
      }
      expect(await agent.load({ at: version })).toBe(state);
      expect(await agent.read({ at: version })).toMatchObject({
        version,
        state,
        meta: { step: state },
        savedAt: new Date(1000 + version * 1000),
        head: { version },
      });
    }
  });

  test('read at a time gives what was current then', async () => {
    await live();
    const at = async (ms: number) => agent.load({ at: new Date(ms) }).catch(({ name }: Error) => name);
    expect(await Promise.all([1999, 2000, 2999, 3000, 4000, 4999, 5000, 7000, 99_000].map(at))).toEqual([
      'StateNotFoundError',
      'a',
      'a',
      'b',
      'StateNotFoundError',
      'StateNotFoundError',
      'c',
      'd',
      'd',
    ]);
  });

  test('read at what is no place in time is refused', async () => {
    await live();
    await expect(agent.load({ at: 7 })).rejects.toThrow(RangeError);
    for (const wrong of [0, -1, 1.5, new Date(Number.NaN)])
      await expect(agent.load({ at: wrong })).rejects.toThrow(RangeError);
    await expect(agent.load({ at: '1' as never })).rejects.toThrow(TypeError);
    const withInitial = store.agent<string>('absent', { initial: () => 'x' });
    expect((await failureOf(withInitial.load({ at: 1 }))).name).toBe('StateNotFoundError');
  });

  test('times never go back in a log, whatever the clock does', async () => {
    await agent.save('a');
    now -= 500;
    await agent.save('b');
    now += 100;
    await agent.save('c');
    const times = (await all(agent.timeline())).map(({ savedAt }) => savedAt!.getTime());
    expect(times).toEqual([1000, 1000, 1000]);
    expect(await agent.load({ at: new Date(1000) })).toBe('c');
  });

  test('the timeline is oldest first, with the current one, deletions and metas', async () => {
    expect(await all(store.agent('absent').timeline())).toEqual([]);
    await live();
    const shown = (await all(agent.timeline())).map((version) =>
      version.deleted ? [version.version, 'deleted'] : [version.version, version.state, version.meta],
    );
    expect(shown).toEqual([
      [1, 'a', { step: 'a' }],
      [2, 'b', { step: 'b' }],
      [3, 'deleted'],
      [4, 'c', { step: 'c' }],
      [5, 'c', { step: 'c' }],
      [6, 'd', { step: 'd' }],
    ]);
  });

  test('the timeline can be cut by versions and by times', async () => {
    await live();
    const versions = async (options: Parameters<typeof agent.timeline>[0]) =>
      (await all(agent.timeline(options))).map(({ version }) => version);
    expect(await versions({ from: 3 })).toEqual([3, 4, 5, 6]);
    expect(await versions({ from: 2, to: 4 })).toEqual([2, 3, 4]);
    expect(await versions({ to: 99 })).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await versions({ from: 7 })).toEqual([]);
    expect(await versions({ from: 4, to: 3 })).toEqual([]);
    expect(await versions({ from: new Date(3000) })).toEqual([2, 3, 4, 5, 6]);
    expect(await versions({ from: new Date(3001), to: new Date(5000) })).toEqual([3, 4]);
    expect(await versions({ to: new Date(1999) })).toEqual([]);
    expect(await versions({ from: new Date(99_000) })).toEqual([]);
    await expect(all(agent.timeline({ from: 0 }))).rejects.toThrow(RangeError);
    await expect(all(agent.timeline({ to: new Date(Number.NaN) }))).rejects.toThrow(RangeError);
  });

  test('a walk that is left in the middle leaves nothing behind', async () => {
    await live();
    for await (const { version } of agent.timeline()) if (version === 2) break;
    expect(await agent.save('e')).toBe(7);
  });

  test('every one of many patched versions is what it was', async () => {
    interface Plan {
      steps: { id: number; done: boolean; note: string }[];
      seen: Map<string, number>;
    }
    const plan = store.agent<Plan>('plan', { initial: () => ({ steps: [], seen: new Map() }) });
    const texts: string[] = [];
    for (let i = 0; i < 60; i += 1) {
      const { state } = await plan.update(({ steps, seen }) => {
        steps.splice(i % 3 === 0 ? 0 : steps.length, 0, {
          id: i,
          done: false,
          note: `step ${i} `.repeat(i % 5),
        });
        if (i % 4 === 3) steps.splice(i % steps.length, 1);
        if (steps[0] !== undefined) steps[0].done = i % 2 === 0;
        seen.set(`k${i % 7}`, i);
        if (i % 10 === 9) seen.delete('k1');
      });
      texts.push(JSON.stringify([state.steps, [...state.seen]]));
    }
    const textOf = ({ steps, seen }: Plan) => JSON.stringify([steps, [...seen]]);
    const again = new Store(place.backend());
    const cold = again.agent<Plan>('plan');
    for (let version = 60; version >= 1; version -= 7) {
      expect(textOf(await cold.load({ at: version }))).toBe(texts[version - 1]);
    }
    const walked: string[] = [];
    for await (const version of cold.timeline()) if (!version.deleted) walked.push(textOf(version.state));
    expect(walked).toEqual(texts);
    expect((await cold.history(Infinity)).map(textOf)).toEqual(texts.slice(0, -1).reverse());
    await again.close();
  });

  test('erase removes the content of every version and keeps the numbering', async () => {
    await live();
    expect(await agent.delete({ erase: true })).toBe(true);
    expect(await agent.history()).toEqual([]);
    expect((await all(agent.timeline())).map(({ version, deleted }) => [version, deleted])).toEqual([
      [7, true],
    ]);
    expect(await failureOf(agent.load({ at: 6 }))).toMatchObject({ code: 'DGENTS_LOG_COMPACTED', floor: 7 });
    expect(await agent.delete({ erase: true })).toBe(false);
    expect(await agent.save('new')).toBe(8);
    expect(await agent.history()).toEqual([]);
    expect(await store.agent('absent').delete({ erase: true })).toBe(false);
  });

  test('erase of a state that was deleted before erases it as well', async () => {
    await live();
    await agent.delete();
    expect(await store.agent<string>('k').delete({ erase: true })).toBe(false);
    expect(await failureOf(agent.load({ at: 1 }))).toMatchObject({ code: 'DGENTS_LOG_COMPACTED' });
  });
});
