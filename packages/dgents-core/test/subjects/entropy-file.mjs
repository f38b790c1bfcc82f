/** A budget around a file, of as many bytes as the kit asks for: its limit takes the place of the codec's. */
import { PersistentAgent } from 'dgents-core';
import { EntropyConstrainedAgent } from 'dgents-core/entropy';
import { pathOf } from './persistent.mjs';

export { claims, create, destroy, kind } from './persistent.mjs';

export const name = 'EntropyConstrainedAgent around PersistentAgent';
export const importFrom = import.meta.url;

export function open(place, { key, ...options }) {
  return constrained((given) => new PersistentAgent({ path: pathOf(place, key), ...given }), options);
}

/** What unfolds into billions is for the codec to refuse: a budget weighs what can be stored. */
export function constrained(open, { codec, ...options }) {
  const { maxBytes, maxDepth } = codec ?? {};
  if (maxBytes !== 2000)
    return new EntropyConstrainedAgent(open({ codec, ...options }), { maxBytes: 100_000_000 });
  return new EntropyConstrainedAgent(open({ ...options, ...(maxDepth && { codec: { maxDepth } }) }), {
    maxBytes,
  });
}
