/** What a Redis backend is told, and what of it cannot be. */
import { UnsupportedError } from 'dgents-core';
import { type Client, isCluster, type Place } from './client.js';
import { type ConfirmOptions, checkConfirm } from './confirmations.js';
import { optionsOfUrl } from './url-options.js';

/** Where the store is: one of `url`, `redis`, `cluster` and `client`; `redis` may add to `url`. */
export interface RedisBackendOptions extends Place, ConfirmOptions {
  /** A client of ioredis that stays yours: it is used as it is set up, and not closed. */
  readonly client?: Client;
  /** What the names of all keys begin with; `dgents` unless told. One store for each. */
  readonly prefix?: string;
  /** Keeps all keys in one slot of a Cluster: commits over several keys are possible then, and one node does all the work. */
  readonly hashTag?: string;
  /** Keep the order of all commits (default: no). All who write to a store have to say the same. */
  readonly feed?: boolean;
  /**
   * Of a state with a time to live: `sliding` (default), every write that has one sets it anew; `absolute`, it counts from
   * the write that set it first. A write without one takes it back either way.
   */
  readonly expiry?: 'sliding' | 'absolute';
  /**
   * How often feeds and watches look where they are not told of changes, in milliseconds; 100 unless told. While they are,
   * they look once a second.
   */
  readonly pollMs?: number;
}

/**
 * With those that stand in the URL.
 *
 * @throws TypeError, RangeError or UnsupportedError for what cannot be
 */
export function checkedOptions(given: RedisBackendOptions): RedisBackendOptions {
  const options = given.url === undefined ? given : { ...optionsOfUrl(given.url), ...withoutUrl(given) };
  checkPlace(options);
  checkConfirm(options);
  return options;
}

function withoutUrl({ url: _, ...rest }: RedisBackendOptions): RedisBackendOptions {
  return rest;
}

export function isOnCluster({ client, cluster }: RedisBackendOptions): boolean {
  return cluster !== undefined || (client !== undefined && isCluster(client));
}

/** @throws TypeError where it says nothing of where to connect, or too much; UnsupportedError for what a Cluster cannot do */
function checkPlace(options: RedisBackendOptions): void {
  const { url, redis, cluster, client, waitReplicas = 0, waitAof, expiry = 'sliding' } = options;
  const places = [url ?? redis, cluster, client].filter((each) => each !== undefined);
  if (places.length !== 1) {
    throw new TypeError('Which Redis? Give one of { url }, { redis }, { cluster } and { client }.');
  }
  if (expiry !== 'sliding' && expiry !== 'absolute') {
    throw new TypeError(`expiry is 'sliding' or 'absolute', not ${JSON.stringify(expiry)}`);
  }
  const { feed = false, pollMs = 1 } = options;
  if (typeof feed !== 'boolean') throw new TypeError(`feed is true or false, not ${JSON.stringify(feed)}`);
  if (typeof pollMs !== 'number' || !(pollMs > 0))
    throw new RangeError(`pollMs is more than 0, not ${pollMs}`);
  if (client?.options.enableAutoPipelining) {
    throw new UnsupportedError(
      'The client pipelines by itself, and the driver fails at our scripts then: leave enableAutoPipelining out.',
    );
  }
  if (redis?.role === 'slave') {
    throw new UnsupportedError("A replica gives what is no longer there: leave role out, or give 'master'.");
  }
  if (!isOnCluster(options)) return;
  if (waitReplicas > 0 || waitAof !== undefined) {
    throw new UnsupportedError(
      'A Cluster takes neither waitReplicas nor waitAof: the driver does not say which node answers.',
    );
  }
  const scaleReads =
    (client as { options?: { scaleReads?: unknown } } | undefined)?.options?.scaleReads ??
    cluster?.options?.scaleReads;
  if (scaleReads !== undefined && scaleReads !== 'master') {
    throw new UnsupportedError(
      "A Cluster that reads from replicas gives what is no longer there: set scaleReads to 'master'.",
    );
  }
}
