import {
  AgentClosedError,
  DgentsError,
  LogCompactedError,
  StorageUnavailableError,
} from '../../../errors.js';
import type { Fault } from '../fault.js';
import { Medium, mediumHooks, spoiledOnMedium } from '../medium.js';
import { type BackendFault, backendFault } from '../spoiled-backend.js';

/** A fault that shows when the medium fails. */
function mediumFault(
  fault: Omit<BackendFault<Medium>, 'spoil' | 'breaks'> & {
    readonly spoil: Parameters<typeof spoiledOnMedium>[0];
  },
): Fault {
  return backendFault({
    ...fault,
    breaks: 'errors',
    shared: () => new Medium(),
    spoil: spoiledOnMedium(fault.spoil),
    hooks: mediumHooks,
  });
}

const NOTHING = { head: null, floor: 0, since: 'same', records: [], more: false } as const;

export const errorFaults = [
  mediumFault({
    name: 'damage is read as nothing there',
    caughtBy: 'what is damaged is told with its key, again and again, and never read as something else',
    like: '`catch { return undefined }` around JSON.parse; conf with clearInvalidConfig',
    spoil: (sound, medium) => ({
      read: async (key, options) => (medium.damaged.has(key) ? NOTHING : sound.read(key, options)),
    }),
  }),
  mediumFault({
    name: 'a commit heals what is damaged by writing over it',
    caughtBy: 'what is damaged is never taken for nothing by a commit, and stays where it is',
    like: 'a default written over a file that could not be parsed',
    spoil: (sound, medium) => ({
      commit: (appends, options) => {
        for (const { key, expected } of appends) if (expected === null) medium.damaged.delete(key);
        return sound.commit(appends, options);
      },
    }),
  }),
  mediumFault({
    name: 'one damaged log hides all the others',
    caughtBy: 'the logs beside a damaged one are listed, read and written as before',
    like: 'one bad row, and the whole query fails',
    spoil: (sound, medium) => ({
      async *keys(prefix, options) {
        for (const key of medium.damaged) if (options?.heads) medium.check(key);
        yield* sound.keys(prefix, options);
      },
    }),
  }),
  mediumFault({
    name: 'an outage is read as nothing there',
    caughtBy:
      'while the medium fails, every reading call says so in time, with a cause, and none finds "nothing"',
    like: '`.catch(() => null)`: the agent begins anew over a state that is there',
    spoil: (sound, medium) => ({
      read: async (key, options) => (medium.down ? NOTHING : sound.read(key, options)),
    }),
  }),
  mediumFault({
    name: 'a write in an outage is called a conflict',
    caughtBy:
      'while the medium fails, no write is acknowledged or called a conflict, and each is settled in time',
    like: 'zero rows updated, because there was no connection',
    spoil: (sound, medium) => ({
      commit: async (appends, options) =>
        medium.down ? appends.map(() => ({ ok: false, head: null })) : sound.commit(appends, options),
    }),
  }),
  mediumFault({
    name: 'a handle that has met an outage never works again',
    caughtBy: 'after an outage the same handle works, and everything acknowledged is there',
    like: 'a client that keeps its rejected connection promise',
    spoil: (sound) => {
      let broken: unknown;
      return {
        read: async (key, options) => {
          if (broken !== undefined) throw broken;
          try {
            return await sound.read(key, options);
          } catch (error) {
            broken = DgentsError.is(error, 'DGENTS_STORAGE_UNAVAILABLE') ? error : undefined;
            throw error;
          }
        },
      };
    },
  }),
  mediumFault({
    name: 'a write that is said to have failed was made',
    caughtBy: 'what was said to have failed in an outage was not written, and can be sent again',
    like: 'a lost answer reported as a refused connection',
    spoil: (sound, medium, inner) => ({
      commit: async (appends, options) => {
        if (!medium.down) return sound.commit(appends, options);
        await inner.commit(appends, options);
        throw new StorageUnavailableError('the connection was lost', { cause: new Error('read ECONNRESET') });
      },
    }),
  }),
  backendFault({
    name: 'a key that occurs twice in a commit is written twice',
    breaks: 'errors',
    caughtBy: 'a commit of one key twice is a TypeError, and nothing of it is written',
    like: 'arguments that nobody checks',
    spoil: (inner) => ({
      commit: async (appends, options) => {
        const keys = new Set(appends.map(({ key }) => key));
        if (keys.size === appends.length) return inner.commit(appends, options);
        const results = [];
        for (const append of appends) results.push(...(await inner.commit([append])));
        return results;
      },
    }),
  }),
  backendFault({
    name: 'a mistake is found after the first half was written',
    breaks: 'errors',
    caughtBy: 'a commit whose records leave a gap is a RangeError, and nothing of it is written',
    like: 'checks in the loop that writes',
    spoil: (inner) => ({
      commit: async (appends, options) => {
        if (options?.atomic || appends.length < 2) return inner.commit(appends, options);
        const gap = appends.some(({ records }) => records.length === 2 && records[1]!.version === 3);
        if (!gap) return inner.commit(appends, options);
        const results = [];
        for (const append of appends) results.push(...(await inner.commit([append])));
        return results;
      },
    }),
  }),
  backendFault({
    name: 'an empty append is made',
    breaks: 'errors',
    caughtBy: 'a commit without a record is a TypeError, and nothing of it is written',
    like: '`INSERT … VALUES` built from an empty list',
    spoil: (inner) => ({
      commit: async (appends, options) => {
        const some = appends.filter(({ records }) => records.length > 0);
        const results = some.length > 0 ? await inner.commit(some, options) : [];
        return appends.map((append) => results[some.indexOf(append)] ?? { ok: false, head: append.expected });
      },
    }),
  }),
  backendFault({
    name: 'a negative limit is no limit',
    breaks: 'errors',
    caughtBy: 'a limit that is no count is a RangeError',
    like: 'LIMIT -1 of SQLite',
    spoil: (inner) => ({
      range: (key, { limit, ...options } = {}) =>
        inner.range(
          key,
          limit !== undefined && limit < 0 ? options : { ...options, ...(limit !== undefined && { limit }) },
        ),
    }),
  }),
  backendFault({
    name: 'version 0 is read as the newest',
    breaks: 'errors',
    caughtBy: 'reading as of what is no version, or of one before `after`, is a RangeError',
    like: '`at || head`',
    spoil: (inner) => ({
      read: (key, { at, ...options } = {}) => inner.read(key, at ? { ...options, at } : options),
    }),
  }),
  backendFault({
    name: 'the error about what was trimmed does not say which key it is about',
    breaks: 'errors',
    caughtBy: 'reading below the floor is LogCompactedError with the key and the floor',
    like: 'an error made far from what is known',
    spoil: (inner) => ({
      read: async (key, options) => {
        try {
          return await inner.read(key, options);
        } catch (error) {
          if (!(error instanceof LogCompactedError)) throw error;
          throw new LogCompactedError(error.message, { floor: error.floor });
        }
      },
    }),
  }),
  backendFault({
    name: 'an error does not say which key it is about',
    breaks: 'errors',
    caughtBy: 'AgentClosedError of a call about a key carries the key',
    like: 'nearly every driver',
    spoil: (inner) => ({
      trim: async (key, base) => {
        try {
          await inner.trim(key, base);
        } catch (error) {
          throw DgentsError.is(error, 'DGENTS_AGENT_CLOSED') ? new AgentClosedError(error.message) : error;
        }
      },
    }),
  }),
  backendFault({
    name: 'a time to live of 0 is none',
    breaks: 'errors',
    caughtBy: 'a time to live that is none is a RangeError, and nothing is written',
    like: '`if (ttl)`',
    spoil: (inner) => ({
      commit: (appends, options) =>
        inner.commit(
          appends.map(({ ttlMs, ...append }) => (ttlMs ? { ...append, ttlMs } : append)),
          options,
        ),
    }),
  }),
  mediumFault({
    name: 'setting up that failed in an outage has failed for good',
    caughtBy: 'a handle whose first calls met an outage works after it',
    like: '`this.ready ??= this.migrate()`: the rejected promise is kept',
    spoil: (sound, medium) => {
      let isSetUp = false;
      let failure: { readonly error: unknown } | undefined;
      const setUp = (): void => {
        try {
          if (!isSetUp && failure === undefined) medium.check();
          isSetUp = true;
        } catch (error) {
          failure = { error };
        }
        if (failure !== undefined) throw failure.error;
      };
      return {
        read: async (key, options) => {
          setUp();
          return sound.read(key, options);
        },
        commit: async (appends, options) => {
          setUp();
          return sound.commit(appends, options);
        },
      };
    },
  }),
  backendFault({
    name: 'a commit that ran out of time is said to have failed, and is made later',
    breaks: 'errors',
    caughtBy: 'a commit that ran out of time and is said to have failed was not written, nor is it later',
    like: 'ETIMEDOUT taken for ECONNREFUSED: the request was on its way',
    spoil: (inner) => {
      const late = new Set<Promise<unknown>>();
      return {
        commit: async (appends, options) => {
          if (options?.timeoutMs === undefined || options.timeoutMs > 5)
            return inner.commit(appends, options);
          const made = new Promise((resolve) => setTimeout(resolve, 3)).then(() => inner.commit(appends));
          late.add(made.catch(() => undefined));
          const cause = new Error('ETIMEDOUT');
          throw new StorageUnavailableError('the server did not answer', { key: appends[0]?.key, cause });
        },
        close: async () => {
          await Promise.all(late);
          await inner.close();
        },
      };
    },
  }),
  backendFault({
    name: 'a commit that was aborted is said to have failed, and was made',
    breaks: 'errors',
    caughtBy: 'a commit that was aborted and is said to have failed was not written, nor is it later',
    like: 'an aborted `fetch` reported as a network that is down',
    spoil: (inner) => ({
      commit: async (appends, options) => {
        const results = await inner.commit(appends, options);
        const { signal } = options ?? {};
        if (signal === undefined) return results;
        await new Promise(setImmediate);
        if (!signal.aborted) return results;
        throw new StorageUnavailableError('aborted', { key: appends[0]?.key, cause: signal.reason });
      },
    }),
  }),
];
