/** What a save or a recipe makes of the state before it, worked out here, by the rules of the agents of dgents. */
import type { Head, Meta, Version } from '../backend.js';
import type { Copied } from '../codec/codec.js';
import type { Versioned } from '../data-agent.js';
import { StateTooLargeError } from '../errors.js';
import type { Definition } from '../state/definition.js';
import { type Change, wholeChange } from '../state/diff.js';
import { newOperationId } from '../state/ids.js';
import { changeByRecipe, type Recipe } from '../state/recipe.js';
import { NOTHING, type Snapshot } from '../state/replica.js';

/** A write that was acknowledged and waits to be stored. */
export interface WaitingWrite<S> {
  readonly kind: 'save' | 'update';
  /** What it follows; null: nothing was ever there. */
  readonly after: Head | null;
  readonly head: Head;
  /** The place that it makes. Its state is private: whoever is given it gets a copy. */
  readonly place: Versioned<S>;
  /** The same for the next recipe. */
  readonly snapshot: Snapshot;
  readonly change: Recipe | undefined;
}

/** @throws StateTooLargeError */
export function savedWrite<S>(
  definition: Definition,
  after: Head | null,
  own: Copied,
  meta: Meta | undefined,
  key: string,
): WaitingWrite<S> {
  const change = wholeChange(definition.codec, own.value, own.traits);
  return waiting('save', definition, after, change, meta, undefined, key);
}

/**
 * @param base the state that the recipe is given; its head may be a tombstone or nothing, where it is a default
 * @throws what the recipe throws; TypeError, StateSerializationError, StateValidationError, StateTooLargeError
 */
export function updatedWrite<S>(
  definition: Definition,
  base: Snapshot,
  recipe: Recipe,
  meta: Meta | undefined,
  key: string,
): WaitingWrite<S> {
  const change = changeByRecipe(definition, base, recipe, key);
  return waiting('update', definition, base.head, change, meta, recipe, key);
}

/**
 * A place as recipes are given it.
 * @throws StateSerializationError where the codec does not know what is in it
 */
export function snapshotOf({ codec }: Definition, { state, head, meta }: Versioned<unknown>): Snapshot {
  return { ...NOTHING, ...codec.copy(state), head, meta, bytes: -1 };
}

function waiting<S>(
  kind: WaitingWrite<S>['kind'],
  { codec }: Definition,
  after: Head | null,
  { next, traits, bytes }: Change,
  givenMeta: Meta | undefined,
  change: Recipe | undefined,
  key: string,
): WaitingWrite<S> {
  if (bytes > codec.maxBytes) {
    throw new StateTooLargeError(
      `The state of "${key}" would weigh ${bytes} bytes; at most ${codec.maxBytes} are allowed (codec option maxBytes). Nothing was stored.`,
      { bytes, limitBytes: codec.maxBytes, key },
    );
  }
  const version: Version = (after?.version ?? 0) + 1;
  const at = Math.max(Date.now(), after?.at ?? 0);
  const head: Head = Object.freeze({ version, id: newOperationId(), at, deleted: false });
  const meta = givenMeta === undefined ? undefined : codec.freeze(givenMeta);
  const place = { state: next as S, version, head, savedAt: new Date(at), meta, deleted: false } as const;
  return {
    kind,
    after,
    head,
    place,
    snapshot: { ...NOTHING, head, meta, value: next, traits, bytes },
    change,
  };
}
