import { memoryBackend, Store } from 'dgents-core';
import {
  defineProjection,
  defineStream,
  type ProcessorOptions,
  type Projection,
  ProjectionProcessor,
  StreamAgent,
} from '../index.js';

interface Deposited {
  readonly type: 'deposited';
  readonly amount: number;
}
interface Closed {
  readonly type: 'closed';
}
type Moved = Deposited | Closed;

const account = defineStream<Moved, number>({
  initial: () => 0,
  fold: { deposited: (sum, { amount }) => sum + amount, closed: (sum) => sum },
});
const streams = [{ prefix: 'account:', definition: account }] as const;

const totals = defineProjection({
  name: 'totals',
  streams,
  initial: () => ({ events: 0, sum: 0 }),
  on: {
    deposited: (model, { event }) => {
      model.events += 1;
      model.sum += event.amount;
    },
    closed: (model) => ({ ...model, events: model.events + 1 }),
  },
});

let store: Store;
const running: ProjectionProcessor<never, never>[] = [];
beforeEach(() => {
  store = new Store(memoryBackend());
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((processor) => processor.stop()));
  await store.close();
});

function start<M, E extends Moved>(
  projection: Projection<M, E>,
  options: ProcessorOptions = {},
): ProjectionProcessor<M, E> {
  const processor = new ProjectionProcessor(store, projection, {
    leaseMs: 500,
    backoff: { firstMs: 1, maxMs: 5 },
    ...options,
  });
  running.push(processor as never);
  return processor.start();
}
const open = (key = 'account:1'): StreamAgent<Moved, number> => new StreamAgent(store, key, account);
const deposit = (amount: number): Deposited => ({ type: 'deposited', amount });

test('a read model holds every event that was there, and every one that comes', async () => {
  await open().append([deposit(1), deposit(2)]);
  await store.agent('other').save({ amount: 5 });
  const processor = start(totals);
  await processor.caughtUp();
  expect(await totals.model(store).load()).toEqual({ events: 2, sum: 3 });
  await open('account:2').append([deposit(4), { type: 'closed' }, deposit(8)]);
  await processor.caughtUp();
  expect(await totals.model(store).load()).toEqual({ events: 5, sum: 15 });
});

test('the checkpoint lies with the model, and is that of the last event in it', async () => {
  await open().append([deposit(1), deposit(2), deposit(4)]);
  const processor = start(totals, { batchEvents: 2 });
  await processor.caughtUp();
  // Each version is what the events up to its place make, and nothing else.
  let versions = 0;
  for await (const version of store.agent<{ sum: number }>('projection:totals:#1:').timeline()) {
    const { position } = version.meta as { position: string };
    let left = 0;
    for await (const entry of store.feed(position, { follow: false })) {
      if (entry.key === 'account:1' && 'record' in entry) left += JSON.parse(entry.record.data).amount;
    }
    expect(version).toMatchObject({ state: { sum: 7 - left } });
    versions += 1;
  }
  expect(versions).toBe(2);
  expect(await totals.model(store).read()).toMatchObject({
    version: 2,
    projectionVersion: 1,
    state: { events: 3, sum: 7 },
  });
});

test('it goes on where it was, in another processor', async () => {
  await open().append([deposit(1), deposit(2)]);
  const first = start(totals);
  await first.caughtUp();
  await first.stop();
  await open().append(deposit(4));
  expect(await totals.model(store).load()).toEqual({ events: 2, sum: 3 });
  const seen: string[] = [];
  const again = start(totals, { onCaughtUp: () => seen.push('caught up') });
  await again.caughtUp();
  expect(await totals.model(store).load()).toEqual({ events: 3, sum: 7 });
  expect(seen).toEqual(['caught up']);
  expect(await again.status()).toMatchObject({
    id: 'totals@1',
    state: 'running',
    lag: { events: 0, isMore: false, ageMs: 0 },
    parked: 0,
    lastError: undefined,
    isBuilding: false,
  });
});

test('a projection that has nothing to do writes nothing', async () => {
  await open().append(deposit(1));
  const processor = start(totals);
  await processor.caughtUp();
  const before = await totals.model(store).read();
  for (let i = 0; i < 1_500; i += 1) await store.agent(`other:${i % 7}`).save(i);
  await processor.caughtUp();
  await processor.caughtUp();
  const after = await totals.model(store).read();
  // Once in a thousand it notes how far it has looked.
  expect(after.version - before.version).toBeLessThanOrEqual(1);
  expect(after.state).toEqual(before.state);
});

test('events come in order, one after the other, however slow the work on each is', async () => {
  const seen: number[] = [];
  let atWork = 0;
  const slow = defineProjection({
    name: 'slow',
    streams,
    each: async ({ event }) => {
      atWork += 1;
      expect(atWork).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
      if (event.type === 'deposited') seen.push(event.amount);
      atWork -= 1;
    },
  });
  const processor = start(slow);
  for (let i = 0; i < 30; i += 1) await open(`account:${i % 3}`).append(deposit(i));
  await processor.caughtUp();
  expect(seen).toEqual(Array.from({ length: 30 }, (_, i) => i));
});

test('many read models change as one with the checkpoint', async () => {
  const perAccount = defineProjection({
    name: 'per account',
    streams,
    key: ({ key, event }) => (event.type === 'closed' ? undefined : [key, 'all']),
    initial: () => 0,
    on: { deposited: (sum, { event }) => sum + event.amount },
  });
  await open('account:1').append([deposit(1), deposit(2)]);
  await open('account:2').append([deposit(4), { type: 'closed' }]);
  const processor = start(perAccount);
  await processor.caughtUp();
  expect(await perAccount.model(store, 'account:1').load()).toBe(3);
  expect(await perAccount.model(store, 'account:2').load()).toBe(4);
  expect(await perAccount.model(store, 'all').load()).toBe(7);
  expect(await perAccount.model(store, 'nobody').load()).toBe(0);
  expect(() => perAccount.model(store)).toThrow(/many read models/);
});

test('an event that cannot be taken is put aside, and the others are taken', async () => {
  let broken = true;
  const picky = defineProjection({
    name: 'picky',
    streams,
    initial: (): number[] => [],
    on: {
      deposited: (model, { event }) => {
        model.push(event.amount);
        if (broken && event.amount < 0) throw new RangeError('a negative deposit');
      },
    },
  });
  await open().append([deposit(1), deposit(-2), deposit(3), deposit(-4), deposit(5)]);
  const told: string[] = [];
  const processor = start(picky, {
    attempts: 3,
    onFailure: ({ version, attempt, next }) => told.push(`${version}: ${attempt} ${next}`),
  });
  await processor.caughtUp();
  expect(await picky.model(store).load()).toEqual([1, 3, 5]);
  expect(told).toEqual(['2: 1 retry', '2: 2 retry', '2: 3 park', '4: 1 retry', '4: 2 retry', '4: 3 park']);
  expect(await processor.parked()).toMatchObject([
    { key: 'account:1', version: 2, error: 'a negative deposit', attempts: 3 },
    { key: 'account:1', version: 4, error: 'a negative deposit', attempts: 3 },
  ]);
  const { position } = await picky.model(store).read();
  expect(await processor.replayParked()).toEqual({
    replayed: 0,
    failed: [
      { key: 'account:1', version: 2, error: 'a negative deposit' },
      { key: 'account:1', version: 4, error: 'An earlier event of its stream stays aside.' },
    ],
  });
  broken = false;
  expect(await processor.replayParked()).toEqual({ replayed: 2, failed: [] });
  expect(await picky.model(store).load()).toEqual([1, 3, 5, -2, -4]);
  expect((await picky.model(store).read()).position).toBe(position);
  expect(await processor.replayParked()).toEqual({ replayed: 0, failed: [] });
  await open().append(deposit(6));
  await processor.caughtUp();
  expect(await picky.model(store).load()).toEqual([1, 3, 5, -2, -4, 6]);
});
