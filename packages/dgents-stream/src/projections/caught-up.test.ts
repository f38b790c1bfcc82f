import { type Backend, type FeedOptions, memoryBackend, Store } from 'dgents-core';
import { defineProjection } from '../index.js';
import { deposit, openAccount, Processors, streams } from '../testing/accounts.js';

test('a look that had begun before caughtUp was called does not answer it', async () => {
  const inner = memoryBackend();
  let isReached = (): void => undefined;
  const reached = new Promise<void>((resolve) => {
    isReached = resolve;
  });
  let goOn = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  // The first look finds the end, and is slow to tell.
  const slow: Backend = new Proxy(inner, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== 'function') return value;
      if (name !== 'feed') return value.bind(target);
      return async function* (after?: string, options?: FeedOptions) {
        yield* inner.feed(after, options);
        isReached();
        if (options?.follow === false) await gate;
      };
    },
  });
  const store = new Store(slow);
  const processors = new Processors();
  const sum = defineProjection({
    name: 'sum',
    streams,
    initial: () => 0,
    on: { deposited: (model, { event }) => model + event.amount },
  });
  const processor = processors.start(store, sum);
  await reached;
  await openAccount(store).append(deposit(7));
  const caughtUp = processor.caughtUp();
  goOn();
  await caughtUp;
  expect(await sum.model(store).load()).toBe(7);
  await processors.stop();
  await store.close();
});
