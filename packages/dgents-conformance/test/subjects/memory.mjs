/** A good store in memory, to be spoiled. */
import { memoryBackend } from 'dgents-core';

export const name = 'memory';
export const claims = {
  atomicity: 'store',
  feed: 'global',
  watch: true,
  ttl: true,
  orderedKeys: true,
  find: true,
};
export const create = () => memoryBackend({ values: false });
export const open = (place) => memoryBackend({ sharing: place });
export const destroy = (place) => place.close();
