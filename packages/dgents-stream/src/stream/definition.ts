/** What a stream of events is: written once, and handed to every agent of such a stream. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Codec, CodecOptions, DeepReadonly, Migrations, Transform } from 'dgents-core';

import type { InlineProjection } from './inline.js';

/** An event is an object that says what it is; the rest is its own. */
export interface AnyEvent {
  readonly type: string;
}

/** The event of a union that has this type. */
export type EventOf<E extends AnyEvent, T extends E['type']> = Extract<E, { readonly type: T }>;

/** The state after an event. Pure: it changes neither, waits for nothing, and knows no clock and no randomness. */
export type FoldFunction<E extends AnyEvent, S> = (state: S, event: E) => S;

/** The same, by the type of the event: complete, or it does not compile. */
export type FoldByType<E extends AnyEvent, S> = {
  readonly [T in E['type']]: (state: S, event: EventOf<E, T>) => S;
};

export type Fold<E extends AnyEvent, S> = FoldFunction<E, S> | FoldByType<E, S>;

/** From the version of its key to the next one; may change what it is given. Pure and synchronous. */
export type Upcaster = (event: never) => AnyEvent;

/** `{ 'order-placed': { 1: e => …, 2: e => … } }`: by type and version. */
export type Upcasters = Readonly<Record<string, Readonly<Record<number, Upcaster>>>>;

/** When a snapshot of the state is written, behind an append and never in its way. */
export interface SnapshotPolicy {
  /** Once so many events follow the newest snapshot. */
  readonly everyEvents?: number;
  /** Once the events that follow it weigh so many bytes. */
  readonly everyBytes?: number;
}

/**
 * @typeParam E the union of all events, told apart by `type`
 * @typeParam S the state that they lead to
 * @typeParam C the commands that lead to events
 */
export interface StreamDefinition<E extends AnyEvent, S, C = never> {
  /** The state before the first event: a fresh one at each call. */
  readonly initial: () => S;
  /** What each event makes of the state: a function, or one for each type. */
  readonly fold: Fold<E, S>;
  /**
   * The events that a command leads to, in the state as it is; none to leave it so. Throw to refuse the command. Pure and
   * synchronous: it is asked again when somebody else was first.
   */
  readonly decide?: (command: C, state: DeepReadonly<S>) => E | readonly E[];
  /** Any synchronous Standard Schema of the events: checked before an event is stored, and after it was upcast. */
  readonly events?: StandardSchemaV1<unknown, E>;
  /** Bring events that were stored under an earlier version of their type to the newest one, when they are read. */
  readonly upcasters?: Upcasters;
  /** Types that are no longer written: what stands for such an event now, or null to leave it out. */
  readonly retired?: Readonly<Record<string, ((event: never) => E) | null>>;
  /** What becomes of an event whose type the fold does not know: an `EventFoldError`, unless told to pass it over. */
  readonly unknownEvents?: 'error' | 'ignore';
  /**
   * Of the fold, a whole number, 1 unless told: raise it whenever the fold or the shape of the state changes. Snapshots of
   * another version are discarded, and made again from the events.
   */
  readonly foldVersion?: number;
  /**
   * For states whose events are gone or never were (compacted streams, `save`): `{ 1: state => … }` leads from fold
   * version 1 to 2.
   */
  readonly migrations?: Migrations;
  /** The events that lead from one state to another: what `save` and `update` append. Without it they set the state. */
  readonly diff?: (previous: DeepReadonly<S>, next: DeepReadonly<S>) => readonly E[];
  /**
   * Read models that change in the same commit as the events. Every append of this definition changes them; `save` sets the
   * state beside the events, and leaves them as they are.
   */
  readonly inline?: readonly InlineProjection<E>[];
  /** By default once 100 events follow the newest one and weigh twice the state; `false` for none. */
  readonly snapshots?: SnapshotPolicy | false;
  /** Limits, and classes whose instances may be part of states and events. */
  readonly codec?: Codec | CodecOptions;
  /** What is done with the text of events and snapshots before it is stored. */
  readonly transforms?: readonly Transform[];
}

/**
 * Gives a definition back, checked by the compiler. Give it the union of the events and the state: they cannot be found
 * out from a fold by type.
 *
 * ```ts
 * type Event = { type: 'deposited'; amount: number } | { type: 'withdrawn'; amount: number };
 *
 * const account = defineStream<Event, { balance: number }>({
 *   initial: () => ({ balance: 0 }),
 *   fold: {
 *     deposited: (state, { amount }) => ({ balance: state.balance + amount }),
 *     withdrawn: (state, { amount }) => ({ balance: state.balance - amount }),
 *   },
 * });
 * ```
 */
export function defineStream<E extends AnyEvent, S, C = never>(
  definition: StreamDefinition<E, S, C>,
): StreamDefinition<E, S, C> {
  return definition;
}
