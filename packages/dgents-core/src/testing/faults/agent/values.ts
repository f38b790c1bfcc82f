import type { DataAgent } from '../../../data-agent.js';
import { agentFault, type Loose } from '../spoiled-agent.js';

/** Every state that is saved is changed before. */
function changingSaves(inner: DataAgent<unknown>, change: (state: unknown) => unknown): Loose {
  return { save: async (state: unknown, options?: object) => inner.save(change(state), options) };
}

/** Every plain part of a state is changed, the rest left as it is. */
function inside(state: unknown, change: (part: unknown) => unknown): unknown {
  const changed = change(state);
  if (Array.isArray(changed))
    return Object.assign(
      [...changed],
      changed.map((part) => inside(part, change)),
    );
  if (typeof changed !== 'object' || changed === null) return changed;
  if (Object.getPrototypeOf(changed) !== Object.prototype) return changed;
  const copy: Record<string, unknown> = {};
  for (const [name, part] of Object.entries(changed)) {
    Object.defineProperty(copy, name, {
      value: inside(part, change),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return copy;
}

const isPlain = (part: unknown): part is object =>
  typeof part === 'object' && part !== null && Object.getPrototypeOf(part) === Object.prototype;

export const valueFaults = [
  agentFault({
    name: 'undefined becomes null',
    breaks: 'values',
    caughtBy: 'undefined in objects and arrays come back exactly',
    like: 'arrays through JSON.stringify',
    spoil: (inner) =>
      changingSaves(inner, (state) =>
        isPlain(state) ? inside(state, (part) => (part === undefined ? null : part)) : state,
      ),
  }),
  agentFault({
    name: 'the entries of a Map are dropped',
    breaks: 'values',
    caughtBy: 'Maps with any keys come back exactly',
    like: '`JSON.parse(JSON.stringify(state))`: 20 of 32 kinds of value changed silently',
    spoil: (inner) =>
      changingSaves(inner, (state) => inside(state, (part) => (part instanceof Map ? {} : part))),
  }),
  agentFault({
    name: 'a Date becomes text',
    breaks: 'values',
    caughtBy: 'Dates, invalid ones too come back exactly',
    like: 'JSON',
    spoil: (inner) =>
      changingSaves(inner, (state) => inside(state, (part) => (part instanceof Date ? String(part) : part))),
  }),
  agentFault({
    name: '-0 becomes 0',
    breaks: 'values',
    caughtBy: '-0, NaN and the infinities come back exactly',
    like: 'JSON',
    spoil: (inner) =>
      changingSaves(inner, (state) => inside(state, (part) => (Object.is(part, -0) ? 0 : part))),
  }),
  agentFault({
    name: 'a falsy state reads as missing',
    breaks: 'values',
    caughtBy: 'a falsy state is a state, and no reason to give the default',
    like: '`stored || initial()`',
    spoil: (inner, _, { initial }) => ({
      load: async (options?: object) => (await inner.load(options)) || (initial?.() ?? null),
    }),
  }),
  agentFault({
    name: 'the names of a state are sorted',
    breaks: 'values',
    caughtBy: 'keys in their order come back exactly',
    like: 'jsonb; a canonical form made for hashing',
    spoil: (inner) =>
      changingSaves(inner, (state) =>
        isPlain(state) && Object.keys(state).every((name) => /^[a-z]$/.test(name))
          ? Object.fromEntries(Object.entries(state).sort(([a], [b]) => (a < b ? -1 : 1)))
          : state,
      ),
  }),
  agentFault({
    name: 'undefined is saved as null',
    breaks: 'values',
    caughtBy: 'undefined is no state: a TypeError, and what was there stays',
    like: '`state ?? null`',
    spoil: (inner) => changingSaves(inner, (state) => (state === undefined ? null : state)),
  }),
  agentFault({
    name: 'a function is left out',
    breaks: 'values',
    caughtBy: 'a function is refused with its path before anything is sent',
    like: 'JSON.stringify says nothing',
    spoil: (inner) =>
      changingSaves(inner, (state) =>
        inside(state, (part) => (typeof part === 'function' ? undefined : part)),
      ),
  }),
  agentFault({
    name: 'a name that is hostile is left out',
    breaks: 'values',
    caughtBy: 'hostile data leaves prototypes alone, on its way in and out',
    like: 'a parser that is hardened by dropping',
    spoil: (inner) =>
      changingSaves(inner, (state) =>
        Array.isArray(state) && isPlain(state[0]) && Object.hasOwn(state[0], '__proto__') ? [{}] : state,
      ),
  }),
];
