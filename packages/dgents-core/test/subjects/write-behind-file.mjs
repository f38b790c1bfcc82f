/** A write-behind cache around a file. */
import { PersistentAgent } from 'dgents-core';
import { CachedAgent } from 'dgents-core/cached';
import { pathOf } from './persistent.mjs';

export { create, destroy, kind } from './persistent.mjs';

export const claims = { durability: 'none', sharing: 'host', conflicts: 'deferred' };
export const name = 'CachedAgent around PersistentAgent, write-behind';
export const importFrom = import.meta.url;

export function open(place, { key, ...options }) {
  const inner = new PersistentAgent({ path: pathOf(place, key), ...options });
  return new CachedAgent(inner, { mode: 'write-behind', flushMs: 5, maxAgeMs: 0 });
}
