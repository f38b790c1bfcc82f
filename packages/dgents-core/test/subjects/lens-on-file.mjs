/** A lens on a file: the state is a part of what is stored. */
import { PersistentAgent } from 'dgents-core';
import { LensAgent, whole } from 'dgents-core/lens';
import { pathOf } from './persistent.mjs';

export { create, destroy, kind } from './persistent.mjs';

export const name = 'LensAgent on PersistentAgent';
export const importFrom = import.meta.url;
export const claims = { durability: 'power', sharing: 'host', delete: false, weighs: false };

export function open(place, { key, initial, ...options }) {
  const box = () => ({ label: 'a box', ...(initial !== undefined && { inside: initial() }) });
  const parent = new PersistentAgent({ path: pathOf(place, key), ...options, initial: box });
  const part = new LensAgent(parent, whole().focus('inside'));
  const close = part.close.bind(part);
  part.close = () => close().then(() => parent.close());
  return part;
}
