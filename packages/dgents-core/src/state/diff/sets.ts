/** Sets: the document lists the members, so what serves arrays serves here. */
import { compareLists } from './arrays.js';
import type { Walk } from './walk.js';

export function compareSets(walk: Walk, prev: Set<unknown>, next: Set<unknown>): unknown {
  const { pointer } = walk.patch;
  const before = [...prev];
  pointer.push('$set');
  const result = compareLists(walk, before, [...next]);
  pointer.pop();
  return result === before ? prev : new Set(result);
}
