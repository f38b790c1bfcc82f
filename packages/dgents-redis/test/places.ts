/** What the kit does to a store behind the back of its backend. A place is a prefix of its own. */
import { randomUUID } from 'node:crypto';
import { Cluster, Redis } from 'ioredis';

export const newPrefix = (): string => `dgents-test-${randomUUID().slice(0, 8)}`;

/** A server, or a Cluster that somebody is connected to. */
export type At = string | Cluster;

/** Over a connection of its own. */
export async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

function withStore<T>(at: At, work: (redis: Redis | Cluster) => Promise<T>): Promise<T> {
  return typeof at === 'string' ? withRedis(at, work) : work(at);
}

async function keysOf(redis: Redis | Cluster, prefix: string): Promise<string[]> {
  const found = new Set<string>();
  for (const node of redis instanceof Cluster ? redis.nodes('master') : [redis]) {
    let cursor = '0';
    do {
      const [next, some] = await node.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', 1_000);
      for (const key of some) found.add(key);
      cursor = next;
    } while (cursor !== '0');
  }
  return [...found];
}

export function removePrefix(at: At, prefix: string): Promise<void> {
  return withStore(at, async (redis) => {
    await Promise.all((await keysOf(redis, prefix)).map((key) => redis.unlink(key)));
  });
}

/** Moves the end of every log towards now. */
export function advance(at: At, prefix: string, ms: number): Promise<void> {
  return withStore(at, async (redis) => {
    for (const key of await keysOf(redis, prefix)) {
      const left = await redis.pttl(key);
      if (left > 0) await redis.pexpire(key, Math.max(1, Math.floor(left - ms)));
    }
    await new Promise((resolve) => setTimeout(resolve, 3));
  });
}

/** Changes bytes of the newest record. */
export function damage(at: At, prefix: string, key: string): Promise<void> {
  return withStore(at, async (redis) => {
    const log = `${prefix}/log/${key}`;
    const line = (await redis.lindex(log, -1)) as string;
    await redis.lset(log, -1, `${line.slice(0, -3)}???`);
  });
}
