import type { PathSegment } from '../codec/codec.js';

/**
 * The place of something that was given and that a schema has left out: a key of an object or a Map, a member of a list
 * or a Set, the class of an instance. Keys of objects whose value is undefined are as good as none.
 */
export function droppedIn(given: unknown, made: unknown): PathSegment[] | undefined {
  if (!isContainer(given) || !isContainer(made)) return undefined;
  // Bytes are one value. They have an index as key for each, and there may be millions.
  if (ArrayBuffer.isView(given)) return undefined;
  if (Array.isArray(given)) return Array.isArray(made) ? inList(given, made) : undefined;
  if (given instanceof Map) return made instanceof Map ? inMap(given, made) : undefined;
  if (given instanceof Set) return made instanceof Set ? inList([...given], [...made]) : undefined;
  if (Object.getPrototypeOf(given) === Object.getPrototypeOf(made) || isPlain(given))
    return inFields(given, made);
  return isPlain(made) ? [] : undefined;
}

function inFields(given: object, made: object): PathSegment[] | undefined {
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(made, key)) return [key];
    const below = droppedIn(value, Reflect.get(made, key));
    if (below !== undefined) return [key, ...below];
  }
  return undefined;
}

function inMap(
  given: ReadonlyMap<unknown, unknown>,
  made: ReadonlyMap<unknown, unknown>,
): PathSegment[] | undefined {
  // Keys that are objects were copied: their order tells which is which.
  const copied = [...made].filter(([key]) => isContainer(key)).values();
  for (const [index, [key, value]] of [...given].entries()) {
    if (isContainer(key)) {
      const [madeKey, madeValue] = copied.next().value ?? [];
      const ofKey = droppedIn(key, madeKey);
      if (ofKey !== undefined) return [index, 'key', ...ofKey];
      const ofValue = droppedIn(value, madeValue);
      if (ofValue !== undefined) return [index, 'value', ...ofValue];
      continue;
    }
    if (!made.has(key)) return [String(key)];
    const below = droppedIn(value, made.get(key));
    if (below !== undefined) return [String(key), ...below];
  }
  return made.size < given.size ? [made.size] : undefined;
}

function inList(given: readonly unknown[], made: readonly unknown[]): PathSegment[] | undefined {
  if (made.length < given.length) return [made.length];
  for (const [index, item] of given.entries()) {
    const below = droppedIn(item, made[index]);
    if (below !== undefined) return [index, ...below];
  }
  return undefined;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
