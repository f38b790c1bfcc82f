/** What is tested when the subject is a stream of events, of whatever event store. */
import type { Durability } from '../backend.js';
import type { PromiseName } from './promises.js';
import { type Awaitable, withDefaults } from './subject.js';

/** An event: an object that says what it is, and whatever else. */
export interface StreamEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** What a fact says beside its events. What an adapter has no use for it may ignore, where it does not claim it. */
export interface StreamAppendOptions {
  /** Append only if this is the version that the stream ends with; 0: it has no events. */
  readonly expectedVersion?: number;
  /** Makes the append happen once. */
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly causationId?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** Where the events lie: 1, 2, 3 … in the order of the stream. */
export interface StreamAppendResult {
  readonly firstVersion: number;
  readonly version: number;
  /** Whether an append with this message id had been made before, and these are its versions. */
  readonly duplicate: boolean;
}

export type StreamTryResult =
  | ({ readonly ok: true } & StreamAppendResult)
  | { readonly ok: false; readonly actual: { readonly version: number } };

/** An event as it is read. */
export interface StreamRecorded {
  readonly event: StreamEvent;
  readonly version: number;
  readonly messageId?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly causationId?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** Told between the events of a subscription: all that there was has been given, up to this version. */
export interface StreamCaughtUp {
  readonly caughtUp: true;
  readonly version: number;
}

/**
 * A handle on a stream, as the kit uses it: an agent of `dgents-stream` as it is, or an adapter of a few lines. A conflict
 * is an error with the code `DGENTS_STATE_CONFLICT`, a message id that was used for something else one with
 * `DGENTS_MESSAGE_ID_REUSED`, a call after `close` one with `DGENTS_AGENT_CLOSED`.
 */
export interface EventStream {
  append(
    events: StreamEvent | readonly StreamEvent[],
    options?: StreamAppendOptions,
  ): Promise<StreamAppendResult>;
  /** The state that the events lead to; `at` a version where `timeTravel` is claimed. */
  load(options?: { readonly at?: number }): Promise<unknown>;
  /** The events from one version to another, both included. */
  events(options?: { readonly from?: number; readonly to?: number }): AsyncIterable<StreamRecorded>;
  tryAppend?(
    events: StreamEvent | readonly StreamEvent[],
    options?: StreamAppendOptions,
  ): Promise<StreamTryResult>;
  subscribe?(options?: {
    readonly from?: number;
    readonly signal?: AbortSignal;
  }): AsyncIterable<StreamRecorded | StreamCaughtUp>;
  decide?(command: unknown, options?: StreamAppendOptions): Promise<StreamAppendResult>;
  /** Keeps the state as it is now, so that later loads can begin there. */
  snapshot?(): Promise<unknown>;
  close(): Promise<void>;
}

/** How a fact wants a stream to be. */
export interface EventStreamSettings {
  /** Which stream of the place. */
  readonly key: string;
  readonly initial: () => unknown;
  /** The state after an event; throws for a type that it does not know. Changes nothing that it is given. */
  readonly fold: (state: unknown, event: StreamEvent) => unknown;
  /** The events that a command leads to in this state, or none; throws to refuse it. */
  readonly decide: (command: unknown, state: unknown) => readonly StreamEvent[];
  /** Of `fold`: snapshots of another version are of no use. */
  readonly foldVersion: number;
  /** Keep a snapshot behind appends, once so many events follow the newest one. */
  readonly snapshotEvery?: number;
}

/** What a stream claims. What is left out is not claimed. */
export interface EventStreamClaims {
  readonly durability?: Durability;
  readonly sharing?: 'process' | 'host' | 'network';
  /** Events and states hold whatever a state of dgents holds, and not JSON alone. */
  readonly values?: boolean;
  /** An append with a `messageId` happens once. */
  readonly messageIds?: boolean;
  /** `metadata`, `correlationId` and `causationId` come back with each event. */
  readonly metadata?: boolean;
  /** Earlier states can be loaded. */
  readonly timeTravel?: boolean;
  /** Events are folded before they are stored, and what `fold` refuses is not. */
  readonly foldsFirst?: boolean;
  /** The method of this name is there. */
  readonly tryAppend?: boolean;
  readonly decide?: boolean;
  readonly subscribe?: boolean;
  readonly snapshot?: boolean;
}

/** The least that a stream may claim. */
export const STREAM_CLAIMS: Required<EventStreamClaims> = {
  durability: 'none',
  sharing: 'process',
  values: false,
  messageIds: false,
  metadata: false,
  timeTravel: false,
  foldsFirst: false,
  tryAppend: false,
  decide: false,
  subscribe: false,
  snapshot: false,
};

export interface EventStreamSubject<Place = unknown> {
  /** For people: names the tests. */
  readonly name: string;
  readonly claims?: EventStreamClaims;
  /** Makes an empty place for one test. */
  create(): Awaitable<Place>;
  /** Opens a new handle on the stream under this key. The kit closes it. */
  open(place: Place, settings: EventStreamSettings): Awaitable<EventStream>;
  /** Removes the place. Every handle the kit has opened is closed by then. */
  destroy(place: Place): Awaitable<void>;
  /** The path or URL of a JavaScript module that exports this `open`, for processes of their own; see `BackendSubject`. */
  readonly importFrom?: string | URL;
  /**
   * Damages the newest snapshot of this stream, as a bad disk would: it can still be read, and tells another state. Every
   * handle is closed when it is called.
   * @returns whether there was one
   */
  damageSnapshot?(place: Place, key: string): Awaitable<boolean>;
  readonly waivers?: Partial<Readonly<Record<PromiseName, string>>>;
}

/** A stream subject with everything spelled out. */
export interface GivenEventStream extends EventStreamSubject<never> {
  readonly claims: Required<EventStreamClaims>;
}

export function spelledOutStream<Place>(subject: EventStreamSubject<Place>): GivenEventStream {
  return { ...subject, claims: withDefaults(subject.claims, STREAM_CLAIMS) } as GivenEventStream;
}
