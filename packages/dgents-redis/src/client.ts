/** The driver: loaded when it is needed, and how our own connections are set. */
import { UnsupportedError } from 'dgents-core';
import type { Cluster, ClusterNode, ClusterOptions, Redis, RedisOptions } from 'ioredis';

export type Client = Redis | Cluster;

export interface ClusterPlace {
  /** Some of the nodes: the others are found through them. */
  readonly nodes: readonly ClusterNode[];
  /** More options of the driver; `redisOptions` in it are those of the connection to each node. */
  readonly options?: ClusterOptions;
}

/** Where the server is; one of them. */
export interface Place {
  /** `redis://user:password@host:6379/0`, or `rediss:` for TLS. Of a backend options may stand in it: `?prefix=` … */
  readonly url?: string;
  /** Options of the driver, such as `{ sentinels, name }`. */
  readonly redis?: RedisOptions;
  readonly cluster?: ClusterPlace;
}

/** A connection attempt has this long, and an answer that others wait behind: then the connection is given up. */
const CONNECT_MS = 2_000;
const SILENCE_MS = 3_000;

/** Answers as lists and texts, whatever the protocol. */
const PLAIN_REPLIES = { replyMapping: 'legacy' } as const;

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 1_000;

/**
 * Nothing is sent twice behind our back: a reply that was lost is found out about by the id of the operation.
 *
 * @param isWanted whether anybody waits for this connection: else it is made again when it is needed
 */
function ourOptions(isWanted: () => boolean): RedisOptions {
  return {
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    disconnectTimeout: 200,
    socketTimeout: SILENCE_MS,
    keepAlive: 5_000,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    enableAutoPipelining: false,
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 1 : false),
    retryStrategy: (times) => (isWanted() ? retryMs(times) : null),
  };
}

function retryMs(times: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** Math.min(times - 1, 10), LAST_RETRY_MS);
}

async function driver(): Promise<Pick<typeof import('ioredis'), 'Redis' | 'Cluster'>> {
  try {
    return await import('ioredis');
  } catch (cause) {
    throw new UnsupportedError('dgents-redis needs the package ioredis: npm install ioredis', { cause });
  }
}

/** A connection of ours, not connected yet. */
export async function newClient(place: Place, isWanted: () => boolean): Promise<Client> {
  const { Redis, Cluster } = await driver();
  const ours = ourOptions(isWanted);
  if (place.cluster !== undefined) {
    const { nodes, options } = place.cluster;
    const redisOptions = { ...ours, ...options?.redisOptions, ...PLAIN_REPLIES, enableAutoPipelining: false };
    return new Cluster([...nodes], {
      lazyConnect: true,
      enableOfflineQueue: false,
      slotsRefreshTimeout: CONNECT_MS,
      clusterRetryStrategy: (times: number) => (isWanted() ? retryMs(times) : null),
      ...options,
      enableAutoPipelining: false,
      redisOptions,
    });
  }
  const options = { ...ours, ...place.redis, ...PLAIN_REPLIES, enableAutoPipelining: false };
  return place.url === undefined ? new Redis(options) : new Redis(place.url, options);
}

export function isCluster(client: Client): client is Cluster {
  return 'nodes' in client;
}

/**
 * What `new URL` itself throws holds the whole text, and so the password.
 *
 * @throws UnsupportedError when it is no URL of Redis
 */
export function addressOf(url: string): URL {
  const scheme = /^([a-z]+):\/\//i.exec(url)?.[1]?.toLowerCase();
  // Behind ? or # an @ is the end of a password that was not escaped.
  const isSplit = url.includes('#') || /\?.*@/s.test(url);
  if ((scheme === 'redis' || scheme === 'rediss') && !isSplit && URL.canParse(url)) {
    const address = new URL(url);
    if (isEscaped(address.username) && isEscaped(address.password)) return address;
  }
  throw new UnsupportedError(
    'This is no URL such as redis://user:password@host:6379/0. Escape what is special in the password: encodeURIComponent(password).',
  );
}

/** Whether every % in it begins an escape. */
function isEscaped(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** Where it is, for people: without user and password. */
export function locationOf(place: Place & { readonly client?: Client }): string {
  const { url, redis, cluster, client } = place;
  if (cluster !== undefined) return 'the Redis Cluster';
  if (client !== undefined && isCluster(client)) return 'the Redis Cluster';
  if (url !== undefined) {
    const { host } = addressOf(url);
    return `Redis at ${host === '' ? 'localhost:6379' : host}`;
  }
  const { sentinels, name, path, host, port } = redis ?? client?.options ?? {};
  if (sentinels) return `Redis ${JSON.stringify(name ?? 'mymaster')} of the Sentinels`;
  return `Redis at ${path ?? `${host ?? 'localhost'}:${port ?? 6379}`}`;
}
