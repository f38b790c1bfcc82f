import { memoryBackend, Store } from 'dgents-core';
import { all, counted, numbers, upTo } from '../testing/numbers.js';
import { StreamAgent } from './stream-agent.js';

describe('reading a stream', () => {
  let store: Store;
  const backend = () => store.backend;
  beforeEach(() => {
    store = new Store(memoryBackend());
  });
  afterEach(() => store.close());

  /** Happens once, between two steps of somebody who reads. */
  function before(step: 'read' | 'range', nth: number, happen: () => Promise<unknown>): void {
    const { read, range } = backend();
    let calls = 0;
    const due = async (): Promise<void> => {
      calls += 1;
      if (calls !== nth) return;
      Object.assign(backend(), { read, range });
      await happen();
    };
    if (step === 'read') {
      backend().read = async (...given) => {
        await due();
        return read.apply(backend(), given);
      };
    } else {
      backend().range = async function* (...given) {
        await due();
        yield* range.apply(backend(), given);
      };
    }
  }

  test.each([
    ['before its records are read', 'range', 1, 1],
    ['before its base is read', 'read', 2, 5],
    ['between its base and its records', 'range', 1, 5],
  ] as const)('that is compacted %s, with a snapshot of another fold', async (_name, step, nth, floor) => {
    const writer = new StreamAgent(store, 'a', numbers());
    await writer.append(upTo(20).map(counted));
    await writer.compact({ before: floor });
    await writer.snapshot();
    await writer.append(counted(21));
    before(step, nth, () => writer.compact({ before: 10 }));
    const reader = new StreamAgent(
      store,
      'a',
      numbers({ foldVersion: 2, migrations: { 1: (state) => state } }),
    );
    expect(await reader.load()).toEqual({ list: upTo(21) });
    expect((await all(reader.events()))[0]?.version).toBe(11);
  });

  test('that vanishes meanwhile ends with an error, and does not go on for ever', async () => {
    const a = new StreamAgent(store, 'a', numbers());
    await a.append(upTo(600).map(counted));
    for (const reverse of [false, true]) {
      const given: number[] = [];
      const reading = async (): Promise<void> => {
        for await (const { version } of a.events({ reverse })) {
          if (given.push(version) === 1) backend().range = async function* () {};
        }
      };
      const { range } = backend();
      await expect(reading()).rejects.toMatchObject({ code: 'DGENTS_LOG_COMPACTED' });
      backend().range = range;
      expect(given.length).toBeLessThan(600);
    }
  });

  test('before its first event gives a state of the caller’s own', async () => {
    const shared = { list: [] };
    const a = new StreamAgent(store, 'a', numbers({ initial: () => shared }));
    const state = await a.replayTo(0);
    expect(state).not.toBe(shared);
    expect(state).toEqual(shared);
    await a.close();
    await expect(a.replayTo(0)).rejects.toMatchObject({ code: 'DGENTS_AGENT_CLOSED' });
  });

  test('from its snapshot: what is updated then does not rest on the snapshot, which may be dropped', async () => {
    const text = 'x'.repeat(500);
    const definition = () =>
      numbers({
        initial: () => ({ list: [], text }) as { list: number[] },
        fold: (state, { n }) => ({ ...state, list: [...state.list, n] }),
      });
    const writer = new StreamAgent(store, 'a', definition());
    await writer.append(upTo(3).map(counted));
    await writer.snapshot();
    await new StreamAgent(store, 'a', definition()).update(({ list }) => ({ list: [...list, 4], text }));
    await writer.append(counted(5));
    expect((await all(backend().range('a'))).map(({ kind }) => kind)).toEqual([
      'event',
      'event',
      'event',
      'set',
      'event',
    ]);
    expect(await new StreamAgent(store, 'a', definition()).load()).toEqual({ list: upTo(5), text });
  });

  test('is for those who fold it: to others its snapshot is no state, nor its base', async () => {
    const a = new StreamAgent(store, 'a', numbers());
    await a.append(upTo(5).map(counted));
    await a.snapshot();
    for (const step of [() => undefined, () => a.compact({ before: 5 })]) {
      await step();
      await expect(store.agent('a').load()).rejects.toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
      await expect(store.fork('a', 'b')).rejects.toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
      expect(await new StreamAgent(store, 'a', numbers()).load()).toEqual({ list: upTo(5) });
    }
  });

  test('with a state before it: a plain agent that saw that state writes nothing over the events', async () => {
    const agent = store.agent<object>('a');
    await agent.save({ list: [1] });
    await new StreamAgent(store, 'a', numbers()).append(counted(2));
    const unsupported = { code: 'DGENTS_UNSUPPORTED' };
    await expect(agent.load()).rejects.toMatchObject(unsupported);
    await expect(agent.update((state) => void Object.assign(state, { n: 2 }))).rejects.toMatchObject(
      unsupported,
    );
    await expect(agent.save({ list: [] })).rejects.toMatchObject(unsupported);
    expect(await new StreamAgent(store, 'a', numbers()).load()).toEqual({ list: [1, 2] });
  });
});
