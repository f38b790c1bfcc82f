import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileBackend, memoryBackend, Store } from 'dgents-core';
import { type AnyEvent, defineStream, inlineProjection, type Recorded, StreamAgent } from '../index.js';

interface Sold extends AnyEvent {
  readonly type: 'sold';
  readonly what: string;
  readonly amount: number;
}

const perProduct = inlineProjection<Sold, { sold: number; last: number }>({
  key: ({ event }) => (event.what === 'nothing' ? undefined : `sold:${event.what}`),
  initial: () => ({ sold: 0, last: 0 }),
  apply: (model, { event, version }) => {
    model.sold += event.amount;
    model.last = version;
  },
});
const all = inlineProjection<Sold, string[]>({
  key: 'log',
  initial: () => [],
  apply: (lines, { event, recordedAt }: Recorded<Sold>) => [
    ...lines,
    `${event.what} ${recordedAt.getTime()}`,
  ],
});

const till = defineStream<Sold, number, { readonly sell: string; readonly stock: number }>({
  initial: () => 0,
  fold: (sum, { amount }) => sum + amount,
  decide: ({ sell, stock }, sum) => (sum >= stock ? [] : { type: 'sold', what: sell, amount: 1 }),
  inline: [perProduct, all],
});

const sold = (what: string, amount = 1): Sold => ({ type: 'sold', what, amount });

let store: Store;
beforeEach(() => {
  store = new Store(memoryBackend(), { clock: () => 1000 });
});
afterEach(() => store.close());
const open = (): StreamAgent<Sold, number, { readonly sell: string; readonly stock: number }> =>
  new StreamAgent(store, 'till', till);

test('models change in the commit of the events', async () => {
  await open().append([sold('tea', 2), sold('milk'), sold('nothing')]);
  await open().append(sold('tea'));
  expect(await store.agent('sold:tea').load()).toEqual({ sold: 3, last: 4 });
  expect(await store.agent('sold:milk').load()).toEqual({ sold: 1, last: 2 });
  expect(await store.agent('log').load()).toEqual(['tea 1000', 'milk 1000', 'nothing 1000', 'tea 1000']);
  expect(await open().load()).toBe(5);
});

test('of many at once none is lost, and none is there twice', async () => {
  await Promise.all(Array.from({ length: 20 }, () => open().append(sold('tea'))));
  expect(await store.agent('sold:tea').load()).toEqual({ sold: 20, last: 20 });
  const results = await Promise.all(
    Array.from({ length: 10 }, () => open().decide({ sell: 'tea', stock: 25 })),
  );
  expect(results.filter(({ firstVersion }) => firstVersion > 0)).toHaveLength(5);
  expect(await store.agent('sold:tea').load()).toEqual({ sold: 25, last: 25 });
});

test('a message is projected once', async () => {
  const results = await Promise.all(
    Array.from({ length: 8 }, () => open().append(sold('tea'), { messageId: 'm' })),
  );
  expect(results.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
  expect(await store.agent('sold:tea').load()).toEqual({ sold: 1, last: 1 });
  await expect(open().append(sold('milk'), { messageId: 'm' })).rejects.toMatchObject({
    code: 'DGENTS_MESSAGE_ID_REUSED',
  });
});

test('what conflicts, or what a model refuses, stores nothing', async () => {
  await open().append(sold('tea'));
  await expect(open().append(sold('tea'), { expectedVersion: 0 })).rejects.toMatchObject({
    code: 'DGENTS_STATE_CONFLICT',
  });
  const refusing = {
    ...till,
    inline: [
      inlineProjection<Sold, number>({
        key: 'refusing',
        initial: () => 0,
        apply: () => {
          throw new RangeError('no');
        },
      }),
    ],
  };
  await expect(new StreamAgent(store, 'till', refusing).append(sold('tea'))).rejects.toThrow('no');
  expect(await open().load()).toBe(1);
  expect(await store.has('refusing')).toBe(false);
});

test('one model of two projections is refused, and so is `diff` beside them', async () => {
  const doubled = {
    ...till,
    inline: [all, inlineProjection<Sold, number>({ ...all, initial: () => 0, apply: (n) => n })],
  };
  await expect(new StreamAgent(store, 'till', doubled).append(sold('tea'))).rejects.toThrow(
    /Two inline projections/,
  );
  expect(() => new StreamAgent(store, 'till', { ...till, diff: () => [] })).toThrow(/`diff`/);
});

test('a store that is atomic for one key says so', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'dgents-inline-'));
  const files = new Store(fileBackend({ path: directory }));
  try {
    await expect(new StreamAgent(files, 'till', till).append(sold('tea'))).rejects.toMatchObject({
      code: 'DGENTS_UNSUPPORTED',
    });
    expect(await files.has('till')).toBe(false);
  } finally {
    await files.close();
    await rm(directory, { recursive: true, force: true });
  }
});

describe('somebody else uses the same message id, between looking and writing', () => {
  /** A store whose next commit comes after what is done here. */
  function interrupted(before: (this: Store) => Promise<void>): Store {
    const backend = memoryBackend();
    const other = new Store(memoryBackend({ sharing: backend }));
    let pending = true;
    const commit = backend.commit.bind(backend);
    backend.commit = async (...given) => {
      if (pending) {
        pending = false;
        await before.call(other);
      }
      return commit(...given);
    };
    return new Store(backend);
  }

  test.each([
    ['the same events are a duplicate', sold('tea'), 1],
    ['other events are refused', sold('milk'), 'DGENTS_MESSAGE_ID_REUSED'],
  ])('%s, and are projected once', async (_name, event, expected) => {
    const store = interrupted(async function (this: Store) {
      await new StreamAgent(this, 'till', till).append(event, { messageId: 'm' });
    });
    const appending = new StreamAgent(store, 'till', till).append(sold('tea'), { messageId: 'm' });
    if (typeof expected === 'string') await expect(appending).rejects.toMatchObject({ code: expected });
    else expect(await appending).toEqual({ firstVersion: 1, version: 1, duplicate: true });
    expect(await store.agent(`sold:${event.what}`).load()).toEqual({ sold: 1, last: 1 });
    expect(await new StreamAgent(store, 'till', till).load()).toBe(1);
    await store.close();
  });

  test.each([
    ['the same', 1, { firstVersion: 1, version: 1, duplicate: true }],
    ['other', 2, 'DGENTS_MESSAGE_ID_REUSED'],
  ])('also where no model changes: %s events', async (_name, amount, expected) => {
    const quiet = { ...till, inline: [perProduct] };
    const store = interrupted(async function (this: Store) {
      await new StreamAgent(this, 'till', quiet).append(sold('nothing', amount), { messageId: 'm' });
    });
    const appending = new StreamAgent(store, 'till', quiet).append(sold('nothing'), { messageId: 'm' });
    if (typeof expected === 'string') await expect(appending).rejects.toMatchObject({ code: expected });
    else expect(await appending).toEqual(expected);
    expect(await new StreamAgent(store, 'till', quiet).load()).toBe(amount);
    await store.close();
  });
});
