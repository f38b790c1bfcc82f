/**
 * The one producer of patches: compares two values, skips what is identical by reference, and gives
 *
 * - RFC 6902 operations on the *encoded* document (so a Map is changed at `/m/$map/3/1` and a key `$a` at `/$$a`),
 * - the next value, structurally shared with the previous one, in which nothing belongs to the caller,
 * - the change in the encoded length, so that nobody has to encode the state to know its size.
 *
 *     prev  { title, messages: [m1, m2, m3] }
 *     next  { title, messages: [m1, m2, m3, m4] }      →  add /messages/3 m4;  next' shares title, m1, m2, m3 with prev
 *
 * The order of an object's keys, of a Map's entries and of a Set's members is part of the value: where operations
 * would replay in another order, the container is replaced.
 */
import type { Codec, Json, PathSegment } from '../codec/codec.js';
import { escapeKey, isPlainKey, unescapeKey } from '../codec/keys.js';
import { jsonBytes } from '../codec/measure.js';
import { TAGGED, type Traits } from '../codec/traits.js';
import { NONE, type Region, changedRegion, counterparts, longestIncreasing } from './align.js';
import { type PatchOp, formatPointer } from './patch.js';
import { refuseAccessors, refuseExtras } from './strict.js';
import { weighsLessThan } from './weigh.js';

/** What a write makes of a state. */
export interface Change {
  /** Private, and never to be mutated: it shares structure with the value before. */
  readonly next: unknown;
  readonly traits: Traits;
  /** Exact length of the encoded next state in UTF-8 bytes. */
  readonly bytes: number;
  /** Null: write the whole state, either because there was none or because the patch would weigh as much. */
  readonly ops: readonly PatchOp[] | null;
  /** Length of the patch as JSON text, in bytes; 0 without one. */
  readonly patchBytes: number;
}

/** What is known of the value before. */
export interface Base {
  readonly value: unknown;
  readonly traits: Traits;
  readonly bytes: number;
}

export interface DiffOptions {
  /**
   * Given when `next` is a validated private copy, with its traits: it is kept and completed in place. Otherwise it
   * is somebody's, shares what it did not change with the base, and what is new in it is checked and copied.
   */
  readonly owned?: Traits;
  readonly key?: string | undefined;
}

/** A whole state where there was none. `value` is private already. */
export function wholeChange(codec: Codec, value: unknown, traits: Traits): Change {
  return { next: value, traits, bytes: jsonBytes(documentOf(codec, value, traits)), ops: null, patchBytes: 0 };
}

/** The stored form of a value; the same reference where no tag is needed. */
export function documentOf(codec: Codec, value: unknown, traits: Traits): Json {
  return (traits & TAGGED) === 0 ? (value as Json) : codec.encode(value);
}

/**
 * What leads from `base` to `next`.
 * @throws StateSerializationError or StateTooLargeError where `next` is not owned and holds what cannot be stored
 */
export function diff(codec: Codec, base: Base, next: unknown, options: DiffOptions): Change {
  return new Diff(codec, base, options).run(next);
}

type Container = Record<string, unknown>;
type Segment = string | number;

/** Above this many moved elements an array is rewritten: each move looks through the ones before it. */
const MAX_MOVES = 200;

/** Fixed part of an operation's JSON text: `{"op":"replace","path":,"value":},`. */
const OP_BYTES = 31;

class Diff {
  private readonly ops: PatchOp[] = [];
  private readonly pointer: Segment[] = [];
  private patchBytes = 2;
  private delta = 0;
  private traits: Traits;
  private readonly trusted: boolean;

  constructor(
    private readonly codec: Codec,
    private readonly base: Base,
    private readonly options: DiffOptions,
  ) {
    this.trusted = options.owned !== undefined;
    this.traits = options.owned ?? base.traits;
  }

  run(next: unknown): Change {
    const shared = this.value(this.base.value, next);
    const bytes = this.base.bytes + this.delta;
    const whole = this.patchBytes >= bytes && this.ops.length > 0;
    return {
      next: shared,
      traits: this.traits,
      bytes,
      ops: whole ? null : this.ops,
      patchBytes: whole ? 0 : this.patchBytes,
    };
  }

  /** Compares one level down. */
  private at(segment: Segment, prev: unknown, next: unknown): unknown {
    this.pointer.push(segment);
    const shared = this.value(prev, next);
    this.pointer.pop();
    return shared;
  }

  private value(prev: unknown, next: unknown): unknown {
    if (Object.is(prev, next)) return prev;
    if (typeof prev !== 'object' || prev === null || typeof next !== 'object' || next === null) {
      return this.replace(prev, next);
    }
    const kind = this.codec.kindOf(prev);
    if (kind !== this.codec.kindOf(next)) return this.replace(prev, next);
    switch (kind) {
      case 'object':
        return this.rolledUp(prev, next, () => this.object(prev as Container, next as Container));
      case 'array':
        return this.rolledUp(prev, next, () => this.array(prev as unknown[], next as unknown[]));
      case 'map':
        return this.map(prev as Map<unknown, unknown>, next as Map<unknown, unknown>);
      case 'set':
        return this.set(prev as Set<unknown>, next as Set<unknown>);
      default:
        return this.leaf(prev, next);
    }
  }

  /** Everything that is not looked into: equal or replaced. */
  private leaf(prev: unknown, next: unknown): unknown {
    const own = this.own(next);
    return this.codec.equal(prev, own) ? prev : this.replaceOwned(prev, own);
  }

  // ── Objects ──────────────────────────────────────────────────────────────────────────────────────────────────

  private object(prev: Container, next: Container): unknown {
    const prevKeys = Object.keys(prev);
    const nextKeys = Object.keys(next);
    if (!this.trusted) refuseAccessors(next, nextKeys, () => this.valuePath(), this.options.key);
    if (!nextKeys.every(isPlainKey) || !prevKeys.every(isPlainKey)) return this.leaf(prev, next);
    if (!replaysInOrder(prev, prevKeys, next, nextKeys)) return this.replace(prev, next);
    let changed = false;
    const result: Container = this.trusted ? next : {};
    for (const key of prevKeys) {
      if (Object.hasOwn(next, key)) continue;
      changed = true;
      this.removed(escapeKey(key), memberBytes(key, this.bytesOf(prev[key])));
    }
    for (const key of nextKeys) {
      const before = prev[key];
      const after = next[key];
      let shared: unknown;
      if (Object.hasOwn(prev, key)) {
        shared = before;
        if (before !== after || before === 0) {
          shared = this.at(escapeKey(key), before, after);
          if (!Object.is(shared, before)) changed = true;
        }
      } else {
        changed = true;
        shared = this.added(escapeKey(key), after, (bytes) => memberBytes(key, bytes));
      }
      if (!this.trusted || shared !== after) define(result, key, shared);
    }
    this.delta += commas(nextKeys.length) - commas(prevKeys.length);
    return changed ? result : prev;
  }

  // ── Arrays ───────────────────────────────────────────────────────────────────────────────────────────────────

  private array(prev: unknown[], next: unknown[]): unknown {
    if (!this.trusted) refuseExtras(next, () => this.valuePath(), this.options.key);
    const same = (a: unknown, b: unknown): boolean => this.same(a, b);
    const region = changedRegion(prev, next, same);
    const fromLength = region.fromEnd - region.start;
    const toLength = region.toEnd - region.start;
    const result = this.trusted ? next : next.slice();
    if (this.trusted) {
      for (let index = 0; index < region.start; index += 1) result[index] = prev[index];
      for (let index = 1; index <= next.length - region.toEnd; index += 1) {
        result[next.length - index] = prev[prev.length - index];
      }
    }
    if (fromLength === 0 && toLength === 0) return prev;
    const changed =
      fromLength === toLength && this.fewDiffer(region)
        ? this.elementwise(region, result)
        : this.rearranged(region, result);
    this.delta += commas(next.length) - commas(prev.length);
    return changed ? result : prev;
  }

  private elementwise(region: Region, result: unknown[]): boolean {
    let changed = false;
    for (let index = region.start; index < region.toEnd; index += 1) {
      const before = region.from[index];
      const shared = this.at(index, before, region.to[index]);
      result[index] = shared;
      if (!Object.is(shared, before)) changed = true;
    }
    return changed;
  }

  /** Whether position by position most elements are the same: edits in place, not a rearrangement. */
  private fewDiffer(region: Region): boolean {
    const limit = Math.max(2, (region.toEnd - region.start) / 4);
    let differing = 0;
    for (let index = region.start; index < region.toEnd; index += 1) {
      if (this.same(region.from[index], region.to[index])) continue;
      differing += 1;
      if (differing > limit) return false;
    }
    return true;
  }

  /** Inserts, removals, moves and edits, from left to right: what lies left of `at` is final already. */
  private rearranged(region: Region, result: unknown[]): boolean {
    const { from, to, start, fromEnd, toEnd } = region;
    const source = counterparts(region, (a, b) => this.same(a, b));
    const kept = longestIncreasing(source);
    const matched = new Set<number>();
    for (const index of source) if (index !== NONE) matched.add(index);
    if (matched.size - count(kept) > MAX_MOVES) return this.shuffled(region, result);
    const taken = new Set<number>();
    let old = start;
    let at = start;
    const skipTaken = (): void => {
      while (taken.delete(old)) old += 1;
    };
    const removeUpTo = (end: number): void => {
      for (skipTaken(); old < end; skipTaken()) {
        this.removed(at, this.bytesOf(from[old]));
        old += 1;
      }
    };
    let anchor = nextKept(kept, 0);
    for (let index = start; index < toEnd; index += 1, at += 1) {
      const origin = source[index - start] as number;
      if (kept[index - start] === 1) {
        removeUpTo(origin);
        old += 1;
        anchor = nextKept(kept, index - start + 1);
        result[index] = from[origin];
      } else if (origin !== NONE && origin >= old && !taken.has(origin)) {
        this.moved(at + between(old, origin, taken), at);
        taken.add(origin);
        result[index] = from[origin];
      } else {
        skipTaken();
        const gapEnd = anchor === NONE ? fromEnd : (source[anchor] as number);
        if (origin === NONE && old < gapEnd && !matched.has(old)) {
          result[index] = this.at(at, from[old], to[index]);
          old += 1;
        } else {
          result[index] = this.added(at, to[index], (bytes) => bytes);
        }
      }
    }
    removeUpTo(fromEnd);
    return true;
  }

  /** So many moves that an operation for each is no gain: everything but what stands still is written again. */
  private shuffled(region: Region, result: unknown[]): boolean {
    for (let index = region.fromEnd - 1; index >= region.start; index -= 1) {
      this.removed(index, this.bytesOf(region.from[index]));
    }
    for (let index = region.start; index < region.toEnd; index += 1) {
      result[index] = this.added(index, region.to[index], (bytes) => bytes);
    }
    return true;
  }

  /** Equal for aligning. Only what is owned may be compared deeply: equality does not see what must be refused. */
  private same(a: unknown, b: unknown): boolean {
    if (Object.is(a, b)) return true;
    if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return false;
    return this.trusted && this.codec.equal(a, b);
  }

  // ── Maps and Sets ────────────────────────────────────────────────────────────────────────────────────────────

  private map(prev: Map<unknown, unknown>, next: Map<unknown, unknown>): unknown {
    if (!this.trusted) refuseExtras(next, () => this.valuePath(), this.options.key);
    if (!mapReplaysInOrder(prev, next)) return this.leaf(prev, next);
    const result = new Map<unknown, unknown>();
    let changed = false;
    let at = 0;
    this.pointer.push('$map');
    for (const [key, before] of prev) {
      if (!next.has(key)) {
        changed = true;
        this.removed(at, this.entryBytes(key, before));
        continue;
      }
      const after = next.get(key);
      let shared = before;
      if (!Object.is(before, after)) {
        this.pointer.push(at);
        shared = this.at(1, before, after);
        this.pointer.pop();
        if (!Object.is(shared, before)) changed = true;
      }
      result.set(key, shared);
      at += 1;
    }
    for (const [key, after] of next) {
      if (prev.has(key)) continue;
      changed = true;
      this.pointer.push(at, 1);
      const own = this.own(after);
      const entry = [this.codec.encode(this.own(key)), this.codec.encode(own)];
      this.pointer.length -= 2;
      this.addedDocument(at, entry, (bytes) => bytes);
      result.set(key, own);
      at += 1;
    }
    this.pointer.pop();
    this.delta += commas(next.size) - commas(prev.size);
    return changed ? result : prev;
  }

  private set(prev: Set<unknown>, next: Set<unknown>): unknown {
    if (!this.trusted) refuseExtras(next, () => this.valuePath(), this.options.key);
    if (!setReplaysInOrder(prev, next)) return this.leaf(prev, next);
    const result = new Set<unknown>();
    let at = 0;
    let changed = false;
    this.pointer.push('$set');
    for (const member of prev) {
      if (next.has(member)) {
        result.add(member);
        at += 1;
      } else {
        changed = true;
        this.removed(at, this.bytesOf(member));
      }
    }
    for (const member of next) {
      if (prev.has(member)) continue;
      changed = true;
      this.added(at, member, (bytes) => bytes);
      result.add(member);
      at += 1;
    }
    this.pointer.pop();
    this.delta += commas(next.size) - commas(prev.size);
    return changed ? result : prev;
  }

  // ── Operations ───────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Takes back the operations of a container and replaces it whole where that is shorter. Only a container with more
   * operations than one is measured, and no further than its operations weigh.
   */
  private rolledUp(prev: object, next: object, compare: () => unknown): unknown {
    const { patchBytes, delta } = this;
    const opsBefore = this.ops.length;
    const result = compare();
    if (this.ops.length - opsBefore < 2) return result;
    const spent = this.patchBytes - patchBytes - OP_BYTES;
    if (!weighsLessThan(result, spent - this.pointer.length * 8)) return result;
    this.ops.length = opsBefore;
    this.patchBytes = patchBytes;
    this.delta = delta;
    this.emitReplace(this.bytesOf(prev), this.codec.encode(result));
    return result;
  }

  private replace(prev: unknown, next: unknown): unknown {
    return this.replaceOwned(prev, this.own(next));
  }

  private replaceOwned(prev: unknown, own: unknown): unknown {
    this.emitReplace(this.bytesOf(prev), this.codec.encode(own));
    return own;
  }

  private emitReplace(bytesBefore: number, value: Json): void {
    const bytes = jsonBytes(value);
    this.delta += bytes - bytesBefore;
    const path = formatPointer(this.pointer);
    this.emit({ op: 'replace', path, value }, path, bytes);
  }

  private added(segment: Segment, next: unknown, weight: (bytes: number) => number): unknown {
    this.pointer.push(segment);
    const own = this.own(next);
    this.pointer.pop();
    this.addedDocument(segment, this.codec.encode(own), weight);
    return own;
  }

  private addedDocument(segment: Segment, value: Json, weight: (bytes: number) => number): void {
    const bytes = jsonBytes(value);
    this.delta += weight(bytes);
    const path = this.child(segment);
    this.emit({ op: 'add', path, value }, path, bytes);
  }

  private removed(segment: Segment, bytes: number): void {
    this.delta -= bytes;
    const path = this.child(segment);
    this.emit({ op: 'remove', path }, path, 0);
  }

  private moved(from: number, to: number): void {
    const path = this.child(to);
    const source = this.child(from);
    this.emit({ op: 'move', from: source, path }, path, source.length);
  }

  private emit(op: PatchOp, path: string, valueBytes: number): void {
    this.ops.push(op);
    this.patchBytes += OP_BYTES + path.length + valueBytes;
  }

  private child(segment: Segment): string {
    this.pointer.push(segment);
    const path = formatPointer(this.pointer);
    this.pointer.pop();
    return path;
  }

  /** A value that is nobody else's, checked. */
  private own(value: unknown): unknown {
    const copied =
      this.trusted && typeof value === 'object'
        ? { value, traits: 0 }
        : this.codec.copy(value, {
            path: this.valuePath(),
            depth: this.pointer.length,
            ...(this.options.key === undefined ? {} : { key: this.options.key }),
          });
    this.traits |= copied.traits;
    return copied.value;
  }

  private bytesOf(value: unknown): number {
    return jsonBytes(this.codec.encode(value));
  }

  private entryBytes(key: unknown, value: unknown): number {
    return 3 + this.bytesOf(key) + this.bytesOf(value);
  }

  /** Where in the user's state the diff stands, for error messages. */
  private valuePath(): PathSegment[] {
    return this.pointer.map((segment) => (typeof segment === 'number' ? segment : unescapeKey(segment)));
  }
}

function commas(members: number): number {
  return members > 1 ? members - 1 : 0;
}

function memberBytes(key: string, valueBytes: number): number {
  return jsonBytes(escapeKey(key)) + 1 + valueBytes;
}

function count(kept: Uint8Array): number {
  let marked = 0;
  for (const mark of kept) marked += mark;
  return marked;
}

function nextKept(kept: Uint8Array, from: number): number {
  return kept.indexOf(1, from);
}

/** How many of `[old, origin)` still stand in the array. */
function between(old: number, origin: number, taken: ReadonlySet<number>): number {
  let count = origin - old;
  for (const index of taken) if (index >= old && index < origin) count -= 1;
  return count;
}

/** `__proto__` must become a key, not a prototype. */
function define(target: Container, key: string, value: unknown): void {
  if (key !== '__proto__') target[key] = value;
  else Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

/** Whether removing and then adding at the end leaves the keys in the order of `next`. */
function replaysInOrder(
  prev: Container,
  prevKeys: readonly string[],
  next: Container,
  nextKeys: readonly string[],
): boolean {
  let position = 0;
  while (position < prevKeys.length && prevKeys[position] === nextKeys[position]) position += 1;
  if (position === prevKeys.length) return true;
  const replayed = prevKeys.filter((key) => Object.hasOwn(next, key));
  for (const key of nextKeys) if (!Object.hasOwn(prev, key)) replayed.push(key);
  return canonicalOrder(replayed).every((key, index) => key === nextKeys[index]);
}

/** Objects list integer-like keys first and ascending, whatever the order of insertion (ECMA-262, OrdinaryOwnPropertyKeys). */
function canonicalOrder(keys: string[]): string[] {
  const indices = keys.filter(isIndex);
  if (indices.length === 0) return keys;
  return [...indices.sort((a, b) => Number(a) - Number(b)), ...keys.filter((key) => !isIndex(key))];
}

function isIndex(key: string): boolean {
  return /^(?:0|[1-9]\d{0,9})$/.test(key) && Number(key) < 2 ** 32 - 1;
}

/** Entries are matched by primitive keys; a copied object key is nobody's counterpart. */
function mapReplaysInOrder(prev: ReadonlyMap<unknown, unknown>, next: ReadonlyMap<unknown, unknown>): boolean {
  return keysReplayInOrder(prev.keys(), next.keys(), prev, next);
}

function setReplaysInOrder(prev: ReadonlySet<unknown>, next: ReadonlySet<unknown>): boolean {
  return keysReplayInOrder(prev.keys(), next.keys(), prev, next);
}

interface Keyed {
  has(key: unknown): boolean;
}

/** Survivors first, in the order of `prev`; then only new ones. */
function keysReplayInOrder(prev: Iterator<unknown>, next: Iterator<unknown>, inPrev: Keyed, inNext: Keyed): boolean {
  let expected = nextSurvivor(prev, inNext);
  for (let step = next.next(); !step.done; step = next.next()) {
    const key = step.value;
    if (typeof key === 'object' && key !== null) return false;
    if (!inPrev.has(key)) {
      if (!expected.done) return false;
    } else if (expected.done || !Object.is(expected.value, key)) {
      return false;
    } else {
      expected = nextSurvivor(prev, inNext);
    }
  }
  return true;
}

function nextSurvivor(keys: Iterator<unknown>, inNext: Keyed): IteratorResult<unknown> {
  let step = keys.next();
  while (!step.done && !inNext.has(step.value)) step = keys.next();
  return step;
}
