/** Events under keys, without a fold: what a program writes that only keeps and passes on what has happened. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import {
  type CallOptions,
  Codec,
  type CodecOptions,
  type Expected,
  type FeedEntry,
  type Position,
  type Store,
  type Transform,
  type Version,
} from 'dgents-core';
import {
  appendTogether,
  checkOptions,
  EventReader,
  type FoldedAgent,
  type FoldedOptions,
  type OptionNames,
} from 'dgents-core/folding';
import { checkMaxInlineBytes } from '../blobs/inline-bytes.js';
import type { CompactOptions, CompactResult } from '../compaction/compact.js';
import { archived } from '../compaction/read-archive.js';
import type { AnyEvent } from '../stream/definition.js';
import { APPEND, CALL } from '../stream/option-names.js';
import { type EventMetadata, metaOf, type Recorded, recordedOf } from '../stream/recorded.js';
import type { AppendOptions, AppendResult } from '../stream/stream-agent.js';
import { type Conflict, conflictAsValue } from './conflict-as-value.js';
import { LogStream } from './log-stream.js';

export interface EventLogOptions<E extends AnyEvent> {
  /** Any synchronous Standard Schema of the events: checked before one is stored. */
  readonly events?: StandardSchemaV1<unknown, E>;
  /** Limits, and classes whose instances may be part of events. */
  readonly codec?: Codec | CodecOptions;
  /** What is done with the text of events before it is stored: compressed, encrypted. */
  readonly transforms?: readonly Transform[];
  /** Settle every call within so many milliseconds; the store's default (5,000) unless told. */
  readonly timeoutMs?: number;
  /** Refuse a store that cannot promise this. */
  readonly requireDurability?: 'process' | 'power';
  /**
   * The longest `Uint8Array`, or other buffer, that an event may hold; 65,536 bytes unless told. Larger ones belong into a
   * blob store: `putBlob`.
   */
  readonly maxInlineBytes?: number;
}

/** What one stream gets in a batch. */
export interface BatchAppend<E extends AnyEvent> extends EventMetadata {
  readonly stream: string;
  readonly events: E | readonly E[];
  /** As of an append. */
  readonly expectedVersion?: Expected;
}

export interface ReadOptions extends CallOptions {
  /** The first version; the oldest event kept unless told. */
  readonly from?: Version;
  /** The last version, inclusive. */
  readonly to?: Version;
  /** Newest first. */
  readonly reverse?: boolean;
  /** At most so many events. */
  readonly limit?: number;
}

export interface AllOptions extends CallOptions {
  /** Resume behind this position: the one of the last entry that was given. */
  readonly after?: Position;
  /** Only streams whose keys start with exactly this. */
  readonly prefix?: string;
  /** `false`: end once all has been given that was there at the call; otherwise new events are given as they come. */
  readonly follow?: boolean;
}

/** An event in the order of the whole store. */
export interface LogEntry<E extends AnyEvent> extends Recorded<E> {
  /** Give it as `after`, to go on from here. */
  readonly position: Position;
}

/** A stretch of a stream that was compacted before it could be given. */
export interface LogGap {
  readonly position: Position;
  readonly key: string;
  /** Up to `to`, the events of this stream are gone; the reader may have had those before `from`. */
  readonly trimmed: { readonly from: Version; readonly to: Version };
}

export interface StreamsOptions extends CallOptions {
  readonly prefix?: string;
  /** Resume after this stream. */
  readonly after?: string;
  readonly limit?: number;
}

/** What the catalogue says of a stream. */
export interface StreamEntry {
  readonly stream: string;
  /** Of its last event. */
  readonly version: Version;
  /** When that was written, by the writer's clock. */
  readonly lastAt: Date;
}

const LOG: OptionNames<EventLogOptions<AnyEvent>> = {
  events: true,
  codec: true,
  transforms: true,
  timeoutMs: true,
  requireDurability: true,
  maxInlineBytes: true,
};
const { messageId, correlationId, causationId, metadata, expectedVersion } = APPEND;
const PART: OptionNames<BatchAppend<AnyEvent>> = {
  ...{ stream: true, events: true, expectedVersion },
  ...{ correlationId, causationId, metadata },
};
const BATCH: OptionNames<CallOptions & Pick<AppendOptions, 'messageId'>> = { messageId, ...CALL };
const READ: OptionNames<ReadOptions> = { from: true, to: true, reverse: true, limit: true, ...CALL };
const ALL: OptionNames<AllOptions> = { after: true, prefix: true, follow: true, ...CALL };
const STREAMS: OptionNames<StreamsOptions> = { prefix: true, after: true, limit: true, ...CALL };

/** How many streams are known at a time: their next append needs one round trip, those of others two. */
const MAX_KNOWN = 1_000;

/**
 * Events of any number of streams, each an append-only sequence under a key of the store. The log facet of a store: no fold
 * and no state, so an append costs the same whatever the length of its stream. A `StreamAgent` with the same key reads the
 * same events and makes a state of them.
 *
 * Give streams a prefix that other states of the store do not have: a key is a stream by what is appended to it.
 *
 * @typeParam E the union of all events, told apart by `type`
 */
export class EventLog<E extends AnyEvent = AnyEvent> {
  private readonly known = new Map<string, LogStream>();
  private readonly options: FoldedOptions<null>;
  private readonly maxInlineBytes: number;
  private readonly reader: EventReader;
  private readonly codec: Codec;

  /** @param store stays open; closing it closes this */
  constructor(
    private readonly store: Store,
    given: EventLogOptions<E> = {},
  ) {
    checkOptions('EventLog', given, LOG);
    const { events, maxInlineBytes, ...options } = given;
    this.options = { ...options, eventSchema: events };
    this.maxInlineBytes = checkMaxInlineBytes(maxInlineBytes);
    this.reader = new EventReader(options);
    const { codec } = options;
    this.codec = codec instanceof Codec ? codec : new Codec(codec);
  }

  // ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Appends events to a stream, all or none, and begins it where there is none. They are taken at the call.
   *
   * @param events one or several; at most `capabilities.limits.recordsPerAppend`
   * @throws StateConflictError when the stream does not end where `expectedVersion` says
   * @throws MessageIdReusedError when the `messageId` stands for other events
   * @throws StateValidationError, StateSerializationError, StateTooLargeError, InvalidKeyError before anything is sent
   * @throws OutcomeUnknownError when the answer was lost and could not be found out within the deadline
   */
  async append(stream: string, events: E | readonly E[], options: AppendOptions = {}): Promise<AppendResult> {
    checkOptions('append', options, APPEND);
    const { expectedVersion, messageId, correlationId, causationId, metadata, ...call } = options;
    const { first, version, duplicate } = await this.stream(stream).append(listOf(events), {
      ...call,
      ...(expectedVersion === undefined ? {} : { expected: expectedVersion }),
      operationId: messageId,
      meta: metaOf({ correlationId, causationId, metadata }),
    });
    return { firstVersion: first, version, duplicate };
  }

  /** The same, with a conflict as a value. Everything else is thrown. */
  tryAppend(
    stream: string,
    events: E | readonly E[],
    options: AppendOptions = {},
  ): Promise<({ readonly ok: true } & AppendResult) | Conflict> {
    return conflictAsValue(this.append(stream, events, options));
  }

  /**
   * Appends to several streams as one commit: all of it happens or none, also across crashes. Each stream once.
   *
   * @returns what became of each append, in their order
   * @throws UnsupportedError unless `capabilities.atomicity` is `store`
   * @throws StateConflictError when one of them does not end where it was expected to; `key` says which
   */
  async appendBatch(
    appends: readonly BatchAppend<E>[],
    options: CallOptions & Pick<AppendOptions, 'messageId'> = {},
  ): Promise<readonly AppendResult[]> {
    checkOptions('appendBatch', options, BATCH);
    const { messageId, ...call } = options;
    const parts = appends.map((append) => {
      checkOptions('An append of a batch', append, PART);
      const { stream, events, expectedVersion, ...said } = append;
      return {
        agent: this.stream(stream) as unknown as FoldedAgent<unknown>,
        // Taken now: they are looked at once more when somebody else was first.
        events: listOf(events).map((event) => this.codec.copy(event, { key: stream }).value),
        ...(expectedVersion === undefined ? {} : { expected: expectedVersion }),
        meta: metaOf(said),
      };
    });
    const results = await appendTogether(this.store, parts, { ...call, operationId: messageId });
    return results.map(({ first, version, duplicate }) => ({ firstVersion: first, version, duplicate }));
  }

  /** The same, with the first conflict as a value. Everything else is thrown. */
  tryAppendBatch(
    appends: readonly BatchAppend<E>[],
    options: CallOptions & Pick<AppendOptions, 'messageId'> = {},
  ): Promise<{ readonly ok: true; readonly results: readonly AppendResult[] } | Conflict> {
    return conflictAsValue(this.appendBatch(appends, options).then((results) => ({ results })));
  }

  // ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * The events of a stream that are kept, oldest first; none where there is no such stream.
   * @throws LogCompactedError when `from` is no longer kept, or what comes next was compacted meanwhile
   */
  async *read(stream: string, options: ReadOptions = {}): AsyncGenerator<Recorded<E>, void, undefined> {
    checkOptions('read', options, READ);
    const { limit = Infinity, ...range } = options;
    if (limit !== Infinity && (!Number.isSafeInteger(limit) || limit < 0)) {
      throw new RangeError(`The limit is a whole number from 0 on, not ${String(limit)}.`);
    }
    let left = limit;
    if (left === 0) return;
    for await (const { record, event } of this.stream(stream).stored(range)) {
      yield recordedOf<E>(stream, record, event);
      left -= 1;
      if (left === 0) return;
    }
  }

  /**
   * The events of all streams in the one order of the store, and then new ones as they come; on a store with partitions, in
   * an order that keeps that of each stream. What was compacted before it could be given appears as a gap. States that are
   * no streams are left out.
   * @throws UnsupportedError where `capabilities.feed` is false
   */
  async *all(options: AllOptions = {}): AsyncGenerator<LogEntry<E> | LogGap, void, undefined> {
    checkOptions('all', options, ALL);
    const { after, prefix = '', ...following } = options;
    for await (const entry of this.store.feed(after, following)) {
      if (!entry.key.startsWith(prefix)) continue;
      const item = this.entryOf(entry);
      if (item !== undefined) yield item;
    }
  }

  private entryOf(entry: FeedEntry): LogEntry<E> | LogGap | undefined {
    const { position, key } = entry;
    if (!('record' in entry)) return { position, key, trimmed: entry.trimmed };
    const { record } = entry;
    if (record.kind !== 'event') return undefined;
    return { position, ...recordedOf<E>(key, record, this.reader.read(key, record)) };
  }

  /**
   * The catalogue: every key that starts with exactly `prefix`, and where it ends; in code point order where
   * `capabilities.orderedKeys`. States that are no streams are listed as well, those that were deleted are not.
   */
  async *streams(options: StreamsOptions = {}): AsyncGenerator<StreamEntry, void, undefined> {
    checkOptions('streams', options, STREAMS);
    const { prefix, ...listing } = options;
    for await (const { key, version, savedAt } of this.store.keys(prefix, listing)) {
      yield { stream: key, version, lastAt: savedAt };
    }
  }

  // ── Upkeep ───────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Lets go of the events of a stream up to a version or time, as `StreamAgent.compact` does: never beyond what a registered
   * consumer has not done, and into an archive first where one is given. Not for streams that a `StreamAgent` folds: it
   * compacts them itself, and keeps their state. One that is compacted here cannot be folded any more, and says so.
   *
   * @throws RangeError for a version that is not there yet; and what `StreamAgent.compact` throws for an archive
   */
  compact(stream: string, options: CompactOptions): Promise<CompactResult> {
    return this.stream(stream).compact(options);
  }

  /**
   * The events of an archive, oldest first and checked.
   * @throws StateCorruptionError with the offset of what is damaged or missing; StorageUnavailableError without such a file
   */
  async *readArchive(path: string): AsyncGenerator<Recorded<E>, void, undefined> {
    for await (const { key, record } of archived(path)) {
      if (record.kind === 'event') yield recordedOf<E>(key, record, this.reader.read(key, record));
    }
  }

  /** The agent of a stream; those that were used lately are kept, since they know where it ends. */
  private stream(key: string): LogStream {
    let stream = this.known.get(key);
    if (stream !== undefined) this.known.delete(key);
    else stream = new LogStream(this.store, key, this.options, this.maxInlineBytes);
    this.known.set(key, stream);
    if (this.known.size > MAX_KNOWN) {
      for (const oldest of this.known.keys()) {
        this.known.delete(oldest);
        break;
      }
    }
    return stream;
  }
}

function listOf<E>(events: E | readonly E[]): readonly E[] {
  return Array.isArray(events) ? (events as readonly E[]) : [events as E];
}
