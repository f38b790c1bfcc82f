/** Arrays, and what a document lists like one: what an agent does to a list becomes as few operations as it took. */
import { jsonBytes } from '../../codec/measure.js';
import { changedRegion, counterparts, NONE, type Region } from '../align.js';
import { isAccessor } from '../strict.js';
import { type Elements, rearrange } from './rearrange.js';
import type { Walk } from './walk.js';

type List = readonly unknown[];

/** The result; the very same `prev` where nothing differs. */
export function compareLists(walk: Walk, prev: List, next: List): List {
  const region = changedRegion(prev, next, walk);
  const { start, fromEnd, toEnd } = region;
  if (start === fromEnd && start === toEnd) return prev;
  if (!walk.trusted && holed(region)) return walk.leaf(prev, next) as List;
  const result = next.slice();
  if (walk.trusted) shareOutside(region, result);
  if (fromEnd === start) {
    for (let index = start; index < toEnd; index += 1) result[index] = insert(walk, index, index, next);
  } else if (toEnd === start) {
    for (let index = start; index < fromEnd; index += 1)
      walk.patch.remove(start, walk.bytesBefore(prev[index]));
  } else {
    const differing = fromEnd === toEnd ? fewDiffering(walk, region) : undefined;
    if (differing === undefined) return rearranged(walk, region, result);
    if (!editEach(walk, region, differing, result)) return prev;
  }
  walk.patch.resized(prev.length, next.length);
  return result;
}

function holed({ to, start, toEnd }: Region): boolean {
  for (let index = start; index < toEnd; index += 1)
    if (to[index] === undefined && !(index in to)) return true;
  return false;
}

/** What did not change is taken from the base, so that two versions do not both hold it. */
function shareOutside({ from, start, fromEnd, toEnd }: Region, result: unknown[]): void {
  for (let index = 0; index < start; index += 1) result[index] = from[index];
  for (let index = toEnd; index < result.length; index += 1) result[index] = from[index - toEnd + fromEnd];
}

/** Inserts at `at`; to the user the element is at `index`. */
function insert(walk: Walk, at: number, index: number, list: List): unknown {
  const own = walk.ownAt(index, element(walk, list, index));
  const document = walk.documentOf(own);
  const bytes = jsonBytes(document);
  walk.patch.add(at, document, bytes, bytes);
  return own;
}

/** Reads an element that is not the base's. Where it is somebody's accessor, the codec is asked, which refuses it. */
function element(walk: Walk, list: List, index: number): unknown {
  if (!walk.trusted && isAccessor(list, index)) walk.codec.copy(list, walk);
  return list[index];
}

/** The positions of what differs, where most elements stand where they stood: edits in place, not a rearrangement. */
function fewDiffering(walk: Walk, { from, to, start, toEnd }: Region): number[] | undefined {
  const limit = few(toEnd - start);
  const last = toEnd - 1;
  const differing = [start];
  for (let index = start + 1; index < last; index += 1) {
    if (walk.same(from[index], to[index])) continue;
    if (differing.push(index) > limit) return undefined;
  }
  if (last > start) differing.push(last);
  return differing;
}

function few(length: number): number {
  return Math.max(2, length / 4);
}

function editEach(walk: Walk, region: Region, differing: readonly number[], result: unknown[]): boolean {
  const { from, to, start, toEnd } = region;
  let changed = false;
  for (let index = start; index < toEnd; index += 1) result[index] = from[index];
  for (const index of differing) {
    const value = walk.at(index, from[index], element(walk, to, index));
    result[index] = value;
    if (!Object.is(value, from[index])) changed = true;
  }
  return changed;
}

function rearranged(walk: Walk, found: Region, result: unknown[]): List {
  const { trusted } = walk;
  let region = found;
  let source = counterparts(region, walk);
  if (!trusted && manyNew(region, source)) {
    region = { ...region, to: owned(walk, region, source) };
    walk.trusted = true;
    source = counterparts(region, walk);
  }
  const changed = rearrange(walk, new ListElements(walk, region, result), source);
  const list =
    changed === undefined ? rewritten(walk, region, source, result) : changed ? result : region.from;
  if (changed) walk.patch.resized(region.from.length, region.to.length);
  walk.trusted = trusted;
  return list;
}

/**
 * Whether somebody has put a list together anew, say with `map`. Then identity says nothing, and what looks new has to
 * be compared deeply, which only what is checked can be.
 */
function manyNew({ start, fromEnd, toEnd }: Region, source: Int32Array): boolean {
  let fresh = 0;
  for (const origin of source) if (origin === NONE) fresh += 1;
  const gone = fromEnd - start - (source.length - fresh);
  return gone > 0 && fresh > few(toEnd - start);
}

function owned(walk: Walk, { to, start }: Region, source: Int32Array): unknown[] {
  const own = to.slice();
  for (let i = 0; i < source.length; i += 1) {
    if (source[i] === NONE) own[start + i] = walk.ownAt(start + i, element(walk, to, start + i));
  }
  return own;
}

/** Replaces the whole list, with what it shares with the one before. */
function rewritten(walk: Walk, { from, to, start }: Region, source: Int32Array, result: unknown[]): List {
  for (let i = 0; i < source.length; i += 1) {
    const origin = source[i] as number;
    result[start + i] = origin === NONE ? walk.ownAt(start + i, element(walk, to, start + i)) : from[origin];
  }
  const document = walk.documentOf(result);
  walk.patch.replace(document, jsonBytes(document), walk.bytesBefore(from));
  return result;
}

class ListElements implements Elements {
  readonly pairs = true;

  constructor(
    private readonly walk: Walk,
    readonly region: Region,
    private readonly result: unknown[],
  ) {}

  kept(_at: number, origin: number, index: number): boolean {
    this.result[index] = this.region.from[origin];
    return false;
  }

  edited(at: number, origin: number, index: number): boolean {
    const { walk } = this;
    const { trusted } = walk;
    const before = this.region.from[origin];
    const after = element(walk, this.region.to, index);
    const own = at === index ? after : walk.ownAt(index, after);
    walk.trusted ||= at !== index;
    const value = walk.at(at, before, own);
    walk.trusted = trusted;
    this.result[index] = value;
    return !Object.is(value, before);
  }

  added(at: number, index: number): void {
    this.result[index] = insert(this.walk, at, index, this.region.to);
  }

  removed(at: number, origin: number): void {
    this.walk.patch.remove(at, this.walk.bytesBefore(this.region.from[origin]));
  }
}
