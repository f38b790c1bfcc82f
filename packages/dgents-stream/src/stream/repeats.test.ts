import { memoryBackend, newOperationId, Store } from 'dgents-core';
import { all, counted, numbers, upTo } from '../testing/numbers.js';
import { StreamAgent } from './stream-agent.js';

describe('an append that is repeated', () => {
  test.each([3, 4, 5, 6])(
    'is recognised where the stream was compacted within it, at version %i',
    async (before) => {
      const store = new Store(memoryBackend());
      const a = new StreamAgent(store, 'a', numbers());
      const messageId = newOperationId();
      const append = (list: readonly number[]) => a.append(list.map(counted), { messageId });
      await a.append([counted(1), counted(2)]);
      await append([3, 4, 5, 6]);
      await a.append(counted(7));
      await a.compact({ before });
      expect(await append([3, 4, 5, 6])).toEqual({ firstVersion: 3, version: 6, duplicate: true });
      // Of events that are gone nothing is known: those that are kept tell them apart.
      if (before < 6) {
        for (const other of [[3, 4, 5, 7], [6]]) {
          await expect(append(other)).rejects.toMatchObject({ code: 'DGENTS_MESSAGE_ID_REUSED' });
        }
      }
      expect(await a.load()).toEqual({ list: upTo(7) });
      await store.close();
    },
  );

  test('is not decided again, whatever the command: its id stands for the first', async () => {
    const store = new Store(memoryBackend());
    const a = new StreamAgent(store, 'a', numbers());
    const messageId = newOperationId();
    await a.decide([1, 2], { messageId });
    for (const command of [[1, 2], [3]]) {
      expect(await a.decide(command, { messageId })).toEqual({
        firstVersion: 1,
        version: 2,
        duplicate: true,
      });
    }
    expect(await a.load()).toEqual({ list: [1, 2] });
    await store.close();
  });

  test('is no duplicate where the one that it would have repeated was given up', async () => {
    const backend = memoryBackend();
    const store = new Store(backend);
    const definition = numbers();
    const a = new StreamAgent(store, 'a', definition);
    const b = new StreamAgent(store, 'a', definition);
    await a.append(counted(1));
    const commit = backend.commit.bind(backend);
    const ending = new AbortController();
    backend.commit = async (appends, options) => {
      backend.commit = commit;
      // Somebody else is first.
      await new StreamAgent(store, 'a', numbers()).append(counted(2));
      const refused = await commit(appends, options);
      ending.abort();
      return refused;
    };
    const messageId = newOperationId();
    const [first, second] = await Promise.allSettled([
      a.append(counted(3), { messageId, signal: ending.signal }),
      b.append(counted(3), { messageId }),
    ]);
    expect(first.status).toBe('rejected');
    expect(second).toMatchObject({ value: { firstVersion: 3, version: 3, duplicate: false } });
    expect((await all(a.events())).map(({ event }) => event.n)).toEqual([1, 2, 3]);
    await store.close();
  });
});
