import type { DeleteOptions, SaveOptions, UpdateOptions } from '../../../data-agent.js';
import { agentFault } from '../spoiled-agent.js';

export const operationFaults = [
  agentFault({
    name: 'update applies a repeated operation id twice',
    breaks: 'operations',
    caughtBy: 'an update repeated with its id happens once, and tells the same',
    like: 'a request id that is logged and not looked up',
    spoil: (inner) => ({
      update: (change: never, { operationId, ...options }: UpdateOptions = {}) =>
        inner.update(
          change,
          operationId === 'add' ? options : { ...options, ...(operationId !== undefined && { operationId }) },
        ),
    }),
  }),
  agentFault({
    name: 'save applies a repeated operation id twice',
    breaks: 'operations',
    caughtBy: 'a save repeated with its id tells the version of the first, whatever it holds now',
    like: 'idempotency keys on one of two endpoints',
    spoil: (inner) => ({
      save: (state: unknown, { operationId, ...options }: SaveOptions = {}) =>
        inner.save(
          state,
          operationId === 'once'
            ? options
            : { ...options, ...(operationId !== undefined && { operationId }) },
        ),
    }),
  }),
  agentFault({
    name: 'an operation is known by what it writes',
    breaks: 'operations',
    caughtBy: 'different ids are different operations, also where they write the same',
    like: 'deduplication by content: SQS, a hash of the body',
    spoil: (inner) => ({
      update: (change: never, options: UpdateOptions = {}) =>
        inner.update(change, {
          ...options,
          ...(/^add-/.test(String(options.operationId)) && { operationId: 'add' }),
        }),
    }),
  }),
  agentFault({
    name: 'only the last operation is remembered',
    breaks: 'operations',
    caughtBy: 'an operation repeated after others happens once, from whatever handle',
    like: 'one column for the last request id',
    shared: () => new Map<string, number>(),
    spoil: (inner, others) => ({
      update: (change: never, { operationId, ...options }: UpdateOptions = {}) => {
        const key = inner.constructor.name;
        if (operationId === undefined) {
          others.set(key, (others.get(key) ?? 0) + 1);
          return inner.update(change, options);
        }
        const isForgotten = (others.get(key) ?? 0) > 10;
        return inner.update(change, isForgotten ? options : { ...options, operationId });
      },
    }),
  }),
  agentFault({
    name: 'the id of an operation that failed is taken',
    breaks: 'operations',
    caughtBy: 'the id of an operation that failed is free',
    like: 'the id is stored before the work is done',
    spoil: (inner) => {
      const failed = new Set<string>();
      return {
        update: async (change: never, options: UpdateOptions = {}) => {
          const { operationId } = options;
          if (operationId !== undefined && failed.has(operationId)) return inner.read();
          try {
            return await inner.update(change, options);
          } catch (error) {
            if (operationId !== undefined && error instanceof RangeError) failed.add(operationId);
            throw error;
          }
        },
      };
    },
  }),
  agentFault({
    name: 'an id belongs to all states',
    breaks: 'operations',
    caughtBy: 'an id belongs to its state: another key may use it too',
    like: 'a table of request ids without the key',
    shared: () => new Map<string, string>(),
    spoil: (inner, keys, { key }) => ({
      save: async (state: unknown, options: SaveOptions = {}) => {
        const { operationId } = options;
        const owner = operationId === undefined ? key : (keys.get(operationId) ?? key);
        if (owner !== key) return 1;
        if (operationId !== undefined) keys.set(operationId, key);
        return inner.save(state, options);
      },
    }),
  }),
  agentFault({
    name: 'a delete that is repeated says that there was nothing',
    breaks: 'operations',
    caughtBy: 'a delete repeated with its id answers as the first did',
    like: '404 on the second DELETE',
    spoil: (inner) => ({
      delete: ({ operationId, ...options }: DeleteOptions = {}) =>
        inner.delete(
          operationId === 'gone'
            ? options
            : { ...options, ...(operationId !== undefined && { operationId }) },
        ),
    }),
  }),
  agentFault({
    name: 'the newest 50 operation ids are remembered',
    breaks: 'operations',
    caughtBy: 'an id is not forgotten over the ids of many others, from whatever handle',
    like: 'a cache of request ids with room for so many',
    shared: () => new Map<string, string[]>(),
    spoil: (inner, remembered, { key }) => ({
      update: async (change: never, options: UpdateOptions = {}) => {
        const { operationId, ...rest } = options;
        if (operationId === undefined) return inner.update(change, options);
        const ids = remembered.get(key) ?? [];
        remembered.set(key, ids);
        const at = ids.indexOf(operationId);
        if (at >= 0 && ids.length - at > 50) return inner.update(change, rest);
        const updated = await inner.update(change, options);
        if (at < 0) ids.push(operationId);
        return updated;
      },
    }),
  }),
];
