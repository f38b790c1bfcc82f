/** Whether there is more to an object than its kind says: properties that a document has no place for. */
import { inspect } from 'node:util';
import { isIndex } from './kinds.js';
import { Refusal } from './refusal.js';

/** Listing the keys of an array makes a string of every index. Beyond this, asking `inspect` is cheaper. */
const FEW_ELEMENTS = 128;

/** The elements themselves are left out, so this costs the same for three and for three million of them. */
const EXTRAS_ONLY = {
  maxArrayLength: 0,
  depth: 0,
  customInspect: false,
  breakLength: Number.POSITIVE_INFINITY,
};

/**
 * Whether an array without holes, or a typed array, has own enumerable properties beside its elements. `bare` holds
 * the same number of elements and nothing else.
 */
export function hasExtras(source: ArrayLike<unknown>, bare: ArrayLike<unknown>): boolean {
  // Engines list what is not an element only to those who list everything, and to `inspect`, which shows both alike
  // when there is nothing to show. When they look different the slow way decides.
  if (source.length > FEW_ELEMENTS && inspect(source, EXTRAS_ONLY) === inspect(bare, EXTRAS_ONLY))
    return false;
  return Object.keys(source).length !== source.length || Object.getOwnPropertySymbols(source).length !== 0;
}

/** For built-in objects that have no own properties by themselves. */
export function bare(value: object): object {
  const [extra] = Reflect.ownKeys(value);
  if (extra === undefined) return value;
  if (typeof extra === 'symbol') throw new Refusal('a symbol as key');
  throw Refusal.at(new Refusal('an extra property of a built-in object'), value, extra);
}

/** A property with a setter alone reads as undefined; only its descriptor tells. */
export function assertNoSetter(source: object, key: PropertyKey): void {
  if (Object.getOwnPropertyDescriptor(source, key)?.set !== undefined) throw new Refusal('an accessor');
}

export function extraOfArray(source: object, keys: readonly string[]): Refusal {
  const extra = keys.find((key) => !isIndex(key));
  if (extra === undefined) return new Refusal('a symbol as key');
  return Refusal.at(new Refusal('an extra property of an array'), source, extra);
}

export function hidden(source: object): Refusal {
  const names = Object.getOwnPropertyNames(source);
  const name = names.find((key) => !Object.prototype.propertyIsEnumerable.call(source, key)) ?? '';
  return Refusal.at(new Refusal('a property that is not enumerable'), source, name);
}
