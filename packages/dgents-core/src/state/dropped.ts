import type { PathSegment } from '../codec/codec.js';

/**
 * The place of something that was given and that a schema has left out: a key of an object, or the end of a list. Keys
 * whose value is undefined are as good as none. Only plain objects and lists are looked through.
 */
export function droppedIn(given: unknown, made: unknown): PathSegment[] | undefined {
  if (typeof given !== 'object' || given === null || typeof made !== 'object' || made === null)
    return undefined;
  if (Array.isArray(given)) return Array.isArray(made) ? droppedInList(given, made) : undefined;
  if (!isPlain(given) || !isPlain(made)) return undefined;
  for (const key of Object.keys(given)) {
    const value = (given as Record<string, unknown>)[key];
    if (value === undefined) continue;
    if (!Object.hasOwn(made, key)) return [key];
    const below = droppedIn(value, (made as Record<string, unknown>)[key]);
    if (below !== undefined) return [key, ...below];
  }
  return undefined;
}

/** Lists of different lengths were made anew: what belongs together cannot be told. */
function droppedInList(given: readonly unknown[], made: readonly unknown[]): PathSegment[] | undefined {
  if (made.length !== given.length) return undefined;
  for (const [index, item] of given.entries()) {
    const below = droppedIn(item, made[index]);
    if (below !== undefined) return [index, ...below];
  }
  return undefined;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
