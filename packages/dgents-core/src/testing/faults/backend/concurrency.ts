import type { Append, Backend, Checkpoint, CommitResult, LogTail } from '../../../backend.js';
import { checkCommit } from '../../../backend-parts/checks.js';
import { AgentClosedError } from '../../../errors.js';
import { backendFault, type Spoiled } from '../spoiled-backend.js';
import { after } from './versions.js';

/** A commit that takes a while, and a close that waits for it. */
function waiting(inner: Backend, commit: NonNullable<Spoiled['commit']>): Spoiled {
  const underWay = new Set<Promise<unknown>>();
  let closed: Promise<void> | undefined;
  return {
    commit: (appends, options) => {
      if (closed !== undefined) {
        return Promise.reject(new AgentClosedError('closed', { key: appends[0]?.key }));
      }
      const done = commit(appends, options);
      underWay.add(done);
      const over = () => void underWay.delete(done);
      done.then(over, over);
      return done;
    },
    close: () => {
      closed ??= Promise.allSettled(underWay).then(() => inner.close());
      return closed;
    },
  };
}

/** Looks, and writes to whatever is there by then, if `mayOverwrite` says so. */
function checkThenWrite(
  inner: Backend,
  mayOverwrite: (id: string) => boolean,
): NonNullable<Spoiled['commit']> {
  return async (appends, options) => {
    const [only] = appends;
    if (only === undefined || appends.length > 1 || only.records.length !== 1) {
      return inner.commit(appends, options);
    }
    const seen = (await inner.read(only.key, { limit: 0 })).head;
    const [result] = await inner.commit(appends, options);
    const isChecked = seen?.id === only.expected?.id && seen?.version === only.expected?.version;
    const now = result!.head;
    if (result!.ok || !isChecked || now === null || !mayOverwrite(now.id)) return [result!];
    return inner.commit([after(now, only)]);
  };
}

function made({ records }: Append): CommitResult {
  const { version, id, at, kind } = records.at(-1)!;
  return { ok: true, replayed: false, head: { version, id, at, deleted: kind === 'tombstone' } };
}

export const concurrencyFaults = [
  backendFault({
    name: 'looks, and then writes',
    breaks: 'concurrency',
    caughtBy: 'of many concurrent appends to one version exactly one wins, version after version',
    like: 'SELECT, compare, UPDATE: 14 of 50 increments kept by PostgresSaver, and no error',
    spoil: (inner) =>
      waiting(
        inner,
        checkThenWrite(inner, () => true),
      ),
  }),
  backendFault({
    name: 'callers of one handle are not kept apart',
    breaks: 'concurrency',
    caughtBy: 'of concurrent appends on one handle exactly one wins, too',
    like: 'an advisory lock of the session: whoever holds it gets it again',
    spoil: (inner) => {
      const own = new Set<string>();
      const commit = checkThenWrite(inner, (id) => own.has(id));
      return waiting(inner, (appends, options) => {
        for (const { records } of appends) for (const { id } of records) own.add(id);
        return commit(appends, options);
      });
    },
  }),
  backendFault({
    name: 'what does not fit into the queue is acknowledged and dropped',
    breaks: 'concurrency',
    caughtBy: 'a flow of appends that are not waited for is one log, or ends where the first was refused',
    like: 'a write buffer with a size; `highWaterMark` unread',
    spoil: (inner) => {
      let underWay = 0;
      return {
        commit: async (appends, options) => {
          const [only] = appends;
          if (underWay >= 15 && appends.length === 1 && only!.expected !== null) return [made(only!)];
          underWay++;
          const done = inner.commit(appends, options);
          const over = () => {
            underWay--;
          };
          done.then(over, over);
          return done;
        },
      };
    },
  }),
  backendFault({
    name: 'of many keys at once some are forgotten',
    breaks: 'concurrency',
    caughtBy: 'concurrent appends to many keys all happen, each in its own log',
    like: 'UnprocessedItems of a batch',
    spoil: (inner) => {
      const underWay = new Map<string, number>();
      return {
        commit: async (appends, options) => {
          const [only] = appends;
          if (appends.length !== 1 || options?.timeoutMs !== undefined) return inner.commit(appends, options);
          const { key } = only!;
          if (underWay.size >= 16 && !underWay.has(key) && only!.records.length === 1) return [made(only!)];
          underWay.set(key, (underWay.get(key) ?? 0) + 1);
          const done = inner.commit(appends, options);
          const over = () => {
            const left = (underWay.get(key) ?? 1) - 1;
            if (left > 0) underWay.set(key, left);
            else underWay.delete(key);
          };
          done.then(over, over);
          return done;
        },
      };
    },
  }),
  backendFault({
    name: 'a handle reads from a replica that lags behind',
    breaks: 'concurrency',
    caughtBy: 'what another handle has acknowledged is what the next read sees',
    like: 'read replicas; eventual consistency',
    spoil: (inner) => {
      const own = new Set<string>();
      const seen = new Map<string, { readonly tail: LogTail; readonly times: number }>();
      return {
        commit: (appends, options) => {
          for (const { records } of appends) for (const { id } of records) own.add(id);
          return inner.commit(appends, options);
        },
        read: async (key, options) => {
          const tail = await inner.read(key, options);
          if (options !== undefined || tail.head === null) return tail;
          const before = seen.get(key);
          seen.set(key, { tail, times: (before?.times ?? 0) + 1 });
          const lags = before !== undefined && before.times > 12 && before.times % 5 === 0;
          return lags && !own.has(tail.head.id) ? before.tail : tail;
        },
      };
    },
  }),
  backendFault({
    name: 'a batch takes so many of those that wait, and answers all',
    breaks: 'concurrency',
    caughtBy: 'hundreds of appends at once, each to a key of its own, all happen',
    like: 'group commit with a bounded batch: `splice(0, 256)` of a queue that is then emptied',
    spoil: (inner) => {
      let batch: {
        readonly append: Append;
        readonly answer: (from: CommitResult | Promise<CommitResult>) => void;
      }[] = [];
      const flush = (): void => {
        for (const [i, { append, answer }] of batch.entries()) {
          answer(i < 256 ? inner.commit([append]).then(([result]) => result!) : made(append));
        }
        batch = [];
      };
      return waiting(inner, async (appends, options) => {
        const [append] = appends;
        if (append === undefined || appends.length > 1 || options !== undefined)
          return inner.commit(appends, options);
        if (batch.length === 0) setImmediate(flush);
        return [await new Promise<CommitResult>((answer) => batch.push({ append, answer }))];
      });
    },
  }),
  backendFault({
    name: 'commits lock their keys in the order in which they name them',
    breaks: 'concurrency',
    caughtBy: 'commits over the same keys in another order are all answered',
    like: '`SELECT … FOR UPDATE` row by row: two transactions wait for each other',
    shared: () => new Map<string, Promise<void>>(),
    spoil: (inner, locks) => ({
      commit: async (appends, options) => {
        checkCommit(inner, appends, options);
        if (options?.atomic !== true || appends.length < 2) return inner.commit(appends, options);
        const held: (() => void)[] = [];
        for (const { key } of appends) {
          while (locks.has(key)) await locks.get(key);
          let unlock: () => void = () => undefined;
          locks.set(key, new Promise((resolve) => (unlock = resolve)));
          held.push(() => {
            locks.delete(key);
            unlock();
          });
          await new Promise(setImmediate);
        }
        try {
          return await inner.commit(appends, options);
        } finally {
          for (const release of held) release();
        }
      },
    }),
  }),
  backendFault({
    name: 'reads at once share an answer, also one that began before a write',
    breaks: 'concurrency',
    caughtBy:
      'a read that is asked for after an acknowledgement knows of it, also while older reads are under way',
    like: 'request coalescing: a promise per key, kept until it settles',
    spoil: (inner) => {
      const underWay = new Map<string, Promise<LogTail>>();
      let isClosed = false;
      return {
        read: async (key, options) => {
          if (options !== undefined || isClosed) return inner.read(key, options);
          let answer = underWay.get(key);
          if (answer === undefined) {
            answer = slowly(inner.read(key));
            underWay.set(key, answer);
            const over = () => void underWay.delete(key);
            answer.then(over, over);
          }
          return structuredClone(await answer);
        },
        close: async () => {
          isClosed = true;
          await Promise.allSettled(underWay.values());
          await inner.close();
        },
      };
    },
  }),
  backendFault<Map<string, LogTail>>({
    name: 'what a writer that lost has seen is cached late, over what was written since',
    breaks: 'concurrency',
    caughtBy: 'what clients of one process see is explained by one order of events',
    like: 'cache-aside: who read before a write fills the cache after it',
    shared: () => new Map(),
    spoil: (inner, cache) => {
      const waited = waiting(inner, async (appends, options) => {
        const results = await inner.commit(appends, options);
        for (const { key } of appends) cache.delete(key);
        for (const [i, { key }] of appends.entries()) {
          if (!results[i]!.ok) cache.set(key, await slowly(inner.read(key)));
        }
        return results;
      });
      const dropping = (change: 'checkpoint' | 'trim') => async (key: string, to: Checkpoint) => {
        cache.delete(key);
        await inner[change](key, to);
        cache.delete(key);
      };
      return {
        ...waited,
        checkpoint: dropping('checkpoint'),
        trim: dropping('trim'),
        read: async (key, options) => {
          const tail = await inner.read(key, options);
          const cached = options === undefined && tail.head !== null ? cache.get(key) : undefined;
          return cached === undefined ? tail : structuredClone(cached);
        },
      };
    },
  }),
];

/** The answer, a turn of the event loop later. */
async function slowly<T>(answer: Promise<T>): Promise<T> {
  const given = await answer;
  await new Promise(setImmediate);
  return given;
}
