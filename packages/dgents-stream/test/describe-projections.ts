/** What projections owe on every store, as far as it goes there. */
import { type Backend, Store } from 'dgents-core';
import { defineProjection, type ProcessorOptions, StreamAgent } from '../src/index.js';
import { account, deposit, openAccount, Processors, streams, until } from '../src/testing/accounts.js';
import { inEach, type Place, type Places } from './places.js';

const list = defineProjection({
  name: 'list',
  streams,
  initial: (): number[] => [],
  on: { deposited: (model, { event }) => void model.push(event.amount) },
});
const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Answers that never arrive, of what was done and of what was not. */
function lossy(inner: Backend, rate: number): Backend {
  return new Proxy(inner, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== 'function') return value;
      if (name !== 'read' && name !== 'commit') return value.bind(target);
      return async (...given: unknown[]) => {
        if (Math.random() < rate)
          throw Object.assign(new TypeError('connection reset'), { code: 'ECONNRESET' });
        const answer = await value.apply(target, given);
        if (Math.random() < rate)
          throw Object.assign(new TypeError('connection reset'), { code: 'ECONNRESET' });
        return answer;
      };
    },
  });
}

export function describeProjections(places: Places): void {
  inEach(places, 'a projection', (open) => {
    let place: Place;
    let store: Store;
    let feed: string | false;
    const processors = new Processors();
    beforeEach(async () => {
      place = open();
      store = new Store(place.backend());
      ({ feed } = await store.ready());
    });
    afterEach(async () => {
      await processors.stop();
      await store.close();
      await place.destroy();
    });
    /** Of all streams, or of the one where there is no feed. */
    const where = (): ProcessorOptions => (feed === false ? { stream: 'account:1' } : {});

    test('holds what was there and what comes, in order, and goes on where it was', async () => {
      for (let i = 1; i <= 60; i += 20) await openAccount(store).append(numbers(i, i + 19).map(deposit));
      const first = processors.start(store, list, { ...where(), batchEvents: 7 });
      await first.caughtUp();
      expect(await list.model(store).load()).toEqual(numbers(1, 60));
      await openAccount(store).append(deposit(61));
      await first.caughtUp();
      await first.stop();
      await openAccount(store).append(deposit(62));
      const other = new Store(place.backend());
      const second = processors.start(other, list, where());
      await second.caughtUp();
      expect(await list.model(store).load()).toEqual(numbers(1, 62));
      const { position, streamVersion } = await list.model(store).read();
      expect(feed === false ? streamVersion : typeof position).toBe(feed === false ? 62 : 'string');
      await processors.stop();
      await other.close();
    });

    test('takes each event once although answers are lost, by processors that come and go', async () => {
      let isOver = false;
      const writing = (async () => {
        for (let i = 1; i <= 120; i += 1) await openAccount(store).append(deposit(i));
        isOver = true;
      })();
      for (let turn = 0; !isOver || turn < 4; turn += 1) {
        const own = new Store(lossy(place.backend(), 0.1), { timeoutMs: 1_000 });
        const processor = processors.start(own, list, {
          ...where(),
          batchEvents: 5,
          leaseMs: 100,
          holder: 'me',
        });
        await new Promise((resolve) => setTimeout(resolve, 40));
        await processor.stop();
        await own.close();
      }
      await writing;
      await processors.start(store, list, { ...where(), holder: 'me' }).caughtUp();
      expect(await list.model(store).load()).toEqual(numbers(1, 120));
    });

    test('puts events aside and takes them later, each once', async () => {
      let isBroken = true;
      const picky = defineProjection({
        name: 'picky',
        streams,
        initial: (): number[] => [],
        on: {
          deposited: (model, { event }) => {
            if (isBroken && event.amount % 3 === 0) throw new RangeError('not this one');
            model.push(event.amount);
          },
        },
      });
      await openAccount(store).append(numbers(1, 10).map(deposit));
      const processor = processors.start(store, picky, { ...where(), attempts: 2 });
      await processor.caughtUp();
      expect(await picky.model(store).load()).toEqual([1, 2, 4, 5, 7, 8, 10]);
      expect((await processor.parked()).map(({ version }) => version)).toEqual([3, 6, 9]);
      isBroken = false;
      expect(await processor.replayParked()).toEqual({ replayed: 3, failed: [] });
      await openAccount(store).append(deposit(11));
      await processor.caughtUp();
      expect(await picky.model(store).load()).toEqual([1, 2, 4, 5, 7, 8, 10, 3, 6, 9, 11]);
      expect(await processor.status()).toMatchObject({ parked: 0, lag: { events: 0 } });
    });

    test('changes many models as one, or says that it cannot', async () => {
      const per = defineProjection({
        name: 'per',
        streams,
        key: ({ key }) => key,
        initial: () => 0,
        on: { deposited: (sum, { event }) => sum + event.amount },
      });
      for (let i = 0; i < 30; i += 1) await openAccount(store, `account:${i % 4}`).append(deposit(i));
      const processor = processors.start(store, per, feed === false ? where() : {});
      if (store.capabilities.atomicity !== 'store') {
        await expect(processor.caughtUp()).rejects.toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
        return;
      }
      await processor.caughtUp();
      const sums = await Promise.all([0, 1, 2, 3].map((i) => per.model(store, `account:${i}`).load()));
      expect(sums).toEqual([112, 120, 98, 105]);
    });

    test('keeps what it has not seen from being trimmed', async () => {
      const processor = processors.start(store, list, where());
      await processor.caughtUp();
      await processor.stop();
      // Old enough for anything to be trimmed at once.
      const past = new Store(place.backend(), { clock: () => Date.now() - 3_600_000 });
      const short = new StreamAgent(past, 'account:1', account, { retain: { versions: 2 } });
      for (let i = 1; i <= 40; i += 1) await short.append(deposit(i));
      await past.close();
      await processors.start(store, list, where()).caughtUp();
      expect(await list.model(store).load()).toEqual(numbers(1, 40));
    });

    test('of all streams needs a feed', async () => {
      const caughtUp = processors.start(store, list).caughtUp();
      if (feed !== false) return expect(caughtUp).resolves.toBeUndefined();
      return expect(caughtUp).rejects.toMatchObject({
        code: 'DGENTS_UNSUPPORTED',
        message: expect.stringMatching(/no feed.*`stream`/),
      });
    });

    test('is told to the other processors of its store', async () => {
      const first = processors.start(store, list, { ...where(), holder: 'first' });
      await first.caughtUp();
      const other = new Store(place.backend());
      const second = processors.start(other, list, { ...where(), holder: 'second' });
      await until(async () => (await second.status()).state === 'standby');
      await openAccount(store).append(deposit(1));
      await second.caughtUp();
      expect(await list.model(other).load()).toEqual([1]);
      await first.stop();
      await until(async () => (await second.status()).holder?.name === 'second');
      await processors.stop();
      await other.close();
    });
  });
}
