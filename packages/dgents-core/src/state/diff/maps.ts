/** Maps: entries are matched by key; the document lists them as pairs, in order. */

import { jsonBytes } from '../../codec/measure.js';
import { KEYED_BY_OBJECTS } from '../../codec/traits.js';
import { changedRegion, counterparts, type Region } from '../align.js';
import { type Elements, rearrange } from './rearrange.js';
import type { Walk } from './walk.js';

type AnyMap = ReadonlyMap<unknown, unknown>;

export function compareMaps(walk: Walk, prev: AnyMap, next: AnyMap): unknown {
  const { pointer } = walk.patch;
  pointer.push('$map');
  const result = compareInStep(walk, prev, next) ?? compareByKey(walk, prev, next);
  pointer.pop();
  return result ?? walk.leaf(prev, next);
}

/** Entries changed in place or added at the end; undefined, and nothing done, where it is more than that. */
function compareInStep(walk: Walk, prev: AnyMap, next: AnyMap): AnyMap | undefined {
  if (next.size < prev.size) return undefined;
  const { patch } = walk;
  const mark = patch.mark();
  const entries = next.entries();
  let result: Map<unknown, unknown> | undefined;
  let at = 0;
  for (const [key, before] of prev) {
    const [nextKey, after] = entries.next().value as [unknown, unknown];
    if (!walk.same(key, nextKey)) {
      patch.goBack(mark);
      return undefined;
    }
    if (!Object.is(before, after)) {
      const value = compareEntry(walk, at, before, after);
      if (!Object.is(value, before)) {
        result ??= new Map(prev);
        result.set(key, value);
      }
    }
    at += 1;
  }
  if (next.size === prev.size) return result ?? prev;
  result ??= new Map(prev);
  for (const [key, after] of entries) {
    const [ownKey, own] = add(walk, at, at, key, after);
    result.set(ownKey, own);
    at += 1;
  }
  patch.resized(prev.size, next.size);
  return result;
}

/** Whatever was done to it: an entry deleted, moved to the end by deleting and setting it again, sorted. */
function compareByKey(walk: Walk, prev: AnyMap, next: AnyMap): AnyMap | undefined {
  const keys = [...prev.keys()];
  const region = changedRegion(keys, [...next.keys()], walk);
  const entries = new MapEntries(walk, region, [...prev.values()], [...next.values()]);
  const mark = walk.patch.mark();
  for (let index = 0; index < region.start; index += 1) entries.kept(index, index, index);
  if (rearrange(walk, entries, counterparts(region, walk)) === undefined) {
    walk.patch.goBack(mark);
    return undefined;
  }
  const shift = region.fromEnd - region.toEnd;
  for (let index = region.toEnd; index < next.size; index += 1) entries.kept(index, index + shift, index);
  walk.patch.resized(prev.size, next.size);
  return new Map(entries.result);
}

class MapEntries implements Elements {
  readonly pairs = false;
  readonly result: [unknown, unknown][] = [];

  constructor(
    private readonly walk: Walk,
    readonly region: Region,
    private readonly from: readonly unknown[],
    private readonly to: readonly unknown[],
  ) {}

  kept(at: number, origin: number, index: number): boolean {
    const before = this.from[origin];
    const value = compareEntry(this.walk, at, before, this.to[index]);
    this.result[index] = [this.region.from[origin], value];
    return !Object.is(value, before);
  }

  edited(): boolean {
    return false;
  }

  added(at: number, index: number): void {
    this.result[index] = add(this.walk, at, index, this.region.to[index], this.to[index]);
  }

  removed(at: number, origin: number): void {
    const { walk } = this;
    walk.patch.remove(
      at,
      pairBytes(walk.bytesBefore(this.region.from[origin]), walk.bytesBefore(this.from[origin])),
    );
  }
}

function compareEntry(walk: Walk, at: number, before: unknown, after: unknown): unknown {
  const { pointer } = walk.patch;
  pointer.push(at);
  const value = walk.at(1, before, after);
  pointer.pop();
  return value;
}

/** Adds an entry at `at`; it is the one at `index` to the user. */
function add(walk: Walk, at: number, index: number, key: unknown, value: unknown): [unknown, unknown] {
  const { patch } = walk;
  patch.pointer.push(index);
  const own: [unknown, unknown] = [walk.ownAt(0, key), walk.ownAt(1, value)];
  if (typeof own[0] === 'object' && own[0] !== null) walk.traits |= KEYED_BY_OBJECTS;
  patch.pointer.pop();
  const pair = [walk.documentOf(own[0]), walk.documentOf(own[1])];
  const bytes = jsonBytes(pair);
  patch.add(at, pair, bytes, bytes);
  return own;
}

function pairBytes(key: number, value: number): number {
  return 3 + key + value;
}
