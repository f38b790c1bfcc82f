import type { Backend, FeedEntry, FeedOptions, LogRecord, Position } from '../../../backend.js';
import { all } from '../../support/records.js';
import { backendFault, type Spoiled } from '../spoiled-backend.js';
import { lowestAfter, numbering, ToyFeed, toyFeed } from '../toy-feed.js';
import { buffered, hurried } from './watch.js';

/** `inner` with every entry that comes out replaced by none, one or several. */
function through(
  entries: AsyncIterable<FeedEntry>,
  change: (entry: FeedEntry) => FeedEntry | undefined,
  first?: FeedEntry,
): AsyncIterable<FeedEntry> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = entries[Symbol.asyncIterator]();
      let before = first;
      return {
        next: async () => {
          if (before !== undefined) {
            const value = before;
            before = undefined;
            return { done: false, value };
          }
          for (;;) {
            const step = await iterator.next();
            if (step.done) return step;
            const value = change(step.value);
            if (value !== undefined) return { done: false, value };
          }
        },
        return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
      };
    },
  };
}

/** A feed that is collected before it is given out. */
function collected(
  feed: NonNullable<Spoiled['feed']>,
  arrange: (entries: FeedEntry[]) => FeedEntry[],
): NonNullable<Spoiled['feed']> {
  return async function* (after?: Position, options?: FeedOptions) {
    yield* arrange(await all(feed(after, options)));
  };
}

export const feedFaults = [
  backendFault({
    name: 'skips what becomes visible late',
    breaks: 'feed',
    caughtBy: 'nothing that is committed by several writers at once is skipped, repeated or reordered',
    like: '`WHERE seq > ?` over a sequence of Postgres: 1,058 of 3,977 were never seen',
    shared: () => new ToyFeed(),
    spoil: (inner, toy) => ({
      ...numbering(inner, toy, (number) =>
        number % 25 === 0 ? new Promise<void>((resolve) => void setImmediate(resolve)) : undefined,
      ),
      ...toyFeed(inner, toy, lowestAfter),
    }),
  }),
  backendFault({
    name: 'claims one order for all, and gives one per key',
    breaks: 'feed',
    caughtBy: 'every record appears once, in the order of its log',
    like: 'partitions of Kafka, shards of Kinesis',
    spoil: (inner) => ({
      feed: (after, options) =>
        options?.limit === 7 && after === undefined
          ? collected(inner.feed!.bind(inner), (entries) =>
              entries.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)),
            )(after, options)
          : inner.feed!(after, options),
    }),
  }),
  backendFault({
    name: 'repeats the entry that a reader resumes after',
    breaks: 'feed',
    caughtBy: 'a feed resumes after any position, and its order is stable',
    like: 'an offset stored before it is moved on; `>=`',
    shared: () => new Map<Position, FeedEntry>(),
    spoil: (inner, seen) => ({
      feed: (after, { limit, ...options } = {}) => {
        const first = after === undefined ? undefined : seen.get(after);
        const left = limit === undefined || first === undefined ? limit : Math.max(0, limit - 1);
        const entries = inner.feed!(after, { ...options, ...(left !== undefined && { limit: left }) });
        const note = (entry: FeedEntry) => {
          seen.set(entry.position, entry);
          return entry;
        };
        return through(entries, note, limit === 0 ? undefined : first);
      },
    }),
  }),
  backendFault({
    name: 'ends where it has caught up',
    breaks: 'feed',
    caughtBy: 'a feed that has caught up waits for what comes, from every handle',
    like: 'a query taken for a stream',
    spoil: (inner) => ({
      feed: (after, { signal, ...options } = {}) => {
        // Whatever is there comes at once: who has to wait has caught up.
        const controller = new AbortController();
        const stop = () => controller.abort();
        if (signal?.aborted) stop();
        const entries = inner.feed!(after, { ...options, signal: controller.signal });
        return {
          [Symbol.asyncIterator]() {
            const iterator = entries[Symbol.asyncIterator]();
            return {
              next: () => {
                const step = iterator.next();
                setImmediate(stop);
                return step;
              },
              return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
            };
          },
        };
      },
    }),
  }),
  backendFault({
    name: 'what was trimmed leaves no trace',
    breaks: 'feed',
    caughtBy: 'what was trimmed appears as a note that reaches to the base, and the rest as it was',
    like: 'a consumer of a compacted topic cannot tell a gap from silence',
    spoil: (inner) => ({
      feed: (after, options) =>
        through(inner.feed!(after, options), (entry) => ('trimmed' in entry ? undefined : entry)),
    }),
  }),
  backendFault({
    name: 'begins anew after a position that it does not know',
    breaks: 'feed',
    caughtBy: 'a position that this store never gave is a RangeError',
    like: '`auto.offset.reset: earliest`',
    spoil: (inner) => ({
      feed: (after, options) => {
        try {
          return known(inner.feed!(after, options), () => inner.feed!(undefined, options));
        } catch {
          return inner.feed!(undefined, options);
        }
      },
    }),
  }),
  backendFault({
    name: 'a limit of 0 entries is no limit',
    breaks: 'feed',
    caughtBy: 'a limit gives so many and no more, and 0 ends at once',
    like: '`limit || Infinity`',
    spoil: (inner) => ({
      feed: (after, { limit, ...options } = {}) =>
        inner.feed!(after, limit ? { ...options, limit } : options),
    }),
  }),
  backendFault({
    name: 'a feed that is not to follow waits for what is yet to come',
    breaks: 'feed',
    caughtBy: 'a feed that is not to follow ends at once where there is nothing',
    like: 'an option that somebody forgot to pass on',
    spoil: (inner) => ({
      feed: (after, { follow: _, ...options } = {}) => inner.feed!(after, options),
    }),
  }),
  backendFault({
    name: 'a feed that is not to follow ends with its first page',
    breaks: 'feed',
    caughtBy: 'a feed that is not to follow gives all that was committed, and ends',
    like: '`if (rows.length < limit) return`, with a limit that is not the one of the query',
    spoil: (inner) => ({
      feed: (after, options) =>
        inner.feed!(after, options?.follow === false ? { ...options, limit: 50 } : options),
    }),
  }),
  backendFault({
    name: 'conflicts and replays are fed as well',
    breaks: 'feed',
    caughtBy: 'what is no commit is no entry: checkpoints, conflicts, and what is sent again',
    like: 'a trigger that fires on statements, a log of requests',
    shared: () => new ToyFeed(),
    spoil: (inner, toy) => ({
      ...toyFeed(inner, toy, lowestAfter),
      commit: async (appends, options) => {
        const results = await inner.commit(appends, options);
        toy.show(
          appends.flatMap(({ key, records }) =>
            records.map((record) => ({ number: ++toy.last, key, record })),
          ),
        );
        return results;
      },
    }),
  }),
  backendFault({
    name: 'a feed cannot be ended while it waits',
    breaks: 'feed',
    caughtBy: 'a feed ends at once when it is returned, aborted, or its backend closed',
    like: 'an async generator around a blocking read: `return` queues behind `next`',
    spoil: (inner) => ({
      async *feed(after, options) {
        yield* inner.feed!(after, { ...(options?.limit !== undefined && { limit: options.limit }) });
      },
    }),
  }),
  backendFault<Set<LogRecord['id']>>({
    name: 'of a commit of several appends only the first is fed',
    breaks: 'feed',
    caughtBy: 'every append of a commit is fed, and every record of each',
    like: 'an outbox row for each request, made from its first item',
    shared: () => new Set(),
    spoil: (inner, others) => ({
      commit: (appends, options) => {
        for (const { key, records } of appends.slice(1)) {
          for (const { id } of records) others.add(`${key}\0${id}`);
        }
        return inner.commit(appends, options);
      },
      feed: (after, options) =>
        through(inner.feed!(after, options), (entry) =>
          'record' in entry && others.has(`${entry.key}\0${entry.record.id}`) ? undefined : entry,
        ),
    }),
  }),
  backendFault<Map<Position, Place>>({
    name: 'a position that was trimmed away since is unknown',
    breaks: 'feed',
    caughtBy: 'the position of a record that was trimmed away since stays valid',
    like: 'an offset below the log start offset of Kafka: OffsetOutOfRange',
    shared: () => new Map(),
    spoil: (inner, places) =>
      forgettingPositions(inner, places, async ({ key, version }) => {
        const { floor } = await inner.read(key, { limit: 0 });
        return floor > version;
      }),
  }),
  backendFault<Map<Position, Place>>({
    name: 'a position of a log that has expired is unknown',
    breaks: 'feed',
    caughtBy: 'the position of a record whose log is gone stays valid',
    like: 'a cursor that points at a row, and the row is gone',
    shared: () => new Map(),
    spoil: (inner, places) =>
      forgettingPositions(inner, places, async ({ key }) => {
        const { head } = await inner.read(key, { limit: 0 });
        return head === null;
      }),
  }),
  backendFault<Map<Position, string>>({
    name: 'who resumes within a stretch that was trimmed is not told of it',
    breaks: 'feed',
    caughtBy: 'who resumes within a stretch that was trimmed away is told how far it reaches',
    like: 'a note that stands where the stretch began',
    shared: () => new Map(),
    spoil: (inner, keys) => ({
      feed: (after, options) => {
        const within = after === undefined ? undefined : keys.get(after);
        return through(inner.feed!(after, options), (entry) => {
          keys.set(entry.position, entry.key);
          return 'trimmed' in entry && entry.key === within ? undefined : entry;
        });
      },
    }),
  }),
  backendFault({
    name: 'what has expired is still fed',
    breaks: 'feed',
    caughtBy: 'a log whose time has run out leaves the feed without a trace',
    like: 'an outbox beside the logs, which knows of no time to live',
    shared: () => new ToyFeed(),
    spoil: (inner, toy) => ({
      ...numbering(inner, toy, () => undefined),
      ...toyFeed(inner, toy, lowestAfter),
      trim: async (key, base) => {
        await inner.trim(key, base);
        const { floor } = await inner.read(key, { limit: 0 });
        const kept = toy.lines.filter((line) => line.key !== key || line.record.version > floor);
        if (floor > 1) toy.lines.splice(0, toy.lines.length, ...kept);
      },
    }),
  }),
  backendFault({
    name: 'what was erased is still fed',
    breaks: 'feed',
    caughtBy: 'nothing of what was erased is fed',
    like: 'an outbox, a topic or a stream of changes that nobody purges',
    shared: () => new ToyFeed(),
    spoil: (inner, toy) => ({
      ...numbering(inner, toy, () => undefined),
      ...toyFeed(inner, toy, lowestAfter),
    }),
  }),
  backendFault({
    name: 'an entry is lost where one page ends and the next begins',
    breaks: 'feed',
    caughtBy: 'a feed of more than a thousand entries is read whole',
    like: '`LIMIT 501` to see whether there is more, and the last one dropped',
    spoil: (inner) => ({
      feed: (after, options) => {
        let count = 0;
        return through(inner.feed!(after, options), (entry) => (++count === 501 ? undefined : entry));
      },
    }),
  }),
  backendFault({
    name: 'a slow reader loses what does not fit into its buffer',
    breaks: 'feed',
    caughtBy: 'a reader that pauses loses nothing of what comes meanwhile',
    like: 'a ring buffer behind NOTIFY; a subscription that drops its slow consumers',
    spoil: (inner) => ({ feed: (after, options) => buffered(inner.feed!(after, options), 16) }),
  }),
  backendFault({
    name: 'keys of a feed end at a colon',
    breaks: 'feed',
    caughtBy: 'keys come through a feed as they are',
    like: '`channel.split(":")`',
    spoil: (inner) => ({
      feed: (after, options) =>
        through(inner.feed!(after, options), (entry) => ({ ...entry, key: entry.key.split(':', 1)[0]! })),
    }),
  }),
  backendFault({
    name: 'a position beyond the end is waited for',
    breaks: 'feed',
    caughtBy: 'a position beyond the end, of another store, is a RangeError',
    like: '`WHERE seq > ?` after a restored backup: what is written until then is never seen',
    shared: () => new ToyFeed(),
    spoil: (inner, toy) => {
      const sound = toyFeed(inner, toy, lowestAfter);
      return {
        ...numbering(inner, toy, () => undefined),
        ...sound,
        feed: (after, options) => {
          if (after === undefined || !/^\d+$/.test(after) || Number(after) <= toy.last)
            return sound.feed!(after, options);
          const isLater = (entry: FeedEntry) => Number(entry.position) > Number(after);
          return through(sound.feed!(undefined, options), (entry) => (isLater(entry) ? entry : undefined));
        },
      };
    },
  }),
  backendFault({
    name: 'a feed ends when its timeoutMs is over',
    breaks: 'feed',
    caughtBy: 'a feed waits for what is yet to come without limit, whatever its timeoutMs',
    like: 'one deadline for every call',
    spoil: (inner) => ({ feed: (after, options) => inner.feed!(after, hurried(options)) }),
  }),
];

interface Place {
  readonly key: string;
  readonly version: number;
}

/** A feed that no longer knows some of the positions that it gave. */
function forgettingPositions(
  inner: Backend,
  places: Map<Position, Place>,
  isForgotten: (place: Place) => Promise<boolean>,
): Spoiled {
  return {
    feed: (after, options) => {
      const entries = through(inner.feed!(after, options), (entry) => {
        const version = 'record' in entry ? entry.record.version : entry.trimmed.to;
        places.set(entry.position, { key: entry.key, version });
        return entry;
      });
      const place = after === undefined ? undefined : places.get(after);
      if (place === undefined) return entries;
      return {
        [Symbol.asyncIterator]() {
          const iterator = entries[Symbol.asyncIterator]();
          let checked = false;
          return {
            next: async () => {
              if (!checked && (await isForgotten(place))) throw new RangeError(`unknown position ${after}`);
              checked = true;
              return iterator.next();
            },
            return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
          };
        },
      };
    },
  };
}

/** The entries of one feed, or of another where the first refuses. */
function known(
  entries: AsyncIterable<FeedEntry>,
  otherwise: () => AsyncIterable<FeedEntry>,
): AsyncIterable<FeedEntry> {
  return {
    [Symbol.asyncIterator]() {
      let iterator = entries[Symbol.asyncIterator]();
      return {
        next: async () => {
          try {
            return await iterator.next();
          } catch (error) {
            if (!(error instanceof RangeError)) throw error;
            iterator = otherwise()[Symbol.asyncIterator]();
            return iterator.next();
          }
        },
        return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
      };
    },
  };
}
