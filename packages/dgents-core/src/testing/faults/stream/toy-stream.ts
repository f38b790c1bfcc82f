/** A small honest stream of events, to be spoiled: texts in the memory of a room, which all handles of a place share. */
import { Codec } from '../../../codec/codec.js';
import { AgentClosedError, MessageIdReusedError, StateConflictError } from '../../../errors.js';
import type {
  EventStream,
  EventStreamSettings,
  StreamAppendOptions,
  StreamAppendResult,
  StreamCaughtUp,
  StreamEvent,
  StreamRecorded,
  StreamTryResult,
} from '../../stream-subject.js';

/** An event as it is kept. */
export interface Kept {
  readonly text: string;
  readonly messageId: string | undefined;
  /** What else was said of it, as JSON. */
  readonly meta: string;
}

/** What is to be appended, taken at the call. */
export interface Taken {
  readonly texts: readonly string[];
  readonly options: StreamAppendOptions;
  readonly meta: string;
}

export interface Snapshot {
  readonly version: number;
  readonly foldVersion: number;
  readonly text: string;
  readonly sum: number;
}

export class ToyRoom {
  readonly logs = new Map<string, Kept[]>();
  readonly snapshots = new Map<string, Snapshot>();
  /** Those who wait for something to be appended, wherever. */
  waiting: (() => void)[] = [];
  open = 0;
  /** How often the last handle was closed. */
  ends = 0;

  wake(): void {
    for (const wake of this.waiting.splice(0)) wake();
  }
}

const codec = new Codec();

export class ToyStream implements EventStream {
  protected isClosed = false;
  private readonly pending = new Set<Promise<unknown>>();

  constructor(
    protected readonly room: ToyRoom,
    protected readonly settings: EventStreamSettings,
  ) {
    room.open += 1;
  }

  protected get key(): string {
    return this.settings.key;
  }

  protected get log(): Kept[] {
    const log = this.room.logs.get(this.key) ?? [];
    this.room.logs.set(this.key, log);
    return log;
  }

  // ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────

  append(
    events: StreamEvent | readonly StreamEvent[],
    options: StreamAppendOptions = {},
  ): Promise<StreamAppendResult> {
    return this.accepted(async () => {
      const taken = this.take(Array.isArray(events) ? events : [events], options);
      await turn();
      return this.commit(taken);
    });
  }

  async tryAppend(
    events: StreamEvent | readonly StreamEvent[],
    options: StreamAppendOptions = {},
  ): Promise<StreamTryResult> {
    try {
      return { ok: true, ...(await this.append(events, options)) };
    } catch (error) {
      if (!(error instanceof StateConflictError)) throw error;
      return { ok: false, actual: error.actual };
    }
  }

  decide(command: unknown, options: StreamAppendOptions = {}): Promise<StreamAppendResult> {
    return this.accepted(async () => {
      await turn();
      return this.known(options.messageId) ?? this.decided(command, options);
    });
  }

  protected decided(
    command: unknown,
    options: StreamAppendOptions,
  ): StreamAppendResult | Promise<StreamAppendResult> {
    return this.commit(this.take(this.settings.decide(command, this.stateAt(this.log.length)), options));
  }

  /** A private copy. */
  protected take(events: readonly StreamEvent[], options: StreamAppendOptions): Taken {
    const texts = events.map((event) => {
      if (!this.isEvent(event)) throw new TypeError('an event is an object with a type');
      return codec.stringify(codec.encode(codec.copy(event).value));
    });
    const { expectedVersion: expected } = options;
    if (expected !== undefined && !(Number.isSafeInteger(expected) && expected >= 0)) {
      throw new RangeError('expectedVersion is a version');
    }
    const { correlationId, causationId, metadata } = options;
    return { texts, options: { ...options }, meta: JSON.stringify({ correlationId, causationId, metadata }) };
  }

  protected isEvent(event: unknown): boolean {
    const type: unknown = Object(event).type;
    return typeof event === 'object' && typeof type === 'string' && type !== '';
  }

  /** All at once: nobody comes in between. */
  protected commit(taken: Taken): StreamAppendResult | Promise<StreamAppendResult> {
    const known = this.known(taken.options.messageId);
    if (known !== undefined) return this.repeated(known, taken);
    this.compare(taken.options.expectedVersion);
    return this.store(taken);
  }

  protected store({ texts, options: { messageId }, meta }: Taken): StreamAppendResult {
    const { log } = this;
    this.checkFold(texts);
    log.push(...texts.map((text) => ({ text, messageId, meta })));
    return this.stored(log.length - texts.length + 1);
  }

  /** What follows an append whose first event got this version. */
  protected stored(firstVersion: number): StreamAppendResult {
    const { length } = this.log;
    const { snapshotEvery = Infinity } = this.settings;
    if (length - (this.room.snapshots.get(this.key)?.version ?? 0) >= snapshotEvery)
      this.keepSnapshot(length);
    this.room.wake();
    return { firstVersion, version: length, duplicate: false };
  }

  protected checkFold(texts: readonly string[]): void {
    let state = this.stateAt(this.log.length);
    for (const text of texts) state = this.settings.fold(state, this.eventOf(text));
  }

  /** What was told when this message was stored. */
  protected known(messageId: string | undefined): StreamAppendResult | undefined {
    if (messageId === undefined) return undefined;
    const first = this.log.findIndex((kept) => kept.messageId === messageId);
    if (first < 0) return undefined;
    const last = this.log.findLastIndex((kept) => kept.messageId === messageId);
    return { firstVersion: first + 1, version: last + 1, duplicate: true };
  }

  protected repeated(
    known: StreamAppendResult,
    { texts, options: { messageId = '' } }: Taken,
  ): StreamAppendResult {
    const { firstVersion: version } = known;
    const stored = this.log.slice(version - 1, known.version).map(({ text }) => text);
    if (JSON.stringify(stored) === JSON.stringify(texts)) return known;
    throw new MessageIdReusedError('this id stands for other events', { messageId, version });
  }

  protected compare(expected: number | undefined, actual = this.log.length): void {
    if (expected === undefined || expected === actual) return;
    throw new StateConflictError('the stream ends elsewhere', {
      expected: { version: expected, id: '', at: 0 },
      actual: { version: actual, id: '', at: 0 },
    });
  }

  // ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────

  async load({ at }: { readonly at?: number } = {}): Promise<unknown> {
    this.assertOpen();
    await turn();
    if (at !== undefined && at > this.log.length) throw new RangeError('there is no such version yet');
    return this.stateAt(at ?? this.log.length);
  }

  protected stateAt(version: number): unknown {
    const snapshot = this.room.snapshots.get(this.key);
    const start = snapshot !== undefined && this.isUsable(snapshot, version) ? snapshot : undefined;
    let state = start === undefined ? this.settings.initial() : codec.read(start.text).value;
    for (const { text } of this.log.slice(start?.version ?? 0, version)) {
      state = this.settings.fold(state, this.eventOf(text));
    }
    return state;
  }

  protected isUsable({ version, foldVersion, text, sum }: Snapshot, at: number): boolean {
    return version <= at && foldVersion === this.settings.foldVersion && sum === sumOf(text);
  }

  protected eventOf(text: string): StreamEvent {
    return codec.read(text).value as StreamEvent;
  }

  protected recordedOf({ text, messageId, meta }: Kept, version: number): StreamRecorded {
    return { event: this.eventOf(text), version, messageId, ...(JSON.parse(meta) as object) };
  }

  async *events({
    from = 1,
    to = Infinity,
  }: {
    readonly from?: number;
    readonly to?: number;
  } = {}): AsyncGenerator<StreamRecorded> {
    this.assertOpen();
    await turn();
    const found = this.log.slice(from - 1, to).map((kept, i) => this.recordedOf(kept, from + i));
    yield* found;
  }

  subscribe({
    from = 1,
    signal,
  }: {
    readonly from?: number;
    readonly signal?: AbortSignal;
  } = {}): AsyncIterable<StreamRecorded | StreamCaughtUp> {
    let isOver = signal?.aborted === true;
    const end = (): void => {
      isOver = true;
      this.room.wake();
    };
    signal?.addEventListener('abort', end);
    const generator = this.chase(from, () => isOver || this.isClosed);
    const leave = generator.return.bind(generator);
    generator.return = (value) => {
      end();
      return leave(value);
    };
    return generator;
  }

  protected async *chase(
    from: number,
    isOver: () => boolean,
  ): AsyncGenerator<StreamRecorded | StreamCaughtUp, void> {
    let next = from;
    let told = 0;
    while (!isOver()) {
      const kept = this.log[next - 1];
      if (kept !== undefined) yield this.recordedOf(kept, next++);
      else if (told !== next) {
        told = next;
        yield { caughtUp: true, version: next - 1 };
      } else await this.news();
    }
  }

  protected news(): Promise<void> {
    return new Promise((resolve) => this.room.waiting.push(resolve));
  }

  async snapshot(): Promise<unknown> {
    this.assertOpen();
    return this.keepSnapshot(this.log.length);
  }

  protected keepSnapshot(version: number): number {
    const text = codec.stringify(codec.encode(this.stateAt(version)));
    const { foldVersion } = this.settings;
    if (version > 0) this.room.snapshots.set(this.key, { version, foldVersion, text, sum: sumOf(text) });
    return version;
  }

  // ── Ending ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Does the work, which `close` waits for. */
  protected accepted<T>(work: () => Promise<T>): Promise<T> {
    const done = (async () => {
      this.assertOpen();
      return work();
    })();
    this.pending.add(done);
    const over = (): void => void this.pending.delete(done);
    done.then(over, over);
    return done;
  }

  protected assertOpen(): void {
    if (this.isClosed) throw new AgentClosedError('the stream is closed', { key: this.key });
  }

  async close(): Promise<void> {
    const isFirst = !this.isClosed;
    this.isClosed = true;
    this.room.wake();
    await this.drained();
    if (!isFirst) return;
    this.room.open -= 1;
    if (this.room.open === 0) this.room.ends += 1;
  }

  protected async drained(): Promise<void> {
    await Promise.allSettled(this.pending);
  }
}

/** Others come in between. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function sumOf(text: string): number {
  return [...text].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1_000_003, 7);
}
