import type { SaveOptions, Weight } from '../../../data-agent.js';
import { agentFault } from '../spoiled-agent.js';

export const limitFaults = [
  agentFault({
    name: 'maxBytes is not looked at',
    breaks: 'limits',
    caughtBy: 'what weighs more than maxBytes is refused with what it weighs, and nothing changes',
    like: 'a limit that is documented and not enforced',
    settings: ({ codec, ...given }) =>
      codec?.maxBytes === 2000 ? given : { ...given, ...(codec && { codec }) },
  }),
  agentFault({
    name: 'maxDepth is not looked at',
    breaks: 'limits',
    caughtBy: 'what is nested deeper than maxDepth is refused with its path, and nothing changes',
    like: 'a limit that is documented and not enforced',
    settings: ({ codec, ...given }) => ({ ...given, ...(codec?.maxBytes && { codec }) }),
  }),
  agentFault({
    name: 'a write is weighed after it was made',
    breaks: 'limits',
    caughtBy: 'a write that is refused by what weighs it never happened',
    like: 'a size that is checked on what was stored',
    spoil: (inner) => ({
      save: async (state: unknown, { weigh, ...options }: SaveOptions = {}) => {
        let weight: Weight | undefined;
        const note = (given: Weight): void => {
          weight = given;
        };
        const version = await inner.save(state, weigh === undefined ? options : { ...options, weigh: note });
        if (weight !== undefined) weigh?.(weight);
        return version;
      },
    }),
  }),
  agentFault({
    name: 'a state is weighed by its characters',
    breaks: 'limits',
    caughtBy: 'a write is weighed with the bytes of what it leaves, and of what it appends',
    like: '`JSON.stringify(state).length` as the size',
    spoil: (inner) => ({
      save: (state: unknown, { weigh, ...options }: SaveOptions = {}) =>
        inner.save(state, {
          ...options,
          ...(weigh && {
            weigh: (weight) => weigh({ ...weight, bytes: Math.min(weight.bytes, lengthOf(state)) }),
          }),
        }),
    }),
  }),
  agentFault({
    name: 'a state of megabytes is cut',
    breaks: 'limits',
    caughtBy: 'a state of some megabytes comes back whole, and can be changed',
    like: 'a payload limit met with `slice`',
    spoil: (inner) => ({
      save: (state: unknown, options?: SaveOptions) =>
        inner.save(
          typeof state === 'object' && state !== null && 'wide' in state ? { ...state, wide: '' } : state,
          options,
        ),
    }),
  }),
  agentFault({
    name: 'what is deep is cut off',
    breaks: 'limits',
    caughtBy: 'a state as deep as anybody needs comes back whole',
    like: '`[Object]` of util.inspect; depth limits of document stores, 100 levels in MongoDB',
    spoil: (inner) => ({
      save: (state: unknown, options?: SaveOptions) =>
        inner.save(Array.isArray(state) && depthOf(state) === 300 ? ['[Array]'] : state, options),
    }),
  }),
  agentFault({
    name: 'what is very deep overflows the stack',
    breaks: 'limits',
    caughtBy: 'what is nested 100,000 deep is an error, and no overflow of the stack',
    like: 'structuredClone and JSON.stringify are recursive',
    spoil: (inner) => ({
      save: async (state: unknown, options?: SaveOptions) => {
        if (Array.isArray(state) && depthOf(state) > 10_000) JSON.stringify(state);
        return inner.save(state, options);
      },
    }),
  }),
];

/** Characters of its JSON, where that can be told without harm. */
function lengthOf(state: unknown): number {
  const lines = (state as { lines?: unknown } | null)?.lines;
  return Array.isArray(lines) ? JSON.stringify(state).length : Number.POSITIVE_INFINITY;
}

function depthOf(state: unknown): number {
  let depth = 0;
  for (let part = state; Array.isArray(part); part = part[0]) depth++;
  return depth;
}
