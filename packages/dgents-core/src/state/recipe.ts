/**
 * Runs a recipe on a state without letting it touch the state itself.
 *
 * A large state is drafted (copied on write, by mutative), a small one is copied; so is one that holds something a
 * proxy cannot guard. Either way the recipe may change what it is given or return the next state, not both.
 */
import { create } from 'mutative';
import type { Codec, Copied } from '../codec/codec.js';
import { EXOTIC } from '../codec/traits.js';
import type { Definition } from './definition.js';
import { type Change, diff, wholeChange } from './diff.js';
import { ABSENT, bytesOf, type Snapshot } from './replica.js';
import { withoutDrafts } from './returned.js';

export type Recipe = (draft: never) => unknown;

/** Up to this size, in encoded bytes, copying and comparing costs less than drafting (measured; break-even about 4 KB). */
const COPIED_BYTES = 4096;

/** The change that a recipe makes of a live state. */
export function changeByRecipe(definition: Definition, base: Snapshot, recipe: Recipe, key: string): Change {
  const { codec } = definition;
  const bytes = bytesOf(base, definition);
  const known = { value: base.value, traits: base.traits, bytes };
  const drafted = bytes > COPIED_BYTES && (base.traits & EXOTIC) === 0 && isContainer(base.value);
  if (drafted && definition.schema === undefined) {
    return diff(codec, known, runOnDraft(codec, base.value as object, recipe), { key });
  }
  const next = drafted
    ? runOnDraft(codec, base.value as object, recipe)
    : runOnCopy(codec, base.value, recipe);
  const own = definition.accept(next, key);
  return diff(codec, known, own.value, { owned: own.traits, key });
}

/** The first state, made by a recipe from a default. */
export function stateByRecipe(definition: Definition, initial: Copied, recipe: Recipe, key: string): Change {
  const own = definition.accept(runOnCopy(definition.codec, initial.value, recipe), key);
  return wholeChange(definition.codec, own.value, own.traits);
}

/** The change that a whole new state makes. Parts of `own` become parts of the result; it may be given again. */
export function changeByState(definition: Definition, base: Snapshot, own: Copied, key: string): Change {
  if (base.value === ABSENT) return wholeChange(definition.codec, own.value, own.traits);
  const known = { value: base.value, traits: base.traits, bytes: bytesOf(base, definition) };
  return diff(definition.codec, known, own.value, { owned: own.traits, key });
}

function isContainer(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function runOnDraft(codec: Codec, base: object, recipe: Recipe): unknown {
  let returned: unknown;
  const drafted = create(base, (draft: object) => {
    const result = checked(recipe(draft as never));
    // Drafts end with this function: what they stand for has to be looked up now.
    if (result !== draft) returned = withoutDrafts(result);
  });
  if (returned === undefined) return drafted;
  if (drafted !== base && !codec.equal(base, drafted)) throw bothError();
  return returned;
}

function runOnCopy(codec: Codec, value: unknown, recipe: Recipe): unknown {
  const draft = codec.clone(value);
  const returned = checked(recipe(draft as never));
  if (returned === undefined || returned === draft) return draft;
  if (isContainer(draft) && !codec.equal(value, draft)) throw bothError();
  return returned;
}

/** @throws TypeError for a promise */
function checked(returned: unknown): unknown {
  if (typeof (returned as { then?: unknown } | null | undefined)?.then !== 'function') return returned;
  Promise.resolve(returned).catch(() => undefined);
  throw new TypeError(
    'The recipe returned a promise. Recipes are synchronous and may run several times: do the slow work first, with ' +
      '`const seen = await agent.read()`, then `save(next, { expected: seen })`.',
  );
}

function bothError(): TypeError {
  return new TypeError(
    'The recipe both changed the draft and returned a value. Do one of them: write `(d) => { d.count += 1; }` with ' +
      'braces, or return a new state and leave the draft alone.',
  );
}
