/** What a lens does to a draft of the whole, inside an update of the parent. */
import { isDraft, original } from 'mutative';
import type { Codec } from '../codec/codec.js';
import type { Lens } from './lens.js';
import { getAt, putAt } from './path.js';

export type Change<A> = (draft: A) => A | void;

/** Looks for the part; an error of it is told with the key, and one of a recipe as it is. */
export type Locate = <T>(look: () => T) => T;

/**
 * Runs a recipe on the part. A part in objects and arrays is drafted where it is, so that the whole is not looked at;
 * any other one is copied.
 * @returns what the recipe of the parent returns
 */
export function changePart<S, A>(
  codec: Codec,
  lens: Lens<S, A>,
  draft: S,
  change: Change<A>,
  locate: Locate,
): S | void {
  const { path } = lens;
  if (path === undefined) return changeCopy(codec, lens, draft, change, locate);
  const part = locate(() => getAt(draft, path) as A);
  const next = change(part);
  // The rules for recipes are kept by the parent: promises it refuses, and doing both.
  if (isThenable(next)) return next as unknown as S;
  if (next === undefined || Object.is(next, part)) return;
  if (path.length === 0 || isContainer(part)) return wholeOf(lens.set(plain(draft), next as A));
  putAt(draft, path, next);
}

function changeCopy<S, A>(
  codec: Codec,
  lens: Lens<S, A>,
  draft: S,
  change: Change<A>,
  locate: Locate,
): S | void {
  const all = readable(codec, draft);
  const part = locate(() => lens.get(all));
  const own = codec.clone(part);
  const next = change(own);
  if (isThenable(next)) return next as unknown as S;
  if (next === undefined || next === own) return wholeOf(lens.set(all, own));
  if (isContainer(own) && !codec.equal(own, part)) {
    throw new TypeError('The recipe both changed the draft and returned a value. Do one of them.');
  }
  return wholeOf(lens.set(all, next as A));
}

/** Replaces the part. */
export function replacePart<S, A>(codec: Codec, lens: Lens<S, A>, draft: S, part: A): S | void {
  const { path } = lens;
  if (path === undefined) return wholeOf(lens.set(readable(codec, draft), part));
  if (path.length === 0) return part as unknown as S;
  putAt(draft, path, part);
}

/** The part as it is in a draft. @throws StateNotFoundError */
export function partOf<S, A>(codec: Codec, lens: Lens<S, A>, draft: S): A {
  return lens.get(lens.path === undefined ? readable(codec, draft) : plain(draft));
}

/** The whole behind a draft that was not changed yet. It is the parent's own: only what changes nothing may see it. */
function plain<S>(draft: S): S {
  return isDraft(draft) ? (original(draft as object) as S) : draft;
}

/** The same for lenses of others, which cannot change what is frozen. */
function readable<S>(codec: Codec, draft: S): S {
  return isDraft(draft) ? codec.freeze(plain(draft)) : draft;
}

/** In a recipe nothing returned would mean that nothing is to change. */
function wholeOf<S>(whole: S): S {
  if (whole !== undefined) return whole;
  throw new TypeError('The `set` of the lens returned nothing. It returns the whole with the part in it.');
}

function isContainer(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function isThenable(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
