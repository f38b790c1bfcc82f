import type {
  DeleteOptions,
  LoadOptions,
  SaveOptions,
  TimelineOptions,
  UpdateOptions,
  WatchOptions,
} from '../../../data-agent.js';
import { DgentsError, StateConflictError } from '../../../errors.js';
import type { Fault } from '../fault.js';
import { wrapperFault } from '../spoiled-wrapper.js';

export const wrapperFaults: readonly Fault[] = [
  wrapperFault({
    name: 'save drops the operation id',
    caughtBy: 'save is one save inside, with operation id, meta and time to live',
    like: 'options that are listed one by one, and then there is one more',
    spoil: (inner) => ({
      save: (state: unknown, { operationId: _, ...options }: SaveOptions = {}) => inner.save(state, options),
    }),
  }),
  wrapperFault({
    name: 'update drops all options',
    caughtBy: 'update is one update inside, with operation id, meta and time to live',
    like: '`update(change) { return this.inner.update(change); }`',
    spoil: (inner) => ({ update: (change: never) => inner.update(change) }),
  }),
  wrapperFault({
    name: 'delete does not erase',
    caughtBy: 'delete is one delete inside, with operation id, meta and time to live',
    like: 'an option that was added later',
    spoil: (inner) => ({
      delete: ({ erase: _, ...options }: DeleteOptions = {}) => inner.delete(options),
    }),
  }),
  wrapperFault({
    name: 'save drops what it is told to expect',
    caughtBy: 'save compares with what it is told to expect',
    like: 'a wrapper that compares for itself, too early',
    spoil: (inner) => ({
      save: (state: unknown, { expected: _, ...options }: SaveOptions = {}) => inner.save(state, options),
    }),
  }),
  wrapperFault({
    name: 'update drops the signal',
    caughtBy: 'update hands down its deadline and signal',
    like: 'a retry around the agent that nobody can stop',
    spoil: (inner) => ({
      update: (change: never, { signal: _, ...options }: UpdateOptions = {}) => inner.update(change, options),
    }),
  }),
  wrapperFault({
    name: 'load drops the deadline',
    caughtBy: 'load and read hand down their deadline and signal',
    like: 'a default of the wrapper over what the caller said',
    spoil: (inner) => ({
      load: ({ timeoutMs: _, ...options }: LoadOptions = {}) => inner.load(options),
    }),
  }),
  wrapperFault({
    name: 'load answers from a cache that is not claimed',
    caughtBy: 'every load and read asks inside anew',
    like: 'memoize',
    spoil: (inner) => {
      let held: Promise<unknown> | undefined;
      return {
        load: (options?: LoadOptions) => {
          if (options !== undefined) return inner.load(options);
          held ??= inner.load();
          return held;
        },
      };
    },
  }),
  wrapperFault({
    name: 'load always gives the present',
    caughtBy: 'load and read go back to a version and to a time',
    like: 'an option that is not passed on',
    spoil: (inner) => ({ load: ({ at: _, ...options }: LoadOptions = {}) => inner.load(options) }),
  }),
  wrapperFault({
    name: 'load never freezes',
    caughtBy: 'what is asked for frozen is frozen, and nothing else is',
    like: 'a copy made by the wrapper',
    spoil: (inner) => ({
      load: async (options?: LoadOptions) => structuredClone(await inner.load(options)),
    }),
  }),
  wrapperFault({
    name: 'read loses meta',
    caughtBy: 'read asks inside once and gives state, version, head, time and meta',
    like: 'a result built anew, field by field',
    spoil: (inner) => ({
      read: async (options?: LoadOptions) => {
        const { state, version, head, savedAt } = await inner.read(options);
        return { state, version, head, savedAt, meta: undefined, deleted: false };
      },
    }),
  }),
  wrapperFault({
    name: 'history forgets its limit',
    caughtBy: 'history is passed on once, with its limit',
    like: '`history() { return this.inner.history(); }`',
    spoil: (inner) => ({
      history: async (limit?: number, options?: LoadOptions) =>
        (await inner.history(undefined, options)).slice(0, limit),
    }),
  }),
  wrapperFault({
    name: 'there is no timeline',
    caughtBy: 'timeline is passed on once, and gives every version as it is inside',
    like: 'a method that was added to the interface later',
    spoil: () => ({
      async *timeline() {
        // Nothing.
      },
    }),
  }),
  wrapperFault({
    name: 'timeline forgets its bounds',
    caughtBy: 'timeline keeps to its first and last version, or time',
    like: 'options that are not passed on',
    spoil: (inner) => ({
      timeline: ({ from: _, to: __, ...options }: TimelineOptions = {}) => inner.timeline(options),
    }),
  }),
  wrapperFault({
    name: 'a timeline that is left is read to its end',
    caughtBy: 'a reader of the timeline that stops ends the one inside',
    like: 'everything is collected before the first is given out',
    spoil: (inner) => ({
      timeline: (options?: TimelineOptions) => {
        const iterator = inner.timeline(options)[Symbol.asyncIterator]();
        return { [Symbol.asyncIterator]: () => ({ next: () => iterator.next() }) };
      },
    }),
  }),
  wrapperFault({
    name: 'a watch that is left goes on inside',
    caughtBy: 'a watcher that stops ends the one inside',
    like: 'an iterator without `return`: a leak per reader',
    spoil: (inner) => ({
      watch: (options?: WatchOptions) => {
        const iterator = inner.watch(options)[Symbol.asyncIterator]();
        return { [Symbol.asyncIterator]: () => ({ next: () => iterator.next() }) };
      },
    }),
  }),
  wrapperFault({
    name: 'deletions are kept from watchers',
    caughtBy: 'a watcher is shown a deletion',
    like: '`if (step.deleted) continue`',
    spoil: (inner) => ({
      async *watch(options?: WatchOptions) {
        for await (const step of inner.watch(options)) if (!step.deleted) yield step;
      },
    }),
  }),
  wrapperFault({
    name: 'a failure is tried again',
    caughtBy: 'a failure inside comes out of save, with code and cause, and is not tried again',
    like: 'p-retry around everything: retries multiply',
    spoil: (inner) => ({
      save: async (state: unknown, options?: SaveOptions) => {
        try {
          return await inner.save(state, options);
        } catch (error) {
          if ((error as { retryable?: unknown }).retryable !== true) throw error;
          return inner.save(state, options);
        }
      },
    }),
  }),
  wrapperFault({
    name: 'a failure is swallowed',
    caughtBy: 'a failure inside comes out of load, with code and cause, and is not tried again',
    like: '`catch { return undefined }`',
    spoil: (inner) => ({
      load: async (options?: LoadOptions) => {
        try {
          return await inner.load(options);
        } catch (error) {
          if ((error as { retryable?: unknown }).retryable !== true) throw error;
          return undefined;
        }
      },
    }),
  }),
  wrapperFault({
    name: 'a save that may have happened is sent again, without its id',
    caughtBy: 'where it is in doubt whether a save has happened, that is told, and nothing is sent again',
    like: 'p-retry over a timeout: what was written is written twice',
    spoil: (inner) => ({
      save: async (state: unknown, options: SaveOptions = {}) => {
        try {
          return await inner.save(state, options);
        } catch (error) {
          if (!isInDoubt(error)) throw error;
          const { operationId: _, ...rest } = options;
          return inner.save(state, { ...rest, expected: 'any' });
        }
      },
    }),
  }),
  wrapperFault({
    name: 'a delete that may have happened is said to have found nothing',
    caughtBy: 'where it is in doubt whether a delete has happened, that is told, and nothing is sent again',
    like: '`catch { return false }`',
    spoil: (inner) => ({
      delete: async (options?: DeleteOptions) => {
        try {
          return await inner.delete(options);
        } catch (error) {
          if (!isInDoubt(error)) throw error;
          return false;
        }
      },
    }),
  }),
  wrapperFault({
    name: 'a conflict loses its versions',
    caughtBy: 'what a failure of save tells, it tells outside too, whatever its kind',
    like: 'an error made anew from the message of another',
    spoil: (inner) => ({
      save: async (state: unknown, options?: SaveOptions) => {
        try {
          return await inner.save(state, options);
        } catch (cause) {
          if (!DgentsError.is(cause, 'DGENTS_STATE_CONFLICT')) throw cause;
          throw new StateConflictError(cause.message, { key: cause.key, cause } as never);
        }
      },
    }),
  }),
  wrapperFault({
    name: 'calls queue, and who waits cannot be told to stop',
    caughtBy: 'whoever calls load while another call is on its way can give up alone',
    like: 'a mutex around every call, which knows nothing of signals',
    spoil: (inner) => {
      let last: Promise<unknown> = Promise.resolve();
      return {
        load: (options?: LoadOptions) => {
          const loaded = last.then(() => inner.load(options));
          last = loaded.catch(() => undefined);
          return loaded;
        },
      };
    },
  }),
  wrapperFault({
    name: 'what a recipe throws is wrapped',
    caughtBy: 'what a recipe throws comes back itself',
    like: '`new Error("update failed", { cause })`',
    spoil: (inner) => ({
      update: (change: (draft: unknown) => unknown, options?: UpdateOptions) =>
        inner.update((draft) => {
          try {
            return change(draft);
          } catch (cause) {
            throw new Error('update failed', { cause });
          }
        }, options),
    }),
  }),
  wrapperFault({
    name: 'close leaves the agent inside open',
    caughtBy: 'close closes the agent inside, once',
    like: 'whoever opened it has let go of it',
    spoil: () => ({ close: async () => undefined }),
  }),
  wrapperFault({
    name: 'a second close is over before the first',
    caughtBy: 'closing again is over when the first closing is, and not before',
    like: '`if (this.closed) return; this.closed = true`',
    spoil: (inner) => {
      let isClosed = false;
      const close = async () => {
        if (isClosed) return;
        isClosed = true;
        await inner.close();
      };
      return { close, [Symbol.asyncDispose]: close };
    },
  }),
  wrapperFault({
    name: 'await using does not close',
    caughtBy: 'the end of an `await using` block closes the agent inside, once',
    like: 'a method that was added to the interface later',
    spoil: () => ({ [Symbol.asyncDispose]: async () => undefined }),
  }),
  wrapperFault({
    name: 'claims what it likes',
    caughtBy: 'capabilities are those of the agent inside, except where claimed otherwise',
    like: 'capabilities written down in the wrapper',
    spoil: (inner) => ({
      get capabilities() {
        return { ...inner.capabilities, durability: 'power' };
      },
    }),
  }),
];

function isInDoubt(error: unknown): boolean {
  return DgentsError.is(error, 'DGENTS_OUTCOME_UNKNOWN') || DgentsError.is(error, 'DGENTS_STORAGE_TIMEOUT');
}
