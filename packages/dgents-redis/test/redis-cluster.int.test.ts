import { Store } from 'dgents-core';
import { describeBackend } from 'dgents-core/testing';
import { Cluster } from 'ioredis';
import { RedisBackend } from '../src/redis-backend.js';
import { slotOf } from '../src/slots.js';
import { OwnCluster } from './own-cluster.js';
import { type OwnRedis, ownRedisProblem } from './own-redis.js';
import { advance, damage, newPrefix, removePrefix } from './places.js';
import { freePort } from './redis.js';

const problem = ownRedisProblem();
const withCluster = problem === undefined ? describe : describe.skip;
const reason = problem === undefined ? '' : ` (skipped: ${problem})`;

const ports = problem === undefined ? [freePort(), freePort(), freePort()] : [];
const subject = new URL('subjects/redis.mjs', import.meta.url);
subject.searchParams.set('cluster', ports.map((port) => `127.0.0.1:${port}`).join());
/** What takes most of the time, and has little to do with where a log lies: it is tried on one server. */
const ON_ONE = 'on a Cluster in the long tier only: DGENTS_KIT_EFFORT=long';
const WAIVED = { values: ON_ONE, limits: ON_ONE, concurrency: ON_ONE };
const isLong = process.env['DGENTS_KIT_EFFORT'] === 'long';

withCluster(`a Cluster of three masters${reason}`, () => {
  let cluster: OwnCluster;
  /** One for all handles, as an application has it. */
  let client: Cluster;
  beforeAll(async () => {
    cluster = await OwnCluster.start(ports);
    client = new Cluster(cluster.nodes);
    client.on('error', () => undefined);
  });
  afterAll(async () => {
    client?.disconnect();
    await cluster?.remove();
  });

  const open = (options = {}) => new RedisBackend({ cluster: { nodes: cluster.nodes }, ...options });

  describeBackend<string>({
    describe,
    test,
    name: 'redis cluster',
    claims: {
      durability: 'none',
      sharing: 'network',
      atomicity: 'key',
      feed: 'partitioned',
      watch: true,
      ttl: true,
      orderedKeys: true,
      find: true,
    },
    ...(!isLong && { waivers: WAIVED }),
    importFrom: subject,
    create: newPrefix,
    open: (prefix) => new RedisBackend({ client, prefix, feed: true, pollMs: 20 }),
    destroy: (prefix) => removePrefix(client, prefix),
    advance: (prefix, ms) => advance(client, prefix, ms),
    damage: (prefix, key) => damage(client, prefix, key),
  });

  test('logs lie in many slots, and agents that write at once lose nothing', async () => {
    const store = new Store(open({ prefix: 'many' }));
    const agents = Array.from({ length: 100 }, (_, i) => store.agent<number>(`k${i}`, { initial: () => 0 }));
    for (let round = 0; round < 3; round++)
      await Promise.all(agents.map((agent) => agent.update((n) => n + 1)));
    expect(await Promise.all(agents.map((agent) => agent.load()))).toEqual(agents.map(() => 3));
    const sizes = await Promise.all(cluster.masters.map((master) => master.say('dbsize')));
    for (const size of sizes) expect(size).toBeGreaterThan(10);
    await store.close();
  });

  test('a server that has not got the scripts any more is given them', async () => {
    const store = new Store(open({ prefix: 'scripts' }));
    const agents = Array.from({ length: 20 }, (_, i) => store.agent<number>(`k${i}`, { initial: () => 0 }));
    await Promise.all(agents.map((agent) => agent.update((n) => n + 1)));
    for (const master of cluster.masters) await master.say('script', 'FLUSH');
    await Promise.all(agents.map((agent) => agent.update((n) => n + 1)));
    expect(await Promise.all(agents.map((agent) => agent.load()))).toEqual(agents.map(() => 2));
    await store.close();
  });

  test('with a hash tag all keys lie in one slot, and are changed together', async () => {
    const backend = open({ prefix: 'tagged', hashTag: 'bank', feed: true });
    expect(await backend.ready()).toMatchObject({ atomicity: 'store', feed: 'global' });
    const store = new Store(backend);
    const [a, b] = ['a', 'b{c}'].map((key) =>
      store.agent<{ n: number }>(key, { initial: () => ({ n: 10 }) }),
    );
    await store.transact([a!, b!], (from, to) => {
      from.n -= 3;
      to.n += 3;
    });
    expect(await Promise.all([a!.load(), b!.load()])).toEqual([{ n: 7 }, { n: 13 }]);
    await store.close();
    const untagged = new Store(open({ prefix: 'untagged' }));
    const two = ['a', 'b'].map((key) => untagged.agent<number>(key, { initial: () => 0 }));
    await expect(untagged.transact(two, () => [1, 1])).rejects.toMatchObject({ code: 'DGENTS_UNSUPPORTED' });
    await untagged.close();
  });

  test('a slot that is moved while it is written to loses nothing', async () => {
    const key = 'moved';
    const slot = slotOf(`moving/log/${key}`);
    const from = cluster.masters.findIndex((_, i) => slot < Math.floor(((i + 1) * 16_384) / 3));
    const [source, target] = [cluster.masters[from]!, cluster.masters[(from + 1) % 3]!];
    const [sourceId, targetId] = (await Promise.all(
      [source, target].map((each) => each.say('cluster', 'MYID')),
    )) as [string, string];
    const store = new Store(open({ prefix: 'moving' }));
    const agent = store.agent<number>(key, { initial: () => 0 });
    let over = false;
    const writing = (async () => {
      let acknowledged = 0;
      while (!over) {
        await agent.update((n) => n + 1);
        acknowledged++;
      }
      return acknowledged;
    })();
    await target.say('cluster', 'SETSLOT', slot, 'IMPORTING', sourceId);
    await source.say('cluster', 'SETSLOT', slot, 'MIGRATING', targetId);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await source.say('migrate', '127.0.0.1', target.port, `moving/log/${key}`, 0, 5_000);
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (const master of [target, source, ...cluster.masters])
      await master.say('cluster', 'SETSLOT', slot, 'NODE', targetId);
    await new Promise((resolve) => setTimeout(resolve, 200));
    over = true;
    const acknowledged = await writing;
    expect(acknowledged).toBeGreaterThan(20);
    expect(await agent.load()).toBe(acknowledged);
    expect(await target.say('exists', `moving/log/${key}`)).toBe(1);
    await store.close();
  });

  test('a key whose slot is moved to where was looked already is listed', async () => {
    const store = new Store(open({ prefix: 'listed' }));
    const keys = Array.from({ length: 12 }, (_, i) => `k${i}`);
    await Promise.all(keys.map((key) => store.agent<number>(key).save(1)));
    await store.close();
    const backend = new RedisBackend({ client, prefix: 'listed' });
    for (const completes of [true, false]) {
      const nodes = client.nodes('master');
      const masters = nodes.map(({ options }) => cluster.masters.find(({ port }) => port === options.port)!);
      const [target, source] = masters as [OwnRedis, OwnRedis];
      const onSource = (await source.say('KEYS', 'listed/*')) as string[];
      const name = onSource[0] as string;
      const slot = slotOf(name);
      const [targetId, sourceId] = (await Promise.all(
        [target, source].map((each) => each.say('cluster', 'MYID')),
      )) as [string, string];
      const move = async (): Promise<void> => {
        await target.say('cluster', 'SETSLOT', slot, 'IMPORTING', sourceId);
        await source.say('cluster', 'SETSLOT', slot, 'MIGRATING', targetId);
        await source.say('migrate', '127.0.0.1', target.port, name, 0, 5_000);
      };
      const settle = async (): Promise<void> => {
        for (const master of [target, source, ...cluster.masters])
          await master.say('cluster', 'SETSLOT', slot, 'NODE', targetId);
      };
      // The first one was looked at; before the second one is, the slot is moved, or begun to be.
      const second = nodes[1] as unknown as { call(...given: unknown[]): Promise<unknown> };
      const call = second.call;
      let moved = false;
      second.call = async (...given) => {
        if (given[0] === 'scan' && !moved) {
          moved = true;
          await move();
          if (completes) await settle();
        }
        return call.apply(second, given);
      };
      const listed: string[] = [];
      for await (const { key } of backend.keys()) listed.push(key);
      second.call = call;
      expect(moved).toBe(true);
      expect(listed.sort()).toEqual([...keys].sort());
      if (!completes) await settle();
    }
    await backend.close();
  });

  test('many backends share a client without a warning, and leave nothing with it', async () => {
    const warnings: string[] = [];
    const hear = (warning: Error) => warnings.push(warning.message);
    process.on('warning', hear);
    const listeners = () =>
      [client, ...client.nodes('all')].map((each) => [each.listenerCount('close'), each.getMaxListeners()]);
    await client.get('connected');
    const before = listeners();
    const backends = Array.from({ length: 30 }, (_, i) => new RedisBackend({ client, prefix: `shared${i}` }));
    await Promise.all(backends.map((backend) => backend.ready()));
    expect(listeners()).not.toEqual(before);
    await Promise.all(backends.map((backend) => backend.close()));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', hear);
    expect(warnings).toEqual([]);
    expect(listeners()).toEqual(before);
  });

  test('a node that is killed is a typed error in time for its keys, and works again once it is back', async () => {
    const store = new Store(open({ prefix: 'killed' }), { timeoutMs: 1_500 });
    const agents = Array.from({ length: 12 }, (_, i) => store.agent<number>(`k${i}`, { initial: () => 0 }));
    await Promise.all(agents.map((agent) => agent.save(1)));
    await cluster.masters[1]!.signal('SIGKILL');
    const began = performance.now();
    const outcomes = await Promise.allSettled(agents.map((agent) => agent.update((n) => n + 1)));
    expect(performance.now() - began).toBeLessThan(3_000);
    const failures = outcomes.filter((each) => each.status === 'rejected');
    expect(failures.length).toBeGreaterThan(0);
    for (const { reason } of failures) {
      expect(['DGENTS_STORAGE_UNAVAILABLE', 'DGENTS_STORAGE_TIMEOUT', 'DGENTS_OUTCOME_UNKNOWN']).toContain(
        reason.code,
      );
    }
    await cluster.masters[1]!.start();
    await cluster.whole();
    const deadline = performance.now() + 10_000;
    for (const agent of agents) {
      for (;;) {
        try {
          await agent.save(5, { expected: 'any' });
          break;
        } catch (error) {
          if (performance.now() > deadline) throw error;
        }
      }
    }
    await store.close();
  });
});
