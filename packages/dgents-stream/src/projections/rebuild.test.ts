import { memoryBackend, Store } from 'dgents-core';
import { consumers, defineProjection } from '../index.js';
import { deposit, openAccount, Processors, streams, until } from '../testing/accounts.js';

const on = {
  deposited: (sum: number, { event }: { event: { amount: number } }): number => sum + event.amount,
};
const first = defineProjection({ name: 'sum', streams, initial: () => 0, on });
/** Slow to build: each event waits until it is let. */
function second(gate: () => Promise<unknown>): typeof first {
  return defineProjection({
    name: 'sum',
    version: 2,
    streams,
    initial: () => 0,
    on: { deposited: (sum, { event }) => sum + 100 * event.amount },
    each: gate,
  });
}

let store: Store;
const processors = new Processors();
beforeEach(() => {
  store = new Store(memoryBackend());
});
afterEach(async () => {
  await processors.stop();
  await store.close();
});

test('a new version is read once it has caught up, and the old one is kept up to date until then', async () => {
  const old = processors.start(store, first);
  await openAccount(store).append([deposit(1), deposit(2)]);
  await old.caughtUp();
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const switched: string[] = [];
  const next = second(() => gate);
  const newer = processors.start(store, next, { onSwitched: () => switched.push('switched') });
  await until(async () => (await newer.status()).isBuilding);
  await openAccount(store).append(deposit(4));
  await old.caughtUp();
  // Whoever reads, with either definition, is given what is whole.
  for (const reader of [first, next]) {
    expect(await reader.model(store).read()).toMatchObject({ projectionVersion: 1, state: 7 });
  }
  expect(switched).toEqual([]);
  open();
  await newer.caughtUp();
  expect(switched).toEqual(['switched']);
  for (const reader of [first, next]) {
    expect(await reader.model(store).read()).toMatchObject({ projectionVersion: 2, state: 700 });
  }
  expect((await newer.status()).isBuilding).toBe(false);
  // The old one is gone, with all that belonged to it, and its processor says why it ends.
  await expect(old.finished).rejects.toMatchObject({
    code: 'DGENTS_UNSUPPORTED',
    message: expect.stringMatching(/replaced/),
  });
  expect(await store.has('projection:sum:#1:')).toBe(false);
  expect([...(await consumers(store)).keys()]).toEqual(['sum@2']);
  await expect(processors.start(store, first).caughtUp()).rejects.toMatchObject({
    code: 'DGENTS_UNSUPPORTED',
  });
  expect([...(await consumers(store)).keys()]).toEqual(['sum@2']);
  await openAccount(store).append(deposit(8));
  await newer.caughtUp();
  expect(await first.model(store).load()).toBe(1500);
});

test('readers never find less than there was', async () => {
  const old = processors.start(store, first);
  for (let i = 0; i < 30; i += 1) await openAccount(store, `account:${i % 3}`).append(deposit(1));
  await old.caughtUp();
  const seen: number[] = [];
  const watched: number[] = [];
  const ending = new AbortController();
  const watching = (async () => {
    for await (const sum of first.model(store).watch({ signal: ending.signal })) watched.push(sum);
  })();
  await until(() => watched.length > 0);
  const newer = processors.start(
    store,
    second(() => new Promise(setImmediate)),
    { batchEvents: 1 },
  );
  while (seen.at(-1) !== 3000) {
    seen.push(await first.model(store).load());
    await new Promise(setImmediate);
  }
  await newer.caughtUp();
  expect(new Set(seen)).toEqual(new Set([30, 3000]));
  await openAccount(store).append(deposit(1));
  await until(() => watched.at(-1) === 3100);
  ending.abort();
  await watching;
  expect(watched.every((sum) => [30, 3000, 3100].includes(sum))).toBe(true);
});

test('a switch that was interrupted is finished by whoever processes next', async () => {
  const old = processors.start(store, first);
  await openAccount(store).append(deposit(1));
  await old.caughtUp();
  await old.stop();
  const next = second(async () => undefined);
  await processors.start(store, next).caughtUp();
  await processors.stop();
  // As it is where the process died between the switch and the end of the erasing.
  await store.agent('projection:sum:#1:').save(1, { expected: 'any' });
  const { records } = await store.backend.read('$projection:sum:');
  const head = (await store.backend.read('$projection:sum:')).head!;
  const document = { current: 2, old: [1] };
  await store.backend.commit([
    {
      key: '$projection:sum:',
      expected: head,
      records: [
        {
          ...records.at(-1)!,
          version: head.version + 1,
          id: 'back',
          kind: 'set',
          data: JSON.stringify(document),
          document,
        },
      ],
    },
  ]);
  await processors.start(store, next).caughtUp();
  expect(await store.has('projection:sum:#1:')).toBe(false);
  expect(await next.model(store).load()).toBe(100);
});

test('many models are built beside the old ones, too', async () => {
  const per = (version: number, factor: number) =>
    defineProjection({
      name: 'per',
      version,
      streams,
      key: ({ key }) => key,
      initial: () => 0,
      on: { deposited: (sum, { event }) => sum + factor * event.amount },
    });
  await openAccount(store, 'account:1').append(deposit(1));
  await openAccount(store, 'account:2').append(deposit(2));
  await processors.start(store, per(1, 1)).caughtUp();
  await processors.start(store, per(3, 10)).caughtUp();
  expect(await per(1, 1).model(store, 'account:2').read()).toMatchObject({ projectionVersion: 3, state: 20 });
  const keys = [];
  for await (const { key } of store.keys('projection:')) keys.push(key);
  expect(keys).toEqual(['projection:per:#3:account%3A1:', 'projection:per:#3:account%3A2:']);
});
