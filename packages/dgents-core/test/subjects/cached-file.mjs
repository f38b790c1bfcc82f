/** A cache around a file, which asks each time: what writers in other processes do is told to nobody. */
import { PersistentAgent } from 'dgents-core';
import { CachedAgent } from 'dgents-core/cached';
import { pathOf } from './persistent.mjs';

export { claims, create, destroy, kind } from './persistent.mjs';

export const name = 'CachedAgent around PersistentAgent';
export const importFrom = import.meta.url;

export function open(place, { key, ...options }) {
  return new CachedAgent(new PersistentAgent({ path: pathOf(place, key), ...options }), { maxAgeMs: 0 });
}
