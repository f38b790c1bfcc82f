/**
 * A Redis, a prefix of its own for each test, as a subject of the kit: `REDIS_URL`, or one on this machine; a Cluster where
 * `REDIS_CLUSTER` names nodes of it (`127.0.0.1:7000,127.0.0.1:7001`). `?server=` and `?cluster=` go before these.
 * `REDIS_DURABILITY` says what the server is set up for; with `REDIS_PID` it is stopped for a while now and then.
 */
import { randomUUID } from 'node:crypto';
import { RedisBackend } from 'dgents-redis';
import { Cluster, Redis } from 'ioredis';

const given = new URL(import.meta.url).searchParams;
const url = given.get('server') ?? process.env.REDIS_URL ?? 'redis://127.0.0.1:6379/9';
const nodes = (given.get('cluster') ?? process.env.REDIS_CLUSTER)?.split(',').map((node) => {
  const [host, port] = node.split(':');
  return { host, port: Number(port) };
});

export const name = nodes ? 'redis cluster' : 'redis';
export const importFrom = import.meta.url;

export const claims = {
  durability: given.get('durability') ?? process.env.REDIS_DURABILITY ?? 'none',
  sharing: 'network',
  atomicity: nodes ? 'key' : 'store',
  feed: nodes ? 'partitioned' : 'global',
  watch: true,
  ttl: true,
  orderedKeys: true,
  find: true,
};

export function create() {
  return `dgents-kit-${randomUUID().slice(0, 8)}`;
}

export function open(prefix) {
  const place = nodes ? { cluster: { nodes } } : { url };
  return new RedisBackend({ ...place, prefix, feed: true, pollMs: 20 });
}

/** For what the kit does to the store behind the back of its backend. */
async function withRedis(work) {
  const redis = nodes ? new Cluster(nodes, { lazyConnect: true }) : new Redis(url, { lazyConnect: true });
  try {
    await redis.connect();
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

async function keysOf(redis, prefix) {
  const found = [];
  for (const node of nodes ? redis.nodes('master') : [redis]) {
    for (let cursor = '0', next; next !== '0'; cursor = next) {
      const [after, some] = await node.scan(cursor, 'MATCH', `${prefix}/*`, 'COUNT', 1000);
      found.push(...some);
      next = after;
    }
  }
  return found;
}

export function destroy(prefix) {
  return withRedis(async (redis) => {
    const keys = await keysOf(redis, prefix);
    await Promise.all(keys.map((key) => redis.unlink(key)));
  });
}

/** Moves the end of every log towards now. */
export function advance(prefix, ms) {
  return withRedis(async (redis) => {
    for (const key of await keysOf(redis, prefix)) {
      const left = await redis.pttl(key);
      if (left > 0) await redis.pexpire(key, Math.max(1, Math.floor(left - ms)));
    }
    await new Promise((resolve) => setTimeout(resolve, 3));
  });
}

/** Changes bytes of the newest record. */
export function damage(prefix, key) {
  return withRedis(async (redis) => {
    const log = `${prefix}/log/${key}`;
    const line = await redis.lindex(log, -1);
    await redis.lset(log, -1, `${line.slice(0, -3)}???`);
  });
}

const pid = Number(process.env.REDIS_PID ?? 0);

/** Stops the server, as if the machine hung. */
export const outage =
  pid === 0
    ? undefined
    : () => {
        process.kill(pid, 'SIGSTOP');
        return { end: () => process.kill(pid, 'SIGCONT') };
      };
