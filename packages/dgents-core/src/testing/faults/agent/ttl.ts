import type { SaveOptions, UpdateOptions } from '../../../data-agent.js';
import { DgentsError } from '../../../errors.js';
import { agentFault } from '../spoiled-agent.js';

export const ttlFaults = [
  agentFault({
    name: 'a time to live is ignored',
    breaks: 'ttl',
    caughtBy: 'when its time is over a state is gone: missing for a new handle, expired for one that saw it',
    like: 'an option that is not handed down',
    spoil: (inner) => ({
      save: (state: unknown, options: SaveOptions = {}) => inner.save(state, without(options)),
    }),
  }),
  agentFault({
    name: 'update takes no time to live',
    breaks: 'ttl',
    caughtBy: 'an update can give a time to live too',
    like: 'an option that one of two methods takes',
    spoil: (inner) => ({
      update: (change: never, options: UpdateOptions = {}) => inner.update(change, without(options)),
    }),
  }),
  agentFault({
    name: 'what has expired is written again without a word',
    breaks: 'ttl',
    caughtBy: 'a write over what has expired is refused once, and stores nothing',
    like: 'SET: the session lives again, with half of its state',
    spoil: (inner) => ({
      save: async (state: unknown, options?: SaveOptions) => {
        try {
          return await inner.save(state, options);
        } catch (error) {
          if (!DgentsError.is(error, 'DGENTS_STATE_EXPIRED')) throw error;
          return inner.save(state, { ...options, expected: 'any' });
        }
      },
    }),
  }),
  agentFault({
    name: 'a write without a time to live keeps the one before',
    breaks: 'ttl',
    caughtBy: 'a write without a time to live makes the state stay, and a longer one prolongs it',
    like: 'KEEPTTL; a sliding session that does not slide',
    spoil: (inner) => {
      let before: number | undefined;
      return {
        save: (state: unknown, options: SaveOptions = {}) => {
          before = options.ttlMs ?? before;
          return inner.save(state, before === undefined ? options : { ttlMs: before, ...options });
        },
      };
    },
  }),
  agentFault({
    name: 'a time to live is taken for seconds, and a year for its end',
    breaks: 'ttl',
    caughtBy: 'a state is there for as long as it was given',
    like: 'PX and EX; a number that overflows a timer of 32 bits fires at once',
    spoil: (inner) => ({
      save: (state: unknown, options: SaveOptions = {}) =>
        inner.save(
          state,
          options.ttlMs === 600_000 && options.expected === undefined ? { ...options, ttlMs: 1 } : options,
        ),
    }),
  }),
  agentFault({
    name: 'months to live are over at once',
    breaks: 'ttl',
    caughtBy: 'months to live are not over at once, whether saved or updated',
    like: '`setTimeout` beyond 2^31 ms fires after 1; an INT column of milliseconds',
    spoil: (inner) => ({
      update: (change: never, options: UpdateOptions = {}) =>
        inner.update(
          change,
          Number(options.ttlMs) > 2 ** 31 && isCount(options) ? { ...options, ttlMs: 1 } : options,
        ),
    }),
  }),
];

/** A mistake is still told. */
function without<O extends SaveOptions>(options: O): O {
  const { ttlMs: _, ...rest } = options;
  return isCount(options) ? (rest as O) : options;
}

function isCount({ ttlMs }: SaveOptions): boolean {
  return ttlMs !== undefined && ttlMs > 0 && Number.isFinite(ttlMs);
}
