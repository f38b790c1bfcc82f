import { memoryBackend, newOperationId, Store } from 'dgents-core';
import { defineStream, EventLog } from '../index.js';
import { counted, numbers } from '../testing/numbers.js';
import { StreamAgent } from './stream-agent.js';

describe('what goes wrong is told in the words of streams', () => {
  let store: Store;
  beforeEach(() => {
    store = new Store(memoryBackend());
  });
  afterEach(() => store.close());
  const agent = (key = 'a') => new StreamAgent(store, key, numbers());
  const one = counted(1);

  test('a message id or expected version that is none', async () => {
    const log = new EventLog(store);
    const messageId = 'é';
    for (const writing of [
      agent().append(one, { messageId }),
      agent().decide([1], { messageId }),
      log.append('b', one, { messageId }),
      log.appendBatch([{ stream: 'b', events: one }], { messageId }),
    ]) {
      await expect(writing).rejects.toThrow(/^messageId has 1 to 128/);
    }
    const expectedVersion = 'seven' as never;
    for (const writing of [
      agent().append(one, { expectedVersion }),
      log.append('b', one, { expectedVersion }),
      log.appendBatch([{ stream: 'b', events: one, expectedVersion }]),
    ]) {
      await expect(writing).rejects.toThrow(/^`expectedVersion` is a Versioned/);
    }
    await expect(agent().append(one, { expectedVersion: -1 })).rejects.toThrow(
      /^`expectedVersion` is a version/,
    );
  });

  test('an id that a compacted stream cannot judge', async () => {
    const a = agent();
    await a.append([one, one, one]);
    await a.compact({ before: 2 });
    const writing = agent().append(one, { messageId: 'of-a-request' });
    await expect(writing).rejects.toMatchObject({ code: 'DGENTS_OUTCOME_UNKNOWN' });
    await expect(writing).rejects.toThrow(
      /Give `expectedVersion`, or use ids from newOperationId\(\).* \{ messageId: 'of-a-request' \}/,
    );
    expect(await agent().append(one, { messageId: newOperationId() })).toMatchObject({ version: 4 });
  });

  test('a conflict', async () => {
    await agent().append(one);
    await expect(agent().append(one, { expectedVersion: 0 })).rejects.toThrow(
      /decide\(\) and update\(\) of a stream/,
    );
    const plain = store.agent<number>('plain');
    await plain.save(1);
    await expect(plain.save(2, { expected: 0 })).rejects.toThrow(/use update\(\) without `expected`/);
  });

  test('an event that its schema refuses', async () => {
    const events = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: () => ({ issues: [{ message: 'too odd' }] }),
      },
    } as const;
    const refusing = new StreamAgent(store, 'a', numbers({ events }));
    await expect(refusing.append(one)).rejects.toThrow(
      /^The event "n" does not satisfy its schema: .*too odd/,
    );
    await expect(store.agent('b', { schema: events as never }).save(1)).rejects.toThrow(
      /^The state does not satisfy/,
    );
  });

  test('a handler that returns nothing, also where unknown events are ignored', async () => {
    const forgetful = defineStream<typeof one, { n: number }>({
      initial: () => ({ n: 0 }),
      fold: { n: () => undefined as never },
      unknownEvents: 'ignore',
    });
    const append = new StreamAgent(store, 'a', forgetful).append(one);
    await expect(append).rejects.toMatchObject({ code: 'DGENTS_EVENT_FOLD' });
    await expect(append).rejects.toThrow(/was folded to nothing: its handler returns/);
  });

  test('arguments in another order', () => {
    expect(() => new StreamAgent('a' as never, store as never, numbers())).toThrow(
      new TypeError(
        'A StreamAgent is made of a store, a key and a definition: `new StreamAgent(store, key, definition)`.',
      ),
    );
  });
});
