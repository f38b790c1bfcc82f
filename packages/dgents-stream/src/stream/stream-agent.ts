/** A state that is made of events. */
import {
  type CallOptions,
  DgentsError,
  type Expected,
  type HeadSummary,
  type StateConflictError,
  type Store,
  type Version,
} from 'dgents-core';
import {
  type Appended,
  appendTogether,
  type Beside,
  type CaughtUp,
  checkOptions,
  FoldedAgent,
  type GivenEvent,
  type OptionNames,
  type StreamRecords,
  type TogetherAppend,
} from 'dgents-core/folding';
import { keeperOf } from '../compaction/archive-writer.js';
import type { CompactOptions, CompactResult } from '../compaction/compact.js';
import type { AnyEvent, EventOf, StreamDefinition } from './definition.js';
import { type FoldRules, rulesOf } from './fold-rules.js';
import { assertInline, besidesOf, type InlineProjection } from './inline.js';
import { APPEND, COMPACT, EVENTS, SUBSCRIBE } from './option-names.js';
import { type EventMetadata, metaOf, type Recorded, recordedOf } from './recorded.js';

/** Options of one agent of a stream. */
export interface StreamAgentOptions {
  /** Settle every call within so many milliseconds; the store's default (5,000) unless told. */
  readonly timeoutMs?: number;
  /** Refuse a store that cannot promise this. */
  readonly requireDurability?: 'process' | 'power';
  /** Time to live that every write of this handle sets, in milliseconds; only where `capabilities.ttl`. */
  readonly ttlMs?: number;
  /** Reject with `StateNotFoundError` when a stream is loaded that was never written. */
  readonly mustExist?: boolean;
  /** What of the past to keep; everything unless told. What is let go of cannot be projected again. */
  readonly retain?: { readonly versions?: number; readonly ageMs?: number };
}

const OPTIONS: OptionNames<StreamAgentOptions> = {
  timeoutMs: true,
  requireDurability: true,
  ttlMs: true,
  mustExist: true,
  retain: true,
};

export interface AppendOptions extends CallOptions, EventMetadata {
  /**
   * Append only if this is where the stream ends: a version, or (stronger) what `read` gave; 0: the stream has no events.
   * Without it the events go to the end, whoever else appends.
   */
  readonly expectedVersion?: Expected;
  /**
   * Makes the append happen once: a repeated one stores nothing and gives the original position, also after a restart and
   * from another process. 1 to 128 printable ASCII characters; `newOperationId()` makes ids that can be judged on compacted
   * streams, too.
   */
  readonly messageId?: string;
}

/** What an append, or a command, came to. */
export interface AppendResult {
  /** The version of the first event; 0 when there was nothing to append. */
  readonly firstVersion: Version;
  /** The version of the last event: give it as the next `expectedVersion`. */
  readonly version: Version;
  /** Whether this message had been stored before, and these are its original versions. */
  readonly duplicate: boolean;
}

/** An append that may have lost, as a value. */
export type TryAppendResult =
  | ({ readonly ok: true } & AppendResult)
  | { readonly ok: false; readonly expected: HeadSummary; readonly actual: HeadSummary };

export interface EventsOptions<T extends string = string> extends CallOptions {
  /** The first version; the oldest event kept unless told. */
  readonly from?: Version;
  /** The last version, inclusive. */
  readonly to?: Version;
  /** Only events of this type, or of these. */
  readonly type?: T | readonly T[];
  /** Newest first. */
  readonly reverse?: boolean;
}

export interface SubscribeOptions<T extends string = string> {
  /** The first version to be given; 1 unless told. */
  readonly from?: Version;
  readonly type?: T | readonly T[];
  readonly signal?: AbortSignal;
  /** How often to look where the store gives no hint, or in case one is lost, in milliseconds; 250 unless told. */
  readonly pollMs?: number;
}

/**
 * A stream of events, and the state that they lead to. A `DataAgent`: `load`, `history`, `watch` and all others work
 * as on any agent, on the folded state.
 *
 * Where a snapshot is there and fits, a load reads it and what came after. Snapshots are written behind appends, and made
 * again from the events when they are damaged or of another `foldVersion`.
 *
 * @typeParam E the union of all events, told apart by `type`
 * @typeParam S the state
 * @typeParam C the commands
 */
export class StreamAgent<E extends AnyEvent, S, C = never> extends FoldedAgent<S> {
  private readonly fold: FoldRules;
  private readonly home: Store;
  private readonly inline: readonly InlineProjection<E>[] | undefined;

  /**
   * @param store stays open when the agent is closed
   * @throws InvalidKeyError when the key is empty, too long or starts with `$`; TypeError for what is no definition
   */
  constructor(
    store: Store,
    key: string,
    readonly definition: StreamDefinition<E, S, C>,
    options: StreamAgentOptions = {},
  ) {
    if (typeof (store as Partial<Store> | undefined)?.engine !== 'object') {
      throw new TypeError(
        'A StreamAgent is made of a store, a key and a definition: `new StreamAgent(store, key, definition)`.',
      );
    }
    checkOptions('StreamAgent', options, OPTIONS);
    const rules = rulesOf(definition);
    const { codec, transforms, migrations, foldVersion, events } = definition;
    super(store, key, rules, {
      ...options,
      ...(codec === undefined ? {} : { codec }),
      ...(transforms === undefined ? {} : { transforms }),
      ...(migrations === undefined ? {} : { migrations }),
      foldVersion,
      eventSchema: events,
    });
    this.fold = rules;
    this.home = store;
    if (definition.inline === undefined || definition.inline.length === 0) return;
    this.inline = definition.inline;
    if (definition.diff !== undefined) {
      throw new TypeError(
        '`diff` makes events of a save, which `inline` projections would not see. Give one of them.',
      );
    }
  }

  // ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Appends events, all or none. They are taken at the call, checked and folded before anything is sent: what the fold
   * refuses is not stored.
   *
   * @param events one or several; at most `capabilities.limits.recordsPerAppend`
   * @throws StateConflictError when the stream does not end where `expectedVersion` says
   * @throws MessageIdReusedError when the `messageId` stands for other events
   * @throws EventFoldError, StateValidationError, StateSerializationError before anything is sent
   * @throws OutcomeUnknownError when the answer was lost and could not be found out within the deadline
   */
  async append(events: E | readonly E[], options: AppendOptions = {}): Promise<AppendResult> {
    checkOptions('append', options, APPEND);
    const { expectedVersion, messageId, correlationId, causationId, metadata, ...call } = options;
    const list = Array.isArray(events) ? (events as readonly E[]) : [events as E];
    const expected = expectedVersion === undefined ? {} : { expected: expectedVersion };
    const meta = metaOf({ correlationId, causationId, metadata });
    if (this.inline === undefined) {
      return resultOf(await this.appendAll(list, { ...call, ...expected, operationId: messageId, meta }));
    }
    const { codec } = this.cell.definition;
    const own = Array.from(list, (event) => codec.copy(event, { key: this.key }).value);
    return this.appendInline({ events: own, ...expected, meta }, { ...call, operationId: messageId });
  }

  /** The same, with a conflict as a value. Everything else is thrown. */
  async tryAppend(events: E | readonly E[], options: AppendOptions = {}): Promise<TryAppendResult> {
    try {
      return { ok: true, ...(await this.append(events, options)) };
    } catch (error) {
      if (!DgentsError.is(error, 'DGENTS_STATE_CONFLICT')) throw error;
      const { expected, actual } = error as StateConflictError;
      return { ok: false, expected, actual };
    }
  }

  /**
   * Appends the events that the definition's `decide` gives for a command, in the state as it is then; asked again when
   * somebody else was first. What it throws refuses the command. With a `messageId` a command happens once: its repetition
   * is not decided again.
   * @throws TypeError when the definition has no `decide`, or it gives a promise or nothing
   */
  async decide(command: C, options: AppendOptions = {}): Promise<AppendResult> {
    checkOptions('decide', options, APPEND);
    const { decide } = this.definition;
    if (typeof decide !== 'function') {
      throw new TypeError('The definition of this stream has no `decide`: (command, state) => events.');
    }
    const { expectedVersion, messageId, correlationId, causationId, metadata, ...call } = options;
    const decided = (state: unknown): readonly E[] => {
      const events: unknown = decide(command, state as never);
      if (typeof (events as { then?: unknown } | null | undefined)?.then === 'function') {
        Promise.resolve(events).catch(() => undefined);
        throw new TypeError(
          '`decide` returned a promise. It is synchronous, and may run several times: do the slow work before.',
        );
      }
      if (events === undefined || events === null) {
        throw new TypeError(
          '`decide` returned nothing. It returns an event or a list of them: `[]` for none.',
        );
      }
      return Array.isArray(events) ? (events as readonly E[]) : [events as E];
    };
    const expected = expectedVersion === undefined ? {} : { expected: expectedVersion };
    const meta = metaOf({ correlationId, causationId, metadata });
    if (this.inline === undefined) {
      return resultOf(
        await this.appendDecided(decided, { ...call, ...expected, operationId: messageId, meta }),
      );
    }
    return this.appendInline({ decide: decided, ...expected, meta }, { ...call, operationId: messageId });
  }

  /** With what the events make of the read models, in one commit. */
  private async appendInline(
    append: TogetherAppend,
    options: CallOptions & { readonly operationId: string | undefined },
  ): Promise<AppendResult> {
    const { inline = [], home: store } = this;
    await this.ready(options);
    assertInline(store);
    const beside = (appends: readonly StreamRecords[]): readonly Beside[] => {
      const events = appends.flatMap(({ records }) =>
        records.map((record) => recordedOf<E>(this.key, record, this.eventIn(record))),
      );
      return besidesOf(store, inline, events);
    };
    const agent = this as unknown as FoldedAgent<unknown>;
    const [appended] = await appendTogether(store, [{ ...append, agent }], { ...options, beside });
    return resultOf(appended as Appended);
  }

  // ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * The events kept, oldest first, as the program knows them now. Those that `retired` leaves out are not given, nor are
   * states that were set by `save`.
   * @throws LogCompactedError when `from` is no longer kept, or what comes next was compacted meanwhile
   */
  events<T extends E['type']>(
    options: EventsOptions<T> & { readonly type: T | readonly T[] },
  ): AsyncIterable<Recorded<EventOf<E, T>>>;
  events(options?: EventsOptions<E['type']>): AsyncIterable<Recorded<E>>;
  async *events(options: EventsOptions = {}): AsyncGenerator<Recorded<never>, void, undefined> {
    checkOptions('events', options, EVENTS);
    const { type, ...range } = options;
    const wanted = typesOf(type);
    for await (const { record, event } of this.storedEvents(range)) {
      const current = this.fold.current(event, record);
      if (current !== null && wanted?.has(current.type) !== false)
        yield recordedOf<never>(this.key, record, current);
    }
  }

  /**
   * The events from a version on, in order, then new ones as they come, whoever appends them; in between, `{ caughtUp: true }`
   * each time that all there was has been given. Ends when the consumer stops, `signal` aborts or the agent is closed.
   * @throws LogCompactedError when what comes next is no longer kept
   */
  subscribe<T extends E['type']>(
    options: SubscribeOptions<T> & { readonly type: T | readonly T[] },
  ): AsyncIterable<Recorded<EventOf<E, T>> | CaughtUp>;
  subscribe(options?: SubscribeOptions<E['type']>): AsyncIterable<Recorded<E> | CaughtUp>;
  subscribe(options: SubscribeOptions = {}): AsyncIterable<Recorded<never> | CaughtUp> {
    checkOptions('subscribe', options, SUBSCRIBE);
    const { from = 1, type, ...following } = options;
    const wanted = typesOf(type);
    return this.followEvents(from, following, ({ record, event }) => {
      const current = this.fold.current(event, record);
      if (current === null || wanted?.has(current.type) === false) return undefined;
      return recordedOf<never>(this.key, record, current);
    });
  }

  /**
   * The state as it was at a version or time; at version 0 the state before the first event.
   * @throws LogCompactedError when that is no longer kept; RangeError for a version that does not exist yet
   */
  async replayTo(at: Version | Date, options: CallOptions = {}): Promise<S> {
    if (at === 0) return this.beginning(options);
    return this.load({ ...options, at });
  }

  /** Writes a snapshot of the state as it is now. @returns the version that it is of; 0 where there is nothing */
  snapshot(options?: CallOptions): Promise<Version> {
    return this.writeSnapshot(options);
  }

  /**
   * Lets go of old events for good: the state at a version becomes the oldest that is kept, and the events up to it go, to
   * an archive where one is given. Never beyond what a registered consumer has not done yet, nor beyond what is younger
   * than a minute where others share the store: `heldBackBy` says so, and `compactedTo` how far it went.
   *
   * `timeoutMs` bounds each step, of which an archive has many. Killed at any time it leaves all events in the stream, in
   * the archive or in both; done again it goes on, and archives nothing twice. Who reads what is gone gets a
   * `LogCompactedError`. From then on only message ids that tell their age (`newOperationId()`) can be judged; others are
   * refused with an `OutcomeUnknownError`.
   *
   * @throws RangeError for a version that is not there yet
   * @throws StateCorruptionError, LogCompactedError, TypeError for an archive that these events cannot be added to: nothing
   *   was compacted; StorageFullError, StorageUnavailableError where it cannot be written
   */
  async compact(options: CompactOptions): Promise<CompactResult> {
    checkOptions('compact', options, COMPACT);
    const { before, archive, ...call } = options;
    return this.compactTo(before, keeperOf(archive, this.key), call);
  }

  /** @internal */
  protected override given(event: unknown): GivenEvent {
    const type = (event as Partial<AnyEvent> | null | undefined)?.type;
    if (typeof event !== 'object' || typeof type !== 'string' || type === '') {
      throw new TypeError(
        'An event is an object with a `type`, a text that is not empty. Nothing was stored.',
      );
    }
    return { event, schema: this.fold.versionOf(type) };
  }
}

function resultOf({ first, version, duplicate }: Appended): AppendResult {
  return { firstVersion: first, version, duplicate };
}

function typesOf(type: string | readonly string[] | undefined): ReadonlySet<string> | undefined {
  if (type === undefined) return undefined;
  return new Set(typeof type === 'string' ? [type] : type);
}
