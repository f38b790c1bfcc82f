/** Whether there is more to an object than its kind says: properties that a document has no place for. */
import { inspect } from 'node:util';

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
