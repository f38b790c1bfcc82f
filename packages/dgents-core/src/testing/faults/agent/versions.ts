import type { DeleteOptions, LoadOptions, SaveOptions } from '../../../data-agent.js';
import { DgentsError } from '../../../errors.js';
import { agentFault } from '../spoiled-agent.js';

export const versionFaults = [
  agentFault({
    name: 'save does not compare',
    breaks: 'versions',
    caughtBy: 'a save over what its handle has not seen is a conflict that tells both versions',
    like: 'setItem, `redis.set`, nearly every session store',
    spoil: (inner) => ({
      save: (state: unknown, options: SaveOptions = {}) => inner.save(state, { expected: 'any', ...options }),
    }),
  }),
  agentFault({
    name: 'a conflict is forgotten with the error',
    breaks: 'versions',
    caughtBy: 'a conflict stays one until the handle has loaded again',
    like: 'a retry around save: the second attempt overwrites',
    spoil: (inner) => {
      let lost = false;
      return {
        save: async (state: unknown, options?: SaveOptions) => {
          try {
            const forced = lost && options?.expected === undefined && state !== undefined;
            return await inner.save(state, forced ? { ...options, expected: 'any' } : options);
          } catch (error) {
            lost = DgentsError.is(error, 'DGENTS_STATE_CONFLICT') && options?.expected === undefined;
            throw error;
          }
        },
      };
    },
  }),
  agentFault({
    name: 'an absent state that was seen is not compared',
    breaks: 'versions',
    caughtBy: 'an absent state that a handle saw is compared too',
    like: 'no row, no version to compare with: INSERT OR REPLACE',
    spoil: (inner) => {
      let sawNothing = false;
      return {
        load: async (options?: LoadOptions) => {
          try {
            return await inner.load(options);
          } catch (error) {
            sawNothing = DgentsError.is(error, 'DGENTS_STATE_NOT_FOUND') && options?.at === undefined;
            throw error;
          }
        },
        save: async (state: unknown, options: SaveOptions = {}) => {
          const version = await inner.save(state, sawNothing ? { expected: 'any', ...options } : options);
          sawNothing = false;
          return version;
        },
      };
    },
  }),
  agentFault({
    name: 'an overwrite is silently ignored',
    breaks: 'versions',
    caughtBy: 'a handle that has seen nothing overwrites',
    like: 'INSERT OR IGNORE',
    spoil: (inner, _, { key }, { memory }) => {
      let isBlind = key === 'state';
      const looking =
        <A extends unknown[], R>(call: (...args: A) => R) =>
        (...args: A): R => {
          isBlind = false;
          return call(...args);
        };
      return {
        load: looking((options?: LoadOptions) => inner.load(options)),
        read: looking((options?: LoadOptions) => inner.read(options)),
        update: looking((change: never, options?: object) => inner.update(change, options)),
        save: async (state: unknown, options?: SaveOptions) => {
          if (!isBlind || options !== undefined || plainText(state) === undefined)
            return inner.save(state, options);
          const taken: unknown = structuredClone(state);
          isBlind = false;
          const { head } = await memory.read(key, { limit: 0 });
          return head?.version === 1 ? 1 : inner.save(taken);
        },
      };
    },
  }),
  agentFault({
    name: 'an equal state makes no version',
    breaks: 'versions',
    caughtBy: 'saving an equal state makes a version, and so does an update that changes nothing',
    like: '`if (isEqual(previous, next)) return`',
    spoil: (inner) => {
      let last: { readonly text: string; readonly version: number } | undefined;
      return {
        save: async (state: unknown, options?: SaveOptions) => {
          const text = plainText(state);
          if (options === undefined && text !== undefined && text === last?.text) return last.version;
          const version = await inner.save(state, options);
          last = text === undefined ? undefined : { text, version };
          return version;
        },
      };
    },
  }),
  agentFault({
    name: 'a default is stored by read',
    breaks: 'versions',
    caughtBy: 'a default is given by load and stored by no way of reading',
    like: 'get-or-create: every reader is a writer',
    spoil: (inner, _, { initial }) => ({
      read: async (options?: LoadOptions) => {
        const found = await inner.read(options);
        if (found.version === 0 && initial !== undefined && options === undefined)
          await inner.save(found.state);
        return found;
      },
    }),
  }),
  agentFault({
    name: 'what is missing is empty',
    breaks: 'versions',
    caughtBy: 'what is missing is not empty: without a default there is nothing to load or update',
    like: '`?? {}`',
    spoil: (inner) => ({
      update: async (change: (draft: unknown) => unknown, options?: SaveOptions) => {
        try {
          return await inner.update(change as never, options);
        } catch (error) {
          if (!DgentsError.is(error, 'DGENTS_STATE_NOT_FOUND') || options !== undefined) throw error;
          await inner.save({});
          return inner.update(() => ({ ...(change({}) as object) }));
        }
      },
    }),
  }),
  agentFault({
    name: 'an expected head is compared by its version alone',
    breaks: 'versions',
    caughtBy: 'expected compares the operation, not its version alone',
    like: 'an ETag that is a number',
    spoil: (inner) => ({
      save: (state: unknown, { expected, ...options }: SaveOptions = {}) => {
        const isHead = typeof expected === 'object' && 'id' in expected;
        const compared = isHead ? expected.version : expected;
        return inner.save(state, compared === undefined ? options : { ...options, expected: compared });
      },
    }),
  }),
  agentFault({
    name: 'update ignores what it is told to expect',
    breaks: 'versions',
    caughtBy: 'expected refuses what is no longer the newest, on every kind of write',
    like: 'an option that one of three methods takes',
    spoil: (inner) => ({
      update: (change: never, { expected, ...options }: SaveOptions = {}) =>
        inner.update(change, isWrong(expected) ? { ...options, expected: expected as never } : options),
    }),
  }),
  agentFault({
    name: 'numbering begins anew after a deletion',
    breaks: 'versions',
    caughtBy: 'numbering goes on after a deletion',
    like: 'a row that is really deleted',
    shared: () => new Map<string, number>(),
    spoil: (inner, graves, { key }) => ({
      delete: async (options?: DeleteOptions) => {
        const had = await inner.delete(options);
        const walk = await inner.read({}).catch(() => undefined);
        if (had && walk === undefined) {
          let newest = 0;
          for await (const { version } of inner.timeline()) newest = version;
          graves.set(key, newest);
        }
        return had;
      },
      save: async (state: unknown, options?: SaveOptions) =>
        (await inner.save(state, options)) - (graves.get(key) ?? 0),
    }),
  }),
  agentFault({
    name: 'delete does not compare',
    breaks: 'versions',
    caughtBy: 'delete compares as save does',
    like: 'DELETE without a WHERE on the version',
    spoil: (inner) => ({
      delete: (options: DeleteOptions = {}) => inner.delete({ expected: 'any', ...options }),
    }),
  }),
  agentFault({
    name: 'delete says that there was something, always',
    breaks: 'versions',
    caughtBy: 'a deleted state is missing, and deleting tells whether there was one',
    like: 'the row count unread',
    spoil: (inner) => ({
      delete: async (options?: DeleteOptions) => {
        await inner.delete(options);
        return true;
      },
    }),
  }),
];

function isWrong(expected: unknown): boolean {
  return (typeof expected !== 'object' && expected !== 'any' && expected !== undefined) || expected === null;
}

function plainText(state: unknown): string | undefined {
  return typeof state === 'object' && state !== null && 'number' in state ? JSON.stringify(state) : undefined;
}
