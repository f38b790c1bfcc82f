/**
 * What a walk through somebody's objects would not see: symbol keys, accessors, properties that are not enumerable,
 * named properties of arrays, Maps and Sets. Where there is any, the object is left to the codec, which refuses it.
 */
import { inspect } from 'node:util';

const lookupGetter = (Object.prototype as { __lookupGetter__?(key: PropertyKey): unknown }).__lookupGetter__!;
const lookupSetter = (Object.prototype as { __lookupSetter__?(key: PropertyKey): unknown }).__lookupSetter__!;

/** Up to this many members each is looked at for an accessor; in larger containers, those that differ from the base. */
export const LISTED = 64;

/** Whether a plain object holds more than enumerable values under string keys, which are `keys`. */
export function holdsHidden(value: object, keys: readonly string[] = Object.keys(value)): boolean {
  if (Reflect.ownKeys(value).length !== keys.length) return true;
  if (keys.length > LISTED) return false;
  for (const key of keys) if (isAccessor(value, key)) return true;
  return false;
}

/** Whether an array without holes, a Map or a Set has nothing beside its elements. */
export function isBare(value: object): boolean {
  if (!Array.isArray(value)) return Reflect.ownKeys(value).length === 0;
  if (value.length > LISTED) return isBareAtLength(value);
  if (Reflect.ownKeys(value).length !== value.length + 1) return false;
  for (let index = 0; index < value.length; index += 1) if (isAccessor(value, index)) return false;
  return true;
}

/** Also where a setter stands alone. */
export function isAccessor(value: object, key: PropertyKey): boolean {
  return (
    lookupGetter.call(value, key) !== undefined ||
    ((value as Record<PropertyKey, unknown>)[key] === undefined &&
      lookupSetter.call(value, key) !== undefined)
  );
}

const OTHERS_ONLY = {
  maxArrayLength: 0,
  depth: 0,
  showHidden: true,
  customInspect: false,
  compact: true,
  breakLength: Number.POSITIVE_INFINITY,
} as const;

/**
 * Listing the keys of a long array makes a string of every index. `inspect` asks V8 for the other ones only, and with
 * no elements to show prints nothing else: 3 µs instead of 75 for 10,000 elements.
 */
function isBareAtLength(value: readonly unknown[]): boolean {
  const { length } = value;
  return inspect(value, OTHERS_ONLY) === `[ ... ${length} more items, [length]: ${length} ]`;
}
