import type { CallOptions, Head } from '../../../backend.js';

import { backendFault } from '../spoiled-backend.js';

/** A stream that has nothing to say, and can be ended. */
function silence(signal?: AbortSignal): AsyncIterable<Head> {
  return {
    [Symbol.asyncIterator]() {
      let end: (step: IteratorResult<Head>) => void = () => undefined;
      const over = new Promise<IteratorResult<Head>>((resolve) => {
        end = resolve;
      });
      const stop = () => end({ done: true, value: undefined });
      if (signal?.aborted) stop();
      signal?.addEventListener('abort', stop, { once: true });
      return {
        next: () => over,
        return: () => {
          stop();
          signal?.removeEventListener('abort', stop);
          return over;
        },
      };
    },
  };
}

/** What a stream says, where it is worth hearing. */
function filtered(
  stream: AsyncIterable<Head>,
  change: (head: Head) => Head | undefined,
): AsyncIterable<Head> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = stream[Symbol.asyncIterator]();
      return {
        next: async () => {
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

/** Reads ahead as far as there is room; what comes then is lost. */
export function buffered<T>(stream: AsyncIterable<T>, room: number): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = stream[Symbol.asyncIterator]();
      const ahead: T[] = [];
      let wake: () => void = () => undefined;
      let end: { readonly error?: unknown } | undefined;
      const pump = async (): Promise<void> => {
        for (;;) {
          const step = await iterator.next();
          if (step.done) break;
          if (ahead.length < room) ahead.push(step.value);
          wake();
        }
      };
      const done = (how: { readonly error?: unknown }) => {
        end = how;
        wake();
      };
      let isRunning = false;
      return {
        next: async (): Promise<IteratorResult<T>> => {
          if (!isRunning) {
            pump().then(
              () => done({}),
              (error: unknown) => done({ error }),
            );
          }
          isRunning = true;
          for (;;) {
            const value = ahead.shift();
            if (value !== undefined) return { done: false, value };
            if (end !== undefined && 'error' in end) throw end.error;
            if (end !== undefined) return { done: true, value: undefined };
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        },
        return: async () => {
          ahead.length = 0;
          return (await iterator.return?.()) ?? { done: true, value: undefined };
        },
      };
    },
  };
}

/** Options with a signal that is aborted when `timeoutMs` is over. */
export function hurried<T extends CallOptions>(options: T | undefined): T | undefined {
  if (options?.timeoutMs === undefined) return options;
  const late = AbortSignal.timeout(options.timeoutMs);
  return {
    ...options,
    signal: options.signal === undefined ? late : AbortSignal.any([options.signal, late]),
  };
}

export const watchFaults = [
  backendFault({
    name: 'claims to watch, and never says anything',
    breaks: 'watch',
    caughtBy: 'a watcher of an absent key hears that its log begins, and grows',
    like: 'LISTEN behind PgBouncer; keyspace events that the server has switched off',
    spoil: (inner) => {
      let isClosed = false;
      return {
        close: () => {
          isClosed = true;
          return inner.close();
        },
        watch: (key, options) => (isClosed ? inner.watch!(key, options) : silence(options?.signal)),
      };
    },
  }),
  backendFault({
    name: 'hears only of what the same handle writes',
    breaks: 'watch',
    caughtBy: 'a watcher hears of what another handle writes',
    like: 'an EventEmitter in one process',
    spoil: (inner) => {
      const own = new Set<string>();
      return {
        commit: (appends, options) => {
          for (const { records } of appends) own.add(records.at(-1)?.id ?? '');
          return inner.commit(appends, options);
        },
        watch: (key, options) =>
          filtered(inner.watch!(key, options), (head) => (own.has(head.id) ? head : undefined)),
      };
    },
  }),
  backendFault({
    name: 'hears of every key that begins with its own',
    breaks: 'watch',
    caughtBy: 'a hint is a head of the key that is watched, never of another',
    like: 'PSUBSCRIBE, a prefix watch of etcd',
    shared: () => new Set<(key: string, head: Head) => void>(),
    spoil: (inner, listeners) => ({
      commit: async (appends, options) => {
        const results = await inner.commit(appends, options);
        for (const [i, { key }] of appends.entries()) {
          const { head } = results[i]!;
          if (results[i]!.ok && head) for (const listener of listeners) listener(key, head);
        }
        return results;
      },
      watch: (key, options) => {
        const strange: Head[] = [];
        const listener = (of: string, head: Head) => {
          if (of !== key && of.startsWith(key)) strange.push(head);
        };
        listeners.add(listener);
        return filtered(inner.watch!(key, options), (head) => strange.shift() ?? head);
      },
    }),
  }),
  backendFault({
    name: 'does not hear of a deletion',
    breaks: 'watch',
    caughtBy: 'a deletion is a change too',
    like: '`onUpdate` without `onDelete`',
    spoil: (inner) => ({
      watch: (key, options) =>
        filtered(inner.watch!(key, options), (head) => (head.deleted ? undefined : head)),
    }),
  }),
  backendFault({
    name: 'a buffer that is full drops what is newest',
    breaks: 'watch',
    caughtBy: 'a watcher hears of the last change of a burst, however slowly it listens',
    like: 'a bounded queue of events, a throttle without its trailing edge',
    spoil: (inner) => ({ watch: (key, options) => buffered(inner.watch!(key, options), 16) }),
  }),
  backendFault({
    name: 'a watch does not hear that it is over',
    breaks: 'watch',
    caughtBy: 'a watch ends at once when it is returned, aborted, or its backend closed',
    like: 'a blocking read that takes no signal',
    spoil: (inner) => ({ watch: (key) => inner.watch!(key) }),
  }),
  backendFault({
    name: 'a handle that is closed silences the watchers of the others',
    breaks: 'watch',
    caughtBy: 'who stops watching, or closes a handle, does not stop the others',
    like: 'one shared connection for all subscriptions',
    shared: () => ({ closed: false }),
    spoil: (inner, connection) => ({
      close: async () => {
        connection.closed = true;
        await inner.close();
      },
      watch: (key, options) =>
        filtered(inner.watch!(key, options), (head) => (connection.closed ? undefined : head)),
    }),
  }),
  backendFault({
    name: 'every watch leaves a listener on the signal',
    breaks: 'watch',
    caughtBy: 'watchers that come and go leave no listener on the signal, and no timer',
    like: '`signal.addEventListener` without `{ once }` or removal',
    spoil: (inner) => ({
      watch: (key, options) => {
        options?.signal?.addEventListener('abort', () => key);
        return inner.watch!(key, options);
      },
    }),
  }),
  backendFault({
    name: 'of a commit of several appends only the first is announced',
    breaks: 'watch',
    caughtBy: 'every append of a commit is announced',
    like: 'one NOTIFY a transaction',
    shared: () => new Set<string>(),
    spoil: (inner, others) => ({
      commit: (appends, options) => {
        for (const { records } of appends.slice(1)) others.add(records.at(-1)?.id ?? '');
        return inner.commit(appends, options);
      },
      watch: (key, options) =>
        filtered(inner.watch!(key, options), (head) => (others.has(head.id) ? undefined : head)),
    }),
  }),
  backendFault({
    name: 'a channel has a name of 63 bytes',
    breaks: 'watch',
    caughtBy: 'a watcher hears of a key of whatever length and letters',
    like: 'NOTIFY of Postgres, whose channels are identifiers',
    spoil: (inner) => ({
      watch: (key, options) => inner.watch!(Buffer.from(key).subarray(0, 63).toString(), options),
    }),
  }),
  backendFault({
    name: 'tells higher versions only, and is silent when a log begins anew',
    breaks: 'watch',
    caughtBy: 'a watcher hears of the log that begins after one whose time has run out',
    like: '`if (version <= last) return`',
    spoil: (inner) => ({
      watch: (key, options) => {
        let last = 0;
        return filtered(inner.watch!(key, options), (head) => {
          if (head.version <= last) return undefined;
          last = head.version;
          return head;
        });
      },
    }),
  }),
  backendFault({
    name: 'a watch ends when its timeoutMs is over',
    breaks: 'watch',
    caughtBy: 'a watch waits for what is yet to come without limit, whatever its timeoutMs',
    like: 'one deadline for every call',
    spoil: (inner) => ({ watch: (key, options) => inner.watch!(key, hurried(options)) }),
  }),
];
