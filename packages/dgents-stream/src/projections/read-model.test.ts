import { type Backend, memoryBackend, Store } from 'dgents-core';
import { defineProjection } from '../index.js';
import { deposit, openAccount, Processors, streams } from '../testing/accounts.js';

const sum = (version: number, factor: number) =>
  defineProjection({
    name: 'sum',
    version,
    streams,
    initial: () => 0,
    on: { deposited: (model, { event }) => model + factor * event.amount },
  });

test('a reader for whom the model was switched between two looks is given the new one', async () => {
  const backend = memoryBackend();
  const store = new Store(backend);
  const processors = new Processors();
  await openAccount(store).append(deposit(7));
  await processors.start(store, sum(1, 1)).caughtUp();
  await processors.stop();
  let isSwitched = false;
  const slow: Backend = new Proxy(backend, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== 'function') return value;
      return async (key: string, ...more: unknown[]) => {
        if (key === 'projection:sum:#1:' && !isSwitched) {
          isSwitched = true;
          await processors.start(store, sum(2, 10)).caughtUp();
        }
        return value.call(target, key, ...more);
      };
    },
  });
  const reader = new Store(slow);
  expect(await sum(1, 1).model(reader).read()).toMatchObject({ state: 70, projectionVersion: 2 });
  expect(isSwitched).toBe(true);
  await processors.stop();
  await store.close();
});
