/** Read models that change in the same commit as the events: never behind them, and never ahead. */
import { type AgentOptions, type Store, UnsupportedError } from 'dgents-core';
import type { Beside } from 'dgents-core/folding';
import type { AnyEvent } from './definition.js';
import type { Recorded } from './recorded.js';

/**
 * A read model, or several of one kind, that each append changes with its events. Where the store is atomic for one key only
 * (`capabilities.atomicity`), appends reject with `UnsupportedError`: project after the commit there.
 */
export interface InlineProjection<E extends AnyEvent> {
  /** The key of the state that an event changes; undefined: none. */
  readonly key: string | ((recorded: Recorded<E>) => string | undefined);
  /** The model before its first event. */
  readonly initial: () => unknown;
  /** Changes the model, or returns the next one. Pure and synchronous: asked again when somebody else was first. */
  readonly apply: (model: never, recorded: Recorded<E>) => unknown;
  /** What else the model's agents are opened with: a schema, a codec. */
  readonly model?: AgentOptions<never>;
}

/** Gives an inline projection back, with its types found out. */
export function inlineProjection<E extends AnyEvent, M>(projection: {
  readonly key: string | ((recorded: Recorded<E>) => string | undefined);
  readonly initial: () => M;
  readonly apply: (model: M, recorded: Recorded<E>) => M | void;
  readonly model?: AgentOptions<M>;
}): InlineProjection<E> {
  return projection as unknown as InlineProjection<E>;
}

/** The models that these events change, and how. @throws TypeError where two projections have one model */
export function besidesOf<E extends AnyEvent>(
  store: Store,
  projections: readonly InlineProjection<E>[],
  events: readonly Recorded<E>[],
): readonly Beside[] {
  const owners = new Map<
    string,
    { readonly projection: InlineProjection<E>; readonly events: Recorded<E>[] }
  >();
  for (const projection of projections) {
    for (const recorded of events) {
      const key = typeof projection.key === 'string' ? projection.key : projection.key(recorded);
      if (key === undefined) continue;
      const owner = owners.get(key) ?? { projection, events: [] };
      if (owner.projection !== projection) {
        throw new TypeError(
          `Two inline projections change "${key}". Give each model a key of its own. Nothing was stored.`,
        );
      }
      owner.events.push(recorded);
      owners.set(key, owner);
    }
  }
  return Array.from(owners, ([key, { projection, events: own }]) => ({
    agent: store.agent<never>(key, { ...projection.model, initial: projection.initial as () => never }),
    change: (draft: never) => {
      let model: unknown = draft;
      for (const recorded of own) model = projection.apply(model as never, recorded) ?? model;
      return model;
    },
  }));
}

/** @throws UnsupportedError where such an append cannot be */
export function assertInline({ capabilities, backend }: Store): void {
  if (capabilities.atomicity === 'store') return;
  throw new UnsupportedError(
    `The ${backend.name} store is atomic for one key only, so nothing can be projected in the same commit. Use a projection ` +
      'that follows the events, or a store with atomicity "store". Nothing was stored.',
  );
}
