/**
 * The one producer of patches: compares two values, skips what is identical by reference, and gives
 *
 * - RFC 6902 operations on the *encoded* document (so a Map is changed at `/m/$map/3/1` and a key `$a` at `/$$a`),
 * - the next value, structurally shared with the previous one, in which nothing belongs to the caller,
 * - the exact length of the encoded next state, so that nobody has to encode the state to know its size.
 *
 *     prev  { title, messages: [m1, m2, m3] }
 *     next  { title, messages: [m1, m2, m3, m4] }      →  add /messages/3 m4;  the result shares title, m1, m2, m3
 *
 * The order of an object's keys, of a Map's entries and of a Set's members is part of the value. Neither of the two
 * values is ever changed: both may be compared again, with others.
 */
import type { Codec, Json } from '../codec/codec.js';
import { jsonBytes } from '../codec/measure.js';
import { isStackOverflow } from '../codec/refusal.js';
import { TAGGED, type Traits } from '../codec/traits.js';
import { Walk } from './diff/walk.js';
import type { PatchOp } from './patch.js';

/** What a write makes of a state. */
export interface Change {
  /** Private, and never to be mutated: it shares structure with the value before. */
  readonly next: unknown;
  readonly traits: Traits;
  /** Exact length of the encoded next state in UTF-8 bytes. */
  readonly bytes: number;
  /** Null: write the whole state, there is nothing that it could be compared with. */
  readonly ops: readonly PatchOp[] | null;
  /** Exact length of the patch as JSON text, in UTF-8 bytes; 0 without one. */
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
   * Given when `next` is a checked private copy: its traits. Parts of it become parts of the result. Otherwise it is
   * somebody's, shares what it did not change with the base, and what is new in it is checked and copied.
   */
  readonly owned?: Traits;
  readonly key?: string | undefined;
}

/** A whole state where there was none. `value` is private already. */
export function wholeChange(codec: Codec, value: unknown, traits: Traits): Change {
  return {
    next: value,
    traits,
    bytes: jsonBytes(documentOf(codec, value, traits)),
    ops: null,
    patchBytes: 0,
  };
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
  const walk = new Walk(codec, base.traits, options.owned, options.key);
  let result: unknown;
  try {
    result = walk.value(base.value, next);
  } catch (error) {
    if (isStackOverflow(error) || isStackOverflow((error as Error).cause))
      return tooDeepToCompare(codec, next, options);
    throw error;
  }
  const { ops, patchBytes, delta } = walk.patch;
  return { next: result, traits: walk.traits, bytes: base.bytes + delta, ops, patchBytes };
}

/** Comparing takes more of the stack for each level than copying does: what is too deep for it is stored whole. */
function tooDeepToCompare(codec: Codec, next: unknown, { owned, key }: DiffOptions): Change {
  if (owned !== undefined) return wholeChange(codec, next, owned);
  const copied = codec.copy(next, key === undefined ? {} : { key });
  return wholeChange(codec, copied.value, copied.traits);
}
