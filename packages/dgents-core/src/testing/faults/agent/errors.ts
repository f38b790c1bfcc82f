import type { LoadOptions, SaveOptions, TimelineOptions, UpdateOptions } from '../../../data-agent.js';
import { DgentsError, StateNotFoundError } from '../../../errors.js';
import { agentFault } from '../spoiled-agent.js';

type Recipe = (draft: unknown) => unknown;

export const errorFaults = [
  agentFault({
    name: 'what a recipe throws is wrapped',
    breaks: 'errors',
    caughtBy: 'an update rejects with the very thing its recipe throws, and stores nothing',
    like: '`throw new Error("update failed: " + error.message)`',
    spoil: (inner) => ({
      update: async (change: Recipe, options?: UpdateOptions) => {
        if (typeof change !== 'function') return inner.update(change as never, options);
        return inner.update((draft) => {
          try {
            return change(draft);
          } catch (error) {
            throw new Error(`update failed: ${String(error)}`);
          }
        }, options);
      },
    }),
  }),
  agentFault({
    name: 'half of a recipe that threw is stored',
    breaks: 'errors',
    caughtBy: 'what a recipe did before it threw is not stored',
    like: 'a state that is changed in place and saved in `finally`',
    spoil: (inner) => ({
      update: async (change: Recipe, options?: UpdateOptions) => {
        if (typeof change !== 'function') return inner.update(change as never, options);
        let thrown: { readonly error: unknown } | undefined;
        const result = await inner.update((draft) => {
          if (!isListed(draft)) return change(draft);
          const before = JSON.stringify(draft);
          thrown = undefined;
          try {
            return change(draft);
          } catch (error) {
            if (JSON.stringify(draft) === before) throw error;
            thrown = { error };
            return undefined;
          }
        }, options);
        if (thrown !== undefined) throw (thrown as { readonly error: unknown }).error;
        return result;
      },
    }),
  }),
  agentFault({
    name: 'a promise of a recipe is awaited',
    breaks: 'errors',
    caughtBy: 'a recipe that returns a promise is a TypeError, and stores nothing',
    like: 'async updaters: what others write meanwhile is lost',
    spoil: (inner) => ({
      update: async (change: Recipe, options?: UpdateOptions) => {
        if (typeof change !== 'function' || change.constructor.name !== 'AsyncFunction') {
          return inner.update(change as never, options);
        }
        const next = await change(await inner.load());
        return inner.update(() => next, options);
      },
    }),
  }),
  agentFault({
    name: 'an operation id may be anything',
    breaks: 'errors',
    caughtBy: 'a wrong operationId is a TypeError or RangeError, and stores nothing',
    like: 'arguments that nobody checks',
    spoil: (inner) => ({
      save: (state: unknown, { operationId, ...options }: SaveOptions = {}) =>
        inner.save(state, operationId ? { ...options, operationId } : options),
    }),
  }),
  agentFault({
    name: 'what cannot be expected is ignored',
    breaks: 'errors',
    caughtBy: 'a wrong expected is a TypeError or RangeError, and stores nothing',
    like: '`if (expected)`',
    spoil: (inner) => ({
      save: (state: unknown, options: SaveOptions = {}) => {
        const { expected, ...rest } = options;
        const known =
          typeof expected === 'number' ? expected >= 0 : expected === 'any' || typeof expected === 'object';
        return inner.save(state, expected !== undefined && known ? options : rest);
      },
    }),
  }),
  agentFault({
    name: 'meta that is too large is left out',
    breaks: 'errors',
    caughtBy: 'meta that is no small plain JSON is refused, and stores nothing',
    like: 'headers that a proxy drops',
    spoil: (inner) => ({
      save: (state: unknown, { meta, ...options }: SaveOptions = {}) =>
        inner.save(state, meta === undefined || tooLarge(meta) ? options : { ...options, meta }),
    }),
  }),
  agentFault({
    name: 'a negative timeout is none',
    breaks: 'errors',
    caughtBy: 'a wrong timeoutMs or signal is a TypeError or RangeError, on every call',
    like: '`setTimeout(f, -1)`',
    spoil: (inner) => ({
      load: ({ timeoutMs, ...options }: LoadOptions = {}) =>
        inner.load(timeoutMs !== undefined && timeoutMs > 0 ? { ...options, timeoutMs } : options),
    }),
  }),
  agentFault({
    name: 'a bound of the timeline that makes no sense is no bound',
    breaks: 'errors',
    caughtBy: 'a wrong bound of the timeline is a TypeError or RangeError',
    like: 'NaN in a query',
    spoil: (inner) => ({
      timeline: ({ from, ...options }: TimelineOptions = {}) =>
        inner.timeline(isBound(from) ? { ...options, from } : options),
    }),
  }),
  agentFault({
    name: 'an aborted call says so in its own words',
    breaks: 'errors',
    caughtBy: 'a call whose signal is aborted already rejects with its reason, and sends nothing',
    like: '`new Error("Aborted")` instead of `signal.reason`',
    spoil: (inner) => ({
      load: async (options?: LoadOptions) => {
        if (options?.signal?.aborted) throw new DOMException('This operation was aborted', 'AbortError');
        return inner.load(options);
      },
    }),
  }),
  agentFault({
    name: 'an error does not say which state it is about',
    breaks: 'errors',
    caughtBy: 'errors have a name, a code and the key, and say what to do as text',
    like: '"not found"',
    spoil: (inner) => ({
      load: async (options?: LoadOptions) => {
        try {
          return await inner.load(options);
        } catch (error) {
          if (!DgentsError.is(error, 'DGENTS_STATE_NOT_FOUND')) throw error;
          throw new StateNotFoundError('not found, and no default was given');
        }
      },
    }),
  }),
  agentFault({
    name: 'after a call that failed every other one fails too',
    breaks: 'errors',
    caughtBy: 'a call that failed leaves the handle as it was',
    like: 'a queue of promises that nobody catches: `this.tail = this.tail.then(work)`',
    spoil: (inner) => {
      let tail: Promise<unknown> | undefined;
      return {
        update: (change: Recipe, options?: UpdateOptions) => {
          const work = () => inner.update(change as never, options);
          const done = tail === undefined ? work() : tail.then(work);
          if (options === undefined && change.toString().includes('Promise.resolve(1)')) tail = done;
          done.catch(() => undefined);
          return done;
        },
      };
    },
  }),
];

function isBound(bound: unknown): bound is number | Date {
  if (bound instanceof Date) return !Number.isNaN(bound.getTime());
  return typeof bound === 'number' && !Number.isNaN(bound);
}

function isListed(draft: unknown): boolean {
  return typeof draft === 'object' && draft !== null && 'list' in draft && 'pad' in draft;
}

function tooLarge(meta: unknown): boolean {
  try {
    return JSON.stringify(meta).length > 4_096;
  } catch {
    return false;
  }
}
