/** Objects: by key, in order. */
import { escapeKey, isEscaped, isPlainKey } from '../../codec/keys.js';
import { isIndex } from '../../codec/kinds.js';
import { jsonBytes } from '../../codec/measure.js';
import { TAGGED } from '../../codec/traits.js';
import type { Walk } from './walk.js';

export type Fields = Record<string, unknown>;

export function compareObjects(walk: Walk, prev: Fields, next: Fields): unknown {
  const keys = Object.keys(next);
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
    const to = next[key];
    let value = from;
    if (!Object.is(from, to)) {
      value = walk.at(escapeKey(key), from, to);
      if (!Object.is(value, from)) result ??= begun(prev, next, keys, i);
    }
    if (result !== undefined) result[key] = value;
  }
  return result ?? prev;
}

/** A copy of `next` in which the keys before `index` have what they had in `prev`. */
function begun(prev: Fields, next: Fields, keys: readonly string[], index: number): Fields {
  const result = { ...next };
  for (let i = 0; i < index; i += 1) {
    const key = keys[i] as string;
    result[key] = prev[key];
  }
  return result;
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
  const result: Fields = { ...next };
  for (const key of before) {
    if (!staying.has(key)) patch.remove(escapeKey(key), memberBytes(key, walk.bytesBefore(prev[key])));
  }
  for (const key of keys) {
    if (staying.has(key)) {
      const value = walk.at(escapeKey(key), prev[key], next[key]);
      if (value !== next[key]) result[key] = value;
    } else result[key] = added(walk, key, Object.hasOwn(prev, key) ? prev[key] : undefined, next[key]);
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
