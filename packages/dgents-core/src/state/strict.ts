/**
 * What equality does not see and copying would drop, on the containers that a diff walks through without copying
 * them: symbol keys, accessors, named properties of arrays, Maps and Sets. All of it is refused, never lost.
 */
import { inspect } from 'node:util';
import { type PathSegment, formatPath } from '../codec/codec.js';
import { StateSerializationError } from '../errors.js';

type Where = () => readonly PathSegment[];

/** Refuses symbol keys and accessors of a plain object. */
export function refuseAccessors(value: object, keys: readonly string[], where: Where, key?: string): void {
  if (Object.getOwnPropertySymbols(value).length > 0) refuse('a symbol as a key', where(), key);
  for (const name of keys) {
    const descriptor = Object.getOwnPropertyDescriptor(value, name);
    if (descriptor?.get !== undefined || descriptor?.set !== undefined) {
      refuse('an accessor property', [...where(), name], key);
    }
  }
}

/** Above this many elements it pays to ask the engine for the other properties instead of listing all keys. */
const LISTED = 64;

/** Refuses properties beside the elements of an array, or on a Map or Set. */
export function refuseExtras(value: object, where: Where, key?: string): void {
  if (Object.getOwnPropertySymbols(value).length > 0) refuse('a symbol as a key', where(), key);
  if (!hasExtras(value)) return;
  refuse('a named property on an array, Map or Set', where(), key);
}

function hasExtras(value: object): boolean {
  if (!Array.isArray(value)) return Object.keys(value).length > 0;
  if (value.length > LISTED && bare(value)) return false;
  return Object.keys(value).some((name) => !/^\d+$/.test(name));
}

/**
 * Listing the keys of a long array makes a string of every index. `inspect` asks V8 for the named ones only, and
 * with no elements to show prints nothing else: 3 µs instead of 75 for 10,000 elements.
 */
function bare(value: readonly unknown[]): boolean {
  const shown = inspect(value, { maxArrayLength: 0, depth: 0, compact: true, breakLength: Infinity });
  return shown === `[ ... ${value.length} more items ]`;
}

function refuse(what: string, path: readonly PathSegment[], key: string | undefined): never {
  const at = formatPath(path);
  throw new StateSerializationError(`The state holds ${what} at ${at}, which cannot be stored. Remove it.`, {
    path: at,
    key,
  });
}
