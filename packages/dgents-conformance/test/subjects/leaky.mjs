/** A store in memory whose commits reject a promise that nobody holds, and throw in a timer. */
import { memoryBackend } from 'dgents-core';

export const name = 'leaky';
export const claims = {
  atomicity: 'store',
  feed: 'global',
  watch: true,
  ttl: true,
  orderedKeys: true,
  find: true,
};
export const create = () => memoryBackend({ values: false });
export const destroy = (place) => place.close();

export function open(place) {
  const backend = memoryBackend({ sharing: place });
  const commit = backend.commit.bind(backend);
  backend.commit = (...args) => {
    void Promise.reject(new RangeError('of the pool'));
    setTimeout(() => {
      throw new RangeError('of the timer');
    });
    return commit(...args);
  };
  return backend;
}
