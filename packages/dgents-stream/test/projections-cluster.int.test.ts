/** The partitioned feed of a Redis Cluster. */
import { Store } from 'dgents-core';
import { RedisBackend } from '../../dgents-redis/src/redis-backend.js';
import { OwnCluster } from '../../dgents-redis/test/own-cluster.js';
import { ownRedisProblem } from '../../dgents-redis/test/own-redis.js';
import { defineProjection } from '../src/index.js';
import { deposit, openAccount, Processors, streams } from '../src/testing/accounts.js';

const KEYS = 40;
const EACH = 25;

const problem = ownRedisProblem();

(problem === undefined ? describe : describe.skip)(
  `a projection of a Redis Cluster${problem === undefined ? '' : ` (skipped: ${problem})`}`,
  () => {
    let cluster: OwnCluster;
    const processors = new Processors();
    beforeAll(async () => {
      cluster = await OwnCluster.start();
    });
    afterAll(() => cluster?.remove());
    afterEach(() => processors.stop());

    const open = (): Store => new Store(new RedisBackend({ cluster: { nodes: cluster.nodes }, feed: true }));
    const perStream = defineProjection({
      name: 'per stream',
      streams,
      initial: (): Record<string, number[]> => ({}),
      on: {
        deposited: (model, { event, key, version }) => {
          if (isBroken && key === 'account:7' && version === 3) throw new RangeError('not this one');
          model[key] ??= [];
          model[key].push(event.amount);
        },
      },
    });
    let isBroken = true;

    test('takes each event once, in the order of its stream, by processors that come and go', async () => {
      const store = open();
      expect(await store.ready()).toMatchObject({ feed: 'partitioned', atomicity: 'key' });
      let isOver = false;
      const writing = (async () => {
        for (let i = 0; i < EACH; i += 1) {
          await Promise.all(
            Array.from({ length: KEYS }, (_, key) => openAccount(store, `account:${key}`).append(deposit(i))),
          );
        }
      })().finally(() => {
        isOver = true;
      });
      const options = { batchEvents: 20, attempts: 2, holder: 'me' };
      while (!isOver) {
        const processor = processors.start(store, perStream, options);
        await new Promise((resolve) => setTimeout(resolve, 60));
        await processor.stop();
      }
      await writing;
      const last = processors.start(store, perStream, options);
      await last.caughtUp();
      const numbers = Array.from({ length: EACH }, (_, i) => i);
      const expected = Array.from({ length: KEYS }, (_, key) => [
        `account:${key}`,
        key === 7 ? numbers.filter((n) => n !== 2) : numbers,
      ]);
      const model = await perStream.model(store).load();
      expect(Object.entries(model).toSorted()).toEqual(expected.toSorted());
      expect(await last.parked()).toMatchObject([{ key: 'account:7', version: 3 }]);
      isBroken = false;
      expect(await last.replayParked()).toEqual({ replayed: 1, failed: [] });
      expect((await perStream.model(store).load())['account:7']).toEqual([
        ...numbers.filter((n) => n !== 2),
        2,
      ]);
      expect(await last.replayParked()).toEqual({ replayed: 0, failed: [] });
      await processors.stop();
      await store.close();
    });
  },
);
