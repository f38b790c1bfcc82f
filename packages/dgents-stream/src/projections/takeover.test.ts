import { type Backend, memoryBackend, Store } from 'dgents-core';
import { defineProjection, ProjectionProcessor } from '../index.js';
import { deposit, openAccount, Processors, streams, until } from '../testing/accounts.js';

const totals = defineProjection({
  name: 'totals',
  streams,
  initial: (): number[] => [],
  on: { deposited: (model, { event }) => void model.push(event.amount) },
});

/** A backend that stops, as the process that holds it does: what is asked meanwhile is sent when it goes on. */
function pausable(inner: Backend): {
  backend: Backend;
  pause: () => void;
  resume: () => void;
  asked: () => string[];
} {
  let gate: Promise<void> | undefined;
  let open = (): void => undefined;
  const asked: string[] = [];
  const backend = new Proxy(inner, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== 'function') return value;
      if (name !== 'read' && name !== 'commit') return value.bind(target);
      return async (...given: unknown[]) => {
        if (gate !== undefined) asked.push(String(name));
        await gate;
        return value.apply(target, given);
      };
    },
  });
  const pause = (): void => {
    gate = new Promise((resolve) => {
      open = resolve;
    });
  };
  const resume = (): void => {
    gate = undefined;
    open();
  };
  return { backend, pause, resume, asked: () => asked };
}

const processors = new Processors();
let store: Store;
beforeEach(() => {
  store = new Store(memoryBackend());
});
afterEach(async () => {
  await processors.stop();
  await store.close();
});

test('of two processors one works, and the other takes over when that one is stopped', async () => {
  const other = new Store(store.backend);
  const first = processors.start(store, totals, { holder: 'first', leaseMs: 2_000 });
  await openAccount(store).append(deposit(1));
  await first.caughtUp();
  const second = processors.start(other, totals, { holder: 'second', leaseMs: 300 });
  await until(async () => (await second.status()).state === 'standby');
  expect((await second.status()).holder).toMatchObject({ name: 'first' });
  await openAccount(store).append(deposit(2));
  await second.caughtUp();
  expect(await totals.model(store).load()).toEqual([1, 2]);
  await first.stop();
  await openAccount(store).append(deposit(4));
  await until(async () => (await second.status()).state === 'running');
  await second.caughtUp();
  expect((await second.status()).holder).toMatchObject({ name: 'second' });
  expect(await totals.model(store).load()).toEqual([1, 2, 4]);
});

test('a processor that was paused in the midst of a write, and overtaken, writes nothing', async () => {
  const paused = pausable(store.backend);
  const own = new Store(paused.backend, { timeoutMs: 60_000 });
  const first = processors.start(own, totals, { holder: 'first', leaseMs: 150, batchEvents: 1 });
  await openAccount(store).append(deposit(1));
  await first.caughtUp();
  paused.pause();
  await openAccount(store).append(deposit(2));
  // Its write of the second event waits, and so does the renewal of its lease.
  await until(() => paused.asked().includes('commit'));
  const second = processors.start(store, totals, { holder: 'second', leaseMs: 150 });
  await openAccount(store).append([deposit(4), deposit(8)]);
  await until(async () => (await totals.model(store).load()).length === 4);
  expect((await second.status()).holder).toMatchObject({ name: 'second' });
  paused.resume();
  await until(async () => (await first.status()).state === 'standby');
  await openAccount(store).append(deposit(16));
  await second.caughtUp();
  expect(await totals.model(store).load()).toEqual([1, 2, 4, 8, 16]);
});

test('a processor that is stopped while it takes the lease ends, and gives it back', async () => {
  // Memory answers within the same turn of the event loop: each await is a step.
  for (let steps = 0; steps < 200; steps += 1) {
    const one = new ProjectionProcessor(store, totals, { leaseMs: 60_000 }).start();
    for (let step = 0; step < steps; step += 1) await null;
    await one.stop();
    expect((await one.status()).holder).toBeUndefined();
  }
});

test('a lease of a clock that is far ahead is over once it has not changed for as long as it lasts', async () => {
  const ahead = new Store(store.backend, { clock: () => Date.now() + 3_600_000 });
  const gone = new ProjectionProcessor(ahead, totals, { holder: 'gone', leaseMs: 200 });
  await openAccount(store).append(deposit(1));
  await gone.caughtUp();
  const lost = pausable(store.backend);
  // Never heard of again, and not stopped: its lease stays.
  const lease = await store.backend.read('$lease:totals:#1:');
  await gone.stop();
  await store.backend.commit([
    {
      key: '$lease:totals:#1:',
      expected: (await store.backend.read('$lease:totals:#1:')).head,
      records: [
        {
          ...lease.records.at(-1)!,
          version: (await store.backend.read('$lease:totals:#1:')).head!.version + 1,
          id: 'gone',
          kind: 'set',
          data: JSON.stringify({ holder: 'gone', until: Date.now() + 3_600_000, ms: 200 }),
          document: { holder: 'gone', until: Date.now() + 3_600_000, ms: 200 },
        },
      ],
    },
  ]);
  const second = processors.start(new Store(lost.backend), totals, { holder: 'second', leaseMs: 200 });
  await openAccount(store).append(deposit(2));
  await until(async () => (await second.status()).state === 'running');
  await second.caughtUp();
  expect(await totals.model(store).load()).toEqual([1, 2]);
});

test('many processors in a row, each stopped at some moment, take each event once and in order', async () => {
  let isOver = false;
  const writing = (async () => {
    for (let i = 0; i < 400; i += 1) {
      await openAccount(store, `account:${i % 5}`).append(deposit(i));
      if (i % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    isOver = true;
  })();
  while (!isOver) {
    const some = [0, 1].map(
      () => new ProjectionProcessor(new Store(store.backend), totals, { leaseMs: 50, batchEvents: 7 }),
    );
    for (const processor of some) processor.start();
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
    await Promise.all(some.map((processor) => processor.stop()));
  }
  await writing;
  await processors.start(store, totals, { leaseMs: 50 }).caughtUp();
  expect(await totals.model(store).load()).toEqual(Array.from({ length: 400 }, (_, i) => i));
});
