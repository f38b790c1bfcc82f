/** Objects: by key, in order. */
import { escapeKey, isEscaped, isPlainKey } from '../../codec/keys.js';
import { isIndex } from '../../codec/kinds.js';
import { jsonBytes } from '../../codec/measure.js';
import { TAGGED } from '../../codec/traits.js';
import { holdsHidden, isAccessor, LISTED } from '../strict.js';
import type { Walk } from './walk.js';

export type Fields = Record<string, unknown>;

export function compareObjects(walk: Walk, prev: Fields, next: Fields): unknown {
  const keys = Object.keys(next);
  if (!walk.trusted && holdsHidden(next, keys)) return walk.leaf(prev, next);
  const before = Object.keys(prev);
  let same = keys.length === before.length;
  for (let i = 0; same && i < keys.length; i += 1) same = keys[i] === before[i];
  const tagged = ((walk.baseTraits | walk.traits) & TAGGED) !== 0;
  if (tagged && !before.every(isPlainKey)) return walk.leaf(prev, next);
  if (same) return compareFields(walk, prev, next, keys);
  if (!keys.every(isPlainKey)) return walk.leaf(prev, next);
  return compareKeys(walk, prev, before, next, keys);
}

/** The same keys in the same order. */
function compareFields(walk: Walk, prev: Fields, next: Fields, keys: readonly string[]): unknown {
  let result: Fields | undefined;
  for (let i = 0; i < keys.length; i += 1) {
    const key = keys[i] as string;
    const from = prev[key];
    if (Object.is(from, next[key])) continue;
    const value = walk.at(escapeKey(key), from, member(walk, next, key, keys.length));
    if (Object.is(value, from)) continue;
    result ??= copyOf(prev, keys);
    result[key] = value;
  }
  return result ?? prev;
}

/** Reads a member that is not the base's. Where it is somebody's accessor, the codec is asked, which refuses it. */
function member(walk: Walk, fields: Fields, key: string, count: number): unknown {
  if (count > LISTED && !walk.trusted && isAccessor(fields, key)) walk.codec.copy(fields, walk);
  return fields[key];
}

/** From here on V8 is slow at giving each key a place in a shape; an object that has lost its shape takes them fast. */
const MANY_KEYS = 128;

function copyOf(source: Fields, keys: readonly string[]): Fields {
  if (keys.length <= MANY_KEYS) return { ...source };
  const copy: Fields = { shape: 1, lost: 1 };
  delete copy.shape;
  delete copy.lost;
  for (const key of keys) {
    if (key !== '__proto__') copy[key] = source[key];
    else
      Object.defineProperty(copy, key, {
        value: source[key],
        writable: true,
        enumerable: true,
        configurable: true,
      });
  }
  return copy;
}

/** Removes what is gone or must stand elsewhere, changes what stays, adds the rest at the end. */
function compareKeys(
  walk: Walk,
  prev: Fields,
  before: readonly string[],
  next: Fields,
  keys: readonly string[],
): unknown {
  const { patch } = walk;
  const staying = stayingKeys(prev, before, keys);
  const result = copyOf(next, keys);
  for (const key of before) {
    if (!staying.has(key)) patch.remove(escapeKey(key), memberBytes(key, walk.bytesBefore(prev[key])));
  }
  for (const key of keys) {
    if (staying.has(key)) {
      const value = walk.at(escapeKey(key), prev[key], member(walk, next, key, keys.length));
      if (!Object.is(value, next[key])) result[key] = value;
    } else {
      const before = Object.hasOwn(prev, key) ? prev[key] : undefined;
      result[key] = added(walk, key, before, member(walk, next, key, keys.length));
    }
  }
  patch.resized(before.length, keys.length);
  return result;
}

function added(walk: Walk, key: string, prev: unknown, next: unknown): unknown {
  const segment = escapeKey(key);
  if (isEscaped(key)) walk.traits |= TAGGED;
  const own = walk.same(prev, next) && prev !== undefined ? prev : walk.ownAt(segment, next);
  const document = walk.documentOf(own);
  const bytes = jsonBytes(document);
  walk.patch.add(segment, document, bytes, memberBytes(key, bytes));
  return own;
}

function memberBytes(key: string, valueBytes: number): number {
  return jsonBytes(escapeKey(key)) + 1 + valueBytes;
}

/**
 * The keys that need not be removed: those with which `keys` begins, as long as they come in the order they had. Keys
 * that name an index stand first and in ascending order whatever is done (ECMA-262, OrdinaryOwnPropertyKeys).
 */
function stayingKeys(prev: Fields, before: readonly string[], keys: readonly string[]): ReadonlySet<string> {
  const staying = new Set<string>();
  let position = 0;
  let inOrder = true;
  for (const key of keys) {
    if (!Object.hasOwn(prev, key)) {
      if (!isIndex(key)) inOrder = false;
    } else if (isIndex(key)) staying.add(key);
    else if (inOrder) {
      while (position < before.length && before[position] !== key) position += 1;
      if (position === before.length) inOrder = false;
      else staying.add(key);
    }
  }
  return staying;
}
