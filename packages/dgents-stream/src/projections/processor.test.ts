import { memoryBackend, Store } from 'dgents-core';
import {
  type AnyProjection,
  defineProjection,
  defineStream,
  type ProcessorOptions,
  type Projection,
  ProjectionProcessor,
} from '../index.js';
import { deposit, type Moved, openAccount, Processors, streams, until } from '../testing/accounts.js';

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
const processors = new Processors();
beforeEach(() => {
  store = new Store(memoryBackend());
});
afterEach(async () => {
  await processors.stop();
  await store.close();
});

const start = <M, E extends Moved>(
  projection: Projection<M, E>,
  options: ProcessorOptions = {},
): ProjectionProcessor<M, E> => processors.start(store, projection, options);
const open = (key?: string): ReturnType<typeof openAccount> => openAccount(store, key);

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

test('a handler may return the next model, beside others that change theirs', async () => {
  const mixed = defineProjection({
    name: 'mixed',
    streams,
    initial: () => ({ sum: 0, list: [] as number[] }),
    on: ({ sum, list }, { event, version }) => {
      if (event.type === 'deposited' && version % 2 === 0) return { list, sum: sum + event.amount };
      if (event.type === 'deposited') list.push(event.amount);
      return undefined;
    },
  });
  await open().append([1, 2, 4, 8, 16].map(deposit));
  const processor = start(mixed);
  await processor.caughtUp();
  expect(await mixed.model(store).load()).toEqual({ sum: 10, list: [1, 4, 16] });
  await open().append([32, 64].map(deposit));
  await processor.caughtUp();
  expect(await mixed.model(store).load()).toEqual({ sum: 42, list: [1, 4, 16, 64] });
});

test('a model that was deleted is made anew; one that somebody else has written is not touched', async () => {
  await open().append([deposit(1), deposit(2)]);
  const first = start(totals);
  await first.caughtUp();
  const own = store.agent<{ events: number; sum: number }>(await totals.model(store).key());
  await own.delete();
  await open().append(deposit(4));
  await first.caughtUp();
  expect(await totals.model(store).load()).toEqual({ events: 3, sum: 7 });
  await own.save({ events: 0, sum: 1000 }, { expected: 'any' });
  await open().append(deposit(8));
  await expect(first.finished).rejects.toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
  expect(await own.load()).toEqual({ events: 0, sum: 1000 });
});

test('caughtUp waits for what was there when it was called, and not for what comes all the time', async () => {
  let isOver = false;
  const writing = (async () => {
    while (!isOver) {
      await open('account:busy').append(deposit(1));
      await new Promise(setImmediate);
    }
  })();
  const processor = start(totals);
  for (let i = 0; i < 5; i += 1) {
    await open().append(deposit(1));
    const { version: versions } = await open('account:busy').read();
    await processor.caughtUp();
    expect((await totals.model(store).load()).events).toBeGreaterThanOrEqual(versions + i + 1);
  }
  isOver = true;
  await writing;
});

test('a processor that was stopped says so', async () => {
  const processor = start(totals);
  const waiting = processor.caughtUp();
  await waiting;
  await processor.stop();
  await expect(processor.caughtUp()).rejects.toMatchObject({ code: 'DGENTS_AGENT_CLOSED' });
  await processor.finished;
  expect((await processor.status()).state).toBe('stopped');
  expect((await processor.status()).holder).toBeUndefined();
});

test('status tells how far the models are behind', async () => {
  const clock = { now: 1_000 };
  const own = new Store(memoryBackend(), { clock: () => clock.now });
  await openAccount(own).append([deposit(1), deposit(2)]);
  clock.now = 61_000;
  await openAccount(own, 'account:2').append(deposit(4));
  const slow = defineProjection({
    name: 'slow',
    streams,
    each: ({ key }, { signal }) =>
      key === 'account:2' && new Promise((_, reject) => signal.addEventListener('abort', reject)),
  });
  const processor = processors.start(own, slow, { batchEvents: 2, holder: 'me' });
  expect(await processor.status()).toMatchObject({
    state: expect.stringMatching(/idle|running/),
    position: undefined,
    lag: { events: 3, isMore: false, ageMs: 60_000 },
  });
  await until(async () => (await processor.status()).position !== undefined);
  expect(await processor.status()).toMatchObject({
    state: 'running',
    position: expect.any(String),
    lag: { events: 1, isMore: false, ageMs: 0 },
    holder: { name: 'me', until: expect.any(Date) },
  });
  await processors.stop();
  await own.close();
});

test('what cannot be meant is refused', () => {
  const on = { deposited: (): void => undefined };
  const initial = (): number => 0;
  expect(() => defineProjection({ name: '', streams, initial, on })).toThrow(RangeError);
  expect(() => defineProjection({ name: 'a', version: 0, streams, initial, on })).toThrow(RangeError);
  expect(() => defineProjection({ name: 'a', streams: [], each: () => undefined })).toThrow(/streams/);
  expect(() => defineProjection({ name: 'a', streams })).toThrow(/does something/);
  expect(() => defineProjection({ name: 'a', streams, initial } as never)).toThrow(/give both/);
  const one = defineProjection({ name: 'a', streams, initial, on });
  expect(() => start(one, { batchEvents: 0 })).toThrow(RangeError);
  expect(() => start(one, { attempt: 3 } as never)).toThrow(/no option "attempt"/);
  expect(() => one.model(store, 'part')).toThrow(/one read model/);
});

test('what is no projection is refused at once', () => {
  expect(() => new ProjectionProcessor(store, { name: 'totals' } as unknown as AnyProjection)).toThrow(
    new TypeError('A processor takes a projection made by defineProjection.'),
  );
});

test('an option or a type of event that is misspelt is refused, where all types are known', () => {
  expect(() => start(totals, { onfailure: () => undefined } as never)).toThrow(
    /A processor has no option "onfailure"\. Did you mean onFailure\?/,
  );
  const misspelt = { name: 'misspelt', initial: () => 0, on: { deposit: () => 1 } };
  expect(() => defineProjection({ ...misspelt, streams } as never)).toThrow(
    new TypeError(
      'on["deposit"]: no stream of this projection has events of that type. There are deposited, closed.',
    ),
  );
  const any = defineStream<Moved, number>({ initial: () => 0, fold: () => 0 });
  const open = [...streams, { prefix: 'any:', definition: any }];
  expect(() => defineProjection({ ...misspelt, streams: open } as never)).not.toThrow();
});
