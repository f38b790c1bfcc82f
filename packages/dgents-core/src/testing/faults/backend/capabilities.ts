import { UnsupportedError } from '../../../errors.js';

import { backendFault } from '../spoiled-backend.js';

export const capabilityFaults = [
  backendFault({
    name: 'promises to survive a power cut until it is asked',
    breaks: 'capabilities',
    caughtBy: 'what is promised before `ready` is what `ready` finds, or unknown until then',
    like: 'capabilities written down by hand, and a server that is configured otherwise',
    spoil: (inner) => ({ capabilities: { ...inner.capabilities, durability: 'power' } }),
  }),
  backendFault({
    name: 'has a watch that it does not claim',
    breaks: 'capabilities',
    caughtBy: 'the methods find, feed and watch are there exactly where they are claimed',
    like: 'a method inherited from a base class',
    claims: { watch: false },
    spoil: (inner) => {
      const capabilities = { ...inner.capabilities, watch: false };
      return { capabilities, ready: async () => capabilities };
    },
  }),
  backendFault({
    name: 'the first call fails unless `ready` was called',
    breaks: 'capabilities',
    caughtBy: 'nothing has to be called before the first commit',
    like: 'checkpointer.setup(), db.open(): whoever forgets it learns in production',
    spoil: (inner) => {
      let isReady = false;
      return {
        ready: () => {
          isReady = true;
          return inner.ready();
        },
        commit: async (appends, options) => {
          if (!isReady) throw new UnsupportedError('call ready() first');
          return inner.commit(appends, options);
        },
      };
    },
  }),
  backendFault({
    name: 'setting up twice at once fails',
    breaks: 'capabilities',
    caughtBy: 'many may set up an empty place at once, through several handles, and all can use it',
    like: 'CREATE TABLE IF NOT EXISTS of Postgres, run by ten processes; PostgresSaver.setup()',
    shared: () => ({ busy: 0 }),
    spoil: (inner, setUp) => ({
      ready: async () => {
        if (++setUp.busy > 3)
          throw new UnsupportedError('duplicate key value violates pg_type_typname_nsp_index');
        await new Promise(setImmediate);
        setUp.busy--;
        return inner.ready();
      },
    }),
  }),
  backendFault({
    name: 'limits are missing',
    breaks: 'capabilities',
    caughtBy: 'limits are counts of at least one, and known operation ids a count',
    like: '`maxSize: -1` for none',
    spoil: (inner) => {
      const limits = { ...inner.capabilities.limits, recordBytes: -1 };
      const capabilities = { ...inner.capabilities, limits };
      return { capabilities, ready: async () => capabilities };
    },
  }),
  backendFault({
    name: 'takes one record at a time',
    breaks: 'capabilities',
    caughtBy: 'limits are no lower than every agent may rely on',
    like: 'a store without transactions: an update of many has no way in',
    spoil: (inner) => {
      const limits = { ...inner.capabilities.limits, recordsPerAppend: 1 };
      const capabilities = { ...inner.capabilities, limits };
      return { capabilities, ready: async () => capabilities };
    },
  }),
];
