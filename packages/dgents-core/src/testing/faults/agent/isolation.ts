import type { LoadOptions } from '../../../data-agent.js';
import { agentFault } from '../spoiled-agent.js';

export const isolationFaults = [
  agentFault({
    name: 'a state is taken when its turn has come',
    breaks: 'isolation',
    caughtBy: 'what is saved is taken at the call: changing it changes nothing',
    like: 'a debounced save; `await lock()` before the state is serialised',
    spoil: (inner) => ({
      save: async (state: unknown, options?: object) => {
        if (state === undefined) return inner.save(state, options);
        await undefined;
        return inner.save(state, options);
      },
    }),
  }),
  agentFault({
    name: 'load gives what it gave before, by reference',
    breaks: 'isolation',
    caughtBy: 'what load and read give is a copy: changing it changes nothing',
    like: 'a cache; MemorySaver',
    spoil: (inner) => {
      let held: { readonly version: number; readonly state: unknown } | undefined;
      return {
        load: async (options?: LoadOptions) => {
          if (options?.at !== undefined || options?.frozen) return inner.load(options);
          const { state, version } = await inner.read(options);
          if (version === 0) return state;
          if (held?.version !== version) held = { version, state };
          return held.state;
        },
      };
    },
  }),
  agentFault({
    name: 'a frozen read is not frozen',
    breaks: 'isolation',
    caughtBy: 'a frozen state cannot be changed, and what freezing cannot protect is a copy',
    like: '`frozen` as a type and nothing else',
    spoil: (inner) => {
      let held: { readonly version: number; readonly state: unknown } | undefined;
      return {
        load: async (options?: LoadOptions) => {
          if (options?.at !== undefined || !options?.frozen) return inner.load(options);
          const { state, version } = await inner.read();
          if (version === 0) return inner.load(options);
          if (held?.version !== version) held = { version, state };
          return held.state;
        },
      };
    },
  }),
  agentFault({
    name: 'a frozen read is live',
    breaks: 'isolation',
    caughtBy: 'a frozen state stays what it was when the state moves on',
    like: 'a proxy of the store: MobX, Valtio, Yjs',
    spoil: (inner) => {
      let newest: object | undefined;
      return {
        load: async (options?: LoadOptions) => {
          const state = await inner.load(options);
          if (!options?.frozen || options.at !== undefined || !isNumbered(state)) return state;
          newest = state as object;
          return new Proxy(newest, { get: (_, name) => Reflect.get(newest ?? {}, name) });
        },
        save: async (state: unknown, options?: object) => {
          const version = await inner.save(state, options);
          if (newest !== undefined && isNumbered(state)) newest = state as object;
          return version;
        },
      };
    },
  }),
  agentFault({
    name: 'the default is shared',
    breaks: 'isolation',
    caughtBy: 'the default is a fresh one each time, also where `initial` always gives the same object',
    like: 'a default argument of Python',
    spoil: (inner, _, { initial }) => ({
      load: async (options?: LoadOptions) => {
        if (initial === undefined || options !== undefined) return inner.load(options);
        const { version } = await inner.read(options);
        return version === 0 ? initial() : inner.load();
      },
    }),
  }),
];

function isNumbered(state: unknown): boolean {
  return typeof state === 'object' && state !== null && 'number' in state;
}
