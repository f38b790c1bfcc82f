/**
 * The local copy of one log's state, as one definition sees it: the newest head known, and the value at it.
 *
 * Values are immutable by convention and share structure from version to version; whoever hands one out copies or
 * freezes it. A replica is never the authority: the backend confirms or corrects it at each read and commit.
 */
import type { Backend, Checkpoint, Head, LogRecord, LogTail, Meta, Version } from '../backend.js';
import { withBlobs } from '../blobs/blob-tags.js';
import type { Json } from '../codec/codec.js';
import { jsonBytes } from '../codec/measure.js';
import { TAGGED, type Traits } from '../codec/traits.js';
import { LogCompactedError, StateCorruptionError, UnsupportedError } from '../errors.js';
import { Replay } from './apply.js';
import type { Definition, Held } from './definition.js';
import { documentOf } from './diff.js';
import { begun, type EventRules, type Folded, Folding } from './events.js';
import type { PatchOp } from './patch.js';
import { RECORD_OVERHEAD_BYTES } from './policy.js';

/** A key, not a value: a user's key that starts with `$` is escaped. */
const BLOB_KEY = /"\$blob"\s*:/;

/** No live state: nothing was ever stored, or it was deleted. */
export const ABSENT: unique symbol = Symbol('absent');

/** A checkpoint that a state cannot be built on. */
const UNUSABLE: unique symbol = Symbol('unusable');

/** One version of a state, as it lies in memory. */
export interface Snapshot {
  /** Null: nothing was ever stored. */
  readonly head: Head | null;
  /** Private and immutable, or {@link ABSENT}. */
  readonly value: unknown;
  readonly traits: Traits;
  readonly meta: Meta | undefined;
  /** Whether the value is what the log holds; else the next write stores it whole. */
  readonly asStored: boolean;
  /** Where it is not: whether events have led to it. Nothing but events or a whole state follows then. */
  readonly folded?: boolean;
  /** Length of the encoded value in bytes; negative while unknown. */
  readonly bytes: number;
  /** What the records since the newest starting point weigh, in bytes. */
  readonly tailBytes: number;
  /** Version of the newest starting point. */
  readonly startVersion: Version;
}

export const NOTHING: Snapshot = {
  head: null,
  value: ABSENT,
  traits: 0,
  meta: undefined,
  asStored: true,
  bytes: 0,
  tailBytes: 0,
  startVersion: 0,
};

/** Whether two heads are the same place in the same log. */
export function sameHead(a: Head | null, b: Head | null): boolean {
  if (a === null || b === null) return a === b;
  return a.version === b.version && a.id === b.id;
}

/** The head that a record is when it is the newest. */
export function headOf(record: LogRecord): Head {
  return { version: record.version, id: record.id, at: record.at, deleted: record.kind === 'tombstone' };
}

/** Turns what a backend returns into snapshots. */
export class Reader {
  /** How much of a tail is read: all of it. */
  readonly part: { readonly limit?: number } = {};

  constructor(
    protected readonly backend: Backend,
    readonly definition: Definition,
    readonly key: string,
  ) {}

  /** The state at a version, or the newest one, read from the log alone. */
  async read(timeoutMs: number, at?: Version): Promise<Snapshot> {
    const options = at === undefined ? { timeoutMs } : { timeoutMs, at };
    return this.build(NOTHING, await this.backend.read(this.key, options), timeoutMs, at);
  }

  /**
   * What a tail that was read after `known` makes of it; where `known` is no longer part of the log, the tail is
   * whole and replaces it.
   */
  async apply(known: Snapshot, tail: LogTail, timeoutMs: number): Promise<Snapshot> {
    // A patch is of what is stored. Events that are folded follow whatever the state is.
    const folds = this.definition.events !== undefined && tail.records[0]?.kind === 'event';
    const resumable = known.asStored || folds;
    if (resumable || tail.since !== 'same' || startsAnew(tail)) return this.build(known, tail, timeoutMs);
    return this.read(timeoutMs);
  }

  /** What is stored at a version, not decoded: without codec, schema or migrations of any agent. */
  async stored(timeoutMs: number, at?: Version): Promise<Stored | undefined> {
    const options = at === undefined ? { timeoutMs } : { timeoutMs, at };
    const tail = await this.backend.read(this.key, options);
    if (tail.head === null) return undefined;
    const builder = new Builder(this.definition, this.key);
    await this.fill(builder, tail, timeoutMs, at);
    return builder.stored();
  }

  /** Begins a walk at a version. */
  async walk(from: Version, timeoutMs: number): Promise<Walk> {
    const builder = new Builder(this.definition, this.key);
    await this.fill(builder, await this.backend.read(this.key, { timeoutMs, at: from }), timeoutMs, from);
    await builder.fetchBlobs();
    return {
      snapshot: builder.later(),
      advance: (record) => {
        builder.keepEarlier();
        builder.record(record);
        const fetching = builder.fetchBlobs();
        return fetching === undefined ? builder.later() : fetching.then(() => builder.later());
      },
    };
  }

  private async build(known: Snapshot, first: LogTail, timeoutMs: number, at?: Version): Promise<Snapshot> {
    if (first.head === null) return NOTHING;
    const builder = new Builder(this.definition, this.key);
    if (first.since === 'same' && !startsAnew(first)) builder.resume(known);
    await this.fill(builder, first, timeoutMs, at);
    await builder.fetchBlobs();
    return builder.finish();
  }

  /** Takes a tail and, where the backend gave only part of it, the rest. */
  private async fill(builder: Builder, first: LogTail, timeoutMs: number, at?: Version): Promise<void> {
    let tail = first;
    for (;;) {
      if (!builder.take(tail)) return this.refill(builder, tail, timeoutMs, at);
      const last = tail.records.at(-1);
      if (!tail.more || last === undefined) return;
      const options = { timeoutMs, after: headOf(last) };
      tail = await this.backend.read(this.key, at === undefined ? options : { ...options, at });
      if (tail.since !== 'same') builder.anew();
    }
  }

  /**
   * The same from the oldest version kept, where the newest checkpoint cannot be used. Begun again where that version was
   * trimmed away meanwhile.
   */
  private async refill(builder: Builder, first: LogTail, timeoutMs: number, at?: Version): Promise<void> {
    const { backend, key } = this;
    for (let tail = first; ; ) {
      const { floor, head } = tail;
      if (at !== undefined && at < floor) throw compacted(key, at, floor);
      try {
        await this.replay(builder, floor, Math.min(at ?? Infinity, head?.version ?? 0), timeoutMs);
        return;
      } catch (error) {
        tail = await backend.read(key, { limit: 1, timeoutMs });
        if (tail.floor <= floor) throw error;
      }
    }
  }

  private async replay(builder: Builder, floor: Version, to: Version, timeoutMs: number): Promise<void> {
    const { backend, key } = this;
    builder.anew();
    let from = 1;
    if (floor > 1) {
      builder.take(await backend.read(key, { timeoutMs, at: floor }));
      from = floor + 1;
    }
    for await (const record of backend.range(key, { from, to, timeoutMs })) builder.record(record);
  }
}

/** Whether a tail brings nothing new; with `head: null` there is nothing at all. */
export function isUnchanged(tail: LogTail): boolean {
  return tail.since === 'same' && tail.records.length === 0 && !startsAnew(tail);
}

function startsAnew(tail: LogTail): boolean {
  return tail.base !== undefined || tail.checkpoint !== undefined;
}

/** Replays starting points and records into one value; decodes once, at the end. */
class Builder {
  private document: Json | typeof ABSENT = ABSENT;
  private replay = new Replay();
  private head: Head | null = null;
  private meta: Meta | undefined;
  private schema = 1;
  private tailBytes = 0;
  private startVersion = 0;
  /** Set while everything applied so far keeps the document free of tags. */
  private plain = false;
  private warm: Snapshot | undefined;
  /** Whether anything changed the document since it was resumed. */
  private patched = false;
  /** What events have made of the state, where the definition says how. */
  private folding: Folding | undefined;
  /** Whether events have led to the checkpoint that this starts from: a patch would have nothing but that to follow. */
  private folded = false;
  /** Whether the document may refer to blobs. */
  private referring = false;
  private blobs: ReadonlyMap<string, string> = new Map();

  constructor(
    private readonly definition: Definition,
    private readonly key: string,
  ) {}

  /** Goes on from a snapshot whose value is what is stored. */
  resume(known: Snapshot): void {
    const { codec, schemaVersion } = this.definition;
    this.head = known.head;
    this.meta = known.meta;
    this.tailBytes = known.tailBytes;
    this.startVersion = known.startVersion;
    this.schema = schemaVersion;
    if (known.value === ABSENT) return;
    this.document = documentOf(codec, known.value, known.traits);
    this.plain = (known.traits & TAGGED) === 0;
    this.warm = known;
  }

  /** Forgets everything: what comes now is whole. */
  anew(): void {
    this.restart();
    this.head = null;
  }

  restart(): void {
    this.document = ABSENT;
    this.replay = new Replay();
    this.plain = false;
    this.warm = undefined;
    this.tailBytes = 0;
    this.folding = undefined;
    this.folded = false;
    this.patched = false;
  }

  /** What was built so far belongs to somebody: from here on it is copied before it is changed. */
  keepEarlier(): void {
    this.replay = new Replay();
    this.warm = undefined;
  }

  /** @returns false where the checkpoint that the tail starts from cannot be used, and nothing was taken */
  take(tail: LogTail): boolean {
    const start = tail.checkpoint ?? tail.base;
    if (start !== undefined) {
      this.assertDeleted(start, tail.head);
      const document = start.data === null ? ABSENT : this.beginning(start, tail.checkpoint !== undefined);
      if (document === UNUSABLE) return false;
      this.restart();
      this.document = document;
      this.head = { version: start.version, id: start.id, at: start.at, deleted: start.data === null };
      this.meta = start.meta;
      this.schema = start.schema ?? 1;
      this.startVersion = start.version;
      this.folded =
        this.definition.events !== undefined && tail.checkpoint !== undefined && document !== ABSENT;
    }
    for (const record of tail.records) this.record(record);
    return true;
  }

  /** What events lead to can be made again: a snapshot of another fold is, and one that is damaged. */
  private beginning(start: Checkpoint, isCheckpoint: boolean): Json | typeof UNUSABLE {
    const { events, schemaVersion, wrapping } = this.definition;
    if (events === undefined || !isCheckpoint) return this.payload(start as Whole, 'checkpoint');
    if ((start.schema ?? 1) !== schemaVersion || !wrapping.isSummed(start)) return UNUSABLE;
    try {
      return this.payload(start as Whole, 'checkpoint');
    } catch (error) {
      if (error instanceof StateCorruptionError) return UNUSABLE;
      throw error;
    }
  }

  /** A starting point that holds nothing authenticates nothing either: it goes only with a head that is deleted. */
  private assertDeleted({ data, version }: Checkpoint, head: Head | null): void {
    if (data !== null || head?.version !== version || head.deleted) return;
    if (this.definition.wrapping.authenticates)
      throw this.corrupt(`version ${version} is live, but kept as deleted`);
  }

  record(record: LogRecord): void {
    const last = this.head?.version ?? 0;
    // A whole state needs nothing before it: a log may be read from there.
    const begins = this.head === null && (record.kind === 'set' || record.kind === 'tombstone');
    if (record.version !== last + 1 && !begins)
      throw this.corrupt(`version ${record.version} follows version ${last}`);
    const before = this.head?.id;
    this.head = headOf(record);
    this.meta = record.meta;
    switch (record.kind) {
      case 'set':
      case 'tombstone':
        this.restart();
        this.document = record.kind === 'set' ? this.payload(record, 'set') : ABSENT;
        this.schema = record.schema ?? 1;
        this.startVersion = record.version;
        return;
      case 'patch':
        this.patch(record, before);
        return;
      case 'event':
        this.event(record);
        return;
      default:
        throw this.corrupt(`record ${record.version} is of an unknown kind`);
    }
  }

  private event(record: LogRecord): void {
    const { events, wrapping } = this.definition;
    if (events === undefined) {
      wrapping.assertNoEvent(this.key, record);
      throw holdsEvents(this.key);
    }
    this.folding ??= new Folding(this.definition, events, this.key, this.beforeEvents(events));
    const text = this.textOf(record, 'event');
    this.tailBytes += RECORD_OVERHEAD_BYTES + this.folding.take(record, text);
  }

  private beforeEvents(events: EventRules): Folded {
    if (this.document === ABSENT) return begun(this.definition, events, this.key);
    if (this.warm !== undefined && !this.patched) return this.warm;
    const { value, traits } = this.definition.revive(this.document, this.schema, this.key);
    return { value, traits, bytes: -1 };
  }

  private patch(record: LogRecord, before: string | undefined): void {
    const text = this.textOf(record, 'patch', before);
    const ops = this.parsed(record, text) as unknown as readonly PatchOp[];
    if (this.document === ABSENT || this.folding !== undefined || !Array.isArray(ops)) {
      throw this.corrupt(`record ${record.version} is a patch of nothing`);
    }
    if ((record.schema ?? 1) !== this.schema) {
      throw this.corrupt(`record ${record.version} patches a state of another schema version`);
    }
    if (this.plain && !this.isPlain(ops, text)) this.plain = false;
    this.document = this.replay.apply(this.document, ops);
    this.patched = true;
    this.tailBytes += RECORD_OVERHEAD_BYTES + (text === undefined ? weightOf(ops) : text.length);
  }

  /** Whether a patch brings no tag into the document. A text without `"$` and `/$` cannot. */
  private isPlain(ops: readonly PatchOp[], text: string | undefined): boolean {
    if (text !== undefined) return !text.includes('"$') && !text.includes('/$');
    return ops.every(
      (op) =>
        !op.path.includes('/$') && (!('value' in op) || this.definition.codec.decode(op.value).traits === 0),
    );
  }

  private payload(whole: Whole, kind: 'set' | 'checkpoint'): Json {
    return this.parsed(whole, this.textOf(whole, kind));
  }

  /** Asked for once: a backend may make the text anew each time. Undefined: the document is there as a value. */
  private textOf(given: Whole, kind: LogRecord['kind'] | 'checkpoint', before?: string): string | undefined {
    const { codec, wrapping } = this.definition;
    return wrapping.textOf(this.key, given, kind, before, codec.maxBytes);
  }

  private parsed(given: Whole, text: string | undefined): Json {
    if (text === undefined) {
      this.referring ||= this.definition.wrapping.blobs !== undefined;
      return given.document as Json;
    }
    this.referring ||= text.includes('"$blob"') && BLOB_KEY.test(text);
    return this.definition.codec.parse(text, { key: this.key });
  }

  /** Gets what the document refers to. Undefined where there is nothing to wait for. */
  fetchBlobs(): Promise<void> | undefined {
    const { definition, document, key } = this;
    if (!this.referring || document === ABSENT) return undefined;
    const { codec, wrapping } = definition;
    if (wrapping.blobs === undefined) {
      throw new UnsupportedError(
        `The state "${key}" refers to blobs. Give the agent the \`blobs\` that it was written with.`,
        { key },
      );
    }
    return wrapping.blobs.fetch(document, this.blobs, codec.maxBytes, key).then((blobs) => {
      this.blobs = blobs;
    });
  }

  /** The document with everything in it. */
  private whole(document: Json): Json {
    return this.referring ? withBlobs(document, this.blobs) : document;
  }

  stored(): Stored | undefined {
    const { document, head, schema } = this;
    return head === null ? undefined : { head, schema, document: document === ABSENT ? undefined : document };
  }

  finish(): Snapshot {
    const { head, meta, tailBytes, startVersion } = this;
    const shape = { head, meta, tailBytes, startVersion, bytes: -1 };
    if (this.folding !== undefined)
      return { ...shape, ...this.folding.settle(), asStored: false, folded: true };
    if (this.document === ABSENT) return { ...shape, bytes: 0, value: ABSENT, traits: 0, asStored: true };
    if (this.warm !== undefined && this.plain && this.definition.schema === undefined) {
      return { ...shape, value: this.document, traits: this.warm.traits, asStored: true };
    }
    const held = this.definition.revive(this.whole(this.document), this.schema, this.key);
    const { value, traits } = held;
    if (this.folded) return { ...shape, value, traits, asStored: false, folded: true };
    return { ...shape, value, traits, asStored: held.asStored };
  }

  /** The same, but decoded, migrated and checked only when somebody looks at the value. */
  later(): Snapshot {
    const { definition, document, head, key, meta, schema, startVersion, tailBytes } = this;
    if (document === ABSENT || this.folding !== undefined || this.folded) return this.finish();
    const whole = this.whole(document);
    let held: Held | undefined;
    const revived = (): Held => {
      held ??= definition.revive(whole, schema, key);
      return held;
    };
    return {
      head,
      meta,
      tailBytes,
      startVersion,
      bytes: -1,
      get value() {
        return revived().value;
      },
      get traits() {
        return revived().traits;
      },
      get asStored() {
        return revived().asStored;
      },
    };
  }

  private corrupt(what: string): StateCorruptionError {
    return new StateCorruptionError(
      `The log of "${this.key}" is damaged: ${what}. Its records were left as they are.`,
      {
        key: this.key,
      },
    );
  }
}

/** A record, or a checkpoint of a live state. */
type Whole = Omit<LogRecord, 'kind'>;

/** A version as the log holds it. */
export interface Stored {
  readonly head: Head;
  /** The schema version that it was written under. */
  readonly schema: number;
  /** Undefined: deleted. */
  readonly document: Json | undefined;
}

/** A walk along a log: one snapshot after the other, each as whole as if it had been loaded. */
export interface Walk {
  readonly snapshot: Snapshot;
  /** The snapshot after one more record; a promise only where there are blobs to wait for. */
  advance(record: LogRecord): Snapshot | Promise<Snapshot>;
}

function weightOf(ops: readonly PatchOp[]): number {
  let bytes = 0;
  for (const op of ops) bytes += op.path.length + ('value' in op ? jsonBytes(op.value) : 0) + 32;
  return bytes;
}

/** The encoded length of a snapshot's value, measured when it is first needed. */
export function bytesOf(snapshot: Snapshot, definition: Definition): number {
  if (snapshot.bytes >= 0) return snapshot.bytes;
  return jsonBytes(documentOf(definition.codec, snapshot.value, snapshot.traits));
}

/** What events lead to only those know who fold them: whoever passed them over would write over what they stand for. */
export function holdsEvents(key: string): UnsupportedError {
  return new UnsupportedError(
    `"${key}" holds events, and this agent does not know what they lead to. Open it with the definition of its stream: new ` +
      'StreamAgent(store, key, definition). Nothing was written.',
    { key },
  );
}

/** A version that is not kept any more, said in one way everywhere. */
export function compacted(key: string, version: Version, floor: Version): LogCompactedError {
  return new LogCompactedError(
    `Version ${version} of "${key}" is no longer kept: the oldest is ${floor}. Keep more with \`retain\`.`,
    { key, floor },
  );
}
