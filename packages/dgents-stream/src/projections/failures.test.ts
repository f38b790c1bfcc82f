import { memoryBackend, Store } from 'dgents-core';
import {
  defineProjection,
  defineStream,
  EventLog,
  type ProcessorOptions,
  type Projection,
  type ProjectionProcessor,
  StreamAgent,
} from '../index.js';
import {
  account,
  deposit,
  type Moved,
  openAccount,
  Processors,
  streams,
  until,
} from '../testing/accounts.js';

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

test('what is put aside is in the commit that passes it', async () => {
  const picky = defineProjection({
    name: 'picky',
    streams,
    initial: () => 0,
    on: {
      deposited: (sum, { event }) => {
        if (event.amount < 0) throw new RangeError('negative');
        return sum + event.amount;
      },
    },
  });
  await open().append([deposit(1), deposit(-2)]);
  await start(picky, { attempts: 1 }).caughtUp();
  const ids = async (key: string): Promise<string[]> => {
    const found = [];
    for await (const { id } of store.backend.range(key)) found.push(id);
    return found;
  };
  const [, passing] = await ids('projection:picky:#1:');
  expect(await ids('$parked:picky:#1:')).toEqual([passing]);
});

test('an event that fails for a while is taken once it does not, before those behind it', async () => {
  let failing = 3;
  const shaky = defineProjection({
    name: 'shaky',
    streams,
    initial: (): number[] => [],
    on: {
      deposited: (model, { event }) => {
        if (event.amount === 2 && failing-- > 0) throw new RangeError('not now');
        model.push(event.amount);
      },
    },
  });
  await open().append([1, 2, 3].map(deposit));
  const processor = start(shaky);
  await processor.caughtUp();
  expect(await shaky.model(store).load()).toEqual([1, 2, 3]);
  expect(await processor.status()).toMatchObject({
    state: 'running',
    parked: 0,
    lastError: { message: 'not now', code: undefined },
  });
});

test("with onError 'stop' no event is passed", async () => {
  let isBroken = true;
  const strict = defineProjection({
    name: 'strict',
    streams,
    initial: (): number[] => [],
    on: {
      deposited: (model, { event }) => {
        model.push(event.amount);
        if (isBroken && event.amount === 2) throw new RangeError('no');
      },
    },
  });
  await open().append([1, 2, 3].map(deposit));
  const options = { onError: 'stop', attempts: 2 } as const;
  const processor = start(strict, options);
  await expect(processor.caughtUp()).rejects.toMatchObject({
    code: 'DGENTS_EVENT_FOLD',
    key: 'account:1',
    version: 2,
    type: 'deposited',
    cause: new RangeError('no'),
  });
  await expect(processor.finished).rejects.toMatchObject({ code: 'DGENTS_EVENT_FOLD' });
  expect(await strict.model(store).load()).toEqual([1]);
  expect(await processor.parked()).toEqual([]);
  expect((await processor.status()).state).toBe('stopped');
  isBroken = false;
  await start(strict, options).caughtUp();
  expect(await strict.model(store).load()).toEqual([1, 2, 3]);
});

test('what makes a model that cannot be stored is found among the others', async () => {
  const odd = defineProjection({
    name: 'odd',
    streams,
    initial: (): unknown[] => [],
    on: {
      deposited: (model, { event }) => {
        model.push(event.amount % 7 === 3 ? () => event.amount : event.amount);
      },
    },
  });
  await open().append(Array.from({ length: 20 }, (_, i) => deposit(i)));
  const processor = start(odd, { attempts: 2 });
  await processor.caughtUp();
  expect(await odd.model(store).load()).toEqual(
    Array.from({ length: 20 }, (_, i) => i).filter((i) => i % 7 !== 3),
  );
  expect((await processor.parked()).map(({ version }) => version)).toEqual([4, 11, 18]);
});

test('an event that cannot be read any more is put aside like one that cannot be taken', async () => {
  let isBroken = false;
  const definition = defineStream<Moved, number>({
    initial: () => 0,
    fold: (sum) => sum,
    upcasters: {
      deposited: {
        1: (event: { amount: number }) => {
          if (isBroken && event.amount === 2) throw new RangeError('what was that?');
          return { type: 'deposited', amount: event.amount * 100 };
        },
      },
    },
  });
  const cents = defineProjection({
    name: 'cents',
    streams: [{ match: (key) => key === 'account:1', definition }],
    initial: (): number[] => [],
    on: { deposited: (model, { event }) => void model.push(event.amount) },
  });
  await open().append([1, 2, 3].map(deposit));
  await new StreamAgent(store, 'account:1', definition).append(deposit(400));
  isBroken = true;
  const processor = start(cents, { attempts: 2 });
  await processor.caughtUp();
  expect(await cents.model(store).load()).toEqual([100, 300, 400]);
  isBroken = false;
  expect(await processor.replayParked()).toEqual({ replayed: 1, failed: [] });
  expect(await cents.model(store).load()).toEqual([100, 300, 400, 200]);
});

test('replays of several at once, while the processor goes on, take each event once', async () => {
  let isBroken = true;
  const picky = defineProjection({
    name: 'picky',
    streams,
    initial: (): number[] => [],
    on: {
      deposited: (model, { event }) => {
        if (isBroken && event.amount < 0) throw new RangeError('negative');
        model.push(event.amount);
      },
    },
  });
  for (let i = 1; i <= 10; i += 1) await open(`account:${i}`).append([deposit(i), deposit(-i)]);
  const processor = start(picky, { attempts: 1 });
  await processor.caughtUp();
  expect(await processor.parked()).toHaveLength(10);
  isBroken = false;
  const other = new Store(store.backend);
  const elsewhere = processors.start(other, picky);
  const writing = (async () => {
    for (let i = 11; i <= 40; i += 1) await open(`account:${i}`).append(deposit(i));
  })();
  const results = await Promise.all([
    processor.replayParked(),
    elsewhere.replayParked(),
    processor.replayParked(),
  ]);
  await writing;
  await processor.caughtUp();
  expect(results.reduce((sum, { replayed }) => sum + replayed, 0)).toBe(10);
  const expected = [
    ...Array.from({ length: 10 }, (_, i) => -1 - i),
    ...Array.from({ length: 40 }, (_, i) => i + 1),
  ];
  expect((await picky.model(store).load()).toSorted((a, b) => a - b)).toEqual(
    expected.toSorted((a, b) => a - b),
  );
  expect(await processor.parked()).toEqual([]);
});

test('events that are gone end a processor that was not told what to do then', async () => {
  const totals = defineProjection({
    name: 'totals',
    streams,
    initial: () => 0,
    on: { deposited: (sum, { event }) => sum + event.amount },
  });
  await open('account:0').append(deposit(1));
  await open().append([2, 4, 8].map(deposit));
  await open('account:2').append(deposit(16));
  await store.backend.trim('account:1', {
    ...(await store.backend.read('account:1', { at: 2 })).records.at(-1)!,
    data: '6',
  });
  const processor = start(totals, { batchEvents: 1 });
  await expect(processor.caughtUp()).rejects.toMatchObject({
    code: 'DGENTS_LOG_COMPACTED',
    key: 'account:1',
    floor: 2,
  });
  expect(await totals.model(store).load()).toBe(1);
  const gone: object[] = [];
  const again = start(totals, { onTrimmed: (trimmed) => gone.push(trimmed) });
  await again.caughtUp();
  expect(gone).toEqual([{ key: 'account:1', from: 1, to: 2 }]);
  expect(await totals.model(store).load()).toBe(25);
});

test('work on an event is told when its processor stops, and done again by the next one', async () => {
  const seen: string[] = [];
  const slow = defineProjection({
    name: 'slow',
    streams,
    each: async ({ version }, { signal, attempt }) => {
      seen.push(`${version}: ${attempt}`);
      if (seen.length === 2) await new Promise((_, reject) => signal.addEventListener('abort', reject));
    },
  });
  await open().append([deposit(1), deposit(2)]);
  const first = start(slow, { batchEvents: 1 });
  await until(() => seen.length === 2);
  await first.stop();
  await start(slow).caughtUp();
  expect(seen).toEqual(['1: 1', '2: 1', '2: 1']);
});

test.each([
  [
    'by type',
    {
      deposited: (model: number[], { event }: { event: Moved }) => void model.push(Number('amount' in event)),
    },
  ],
  [
    'as a function',
    (model: number[], { event }: { event: Moved }) => void model.push(Number('amount' in event)),
  ],
])('an event of a type that its stream does not know is put aside, with `on` %s', async (_, on) => {
  const list = defineProjection({ name: 'list', streams, initial: (): number[] => [], on });
  await open().append(deposit(1));
  await new EventLog(store).append('account:1', { type: 'depositted' });
  await open('account:2').append(deposit(4));
  const processor = start(list, { attempts: 1 });
  await processor.caughtUp();
  expect(await list.model(store).load()).toEqual([1, 1]);
  expect(await processor.parked()).toMatchObject([
    {
      key: 'account:1',
      version: 2,
      error: expect.stringContaining('"depositted", is of a type that the fold'),
    },
  ]);
  await processor.stop();
  const lenient = defineProjection({
    name: 'lenient',
    streams: [{ prefix: 'account:', definition: { ...account, unknownEvents: 'ignore' as const } }],
    initial: (): number[] => [],
    on,
  });
  const second = start(lenient);
  await second.caughtUp();
  expect(await second.parked()).toEqual([]);
});

test('an event that is put aside is a warning where nobody is told of failures', async () => {
  const warnings: unknown[] = [];
  const told = new Store(store.backend, { onWarning: (error) => warnings.push(error) });
  const each = (): never => {
    throw new RangeError('no');
  };
  await open().append(deposit(1));
  const quiet = processors.start(told, defineProjection({ name: 'quiet', streams, each }), { attempts: 2 });
  await quiet.caughtUp();
  const message = '"quiet@1" put event 1 of "account:1" aside, and goes on with later ones: no';
  expect(warnings).toMatchObject([{ code: 'DGENTS_EVENT_FOLD', version: 1, type: 'deposited', message }]);
  const options = { attempts: 2, onFailure: () => undefined };
  await processors.start(told, defineProjection({ name: 'told', streams, each }), options).caughtUp();
  expect(warnings).toHaveLength(1);
});
