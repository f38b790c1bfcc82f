import { backendFault } from '../spoiled-backend.js';

export const togetherFaults = [
  backendFault({
    name: 'the first page of a log that was trimmed and has a checkpoint skips a record',
    breaks: 'together',
    caughtBy:
      'whatever is called in whatever order, on several keys and handles, agrees with a list of records for each key',
    like: 'an offset that counts from one start and is used from another: right for trim, checkpoint and page by themselves',
    shared: () => new Set<string>(),
    spoil: (inner, offered) => ({
      checkpoint: async (key, checkpoint) => {
        await inner.checkpoint(key, checkpoint);
        offered.add(key);
      },
      read: async (key, options = {}) => {
        const tail = await inner.read(key, options);
        const isFirstPage = options.limit !== undefined && options.after === undefined;
        if (!isFirstPage || tail.floor <= 1 || !offered.has(key)) return tail;
        return { ...tail, records: tail.records.slice(1) };
      },
    }),
  }),
];
