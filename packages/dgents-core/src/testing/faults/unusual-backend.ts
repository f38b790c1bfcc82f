/**
 * A correct backend that is unlike the others in everything that the port leaves open: small pages of its own, more on
 * every result than was asked for, heads with a token, hints that are repeated.
 */
import type { Backend, Head, LogTail } from '../../backend.js';
import type { Spoiled } from './spoiled-backend.js';

/** At most so many records at a time, whatever was asked for. */
const PAGE = 3;

export function unusual(inner: Backend): Spoiled {
  return {
    read: async (key, options = {}) => {
      const { limit = PAGE } = options;
      // What is no count is for the store to refuse.
      const most =
        Number.isInteger(limit) || limit === Number.POSITIVE_INFINITY ? Math.min(limit, PAGE) : limit;
      return unusualTail(await inner.read(key, { ...options, limit: most }));
    },
    commit: async (appends, options) => {
      const results = await inner.commit(appends, options);
      return results.map((result) => more({ ...result, head: withToken(result.head) as Head }));
    },
    range: (key, options) => mapped(inner.range(key, options), more),
    keys: (prefix, options) =>
      mapped(inner.keys(prefix, options), ({ key, head }) =>
        more({ key, ...(head !== undefined && { head: withToken(head) as Head }) }),
      ),
    feed: (after, options) => mapped(inner.feed!(after, options), more),
    watch: (key, options) => repeated(mapped(inner.watch!(key, options), (head) => withToken(head) as Head)),
  };
}

function unusualTail({ head, base, checkpoint, records, ...rest }: LogTail): LogTail {
  return more({
    ...rest,
    head: withToken(head),
    ...(base !== undefined && { base: more(base) }),
    ...(checkpoint !== undefined && { checkpoint: more(checkpoint) }),
    records: records.map(more),
  });
}

/** What a driver leaves on its rows, which have come from a worker: in some runners another realm. */
function more<T extends object>(result: T): T {
  return structuredClone({ ...result, _row: { id: 7 }, partition: 'p' });
}

function withToken(head: Head | null): Head | null {
  return head && more({ ...head, token: `"${head.version}-${head.id}"` });
}

function mapped<T, R>(items: AsyncIterable<T>, change: (item: T) => R): AsyncIterable<R> {
  return {
    [Symbol.asyncIterator]: () => {
      const iterator = items[Symbol.asyncIterator]();
      return {
        next: async () => {
          const step = await iterator.next();
          return step.done ? step : { done: false, value: change(step.value) };
        },
        return: async () => {
          await iterator.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

/** Every item twice. */
function repeated<T>(items: AsyncIterable<T>): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]: () => {
      const iterator = items[Symbol.asyncIterator]();
      let again: IteratorResult<T> | undefined;
      let isOver = false;
      return {
        next: async () => {
          const step = isOver ? undefined : again;
          again = undefined;
          if (step !== undefined) return step;
          const next = await iterator.next();
          if (!next.done) again = next;
          return next;
        },
        return: async () => {
          isOver = true;
          await iterator.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}
