import type { DeleteOptions, LoadOptions } from '../../../data-agent.js';
import { DgentsError, LogCompactedError } from '../../../errors.js';
import { agentFault } from '../spoiled-agent.js';

export const retentionFaults = [
  agentFault({
    name: 'nothing ever goes',
    breaks: 'retention',
    caughtBy: 'what is older than asked for goes in the end, and what is kept stays as it was',
    like: 'an option that is documented and not read: the disk fills',
    settings: ({ retain: _, ...given }) => given,
  }),
  agentFault({
    name: 'everything goes that is not asked for',
    breaks: 'retention',
    caughtBy: 'nothing goes unless asked for',
    like: 'a limit of a hundred versions that nobody mentioned',
    settings: (given) => ({ retain: { versions: 110, graceMs: 0 }, ...given }),
  }),
  agentFault({
    name: 'trims what is too young',
    breaks: 'retention',
    caughtBy: 'what is younger than graceMs stays, however little is asked for',
    like: 'a log that is cut under those who still read it',
    settings: ({ retain, ...given }) =>
      retain?.versions === undefined
        ? { ...given, ...(retain && { retain }) }
        : { ...given, retain: { ...retain, graceMs: 0 } },
  }),
  agentFault({
    name: 'an age is rounded to days',
    breaks: 'retention',
    caughtBy: 'what is younger than ageMs stays',
    like: '`ageMs / 86_400_000 | 0`',
    settings: ({ retain, ...given }) =>
      retain === undefined
        ? given
        : {
            ...given,
            retain: {
              ...retain,
              ...(retain.ageMs !== undefined && { ageMs: Math.trunc(retain.ageMs / 86_400_000) }),
            },
          },
  }),
  agentFault({
    name: 'what was trimmed is said to have been never there',
    breaks: 'retention',
    caughtBy: 'what was trimmed is LogCompactedError with the oldest version kept, for every handle',
    like: '404 instead of 410',
    spoil: (inner) => ({
      load: async (options?: object) => {
        try {
          return await inner.load(options);
        } catch (error) {
          if (!DgentsError.is(error, 'DGENTS_LOG_COMPACTED')) throw error;
          throw new LogCompactedError(error.message, { key: error.key, floor: 1 });
        }
      },
    }),
  }),
  agentFault({
    name: 'erase removes the newest version and leaves the others',
    breaks: 'retention',
    caughtBy: 'erasing removes the content of every version, and numbering goes on',
    like: 'a soft delete called a hard one; the right to be forgotten',
    spoil: (inner) => ({ delete: ({ erase: _, ...options }: DeleteOptions = {}) => inner.delete(options) }),
  }),
  agentFault({
    name: 'what was deleted before cannot be erased',
    breaks: 'retention',
    caughtBy: 'what was deleted before can be erased too',
    like: 'DELETE … WHERE NOT deleted',
    spoil: (inner) => ({
      delete: async ({ erase, ...options }: DeleteOptions = {}) => {
        const wasThere = await inner.delete(options);
        if (wasThere && erase) await inner.delete({ erase });
        return wasThere;
      },
    }),
  }),
  agentFault({
    name: 'what a handle has read once it still gives after an erasure',
    breaks: 'retention',
    caughtBy: 'what was erased is gone also for a handle that had read it',
    like: 'a cache of versions, which never change: until one of another process is erased',
    spoil: (inner) => {
      const kept = new Map<unknown, unknown>();
      return {
        load: async (options: LoadOptions = {}) => {
          try {
            const state = await inner.load(options);
            if (typeof options.at === 'number') kept.set(options.at, state);
            return state;
          } catch (error) {
            const isGone = DgentsError.is(error, 'DGENTS_LOG_COMPACTED');
            if (!isGone || !kept.has(options.at)) throw error;
            return kept.get(options.at);
          }
        },
      };
    },
  }),
];
