/** An event as it is read, and where it stands. */
import type { LogRecord, Meta, Version } from 'dgents-core';
import { checkMeta } from 'dgents-core/folding';
import type { AnyEvent } from './definition.js';

/** What an append says beside its events. */
export interface EventMetadata {
  /** What all that follows from one request has in common. */
  readonly correlationId?: string | undefined;
  /** The message that led to these events. */
  readonly causationId?: string | undefined;
  /** Anything else: plain JSON, with the two above at most 4 KB of text. */
  readonly metadata?: Meta | undefined;
}

/** An event of a stream, as the program knows it now: upcast, where it was written under an earlier version. */
export interface Recorded<E extends AnyEvent> extends EventMetadata {
  /** Read-only: others may be given the same object. */
  readonly event: E;
  /** The address of the stream. */
  readonly key: string;
  /** Where it stands in the stream: 1, 2, 3 … */
  readonly version: Version;
  /** By the writer's clock; never before that of the event before it. For people: order is by version. */
  readonly recordedAt: Date;
  /** The id of the append that stored it: the `messageId` it was given, or one that was made for it. */
  readonly messageId: string;
  /** The version of its type that it was written under. */
  readonly schemaVersion: number;
}

/** What of the metadata is stored, as the meta of each record: a copy. @throws TypeError or RangeError */
export function metaOf({ correlationId, causationId, metadata }: EventMetadata): Meta | undefined {
  for (const [name, id] of Object.entries({ correlationId, causationId })) {
    if (id !== undefined && typeof id !== 'string') throw new TypeError(`\`${name}\` is a string.`);
  }
  if (correlationId === undefined && causationId === undefined && metadata === undefined) return undefined;
  return checkMeta({
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(causationId === undefined ? {} : { causationId }),
    ...(metadata === undefined ? {} : { metadata }),
  });
}

export function recordedOf<E extends AnyEvent>(key: string, record: LogRecord, event: unknown): Recorded<E> {
  const { version, at, id, schema, meta } = record;
  return {
    event: event as E,
    key,
    version,
    recordedAt: new Date(at),
    messageId: id,
    schemaVersion: schema ?? 1,
    ...(deepFrozen(meta) as EventMetadata | undefined),
  };
}

/** Metadata is shared with the log: nobody may change it. */
function deepFrozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFrozen(inner);
  return Object.freeze(value);
}
