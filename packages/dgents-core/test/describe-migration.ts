/** All states of a store brought to a new schema version: what holds on every server, and with many programs on it. */
import { z } from 'zod';
import { type Backend, defineState, migrateAll, StateValidationError, Store } from '../src/index.js';
import { all } from './places.js';

const user = defineState({
  name: 'user',
  schema: z.strictObject({ first: z.string().min(1), tags: z.array(z.string()) }),
  schemaVersion: 2,
  migrations: { 1: ({ name }: { name: string }) => ({ first: name, tags: [] }) },
});
const prefix = 'user:';
const options = { ...user, prefix };

/** More than one page of keys. */
const MANY = 1_100;

/** A migration of two states takes less, also on a busy machine. */
const LIFE_MS = 3_000;

const keyOf = (i: number): string => `${prefix}${i}`;

/** @param open a backend on the same logs as the others of a test; each test finds it empty */
export function describeMigration(open: () => Backend): void {
  describe('migrateAll', () => {
    const opened: Store[] = [];
    const storeOn = (): Store => {
      const store = new Store(open(), { timeoutMs: 20_000 });
      opened.push(store);
      return store;
    };
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close();
    });
    const write = (store: Store, keys: readonly string[], name = 'Ada'): Promise<unknown> =>
      Promise.all(keys.map((key) => store.agent<unknown>(key).save({ name })));
    const from = async (store: Store, key: string): Promise<unknown[]> =>
      (await all(store.agent(key, user).timeline())).map(({ meta }) => meta?.['migratedFrom']);

    test('each of many states is migrated once, in whatever order the store lists them', async () => {
      const keys = Array.from({ length: MANY }, (_, i) => keyOf(i));
      const store = storeOn();
      await write(store, keys);
      await write(store, ['other', 'use', 'user']);
      const seen: string[] = [];
      const report = await migrateAll(store, { ...options, onProgress: ({ key }) => seen.push(key) });
      expect(report).toMatchObject({
        migrated: MANY,
        alreadyCurrent: 0,
        skipped: 0,
        failed: [],
        finished: true,
      });
      expect(seen.toSorted()).toEqual(keys.toSorted());
      const cold = storeOn();
      for (const i of [0, 499, 500, MANY - 1]) {
        const { state, version, meta } = await cold.agent(keyOf(i), user).read();
        expect([state, version, meta]).toEqual([{ first: 'Ada', tags: [] }, 2, { migratedFrom: 1 }]);
      }
      expect(await cold.agent('user').load()).toEqual({ name: 'Ada' });
      expect(await migrateAll(cold, options)).toMatchObject({ migrated: 0, alreadyCurrent: MANY });
    });

    test('two programs that migrate at a time, and one that writes, lose nothing and do nothing twice', async () => {
      const keys = Array.from({ length: 60 }, (_, i) => keyOf(i));
      await write(storeOn(), keys);
      const others = storeOn();
      const tag = async (key: string): Promise<void> => {
        for (const mark of ['a', 'b', 'c']) {
          await others.agent(key, user).update((draft) => void draft.tags.push(mark));
        }
      };
      const [first, second] = await Promise.all([
        migrateAll(storeOn(), options),
        migrateAll(storeOn(), options),
        ...keys.map(tag),
      ]);
      expect([first.failed, second.failed]).toEqual([[], []]);
      const cold = storeOn();
      let migrated = 0;
      for (const key of keys) {
        expect(await cold.agent(key, user).load()).toEqual({ first: 'Ada', tags: ['a', 'b', 'c'] });
        const marks = (await from(cold, key)).filter((mark) => mark !== undefined);
        expect(marks.length).toBeLessThanOrEqual(1);
        migrated += marks.length;
      }
      expect(first.migrated + second.migrated).toBe(migrated);
    });

    test('a dry run finds what would fail and writes nothing; what fails stays as it is', async () => {
      const store = storeOn();
      await write(store, ['user:a', 'user:c', 'user:gone']);
      await write(store, ['user:b'], '');
      await store.agent('user:gone').delete();
      for (const dryRun of [true, false]) {
        const report = await migrateAll(store, { ...options, dryRun });
        expect(report).toMatchObject({ migrated: 2, skipped: 1, failed: [{ key: 'user:b' }] });
        expect(report.failed.map(({ error }) => error)).toEqual([expect.any(StateValidationError)]);
        const cold = storeOn();
        expect(await cold.agent('user:b').load()).toEqual({ name: '' });
        expect((await all(cold.backend.range('user:a'))).map(({ schema }) => schema)).toEqual(
          dryRun ? [undefined] : [undefined, 2],
        );
      }
    });

    test('one that stopped goes on behind what it had done', async () => {
      const store = storeOn();
      const keys = Array.from({ length: 12 }, (_, i) => keyOf(i));
      await write(store, keys);
      await write(store, [keyOf(5)], '');
      const careful = { ...options, concurrency: 1 };
      const stopped = await migrateAll(store, { ...careful, onFailure: 'stop' });
      expect(stopped).toMatchObject({ failed: [{ key: keyOf(5) }], finished: false });
      await store.agent<unknown>(keyOf(5)).save({ name: 'Grace' });
      const rest = await migrateAll(storeOn(), {
        ...careful,
        ...(stopped.last !== undefined && { after: stopped.last }),
      });
      expect(rest).toMatchObject({ migrated: 12 - stopped.migrated, alreadyCurrent: 0, finished: true });
      expect(await storeOn().agent(keyOf(5), user).load()).toEqual({ first: 'Grace', tags: [] });
    });

    test('the time to live stays as it is', async () => {
      const store = storeOn();
      await store.ready();
      if (!store.capabilities.ttl) {
        await expect(store.agent('user:a').save(1, { ttlMs: 5 })).rejects.toThrow('takes no ttlMs');
        return;
      }
      await store.agent<unknown>('user:mortal').save({ name: 'Ada' }, { ttlMs: LIFE_MS });
      await write(store, ['user:lasting']);
      expect(await migrateAll(store, options)).toMatchObject({ migrated: 2, failed: [] });
      const cold = storeOn();
      expect(await cold.agent('user:mortal', user).load()).toEqual({ first: 'Ada', tags: [] });
      const isOver = Date.now() + LIFE_MS + 100;
      while (Date.now() < isOver) await new Promise((resolve) => setTimeout(resolve, isOver - Date.now()));
      expect([await cold.has('user:mortal'), await cold.has('user:lasting')]).toEqual([false, true]);
    });
  });
}
