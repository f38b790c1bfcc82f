/** What a projection is: written once, and handed to its processor and to its readers. */
import type { AgentOptions } from 'dgents-core';
import type { AnyEvent, EventOf } from '../stream/definition.js';
import type { Recorded } from '../stream/recorded.js';
import { Projection } from './projection.js';
import type { EventsOf, StreamSource } from './sources.js';

/** What an event makes of a read model: changes it in place, or returns the next one. Pure and synchronous. */
export type ProjectionFunction<M, E extends AnyEvent> = (model: M, recorded: Recorded<E>) => M | void;

/** The same, by the type of the event; events of other types leave the model as it is. */
export type ProjectionByType<M, E extends AnyEvent> = {
  readonly [T in E['type']]?: (model: M, recorded: Recorded<EventOf<E, T>>) => M | void;
};

/** What work on one event may want to know. */
export interface EachContext {
  /** 1, and more where it failed before. */
  readonly attempt: number;
  /** Aborts when the processor stops, or lost its turn. */
  readonly signal: AbortSignal;
}

/**
 * @typeParam M a read model
 * @typeParam E the union of all events of the streams, told apart by `type`
 */
export interface ProjectionDefinition<M, E extends AnyEvent> {
  /** What it is known by, in the store and to people. */
  readonly name: string;
  /**
   * A whole number, 1 unless told: raise it whenever the functions below or the shape of the model change. The models of
   * the new version are built beside the old ones, which are read until the new ones have caught up.
   */
  readonly version?: number;
  /** The model before its first event: a fresh one at each call. Needed with `on`. */
  readonly initial?: () => M;
  /** What each event makes of the model. */
  readonly on?: ProjectionFunction<M, E> | ProjectionByType<M, E>;
  /**
   * The read models that an event changes, where there are many of one kind; undefined: none. They are changed together
   * with the checkpoint, so only where `capabilities.atomicity` is `store`.
   */
  readonly key?: (recorded: Recorded<E>) => string | readonly string[] | undefined;
  /**
   * Work that leaves the store, such as a message that is sent: for one event after the other, in order, each awaited before
   * the next one begins, all before the checkpoint passes them. At least once: after a crash, or where somebody else took
   * over, it is called again for the same event.
   */
  readonly each?: (recorded: Recorded<E>, context: EachContext) => unknown;
  /**
   * Work in the transaction that moves the checkpoint, such as a row of a table of your own: exactly once. `onSqlite` and
   * `onPostgres` of `dgents-sql` give the client its type: `within: (events) => onPostgres(async (sql) => …)`. It may run
   * several times, and what it did before is rolled back then. Only where `capabilities.joins`.
   */
  readonly within?: (events: readonly Recorded<E>[]) => (client: unknown) => unknown;
  /** What else the agents of the models are opened with. Of their own history 1,000 versions are kept unless told. */
  readonly model?: Omit<AgentOptions<M>, 'initial' | 'timeoutMs' | 'requireDurability' | 'ttlMs'>;
}

/**
 * Makes a projection, with its types found out.
 *
 * ```ts
 * const totals = defineProjection({
 *   name: 'totals',
 *   streams: [{ prefix: 'account:', definition: account }],
 *   initial: () => ({ deposits: 0, sum: 0 }),
 *   on: {
 *     deposited: (model, { event }) => {
 *       model.deposits += 1;
 *       model.sum += event.amount;
 *     },
 *   },
 * });
 * ```
 *
 * @throws TypeError, RangeError for what is no definition
 */
export function defineProjection<const Streams extends readonly StreamSource[], M = undefined>(
  definition: { readonly streams: Streams } & ProjectionDefinition<
    M,
    EventsOf<Streams[number]['definition']>
  >,
): Projection<M, EventsOf<Streams[number]['definition']>> {
  const { streams, ...rest } = definition;
  return new Projection(rest, streams);
}
