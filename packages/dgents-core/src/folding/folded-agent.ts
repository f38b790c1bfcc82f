/**
 * An agent whose state is made of events: what classes such as an event stream extend. Appends go the way of all writes:
 * they are queued, combined, compared, sent again and looked for as updates are.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Head, LogRecord, LogTail, Meta, RangeOptions, Version } from '../backend.js';
import { jsonBytes } from '../codec/measure.js';
import type { CallOptions, SaveOptions } from '../data-agent.js';
import { EventFoldError, LogCompactedError, StateExpiredError } from '../errors.js';
import { checkKey } from '../keys.js';
import { told, toldEach } from '../observe/operations.js';
import { type AgentOptions, StateAgent } from '../state/agent.js';
import { checkMeta } from '../state/arguments.js';
import { type Call, remainingMs } from '../state/deadlines.js';
import { Definition, type EventOptions } from '../state/definition.js';
import { type Change, documentOf } from '../state/diff.js';
import { endedBy } from '../state/ended-by.js';
import { begun, type EventRules, eventOf, type Folded, taken } from '../state/events.js';
import { checkpointOf } from '../state/housekeeping.js';
import {
  type Comparison,
  comparisonOf,
  Operation,
  type OperationRequest,
  type Produced,
} from '../state/operation.js';
import { planOne } from '../state/plan.js';
import { settleRepeats } from '../state/repeats.js';
import { ABSENT, bytesOf, compacted, headOf, type Snapshot, sameHead } from '../state/replica.js';
import { regression } from '../state/sight.js';
import { type Part, present } from '../state/transact.js';
import { Bell, follow, pollMsOf } from '../state/watch.js';
import type { Store } from '../store.js';
import { type Compaction, compactLog, type Stretch } from './compaction.js';
import { AppendRepeats, type Draft } from './repeats.js';

/** What a state that is made of events is opened with. */
export interface FoldedOptions<S>
  extends Pick<
    AgentOptions<S>,
    'codec' | 'transforms' | 'migrations' | 'timeoutMs' | 'retain' | 'requireDurability' | 'ttlMs'
  > {
  /** Of the fold and of the state that it makes; 1 unless told. */
  readonly foldVersion?: number | undefined;
  /** Whether a load of what was never written rejects, instead of giving the state before the first event. */
  readonly mustExist?: boolean | undefined;
  /** Of the events: checked before one is stored. */
  readonly eventSchema?: StandardSchemaV1 | undefined;
}

/** An event to be stored: what it holds, and under which version of its type. */
export interface GivenEvent {
  readonly event: unknown;
  readonly schema: number;
  readonly meta?: Meta | undefined;
}

export interface AppendOptions extends CallOptions {
  /** As of a save; appends compare with nothing unless told. */
  readonly expected?: SaveOptions['expected'];
  readonly operationId?: string | undefined;
  readonly ttlMs?: number;
}

/** What became of an append. */
export interface Appended {
  /** Of the first event; 0 when there was none. */
  readonly first: Version;
  /** Of the last event, and of the stream when the append was made. */
  readonly version: Version;
  /** The newest record when it was made. Null: there was none, and nothing was appended. */
  readonly head: Head | null;
  /** Whether an append with this message id had been made before, and nothing was stored now. */
  readonly duplicate: boolean;
}

/** An event as it is stored, and where. */
export interface StoredEvent {
  readonly record: LogRecord;
  /** Decoded. Read-only: others may be given it too. */
  readonly event: unknown;
}

export interface EventRange extends CallOptions {
  readonly from?: Version;
  readonly to?: Version;
  readonly reverse?: boolean;
}

/** Told between events: all that there was when it was looked has been given. */
export interface CaughtUp {
  readonly caughtUp: true;
  /** The newest version then; 0 for none. */
  readonly version: Version;
}

type Make = (state: unknown, version: Version) => readonly Draft[];

/** What the engine is told of an append. */
interface Appending {
  readonly repeats: AppendRepeats;
  readonly produce: (base: Snapshot) => Produced;
  readonly finish: (result: Snapshot) => Appended;
}

/** What a stream is to get in a commit over several: events that are known, or that follow from its state. */
export interface TogetherAppend {
  readonly events?: readonly unknown[];
  readonly decide?: (state: unknown, version: Version) => readonly unknown[];
  readonly expected?: SaveOptions['expected'];
  readonly meta?: Meta | undefined;
}

/** What became of it; without a part there is nothing to be written. */
export interface PlannedAppend {
  readonly appended: Appended;
  readonly part?: Part;
}

/** How many records are looked through before giving way to others. */
const PAGE = 512;

export abstract class FoldedAgent<S> extends StateAgent<S> {
  private readonly rules: EventRules;
  /** What an event has to be. */
  private readonly accepting: Definition;

  /** @throws InvalidKeyError, AgentClosedError */
  constructor(
    store: Store,
    key: string,
    rules: EventRules,
    { foldVersion, mustExist = false, eventSchema, ...options }: FoldedOptions<S> = {},
    { internal = false }: { readonly internal?: boolean } = {},
  ) {
    store.engine.assertOpen();
    if (!internal) checkKey(key, store.engine.port.limits);
    const opening: AgentOptions<S> & EventOptions = {
      ...options,
      ...(foldVersion === undefined ? {} : { schemaVersion: foldVersion }),
      ...(mustExist ? {} : { initial: () => rules.initial() as S }),
      events: rules,
    };
    super(store.engine, key, opening);
    this.rules = rules;
    const { codec } = this.cell.definition;
    const nameOf = (event: unknown): string => `event "${(event as { readonly type?: unknown }).type}"`;
    const schema = eventSchema === undefined ? {} : { schema: eventSchema };
    this.accepting = new Definition({ codec, nameOf, ...schema });
    store.adopt(this);
  }

  /** How an event is stored. @throws TypeError for what is none */
  protected abstract given(event: unknown): GivenEvent;

  // ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Appends events that are known now. */
  protected appendAll(
    events: readonly unknown[],
    options: AppendOptions & { readonly meta?: Meta | undefined } = {},
  ): Promise<Appended> {
    return told('append', this.engine, this.key, async (event) => {
      const { meta, ...rest } = options;
      const drafts = this.drafts(events, meta);
      return this.store(() => drafts, { ...rest, drafts }, event);
    });
  }

  /** Appends events that follow from the state; asked again whenever somebody else was first. */
  protected appendDecided(
    decide: (state: unknown, version: Version) => readonly unknown[],
    options: AppendOptions & { readonly meta?: Meta | undefined } = {},
  ): Promise<Appended> {
    return told('decide', this.engine, this.key, async (event) => {
      const { meta, ...rest } = options;
      const make = (state: unknown, version: Version): readonly Draft[] =>
        this.drafts(decide(state, version), meta);
      return this.store(make, { ...rest, drafts: undefined }, event);
    });
  }

  private store(
    make: Make,
    { drafts, operationId, ...options }: AppendOptions & { readonly drafts: readonly Draft[] | undefined },
    event: Parameters<StateAgent<S>['write']>[4],
  ): Promise<Appended> {
    const { produce, repeats, finish } = this.appending(make, drafts, operationId);
    const writing = operationId === undefined ? options : { ...options, operationId };
    return this.write('append', produce, writing, finish, event, repeats);
  }

  private appending(
    make: Make,
    drafts: readonly Draft[] | undefined,
    operationId: string | undefined,
  ): Appending {
    const repeats = new AppendRepeats(this.cell, operationId ?? '', drafts, (record, draft) =>
      this.isSame(record, draft),
    );
    return {
      repeats,
      produce: (base) => {
        const version = (base.head?.version ?? 0) + 1;
        const produced = this.produce(base, version, make);
        repeats.first = produced.kind === 'none' ? 0 : version;
        // Whoever it was to repeat may have given up since.
        repeats.duplicate = false;
        return produced;
      },
      finish: ({ head }) => ({
        first: repeats.first,
        version: head?.version ?? 0,
        head,
        duplicate: repeats.duplicate,
      }),
    };
  }

  /**
   * @internal An append as a part of a commit over several logs, planned in the state as it is now. With an `operationId`
   * that was used before it is a duplicate, and no part.
   */
  async planAppend(
    { events, decide, expected, meta }: TogetherAppend,
    {
      id,
      operationId,
      call,
    }: { readonly id: string; readonly operationId: string | undefined; readonly call: Call },
  ): Promise<PlannedAppend> {
    const { cell, engine, key } = this;
    const participant = this.participate(engine, call);
    participant.admit();
    await present(engine, participant, call);
    const drafts = events === undefined ? undefined : this.drafts(events, meta);
    const make: Make =
      drafts === undefined
        ? (state, version) => this.drafts(decide?.(state, version) ?? [], meta)
        : () => drafts;
    const { produce, repeats, finish } = this.appending(make, drafts, operationId);
    const compare: Comparison =
      expected === undefined ? { kind: 'any' } : comparisonOf(expected, 'expectedVersion');
    const request: OperationRequest = {
      ...{ key, id: operationId ?? id, repeatable: operationId !== undefined, compare, otherwise: compare },
      ...{ pinned: expected !== undefined, blind: false, meta: undefined },
      ...{ ttlMs: this.options.ttlMs, retain: this.options.retain },
      ...{ weigh: undefined, produce, repeats, writer: undefined, observed: undefined },
    };
    const operation = new Operation<Appended>(
      request,
      { ...call, signal: undefined },
      engine.deadlines,
      finish,
    );
    try {
      let looked = await settleRepeats(cell, [operation], call);
      while (looked !== undefined && !sameHead(looked, cell.snapshot.head))
        looked = await settleRepeats(cell, [operation], call);
      if (!operation.pending) return { appended: await operation.done };
      const plan = planOne(cell, operation);
      const appended = finish(plan.last);
      if (plan.records.length === 0) return { appended };
      return { appended, part: { cell, plan, see: participant.see } };
    } finally {
      operation.discard();
    }
  }

  private produce(
    base: Snapshot,
    version: Version,
    make: (state: unknown, version: Version) => readonly Draft[],
  ): Produced {
    const { cell, key, rules } = this;
    const { codec } = cell.definition;
    const before = this.before(base);
    let state: unknown = codec.freeze(before.value);
    const events = make(state, version - 1);
    if (events.length === 0) return { kind: 'none' };
    events.forEach(({ event, schema }, index) => {
      state = rules.apply(state, event, { version: version + index, schema });
    });
    return { kind: 'events', events, after: taken(codec, before, state, key) };
  }

  private before(base: Snapshot): Folded {
    const { definition } = this.cell;
    if (base.value === ABSENT) return begun(definition, this.rules, this.key);
    return { value: base.value, traits: base.traits, bytes: bytesOf(base, definition) };
  }

  /** Where the definition says which events lead from state to state, those are written. */
  protected override produced(base: Snapshot, change: Change): Produced {
    const { diff } = this.rules;
    if (diff === undefined) return super.produced(base, change);
    const { codec } = this.cell.definition;
    const version = (base.head?.version ?? 0) + 1;
    const make = (state: unknown): readonly Draft[] =>
      this.drafts(diff(state, codec.freeze(change.next)), undefined);
    const made = this.produce(base, version, make);
    const after = made.kind === 'events' ? made.after.value : this.before(base).value;
    if (codec.equal(after, change.next)) return made;
    throw new EventFoldError(
      `The events that \`diff\` gives for "${this.key}" do not lead to the state that was to be saved. Nothing was stored.`,
      { key: this.key, version, type: 'diff' },
    );
  }

  private drafts(events: readonly unknown[], meta: Meta | undefined): readonly Draft[] {
    // Not `map`: what a list leaves out is no event either.
    return Array.from(events, (event) => this.draft({ ...this.given(event), meta }));
  }

  /** A private, checked copy of an event. @throws StateSerializationError, StateValidationError, StateTooLargeError */
  private draft({ event, schema, meta }: GivenEvent): Draft {
    const { codec } = this.cell.definition;
    const { value, traits } = this.accepting.accept(event, this.key);
    const document = documentOf(codec, value, traits);
    const bytes = jsonBytes(document);
    const isPlain = document === value;
    return { event: codec.freeze(value), document, schema, meta: checkMeta(meta), bytes, isPlain };
  }

  /** Whether what is stored is what was given, whatever versions their types were written under. */
  private isSame(record: LogRecord, draft: Draft): boolean {
    const stored = this.rules.current(this.eventIn(record), record);
    return stored !== null && this.cell.definition.codec.equal(stored, draft.event);
  }

  // ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** The state before the first event: the caller's own. */
  protected async beginning(options?: CallOptions): Promise<S> {
    await this.prepare(this.begin(options));
    return begun(this.cell.definition, this.rules, this.key).value as S;
  }

  /** An event from its record: decoded, and read-only. */
  protected eventIn(record: LogRecord): unknown {
    const { definition, key } = this.cell;
    const { codec, wrapping } = definition;
    const text = wrapping.textOf(key, record, 'event', undefined, codec.maxBytes);
    return text === undefined ? definition.eventIn(record, key) : eventOf(codec, text, key);
  }

  /**
   * The events kept, oldest first, as they were stored.
   * @throws LogCompactedError when `from` is no longer kept, or what comes next was trimmed away meanwhile
   */
  protected storedEvents(options: EventRange = {}): AsyncGenerator<StoredEvent, void, undefined> {
    return toldEach('events', this.engine, this.key, this.walkEvents(options));
  }

  private async *walkEvents({
    from,
    to,
    reverse = false,
    ...options
  }: EventRange): AsyncGenerator<StoredEvent, void, undefined> {
    if (from !== undefined) assertVersion(from, 'from');
    const call = this.begin(options);
    await this.prepare(call);
    const { head, floor } = await this.ends(call);
    if (head === null) return;
    const oldest = floor > 1 ? floor + 1 : 1;
    if (from !== undefined && from < oldest && from <= (to ?? Infinity))
      throw compacted(this.key, from, floor);
    const first = Math.max(from ?? 1, oldest);
    const last = Math.min(to ?? Infinity, head.version);
    let [begin, end] = [first, last];
    while (begin <= end) {
      const page = reverse
        ? { from: Math.max(begin, end - PAGE + 1), to: end, reverse }
        : { from: begin, to: Math.min(end, begin + PAGE - 1) };
      const records = await this.page(page, this.begin(options));
      if (records.length === 0) throw gone(this.key, reverse ? end : begin);
      for (const record of records) {
        if (reverse) end = record.version - 1;
        else begin = record.version + 1;
        if (record.kind === 'event') yield { record, event: this.eventIn(record) };
      }
    }
  }

  /** Records side by side, all of them. @throws LogCompactedError for what is gone */
  private page(range: RangeOptions & { from: Version; to: Version }, call: Call): Promise<LogRecord[]> {
    return this.within(this.readPage({ ...range, timeoutMs: remainingMs(call) }), call);
  }

  private async readPage(range: RangeOptions & { from: Version; to: Version }): Promise<LogRecord[]> {
    const { backend } = this.engine;
    const records: LogRecord[] = [];
    const step = range.reverse === true ? -1 : 1;
    let next = range.reverse === true ? range.to : range.from;
    for await (const record of backend.range(this.key, range)) {
      if (record.version !== next) throw compacted(this.key, next, record.version - 1);
      next += step;
      records.push(record);
    }
    if (records.length === range.to - range.from + 1) return records;
    const { floor } = await backend.read(this.key, { limit: 1, timeoutMs: range.timeoutMs ?? Infinity });
    if (floor > 1 && range.from <= floor) throw compacted(this.key, range.from, floor);
    return records;
  }

  private ends(call: Call): Promise<LogTail> {
    return this.within(this.engine.backend.read(this.key, { limit: 1, timeoutMs: remainingMs(call) }), call);
  }

  /**
   * The events from a version on, as `shown` gives them (undefined: left out), then new ones as they come; in between, word
   * that all there was has been given. Ends when `signal` aborts or the agent is closed; its `return` waits for nothing.
   * @throws RangeError for a `from` that is no version
   */
  protected followEvents<T>(
    from: Version,
    options: { readonly signal?: AbortSignal | undefined; readonly pollMs?: number | undefined },
    shown: (stored: StoredEvent) => T | undefined,
  ): AsyncGenerator<T | CaughtUp, void, undefined> {
    assertVersion(from, 'from');
    const ending = new AbortController();
    return endedBy(this.chase(from, options, shown, ending), ending);
  }

  private async *chase<T>(
    from: Version,
    { signal, pollMs }: { readonly signal?: AbortSignal | undefined; readonly pollMs?: number | undefined },
    shown: (stored: StoredEvent) => T | undefined,
    ending: AbortController,
  ): AsyncGenerator<T | CaughtUp, void, undefined> {
    const bell = new Bell();
    const end = (): void => {
      ending.abort();
      bell.ring();
    };
    const unclose = this.onClosing(end);
    ending.signal.addEventListener('abort', () => bell.ring(), { once: true });
    signal?.addEventListener('abort', end, { once: true });
    if (signal?.aborted) end();
    const hints = new AbortController();
    try {
      await this.prepare(this.begin(undefined));
      void follow(this.cell, hints.signal, () => bell.ring());
      let next = from;
      let seen: Head | undefined;
      let told = false;
      while (!ending.signal.aborted) {
        const page =
          seen === undefined
            ? await this.page({ from: next, to: next + PAGE - 1 }, this.begin(undefined))
            : await this.following(seen);
        for (const record of page) {
          if (ending.signal.aborted) return;
          next = record.version + 1;
          seen = headOf(record);
          const item = record.kind === 'event' ? shown({ record, event: this.eventIn(record) }) : undefined;
          if (item !== undefined) yield item;
        }
        if (ending.signal.aborted) return;
        if (page.length > 0) told = false;
        else {
          if (!told) yield { caughtUp: true, version: next - 1 };
          told = true;
          await bell.wait(pollMsOf(this.cell, pollMs));
        }
      }
    } finally {
      hints.abort();
      unclose();
      signal?.removeEventListener('abort', end);
    }
  }

  /**
   * What follows a record that was given. Its id is compared: numbers begin anew where a log has expired.
   * @throws LogCompactedError, StateExpiredError, StateRegressionError
   */
  private async following(seen: Head): Promise<readonly LogRecord[]> {
    const { engine, key } = this;
    const call = this.begin(undefined);
    const options = { after: seen, limit: PAGE, timeoutMs: remainingMs(call) };
    const tail = await this.within(engine.backend.read(key, options), call);
    if (tail.since === 'same') return tail.records;
    if (tail.since === 'trimmed') throw compacted(key, seen.version + 1, tail.floor);
    if (!engine.port.ttl) throw regression(key, seen, tail.head);
    throw new StateExpiredError(
      `The stream "${key}" has expired behind version ${seen.version}. What is there now begins anew: subscribe again.`,
      { key },
    );
  }

  // ── Upkeep ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Writes a snapshot of the state as it is now. @returns the version that it is of; 0 where there is no state */
  protected async writeSnapshot(options?: CallOptions): Promise<Version> {
    const call = this.begin(options);
    await this.prepare(call);
    await this.within(this.cell.refresh(call), call);
    const { snapshot } = this.cell;
    if (snapshot.head === null || snapshot.value === ABSENT) return 0;
    const checkpoint = checkpointOf(this.cell, snapshot);
    await this.within(
      this.engine.backend.checkpoint(this.key, checkpoint, { timeoutMs: remainingMs(call) }),
      call,
    );
    return snapshot.head.version;
  }

  /**
   * Makes a version the oldest one kept: its state stays, the events up to it go for good, once `keep` has put them
   * elsewhere. What registered consumers have not done stays.
   */
  protected compactTo(
    before: Version | Date,
    keep?: (stretch: Stretch) => Promise<void>,
    options?: CallOptions,
  ): Promise<Compaction> {
    const compacting = async (): Promise<Compaction> => {
      await this.prepare(this.begin(options));
      return compactLog(this.cell, before, keep, () => this.begin(options));
    };
    return this.engine.accept(compacting());
  }
}

/** A log that ends before it did, without having been trimmed. */
function gone(key: string, version: Version): LogCompactedError {
  return new LogCompactedError(
    `Version ${version} of "${key}" is gone, and so is what follows it: the log expired, or was erased, while it was read.`,
    { key, floor: version },
  );
}

/** @throws RangeError */
function assertVersion(version: Version, name: string): void {
  if (Number.isSafeInteger(version) && version > 0) return;
  throw new RangeError(`\`${name}\` is a version, a whole number from 1 on, not ${String(version)}.`);
}
