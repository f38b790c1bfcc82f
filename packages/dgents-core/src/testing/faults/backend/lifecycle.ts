import type { CallOptions } from '../../../backend.js';
import { AgentClosedError, StorageTimeoutError, UnsupportedError } from '../../../errors.js';
import { memoryBackend } from '../../../memory/memory-backend.js';

import { backendFault } from '../spoiled-backend.js';

const never = new Promise<never>(() => undefined);

function soon(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

export const lifecycleFaults = [
  backendFault({
    name: 'a write after close is accepted',
    breaks: 'lifecycle',
    caughtBy: 'every call after close is refused with AgentClosedError',
    like: 'keyv, unstorage: the adapter connects again by itself',
    spoil: (inner, _, room) => {
      let isClosed = false;
      return {
        commit: (appends, options) =>
          isClosed
            ? memoryBackend({ sharing: room.memory }).commit(appends, options)
            : inner.commit(appends, options),
        close: () => {
          isClosed = true;
          return inner.close();
        },
      };
    },
  }),
  backendFault({
    name: 'a write after close is refused, and made',
    breaks: 'lifecycle',
    caughtBy: 'what was refused after close was not written',
    like: 'a queue that is worked off after its callers were told',
    spoil: (inner, _, room) => ({
      commit: async (appends, options) => {
        try {
          return await inner.commit(appends, options);
        } catch (error) {
          if (error instanceof AgentClosedError)
            await memoryBackend({ sharing: room.memory }).commit(appends);
          throw error;
        }
      },
    }),
  }),
  backendFault({
    name: 'a second close fails',
    breaks: 'lifecycle',
    caughtBy: 'close may be called again, and several times at once',
    like: '`pool.end()` of pg: "Called end on pool more than once"',
    spoil: (inner) => {
      let isClosed = false;
      return {
        close: async () => {
          if (isClosed) throw new Error('Called end on pool more than once');
          isClosed = true;
          await inner.close();
        },
      };
    },
  }),
  backendFault({
    name: 'a handle that was never used does not close',
    breaks: 'lifecycle',
    caughtBy: 'a handle that was never used closes',
    like: '`quit` of a client that has not connected waits for the connection',
    spoil: (inner) => {
      let isUsed = false;
      const use =
        <A extends unknown[], R>(call: (...args: A) => R) =>
        (...args: A): R => {
          isUsed = true;
          return call(...args);
        };
      return {
        ready: use(() => inner.ready()),
        read: use((key, options) => inner.read(key, options)),
        commit: use((appends, options) => inner.commit(appends, options)),
        keys: use((prefix, options) => inner.keys(prefix, options)),
        feed: use((position, options) => inner.feed!(position, options)),
        watch: use((key, options) => inner.watch!(key, options)),
        close: async () => {
          await inner.close();
          if (!isUsed) throw new Error('The client is closed');
        },
      };
    },
  }),
  backendFault({
    name: 'close does not wait for what was accepted',
    breaks: 'lifecycle',
    caughtBy: 'close waits for what was accepted, and it is answered',
    like: 'a write-behind buffer that is dropped with its owner',
    spoil: (inner) => {
      let isClosed = false;
      return {
        commit: async (appends, options) => {
          if (isClosed) throw new AgentClosedError('closed', { key: appends[0]?.key });
          // A moment that nothing but the end of the handle can use.
          await undefined;
          await undefined;
          return inner.commit(appends, options);
        },
        close: () => {
          isClosed = true;
          return inner.close();
        },
      };
    },
  }),
  backendFault({
    name: 'close forgets the callers that still wait',
    breaks: 'lifecycle',
    caughtBy: 'every call that was under way when the handle was closed settles',
    like: 'a connection destroyed with its queue of promises',
    spoil: (inner) => {
      let isClosed = false;
      let isClosing = false;
      return {
        keys: async function* (prefix, options) {
          const found = inner.keys(prefix, options);
          if (isClosed) return yield* found;
          const listed = [];
          for await (const each of found) listed.push(each);
          await undefined;
          if (isClosing) await never;
          yield* listed;
        },
        close: async () => {
          isClosing = true;
          await inner.close();
          await soon();
          isClosed = true;
        },
      };
    },
  }),
  backendFault({
    name: 'closing one handle closes them all',
    breaks: 'lifecycle',
    caughtBy: 'handles are closed by themselves',
    like: 'one connection for the module; mongoose.disconnect()',
    shared: () => ({ isClosed: false, handles: 0 }),
    spoil: (inner, all) => {
      all.handles++;
      return {
        commit: async (appends, options) => {
          if (all.isClosed) throw new AgentClosedError('closed', { key: appends[0]?.key });
          return inner.commit(appends, options);
        },
        close: async () => {
          all.isClosed = true;
          await inner.close();
          // With the last handle the connection is gone, and the next one makes it anew.
          if (--all.handles <= 0) all.isClosed = false;
        },
      };
    },
  }),
  backendFault({
    name: 'a handle that was closed leaves its lock',
    breaks: 'lifecycle',
    caughtBy: 'a place can be opened again after every handle was closed',
    like: 'LOCK of LevelDB; a pid file',
    shared: () => ({ closed: 0 }),
    spoil: (inner, lock) => ({
      commit: async (appends, options) => {
        if (lock.closed >= 2) throw new UnsupportedError('IO error: lock LOCK: already held by process');
        return inner.commit(appends, options);
      },
      close: async () => {
        lock.closed++;
        await inner.close();
      },
    }),
  }),
  backendFault({
    name: 'a call that was aborted keeps its place in the queue',
    breaks: 'lifecycle',
    caughtBy: 'a signal that was aborted before the call does not keep it waiting',
    like: 'a pool of connections from which an aborted query never comes back',
    spoil: (inner) => {
      let isStuck = false;
      return {
        trim: async (key, base, options) => {
          if (options?.signal?.aborted) isStuck = true;
          if (isStuck) await never;
          await inner.trim(key, base);
        },
      };
    },
  }),
  backendFault({
    name: 'a call with hardly any time takes the handle down',
    breaks: 'lifecycle',
    caughtBy: 'a call with hardly any time settles all the same, and leaves the handle at work',
    like: 'a timeout that destroys the socket which others share',
    spoil: (inner) => {
      let calls = 0;
      return {
        read: async (key, options) => {
          if (options?.timeoutMs === 1 && ++calls > 10) await never;
          return inner.read(key, options);
        },
      };
    },
  }),
  backendFault({
    name: 'every call leaves a listener on the signal',
    breaks: 'lifecycle',
    caughtBy: 'a signal that serves many calls keeps no listener of any',
    like: 'AbortSignal.any; a fetch wrapper without clean-up',
    spoil: (inner) => ({
      read: (key, options) => {
        options?.signal?.addEventListener('abort', () => key);
        return inner.read(key, options);
      },
    }),
  }),
  backendFault({
    name: 'every handle leaves a listener on the process',
    breaks: 'lifecycle',
    caughtBy: 'handles that come and go leave no descriptor, timer, socket or listener',
    like: '`process.on("exit", () => this.flush())` in a constructor',
    shared: () => [] as (() => void)[],
    spoil: (inner, listeners) => {
      const listener = () => void inner;
      process.setMaxListeners(0);
      process.on('exit', listener);
      listeners.push(listener);
      return {};
    },
    hooks: {
      destroy: async ({ memory, shared }) => {
        for (const listener of shared) process.off('exit', listener);
        await memory.close();
      },
    },
  }),
  backendFault({
    name: 'setting up is over for good when whoever came first gave up',
    breaks: 'lifecycle',
    caughtBy: 'whatever became of the first call of a handle, the next one finds it at work',
    like: '`this.ready ??= connect(options)`: a promise that was rejected once, and is kept',
    spoil: (inner) => {
      let settingUp: Promise<void> | undefined;
      const setUp = async ({ signal }: CallOptions): Promise<void> => {
        if (signal === undefined) return;
        await new Promise(setImmediate);
        if (signal.aborted) throw signal.reason;
      };
      return {
        commit: async (appends, options = {}) => {
          settingUp ??= setUp(options);
          await settingUp;
          return inner.commit(appends, options);
        },
      };
    },
  }),
  backendFault({
    name: 'who waits along is aborted with whoever came first',
    breaks: 'lifecycle',
    caughtBy: 'of callers who ask the same at once, each gives up alone',
    like: 'requests that are joined, with the signal of the first: DataLoader around fetch',
    spoil: (inner) => {
      let joined: Promise<void> | undefined;
      const ask = async ({ signal }: CallOptions): Promise<void> => {
        await new Promise(setImmediate);
        joined = undefined;
        if (signal?.aborted) throw signal.reason;
      };
      return {
        ready: async (options = {}) => {
          joined ??= ask(options);
          await joined;
          return inner.ready(options);
        },
      };
    },
  }),
  backendFault({
    name: 'a range that is left early keeps its connection',
    breaks: 'lifecycle',
    caughtBy: 'iterations that are left early give back what they hold',
    like: 'a cursor that is closed after its last row only; a pool of twenty',
    spoil: (inner) => {
      let used = 0;
      return {
        read: (key, options) => (used < 20 ? inner.read(key, options) : never),
        async *range(key, options) {
          used++;
          for await (const record of inner.range(key, options)) yield record;
          used--;
        },
      };
    },
  }),
  backendFault({
    name: 'a range that is open keeps every write waiting',
    breaks: 'lifecycle',
    caughtBy: 'an iteration that is open keeps no other call of its handle waiting',
    like: 'better-sqlite3: "This database connection is busy executing a query"',
    spoil: (inner) => {
      const open = new Set<Promise<void>>();
      return {
        commit: async (appends, options) => {
          while (open.size > 0) await Promise.race(open);
          return inner.commit(appends, options);
        },
        async *range(key, options) {
          let end = (): void => undefined;
          const over = new Promise<void>((resolve) => {
            end = resolve;
          });
          open.add(over);
          try {
            yield* inner.range(key, options);
          } finally {
            open.delete(over);
            end();
          }
        },
      };
    },
  }),
  backendFault({
    name: 'close waits for whoever has not read on',
    breaks: 'lifecycle',
    caughtBy: 'close does not wait for an iteration that nobody reads on',
    like: '`pool.end()` with a client that is checked out',
    spoil: (inner) => {
      let open = 0;
      return {
        async *range(key, options) {
          open++;
          try {
            yield* inner.range(key, options);
          } finally {
            open--;
          }
        },
        close: async () => {
          if (open > 0) await never;
          await inner.close();
        },
      };
    },
  }),
  backendFault({
    name: 'a deadline is for the whole of an iteration',
    breaks: 'lifecycle',
    caughtBy: 'a deadline bounds each step of an iteration, and not the whole',
    like: '`AbortSignal.timeout(timeoutMs)` around a query that is streamed',
    spoil: (inner) => ({
      async *range(key, options = {}) {
        const { timeoutMs = Number.POSITIVE_INFINITY } = options;
        const deadline = performance.now() + timeoutMs;
        for await (const record of inner.range(key, options)) {
          if (performance.now() > deadline) throw new StorageTimeoutError('too late', { key, timeoutMs });
          yield record;
        }
      },
    }),
  }),
  backendFault({
    name: 'every commit that is refused is kept for a report that nobody asks for',
    breaks: 'lifecycle',
    caughtBy: 'calls that come and go leave nothing in memory',
    like: 'an array of the last errors, without a last',
    shared: () => [] as Uint8Array[],
    spoil: (inner, kept) => ({
      commit: async (appends, options) => {
        const results = await inner.commit(appends, options);
        if (results.some(({ ok }) => !ok)) kept.push(new Uint8Array(100_000));
        return results;
      },
    }),
  }),
];
