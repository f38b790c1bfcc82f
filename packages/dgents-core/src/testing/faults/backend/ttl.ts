import type { Backend, Checkpoint, KeyEntry, LogTail } from '../../../backend.js';
import { checkLimit } from '../../../backend-parts/checks.js';
import { byCodePoint } from '../../../backend-parts/code-point-order.js';
import { all } from '../../support/records.js';
import { backendFault, type Room, type Spoiled } from '../spoiled-backend.js';
import { changingKeys } from '../through.js';
import { answering } from './versions.js';

const WEEK_MS = 7 * 24 * 3_600_000;

export const ttlFaults = [
  backendFault({
    name: 'everything has a time to live unless told otherwise',
    breaks: 'ttl',
    caughtBy: 'a log without a time to live is there after days, months and years',
    like: 'defaultTTL of caches and session stores',
    spoil: (inner) => ({
      commit: (appends, options) =>
        inner.commit(
          appends.map((append) => ({ ttlMs: WEEK_MS, ...append })),
          options,
        ),
    }),
  }),
  backendFault({
    name: 'claims a time to live, and ignores it',
    breaks: 'ttl',
    caughtBy: 'an append sets the time to live anew: shorter',
    like: 'an option that an adapter forgets to hand down',
    spoil: (inner) => ({
      commit: (appends, options) =>
        inner.commit(
          appends.map(({ ttlMs: _, ...append }) => append),
          options,
        ),
    }),
  }),
  backendFault({
    name: 'a time to live that is to be kept is taken back',
    breaks: 'ttl',
    caughtBy: 'an append that keeps the time to live leaves it as it is, and none where there is none',
    like: 'SET without KEEPTTL',
    spoil: (inner) => ({
      commit: (appends, options) =>
        inner.commit(
          appends.map(({ keepTtl: _, ...append }) => append),
          options,
        ),
    }),
  }),
  backendFault<Map<string, LogTail>>({
    name: 'what has expired can still be read',
    breaks: 'ttl',
    caughtBy: 'a log whose time has run out is gone: nothing of it can be read, listed or found',
    like: 'the TTL index of MongoDB sweeps once a minute; DynamoDB within two days',
    shared: () => new Map(),
    spoil: (inner, kept) => ({
      commit: async (appends, options) => {
        const results = await inner.commit(appends, options);
        for (const { key, ttlMs } of appends) if (ttlMs !== undefined) kept.set(key, await inner.read(key));
        return results;
      },
      read: async (key, options) => {
        const tail = await inner.read(key, options);
        return tail.head === null && options === undefined ? (kept.get(key) ?? tail) : tail;
      },
    }),
  }),
  backendFault({
    name: 'the end of one log is the end of all',
    breaks: 'ttl',
    caughtBy: 'the end of one log leaves its neighbours alone, also those of the same commit',
    like: 'EXPIRE on a Redis hash that holds many states',
    shared: () => ({ ends: Number.POSITIVE_INFINITY, generation: '' }),
    spoil: (inner, hash, room) => {
      const now = () => Date.now() + room.ahead;
      const moved = changingKeys(inner, (key) => {
        if (now() >= hash.ends) {
          hash.generation += '\0';
          hash.ends = Number.POSITIVE_INFINITY;
        }
        return hash.generation + key;
      });
      return {
        ...moved,
        commit: async (appends, options) => {
          const results = await moved.commit!(appends, options);
          for (const [i, { ttlMs }] of appends.entries()) {
            if (ttlMs !== undefined && results[i]!.ok) hash.ends = Math.min(hash.ends, now() + ttlMs);
          }
          return results;
        },
        async *keys(prefix = '', options) {
          const { length } = hash.generation;
          for await (const each of moved.keys!(prefix, options))
            yield { ...each, key: each.key.slice(length) };
        },
      };
    },
  }),
  backendFault({
    name: 'an append without a time to live keeps the one before',
    breaks: 'ttl',
    caughtBy: 'an append without a time to live takes it back',
    like: 'SET with KEEPTTL; `COALESCE(?, expires_at)`',
    shared: () => new Map<string, number>(),
    spoil: (inner, lives) => ({
      commit: (appends, options) =>
        inner.commit(
          appends.map((append) => {
            if (append.ttlMs !== undefined) lives.set(append.key, append.ttlMs);
            const ttlMs = lives.get(append.key);
            return ttlMs === undefined || append.expected === null ? append : { ...append, ttlMs };
          }),
          options,
        ),
    }),
  }),
  backendFault({
    name: 'an append that lost sets the time to live all the same',
    breaks: 'ttl',
    caughtBy: 'an append that conflicts changes no time to live',
    like: 'EXPIRE after a compare-and-set whose answer nobody looks at',
    shared: () => new Map<string, number>(),
    spoil: (inner, ends, room) => ({
      commit: (appends, options) =>
        answering(
          inner,
          appends,
          async ({ key, ttlMs }, head) => {
            if (ttlMs !== undefined) ends.set(key, Date.now() + room.ahead + ttlMs);
            return { ok: false, head };
          },
          options?.atomic,
        ),
      read: (key, options) =>
        (ends.get(key) ?? Number.POSITIVE_INFINITY) <= Date.now() + room.ahead
          ? inner.read(`${key} is gone`, options)
          : inner.read(key, options),
    }),
  }),
  backendFault({
    name: 'the name of what has expired stays taken',
    breaks: 'ttl',
    caughtBy: 'numbering begins anew after the end, and who saw the log before is told',
    like: 'a unique index knows nothing of expiry',
    shared: () => new Map<string, number>(),
    spoil: (inner, taken, room) => ({
      commit: async (appends, options) => {
        const [only] = appends;
        const end = (only && taken.get(only.key)) ?? Number.POSITIVE_INFINITY;
        if (only?.expected === null && end <= Date.now() + room.ahead) {
          // Until somebody sweeps.
          taken.delete(only.key);
          return [{ ok: false, head: null }];
        }
        const results = await inner.commit(appends, options);
        for (const [i, { key, ttlMs }] of appends.entries()) {
          if (!results[i]!.ok) continue;
          if (ttlMs === undefined) taken.delete(key);
          else taken.set(key, Date.now() + room.ahead + ttlMs);
        }
        return results;
      },
    }),
  }),
  backendFault<Map<string, number>>({
    name: 'an append that is sent again sets its time to live again',
    breaks: 'ttl',
    caughtBy: 'an append that is sent again changes no time to live',
    like: 'EXPIRE after an idempotent insert: what was acknowledged as lasting vanishes',
    shared: () => new Map(),
    spoil: (inner, ends, room) => ({
      ...ending(inner, ends, room),
      commit: async (appends, options) => {
        const results = await inner.commit(appends, options);
        for (const [i, { key, ttlMs }] of appends.entries()) {
          const result = results[i]!;
          if (!result.ok) continue;
          if (result.replayed && ttlMs !== undefined) ends.set(key, Date.now() + room.ahead + ttlMs);
          else ends.delete(key);
        }
        return results;
      },
    }),
  }),
  backendFault<Map<string, number>>({
    name: 'an atomic commit that is refused sets the times to live all the same',
    breaks: 'ttl',
    caughtBy: 'an atomic commit that is refused changes no time to live',
    like: 'PEXPIRE of Redis in the loop that compares, before the script decides',
    shared: () => new Map(),
    spoil: (inner, ends, room) => ({
      ...ending(inner, ends, room),
      commit: async (appends, options) => {
        const results = await inner.commit(appends, options);
        for (const [i, { key, ttlMs, expected }] of appends.entries()) {
          const { ok, head } = results[i]!;
          if (ok) ends.delete(key);
          else if (options?.atomic && ttlMs !== undefined && head !== null && head.id === expected?.id) {
            ends.set(key, Date.now() + room.ahead + ttlMs);
          }
        }
        return results;
      },
    }),
  }),
  backendFault({
    name: 'a time to live of more than 24 days is over at once',
    breaks: 'ttl',
    caughtBy: 'a time to live of months or years is not over at once',
    like: '`setTimeout` beyond 2^31 - 1 ms fires after one; a column of 32 bits',
    spoil: (inner) => ({
      commit: (appends, options) =>
        inner.commit(
          appends.map((append) =>
            append.ttlMs !== undefined && append.ttlMs >= 2 ** 31 ? { ...append, ttlMs: 1 } : append,
          ),
          options,
        ),
    }),
  }),
  backendFault<Map<string, LogTail>>({
    name: 'what was read is cached until it is written, not until it ends',
    breaks: 'ttl',
    caughtBy: 'what was read before the end is not there after it',
    like: 'a cache in front of a store that expires: writes clear it, time does not',
    shared: () => new Map(),
    spoil: (inner, cache) => {
      const clearing = (change: 'checkpoint' | 'trim') => (key: string, to: Checkpoint) => {
        cache.delete(key);
        return inner[change](key, to);
      };
      return {
        checkpoint: clearing('checkpoint'),
        trim: clearing('trim'),
        commit: (appends, options) => {
          for (const { key } of appends) cache.delete(key);
          return inner.commit(appends, options);
        },
        read: async (key, options) => {
          const tail = await inner.read(key, options);
          if (options !== undefined) return tail;
          if (tail.head === null) return structuredClone(cache.get(key) ?? tail);
          cache.set(key, structuredClone(tail));
          return tail;
        },
      };
    },
  }),
  backendFault({
    name: 'a listing is cached until a key comes, not until one goes',
    breaks: 'ttl',
    caughtBy: 'what was listed before the end is not listed after it',
    like: 'a sorted list of keys beside the keys; a materialized view',
    shared: () => ({ listed: undefined as KeyEntry[] | undefined }),
    spoil: (inner, view) => ({
      commit: (appends, options) => {
        view.listed = undefined;
        return inner.commit(appends, options);
      },
      async *keys(prefix = '', options) {
        const found = await all(inner.keys(prefix, options));
        if (prefix !== '' || options !== undefined) return yield* found;
        view.listed ??= found;
        yield* view.listed;
      },
    }),
  }),
  backendFault({
    name: 'what is gone counts in the limit of a listing',
    breaks: 'ttl',
    caughtBy: 'what is gone takes no place in a listing with a limit',
    like: 'LIMIT in the query, and what has expired left out afterwards',
    shared: () => new Set<string>(),
    spoil: (inner, mortal) => ({
      commit: (appends, options) => {
        for (const { key, ttlMs } of appends) if (ttlMs !== undefined) mortal.add(key);
        return inner.commit(appends, options);
      },
      async *keys(prefix = '', options = {}) {
        checkLimit(options);
        const { limit, ...rest } = options;
        const { after = '' } = rest;
        const alive = await all(inner.keys(prefix, rest));
        if (limit === undefined) return yield* alive;
        const names = new Set(alive.map(({ key }) => key));
        for (const key of mortal) if (key.startsWith(prefix) && key > after) names.add(key);
        const page = new Set([...names].sort(byCodePoint).slice(0, limit));
        yield* alive.filter(({ key }) => page.has(key));
      },
    }),
  }),
];

/** What has an end here can no longer be read or listed once it has come. */
function ending(inner: Backend, ends: ReadonlyMap<string, number>, room: Room<unknown>): Spoiled {
  const isOver = (key: string) => (ends.get(key) ?? Number.POSITIVE_INFINITY) <= Date.now() + room.ahead;
  const place = (key: string) => (isOver(key) ? `${key} is gone` : key);
  return {
    read: (key, options) => inner.read(place(key), options),
    range: (key, options) => inner.range(place(key), options),
    async *keys(prefix, options) {
      for await (const entry of inner.keys(prefix, options)) if (!isOver(entry.key)) yield entry;
    },
  };
}
