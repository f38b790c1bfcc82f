/** What every store owes those who read behind their writers. */
import { Store } from 'dgents-core';
import { consumers, forgetConsumer, neededFrom, registerConsumer } from '../src/index.js';
import { all, inEach, type Place, type Places } from './places.js';

/** Lets what runs in the background come to an end. */
const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  for (let i = 0; i < 200; i++) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new RangeError('it did not come to be so');
};

export function describeConsumers(places: Places): void {
  inEach(places, 'consumers', (open) => {
    let place: Place;
    let store: Store;
    beforeEach(() => {
      place = open();
      store = new Store(place.backend());
    });
    afterEach(async () => {
      await store.close();
      await place.destroy();
    });

    const count = async (key: string, times: number, retain?: { versions: number }): Promise<void> => {
      const agent = store.agent<number>(key, {
        initial: () => 0,
        ...(retain && { retain: { ...retain, graceMs: 0 } }),
      });
      for (let i = 0; i < times; i++) await agent.update((n) => n + 1);
    };
    const reach = (key: string, meta: Record<string, unknown>) =>
      store.agent<string>(key).save('here', { expected: 'any', meta });
    const floorOf = async (key: string): Promise<number> => (await store.backend.read(key)).floor;

    test('are registered once, whoever does it, and are forgotten', async () => {
      const mailer = { kind: 'stream', stream: 'orders', checkpoint: 'mailer:at' } as const;
      expect(await consumers(store)).toEqual(new Map());
      await Promise.all([
        registerConsumer(store, 'mailer', mailer),
        registerConsumer(store, '__proto__', { ...mailer, checkpoint: 'other' }),
      ]);
      const { head } = await store.backend.read('$consumers');
      await registerConsumer(new Store(place.backend()), 'mailer', { ...mailer });
      expect((await store.backend.read('$consumers')).head).toEqual(head);
      expect(await consumers(store)).toEqual(
        new Map([
          ['mailer', mailer],
          ['__proto__', { ...mailer, checkpoint: 'other' }],
        ]),
      );
      expect(await forgetConsumer(store, 'mailer')).toBe(true);
      expect(await forgetConsumer(store, 'mailer')).toBe(false);
      expect([...(await consumers(store)).keys()]).toEqual(['__proto__']);
      expect(await all(store.keys())).toEqual([]);
    });

    test('of a stream need what their checkpoint does not cover, and all as long as there is none', async () => {
      await count('orders', 5);
      expect(await neededFrom(store, 'orders')).toBeUndefined();
      await registerConsumer(store, 'mailer', { kind: 'stream', stream: 'orders', checkpoint: 'mailer:at' });
      expect(await neededFrom(store, 'orders')).toEqual({ version: 1, by: 'mailer' });
      await reach('mailer:at', { version: 3 });
      expect(await neededFrom(store, 'orders')).toEqual({ version: 4, by: 'mailer' });
      expect(await neededFrom(store, 'others')).toBeUndefined();
      await reach('mailer:at', { version: 5 });
      const { head } = await store.backend.read('mailer:at');
      await store.backend.trim('mailer:at', {
        version: head?.version ?? 0,
        id: head?.id ?? '',
        at: head?.at ?? 0,
        data: '"here"',
        meta: { version: 5 },
      });
      expect(await neededFrom(store, 'orders')).toEqual({ version: 6, by: 'mailer' });
      await store.agent('mailer:at').delete();
      expect(await neededFrom(store, 'orders')).toEqual({ version: 1, by: 'mailer' });
    });

    test('of the feed need what comes after their position, and nothing once they have caught up', async () => {
      await count('orders', 3);
      await count('others', 2);
      const totals = { kind: 'feed', checkpoint: 'totals' } as const;
      if (store.capabilities.feed === false) {
        await expect(registerConsumer(store, 'totals', totals)).rejects.toMatchObject({
          code: 'DGENTS_UNSUPPORTED',
        });
        return;
      }
      const positions = new Map<string, string>();
      for await (const entry of store.feed(undefined, { follow: false })) {
        if ('record' in entry) positions.set(`${entry.key}@${entry.record.version}`, entry.position);
      }
      await registerConsumer(store, 'totals', totals);
      expect(await neededFrom(store, 'orders')).toEqual({ version: 1, by: 'totals' });
      await reach('totals', { position: positions.get('orders@2') });
      expect(await neededFrom(store, 'orders')).toEqual({ version: 3, by: 'totals' });
      await reach('totals', { position: [...positions.values()].at(-1) });
      expect(await neededFrom(store, 'orders')).toBeUndefined();
      expect(await neededFrom(store, 'others')).toBeUndefined();
      // What it writes itself it does not wait for.
      expect(await neededFrom(store, 'totals')).toBeUndefined();
      await reach('totals', { position: 'of another store' });
      expect(await neededFrom(store, 'orders')).toEqual({ version: 1, by: 'totals' });
      await registerConsumer(store, 'totals', { ...totals, prefixes: ['oth', 'inv'] });
      expect(await neededFrom(store, 'orders')).toBeUndefined();
      expect(await neededFrom(store, 'others')).toEqual({ version: 1, by: 'totals' });
    });

    test('keep what they have not done from being trimmed, the slowest of them first', async () => {
      await registerConsumer(store, 'slow', { kind: 'stream', stream: 'orders', checkpoint: 'slow:at' });
      await registerConsumer(store, 'fast', { kind: 'stream', stream: 'orders', checkpoint: 'fast:at' });
      await reach('fast:at', { version: 1_000 });
      await count('orders', 60, { versions: 5 });
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(await floorOf('orders')).toBe(1);
      await reach('slow:at', { version: 20 });
      await count('orders', 40, { versions: 5 });
      await until(async () => (await floorOf('orders')) === 20);
      await forgetConsumer(store, 'slow');
      await count('orders', 40, { versions: 5 });
      await until(async () => (await floorOf('orders')) > 100);
      expect(await store.agent('orders').load()).toBe(140);
    });
  });
}
