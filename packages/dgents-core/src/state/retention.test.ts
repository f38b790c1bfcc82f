/** Rule 4: what is kept of the past. */
import { HookedBackend } from '../../test/hooked-backend.js';
import { all, failureOf, PLACES, type Place } from '../../test/places.js';
import { LogCompactedError } from '../errors.js';
import { memoryBackend } from '../memory/memory-backend.js';
import { VolatileAgent } from '../memory/volatile-agent.js';
import { Store } from '../store.js';
import type { AgentOptions, StateAgent } from './agent.js';

const MINUTE = 60_000;

/** Lets what runs in the background come to an end. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 15));

async function count(
  agent: StateAgent<{ n: number }>,
  times: number,
  each: () => void = () => undefined,
): Promise<void> {
  for (let i = 0; i < times; i += 1) {
    each();
    await agent.update((draft) => {
      draft.n += 1;
    });
  }
}

const counterOf = (store: Store, retain?: AgentOptions<never>['retain']) =>
  store.agent<{ n: number }>('k', { initial: () => ({ n: 0 }), ...(retain === undefined ? {} : { retain }) });

async function floorOf(store: Store): Promise<number> {
  await settle();
  return (await store.backend.read('k')).floor;
}

describe.each(PLACES)('in %s', (_, open) => {
  let place: Place;
  let store: Store;
  let now: number;
  const clock = () => now;
  beforeEach(() => {
    place = open();
    now = 1_800_000_000_000;
    store = new Store(place.backend(), { clock });
  });
  afterEach(async () => {
    await store.close();
    place.destroy();
  });

  test('nothing is trimmed unless asked for', async () => {
    await count(counterOf(store), 300, () => (now += MINUTE));
    expect(await floorOf(store)).toBe(1);
  });

  test('`versions` keeps at least so many, and not many more', async () => {
    const agent = counterOf(store, { versions: 50 });
    await count(agent, 400, () => (now += MINUTE));
    const floor = await floorOf(store);
    expect(floor).toBeLessThanOrEqual(351);
    expect(floor).toBeGreaterThan(260);
    expect(await agent.load()).toEqual({ n: 400 });
    expect((await agent.history(49)).map(({ n }) => n)).toEqual(
      Array.from({ length: 49 }, (_unused, i) => 399 - i),
    );
    expect((await agent.read({ at: floor })).state).toEqual({ n: floor });
    expect(await failureOf(agent.load({ at: floor - 1 }))).toMatchObject({
      code: 'DGENTS_LOG_COMPACTED',
      floor,
    });
    expect((await all(agent.timeline()))[0]?.version).toBe(floor);
  });

  test('`ageMs` keeps what is younger', async () => {
    const agent = counterOf(store, { ageMs: 100 * MINUTE });
    await count(agent, 600, () => (now += MINUTE));
    const floor = await floorOf(store);
    expect(floor).toBeLessThanOrEqual(500);
    expect(floor).toBeGreaterThan(300);
    expect(await failureOf(agent.load({ at: new Date(now - 599 * MINUTE) }))).toBeInstanceOf(
      LogCompactedError,
    );
  });

  test('with both, a version stays if either says so', async () => {
    await count(counterOf(store, { versions: 20, ageMs: 200 * MINUTE }), 300, () => (now += MINUTE));
    expect(await floorOf(store)).toBeLessThanOrEqual(100);
  });

  test('`graceMs` keeps what may still be looked up', async () => {
    await count(counterOf(store, { versions: 10, graceMs: 10 * MINUTE }), 200, () => (now += 1000));
    expect(await floorOf(store)).toBe(1);
  });

  test('what a process that lives for one write leaves behind is trimmed too, also in a busy log', async () => {
    for (let i = 0; i < 260; i += 1) {
      now += 5000;
      const brief = new Store(place.backend(), { clock });
      await counterOf(brief, { versions: 10 }).update((draft) => {
        draft.n += 1;
      });
      await brief.close();
    }
    const floor = await floorOf(store);
    expect(floor).toBeGreaterThan(100);
    expect(floor).toBeLessThanOrEqual(251);
    expect(await counterOf(store).load()).toEqual({ n: 260 });
  });

  test('a tombstone may be the oldest version kept', async () => {
    const agent = counterOf(store, { versions: 2 });
    for (let i = 0; i < 60; i += 1) {
      now += MINUTE;
      await agent.save({ n: i });
      now += MINUTE;
      await agent.delete();
    }
    expect(await floorOf(store)).toBeGreaterThan(50);
    expect(await store.has('k')).toBe(false);
    expect(await agent.save({ n: 1 })).toBe(121);
    expect((await all(agent.timeline())).at(-1)).toMatchObject({ version: 121, deleted: false });
  });
});

test('where other processes write, nothing younger than a minute goes unless told', async () => {
  let now = 1_800_000_000_000;
  const backend = new HookedBackend(memoryBackend());
  backend.declined = { sharing: 'host' };
  const store = new Store(backend, { clock: () => now });
  await count(counterOf(store, { versions: 5 }), 500, () => (now += 500));
  const { floor } = await backend.read('k');
  expect(floor).toBeGreaterThan(1);
  expect((500 - floor) * 500).toBeGreaterThanOrEqual(MINUTE - 500);
});

describe('VolatileAgent', () => {
  test('keeps 100 versions', async () => {
    const agent = new VolatileAgent<{ n: number }>({ initial: () => ({ n: 0 }) });
    await count(agent, 1000);
    const kept = await all(agent.timeline());
    expect(kept.length).toBeGreaterThanOrEqual(100);
    expect(kept.length).toBeLessThan(220);
    expect(await agent.history()).toHaveLength(100);
  });

  test("keeps everything with 'all'", async () => {
    const agent = new VolatileAgent<{ n: number }>({ initial: () => ({ n: 0 }), retain: 'all' });
    await count(agent, 300);
    expect(await agent.history(Infinity)).toHaveLength(299);
  });

  test('gives its history while it is trimmed', async () => {
    const agent = new VolatileAgent<{ n: number }>({ initial: () => ({ n: 0 }), retain: { versions: 20 } });
    let done = false;
    const writing = count(agent, 400).then(() => {
      done = true;
    });
    for (let last = -1; !done; ) {
      const history = await agent.history();
      const newest = history[0]?.n ?? 0;
      expect(newest).toBeGreaterThanOrEqual(last);
      expect(history.map(({ n }) => n)).toEqual(history.map((_, i) => newest - i));
      last = newest;
    }
    await writing;
  });
});

test('a counter that is updated 5,000 times keeps a small log and few checkpoints', async () => {
  const backend = new HookedBackend(memoryBackend({ values: false }));
  const agent = counterOf(new Store(backend), { versions: 100 });
  for (let i = 0; i < 50; i += 1) {
    await Promise.all(
      Array.from({ length: 100 }, () =>
        agent.update((draft) => {
          draft.n += 1;
        }),
      ),
    );
  }
  await settle();
  expect(await agent.load()).toEqual({ n: 5000 });
  expect((await all(backend.range('k'))).length).toBeLessThan(400);
  expect(backend.calls.checkpoint + backend.calls.trim).toBeLessThan(150);
  const { records } = await backend.read('k');
  expect(records.length).toBeLessThan(400);
});

test('checkpoints cost no more than what they save: few for a log that grows, a bounded tail for one that is edited', async () => {
  const backend = new HookedBackend(memoryBackend({ values: false }));
  const store = new Store(backend);
  const growing = store.agent<string[]>('grows', { initial: () => [] });
  for (let i = 0; i < 300; i += 1) await growing.update((list) => void list.push('x'.repeat(200)));
  await settle();
  expect(backend.calls.checkpoint).toBe(0);
  const edited = store.agent<{ n: number; rest: string }>('edited', {
    initial: () => ({ n: 0, rest: 'x'.repeat(1000) }),
  });
  for (let i = 0; i < 600; i += 1)
    await edited.update((draft) => {
      draft.n += 1;
    });
  await settle();
  const { records, checkpoint } = await backend.read('edited');
  expect(checkpoint).toBeDefined();
  expect(records.length).toBeLessThan(100);
  expect(backend.calls.checkpoint).toBeLessThan(30);
});

test('retain that makes no sense is refused at once', () => {
  const agentWith = (retain: unknown) => () => new VolatileAgent({ retain: retain as never });
  for (const wrong of [
    { versions: 0 },
    { versions: 1.5 },
    { ageMs: -1 },
    { versions: 5, graceMs: Number.NaN },
  ]) {
    expect(agentWith(wrong)).toThrow(RangeError);
  }
  for (const wrong of [{}, { graceMs: 5 }, { versions: '5' }]) expect(agentWith(wrong)).toThrow(TypeError);
});
