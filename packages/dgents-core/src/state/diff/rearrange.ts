/**
 * Inserts, removals, moves and edits that make one list of another, from left to right.
 *
 *     from   a b c d e        to   b X c a e
 *     list   a|b c d e        b keeps its place; a is wanted later, so it waits left of the cursor
 *            a b X|c d e      X is new
 *            a b X c|d e
 *            b X c a|d e      a moves to the cursor
 *            b X c a e|       d was wanted nowhere
 *
 * What lies left of the cursor and does not wait is final.
 */
import { longestIncreasing, NONE, type Region } from '../align.js';
import type { Walk } from './walk.js';

/** What becomes of the elements of a list. `at` is where an element lies now, `index` where it will lie in the end. */
export interface Elements {
  readonly region: Region;
  /** Whether an element that is gone and one that is new, in the same gap, are taken for one that was edited. */
  readonly pairs: boolean;
  /** Each of these returns or implies whether the element changed; a kept one may have a part that did. */
  kept(at: number, origin: number, index: number): boolean;
  edited(at: number, origin: number, index: number): boolean;
  added(at: number, index: number): void;
  removed(at: number, origin: number): void;
}

/** Above this many moves a list is written again: each move looks through those before it. */
const MAX_MOVES = 200;

/** Whether anything changed; undefined, and nothing done, where that would take too many moves. */
export function rearrange(walk: Walk, elements: Elements, source: Int32Array): boolean | undefined {
  const kept = longestIncreasing(source);
  let moves = 0;
  for (let i = 0; i < source.length; i += 1) if (source[i] !== NONE && kept[i] === 0) moves += 1;
  if (moves > MAX_MOVES) return undefined;
  return new Rearrangement(walk, elements, source, kept).run();
}

class Rearrangement {
  /** Where the next element goes. */
  private cursor: number;
  /** The next element of `from` that has not been passed. */
  private old: number;
  private changed = false;
  /** By index in `from`: whether it is wanted somewhere, and whether it has been fetched from right of the cursor. */
  private readonly wanted: Uint8Array;
  private readonly fetched: number[] = [];
  /** Elements passed that are wanted later, and where they lie. */
  private readonly waiting: { origin: number; at: number }[] = [];

  constructor(
    private readonly walk: Walk,
    private readonly elements: Elements,
    private readonly source: Int32Array,
    private readonly kept: Uint8Array,
  ) {
    const { start, fromEnd } = elements.region;
    this.cursor = start;
    this.old = start;
    this.wanted = new Uint8Array(fromEnd - start);
    for (const origin of source) if (origin !== NONE) this.wanted[origin - start] = 1;
  }

  run(): boolean {
    const { elements, source, kept } = this;
    const { start, fromEnd, toEnd } = elements.region;
    let anchor = kept.indexOf(1);
    for (let i = 0; i < toEnd - start; i += 1) {
      const origin = source[i] as number;
      if (i === anchor) {
        this.passUpTo(origin);
        this.old = origin + 1;
        anchor = kept.indexOf(1, i + 1);
        if (elements.kept(this.cursor, origin, start + i)) this.changed = true;
      } else if (origin !== NONE) {
        this.bring(origin);
        if (elements.kept(this.cursor, origin, start + i)) this.changed = true;
      } else {
        this.fill(start + i, anchor === NONE ? fromEnd : (source[anchor] as number));
      }
      this.cursor += 1;
    }
    this.passUpTo(fromEnd);
    return this.changed;
  }

  /** Something new: an element of the gap, edited, or an insertion. */
  private fill(index: number, gapEnd: number): void {
    const { elements } = this;
    if (elements.pairs) {
      while (this.old < gapEnd && this.passWanted()) this.old += 1;
      if (this.old < gapEnd) {
        if (elements.edited(this.cursor, this.old, index)) this.changed = true;
        this.old += 1;
        return;
      }
    }
    elements.added(this.cursor, index);
    this.changed = true;
  }

  /** Moves the cursor over everything before `end`; what is wanted nowhere is removed. */
  private passUpTo(end: number): void {
    for (; this.old < end; this.old += 1) {
      if (this.passWanted()) continue;
      this.elements.removed(this.cursor, this.old);
      this.changed = true;
    }
  }

  /** Passes the next element where it has been fetched already or has to wait. */
  private passWanted(): boolean {
    const { old } = this;
    if (this.wanted[old - this.elements.region.start] === 0) return false;
    const taken = this.fetched.indexOf(old);
    if (taken >= 0) this.fetched.splice(taken, 1);
    else {
      this.waiting.push({ origin: old, at: this.cursor });
      this.cursor += 1;
    }
    return true;
  }

  /** Moves an element to the cursor, from the left where it waits or from the right. */
  private bring(origin: number): void {
    this.changed = true;
    const found = this.waiting.findIndex((one) => one.origin === origin);
    if (found >= 0) {
      const [{ at }] = this.waiting.splice(found, 1) as unknown as [{ at: number }];
      for (const one of this.waiting) if (one.at > at) one.at -= 1;
      this.cursor -= 1;
      if (at !== this.cursor) this.walk.patch.move(at, this.cursor);
      return;
    }
    let distance = origin - this.old;
    for (const index of this.fetched) if (index < origin) distance -= 1;
    this.fetched.push(origin);
    if (distance > 0) this.walk.patch.move(this.cursor + distance, this.cursor);
  }
}
