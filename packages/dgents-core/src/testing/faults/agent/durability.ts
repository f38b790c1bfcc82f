import type { LoadOptions, SaveOptions, TimelineOptions } from '../../../data-agent.js';
import { all } from '../../support/records.js';
import { durableAgentFault } from '../reopened.js';

export const durabilityFaults = [
  durableAgentFault({
    name: 'versions are counted anew after reopening',
    caughtBy: 'what was saved is there after closing and opening again, under the same version',
    like: 'a state file beside a counter in memory',
    late: (inner) => ({
      read: async (options?: LoadOptions) => {
        const found = await inner.read(options);
        return { ...found, state: found.state, version: Math.min(found.version, 1) };
      },
    }),
  }),
  durableAgentFault({
    name: 'meta is not kept',
    caughtBy: 'meta and the time of a save are there after reopening',
    like: 'a cache that knows more than the table behind it',
    late: (inner) => ({
      read: async (options?: LoadOptions) => {
        const found = await inner.read(options);
        return { ...found, state: found.state, meta: undefined };
      },
    }),
  }),
  durableAgentFault({
    name: 'what was seen before is not compared after reopening',
    caughtBy: 'a handle that saw the state before it was closed is still compared by its versions',
    like: 'a version counted in memory',
    late: (inner) => ({
      save: (state: unknown, { expected: _, ...options }: SaveOptions = {}) =>
        inner.save(state, { ...options, expected: 'any' }),
    }),
  }),
  durableAgentFault({
    name: 'operation ids are forgotten with the process',
    caughtBy: 'an operation that is repeated after reopening happens once',
    like: 'a map of request ids in memory',
    late: (inner) => ({
      save: (state: unknown, { operationId: _, ...options }: SaveOptions = {}) => inner.save(state, options),
    }),
  }),
  durableAgentFault({
    name: 'the past is gone after reopening',
    caughtBy: 'every version is there after reopening, in order',
    like: 'undo history in memory beside a file with the state',
    late: (inner) => ({
      async *timeline(options?: TimelineOptions) {
        const walk = await all(inner.timeline(options));
        yield* walk.length > 10 ? walk : walk.slice(-1);
      },
    }),
  }),
  durableAgentFault({
    name: 'what was deleted is back after reopening',
    caughtBy: 'what was deleted stays deleted, and its numbering goes on',
    like: 'a backup that is older than the deletion; a tombstone that was compacted away',
    late: (inner) => ({
      load: async (options?: LoadOptions) => {
        try {
          return await inner.load(options);
        } catch (error) {
          const [newest] = await inner.history(1);
          if (newest === undefined || options !== undefined) throw error;
          return newest;
        }
      },
    }),
  }),
];
