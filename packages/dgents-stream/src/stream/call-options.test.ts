import { memoryBackend, Store } from 'dgents-core';
import { EventLog, KeyValue } from '../index.js';
import { all, counted, numbers } from '../testing/numbers.js';
import { StreamAgent } from './stream-agent.js';

describe('misspelt options of calls are refused, with the one that was meant, and nothing is done', () => {
  let store: Store;
  beforeEach(() => {
    store = new Store(memoryBackend());
  });
  afterEach(() => store.close());
  const refused = async (call: () => unknown, meant: string): Promise<void> => {
    const said = expect(Promise.resolve().then(call)).rejects;
    await said.toThrow(TypeError);
    await expect(Promise.resolve().then(call)).rejects.toThrow(new RegExp(`Did you mean ${meant}\\?`));
  };

  test('of a stream', async () => {
    const a = new StreamAgent(store, 'a', numbers());
    const one = counted(1);
    await refused(() => a.append(one, { expectVersion: 7 } as never), 'expectedVersion');
    await refused(() => a.append(one, { expected: 7 } as never), 'expectedVersion');
    await refused(() => a.tryAppend(one, { expectVersion: 7 } as never), 'expectedVersion');
    await refused(() => a.decide([1], { messageID: 'a' } as never), 'messageId');
    await refused(() => all(a.events({ form: 2 } as never)), 'from');
    await refused(() => a.subscribe({ form: 3 } as never), 'from');
    await refused(() => a.compact({ before: 1, archiv: 'a' } as never), 'archive');
    expect(await all(a.events())).toEqual([]);
  });

  test('of an event log', async () => {
    const log = new EventLog(store);
    const one = counted(1);
    await refused(() => new EventLog(store, { event: undefined } as never), 'events');
    await refused(() => log.append('a', one, { expectVersion: 7 } as never), 'expectedVersion');
    await refused(() => log.tryAppend('a', one, { expectVersion: 7 } as never), 'expectedVersion');
    const part = { stream: 'a', events: one, expectVersion: 7 };
    await refused(() => log.appendBatch([part as never]), 'expectedVersion');
    await refused(
      () => log.appendBatch([{ stream: 'a', events: one }], { messageid: 'a' } as never),
      'messageId',
    );
    await refused(() => all(log.read('a', { form: 2 } as never)), 'from');
    await refused(() => all(log.all({ afterr: '' } as never)), 'after');
    await refused(() => all(log.streams({ prefx: 'b' } as never)), 'prefix');
    await refused(() => log.compact('a', { before: 1, archiv: 'a' } as never), 'archive');
    expect(await all(log.read('a'))).toEqual([]);
  });

  test('of a key-value facet', async () => {
    const values = new KeyValue<number>(store);
    await refused(() => new KeyValue(store, { maxInlineByte: 1 } as never), 'maxInlineBytes');
    await values.put('a', 1);
    await refused(() => values.put('a', 2, { ifversion: 7 } as never), 'ifVersion');
    await refused(() => values.tryPut('a', 2, { ifversion: 7 } as never), 'ifVersion');
    await refused(() => values.create('b', 2, { operationID: 'c' } as never), 'operationId');
    await refused(() => values.delete('a', { ifversion: 7 } as never), 'ifVersion');
    await refused(() => values.get('a', { timeoutMS: 7 } as never), 'timeoutMs');
    await refused(() => all(values.entries({ prefx: 'b' } as never)), 'prefix');
    expect(await all(values.entries())).toMatchObject([{ key: 'a', value: 1, version: 1 }]);
  });
});
