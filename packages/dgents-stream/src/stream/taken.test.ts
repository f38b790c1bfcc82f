import { memoryBackend, Store } from 'dgents-core';
import { EventLog } from '../index.js';
import { all, counted, numbers, upTo } from '../testing/numbers.js';
import { inlineProjection } from './inline.js';
import { StreamAgent } from './stream-agent.js';

describe('what a stream is given', () => {
  let store: Store;
  beforeEach(() => {
    store = new Store(memoryBackend());
  });
  afterEach(() => store.close());

  const sum = (key: string) =>
    inlineProjection<ReturnType<typeof counted>, { total: number }>({
      key,
      initial: () => ({ total: 0 }),
      apply: ({ total }, { event }) => ({ total: total + event.n }),
    });

  test('is taken at the call: events with inline projections, and metadata always', async () => {
    const projected = new StreamAgent(store, 'projected', numbers({ inline: [sum('sum')] }));
    const decided = new StreamAgent(store, 'decided', numbers());
    const event = { type: 'n' as const, n: 1 };
    const metadata = { by: { name: 'me' } };
    const log = new EventLog<typeof event>(store);
    const writing = [
      projected.append(event, { metadata }),
      decided.decide([1], { metadata }),
      log.appendBatch([{ stream: 'log', events: event, metadata }]),
    ];
    event.n = 99;
    metadata.by.name = 'you';
    await Promise.all(writing);
    const stored = [
      ...(await all(projected.events())),
      ...(await all(decided.events())),
      ...(await all(log.read('log'))),
    ];
    for (const recorded of stored) {
      expect(recorded).toMatchObject({ event: { n: 1 }, metadata: { by: { name: 'me' } } });
    }
    expect(stored).toHaveLength(3);
    expect(await store.agent('sum').load()).toEqual({ total: 1 });
  });

  test('has no holes', async () => {
    const a = new StreamAgent(store, 'a', numbers());
    const list = [counted(1)];
    list[2] = counted(3);
    await expect(a.append(list)).rejects.toThrow(TypeError);
    expect(await all(a.events())).toEqual([]);
    expect(await a.append(counted(1))).toMatchObject({ version: 1 });
  });

  test('is not projected into itself', async () => {
    const a = new StreamAgent(store, 'a', numbers({ inline: [sum('a')] }));
    await expect(a.append(counted(1))).rejects.toThrow(TypeError);
    expect(await all(a.events())).toEqual([]);
  });

  test('goes out in appends that the store takes, with the saves between commands too', async () => {
    const backend = memoryBackend();
    const capabilities = {
      ...backend.capabilities,
      limits: { ...backend.capabilities.limits, recordsPerAppend: 100 },
    };
    Object.defineProperty(backend, 'capabilities', { value: capabilities });
    backend.ready = async () => capabilities;
    const commit = backend.commit.bind(backend);
    const sizes: number[] = [];
    backend.commit = (appends, options) => {
      sizes.push(...appends.map(({ records }) => records.length));
      return commit(appends, options);
    };
    const small = new Store(backend);
    const a = new StreamAgent(small, 'a', numbers());
    await Promise.all([
      ...upTo(50).map((n) => a.decide([2 * n - 1, 2 * n])),
      ...upTo(20).map((n) => a.update(({ list }) => ({ list: [...list, 100 + n] }))),
    ]);
    expect(await a.load()).toEqual({ list: upTo(120) });
    expect(Math.max(...sizes)).toBeLessThanOrEqual(100);
    await small.close();
  });
});
