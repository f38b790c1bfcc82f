/** A file of which everything is compressed and encrypted. */
import { compress, encrypt, PersistentAgent } from 'dgents-core';
import { pathOf } from './persistent.mjs';

export { claims, create, destroy, kind } from './persistent.mjs';

export const name = 'PersistentAgent, compressed and encrypted';
export const importFrom = import.meta.url;

const keys = [{ id: '1', key: Buffer.from('it is only a test, of 32 bytes..') }];

export function open(place, { key, ...options }) {
  return new PersistentAgent({
    path: pathOf(place, key),
    transforms: [compress({ minBytes: 64 }), encrypt({ keys, context: key })],
    ...options,
  });
}
