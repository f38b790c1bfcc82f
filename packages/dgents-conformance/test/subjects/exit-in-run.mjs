/** A store that takes the whole process down, and calls it a success. */
import * as memory from './memory.mjs';

export const { name, claims, create, destroy } = memory;
export function open(place) {
  const backend = memory.open(place);
  backend.keys = () => process.exit(0);
  return backend;
}
