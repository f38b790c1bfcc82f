/**
 * Runs a recipe on a state without letting it touch the state itself.
 *
 * A large state is drafted (copied on write, by mutative), a small one is copied. What a proxy cannot stand in for (a
 * Date, bytes, a class instance) would be handed out as it is; a recipe that reaches for one is run again, on a copy.
 * Either way it may change what it is given or return the next state, not both.
 */
import { create, isDraft } from 'mutative';
import type { Codec, Copied, Kind } from '../codec/codec.js';
import { EXOTIC, KEYED_BY_OBJECTS } from '../codec/traits.js';
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
  const drafted =
    bytes > COPIED_BYTES && isDraftable(codec, base) ? runOnDraft(codec, base, recipe) : OUT_OF_REACH;
  if (drafted !== OUT_OF_REACH && definition.schema === undefined)
    return diff(codec, known, drafted, { key });
  const own = definition.accept(
    // A schema may work in place: it never gets what is shared with the state before.
    drafted === OUT_OF_REACH ? runOnCopy(codec, base.value, recipe) : codec.copy(drafted, { key }).value,
    key,
  );
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

function isDraftable(codec: Codec, { value, traits }: Snapshot): boolean {
  if (typeof value !== 'object' || value === null || (traits & KEYED_BY_OBJECTS) !== 0) return false;
  return DRAFTABLE.has(codec.kindOf(value));
}

const DRAFTABLE: ReadonlySet<Kind> = new Set<Kind>(['object', 'array', 'map', 'set']);

/** The recipe reached for something that a draft cannot stand in for. Nothing of what it did counts. */
const OUT_OF_REACH: unique symbol = Symbol('out of reach');

/** Drafts of arrays with holes fill them, with undefined. */
function isSparse(codec: Codec, value: object): boolean {
  return Array.isArray(value) && codec.kindOf(value) === 'sparse';
}

function runOnDraft(codec: Codec, { value, traits }: Snapshot, recipe: Recipe): unknown {
  const base = value as object;
  let running = true;
  let outOfReach = false;
  // Called with everything that is read, and with new values, which are not the state's. Throws before the recipe gets
  // hold of what it could change for everybody; should the recipe catch that, what it goes on to do does not count.
  const mark = (read: unknown): undefined => {
    if (!running || typeof read !== 'object' || read === null || isDraft(read)) return undefined;
    if (!codec.holds(read) && !isSparse(codec, read)) return undefined;
    outOfReach = true;
    throw OUT_OF_REACH;
  };
  let returned: unknown;
  let drafted: unknown;
  try {
    const run = (draft: object): void => {
      const result = checked(recipe(draft as never));
      running = false;
      // Drafts end with this function: what they stand for has to be looked up now.
      if (result !== draft && !outOfReach) returned = withoutDrafts(result);
    };
    drafted = (traits & EXOTIC) === 0 ? create(base, run) : create(base, run, { mark });
  } catch (error) {
    if (!outOfReach) throw error;
  }
  if (outOfReach) return OUT_OF_REACH;
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
