/**
 * One log as this process sees it, and the queue of writes to it.
 *
 * Writes that arrive while another one is on its way are evaluated one after the other on a working copy and go out
 * together as one append, each with its own version and operation id. An outcome is told only when the append that
 * it rests on has been confirmed.
 */
import type { Append, Head, LogRecord, LogTail, Version } from '../backend.js';
import { putBlobs } from '../blobs/blob-tags.js';
import {
  DgentsError,
  type HeadSummary,
  StateConflictError,
  StateTooLargeError,
  StorageUnavailableError,
} from '../errors.js';
import { inContextOf, noteSent } from '../observe/operations.js';
import { type CommitEnd, commit } from './commit.js';
import { type Call, ignore, monotonicMs, pause, remainingMs } from './deadlines.js';
import type { Definition } from './definition.js';
import { documentOf } from './diff.js';
import { readerOf } from './end-reader.js';
import type { Engine } from './engine.js';
import { housekeep } from './housekeeping.js';
import type { Operation } from './operation.js';
import { summary } from './operation.js';
import { type Plan, planBatch } from './plan.js';
import { settleRepeats } from './repeats.js';
import { isUnchanged, NOTHING, type Reader, type Snapshot, sameHead } from './replica.js';
import { Milestones } from './retention.js';

/** More writes than this never go into one append: a batch is built without giving way to anything else. */
const MAX_BATCH = 1000;

/** Waiting before an attempt after a conflict, in milliseconds; doubled each time, jittered, none at first. */
const FIRST_BACKOFF_MS = 1;
const LONGEST_BACKOFF_MS = 50;

export class Cell {
  readonly reader: Reader;
  snapshot: Snapshot = NOTHING;
  /** The oldest version kept, as far as known. */
  floor: Version = 0;
  /** When the floor was written, where that is known. */
  floorAt: number | undefined;
  /** Raised each time the log turned out not to continue what was known of it. */
  epoch = 0;
  /** Whether the snapshot was ever read, and nothing since has put it in doubt. */
  known = false;
  readonly milestones = new Milestones();
  /** Set while a checkpoint or trim of this log is being written. */
  busy = false;
  /** Where the newest checkpoint that this process wrote stands: `tailBytes` counts from the same starting point. */
  checkpointed: (Pick<Snapshot, 'startVersion' | 'tailBytes'> & { readonly version: Version }) | undefined;
  /** Version at which to think of retention again. */
  retainAt = 0;
  /** Version at which to look again for what retention has not caught yet. */
  lookForOldAt = 0;
  private queue: Operation[] = [];
  private draining: Promise<void> | undefined;
  private reading: { readonly promise: Promise<void>; readonly until: number } | undefined;
  private queuedRead: { promise: Promise<void>; until: number } | undefined;
  private listeners: Set<() => void> | undefined;

  constructor(
    readonly engine: Engine,
    readonly definition: Definition,
    readonly key: string,
  ) {
    this.reader = readerOf(engine.backend, definition, key);
  }

  // ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Brings the replica up to date with the backend as it is now. Callers share one read, but never one that began
   * before they asked: it might miss what was acknowledged in between.
   */
  refresh(call: Call): Promise<void> {
    const { reading, queuedRead } = this;
    // One whose answer never came must not stand in the way for ever.
    if (reading === undefined || reading.until <= monotonicMs()) return this.startReading(call);
    if (queuedRead !== undefined && queuedRead.until >= call.deadline) return queuedRead.promise;
    const first = this.engine.within(
      reading.promise,
      { ...call, deadline: reading.until, signal: undefined },
      this.key,
    );
    const promise = first.catch(ignore).then(() => {
      if (this.queuedRead?.promise === promise) this.queuedRead = undefined;
      return this.startReading(call);
    });
    this.queuedRead = { promise, until: call.deadline };
    return promise;
  }

  private startReading(call: Call): Promise<void> {
    const promise = this.engine.isReady
      ? this.readTail(call, call.timeoutMs)
      : this.engine.ready(call).then(() => this.readTail(call, remainingMs(call)));
    const end = (): void => {
      if (this.reading === reading) this.reading = undefined;
    };
    const ended = promise.then(end, (error: unknown) => {
      end();
      throw error;
    });
    const reading = { promise: ended, until: call.deadline };
    this.reading = reading;
    return ended;
  }

  private readTail(call: Call, timeoutMs: number): Promise<void> {
    const before = this.snapshot;
    const { head } = before;
    return this.engine.backend
      .read(this.key, { timeoutMs, ...this.reader.part, ...(head === null ? {} : { after: head }) })
      .then((tail) => this.takeTail(before, tail, call));
  }

  /** Takes what a read returned; a promise only where there is more to read. */
  private takeTail(before: Snapshot, tail: LogTail, call: Call): void | Promise<void> {
    if (this.snapshot !== before) {
      // A commit of ours was confirmed meanwhile. If the read saw it too, all is known; otherwise look again.
      return sameHead(this.snapshot.head, tail.head) ? undefined : this.readTail(call, remainingMs(call));
    }
    if (isUnchanged(tail)) {
      this.takePlace(tail);
      if (tail.head === null && before.head !== null) this.advance(NOTHING);
      return undefined;
    }
    return this.reader.apply(before, tail, remainingMs(call)).then((snapshot) => {
      if (this.snapshot !== before) return this.readTail(call, remainingMs(call));
      this.takePlace(tail);
      this.advance(snapshot);
      return undefined;
    });
  }

  private takePlace(tail: LogTail): void {
    this.known = true;
    if (tail.floor !== this.floor || tail.base !== undefined) this.floorAt = tail.base?.at;
    this.floor = tail.floor;
    if (tail.since !== 'diverged') return;
    this.epoch += 1;
    this.milestones.clear();
    this.retainAt = 0;
    this.lookForOldAt = 0;
  }

  /** Takes a newer snapshot and wakes whoever watches. */
  advance(snapshot: Snapshot): void {
    // Whoever reads frozen views will want the next one, and what has changed is known best beside what it was.
    const before = this.snapshot.value;
    if (typeof before === 'object' && before !== null && Object.isFrozen(before)) {
      this.definition.codec.freeze(snapshot.value, before);
    }
    this.snapshot = snapshot;
    if (this.listeners !== undefined) for (const listener of this.listeners) listener();
  }

  /** Calls back after each change of the snapshot, until the returned function is called. */
  onAdvance(listener: () => void): () => void {
    this.listeners ??= new Set();
    this.listeners.add(listener);
    return () => {
      this.listeners?.delete(listener);
      if (this.listeners?.size === 0) this.listeners = undefined;
    };
  }

  // ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Accepts a write. It goes out with the others of this turn, in the order of their calls. */
  enqueue(operation: Operation): void {
    this.queue.push(operation);
    this.draining ??= Promise.resolve().then(() => this.drain());
  }

  private async drain(): Promise<void> {
    try {
      while (this.queue.length > 0) {
        const size = Math.min(MAX_BATCH, this.engine.port.limits.recordsPerAppend);
        const batch = this.queue.splice(0, size).filter((operation) => operation.pending);
        if (batch.length === 0) continue;
        await inContextOf(batch, () => this.write(batch)).catch((error: unknown) => abandon(batch, error));
      }
    } finally {
      this.draining = undefined;
      if (this.queue.length > 0) this.draining = Promise.resolve().then(() => this.drain());
    }
  }

  private async write(batch: readonly Operation[]): Promise<void> {
    let confirmed = false;
    let repeatable = false;
    for (let attempt = 0; ; attempt += 1) {
      const call = latestCall(batch);
      if (call === undefined) return;
      if (attempt > 1) await this.backOff(attempt, call);
      try {
        if (attempt > 0 || !(this.known || this.mayBeNew(batch))) {
          await this.engine.within(this.refresh(call), call, this.key);
          confirmed = true;
        }
        for (const operation of batch) {
          const check = operation.request.writer?.verify();
          if (check !== undefined) await this.verify(operation, check);
          repeatable ||= operation.request.repeatable;
        }
        let looked = repeatable ? await settleRepeats(this, batch, call) : undefined;
        while (looked !== undefined && !sameHead(looked, this.snapshot.head))
          looked = await settleRepeats(this, batch, call);
      } catch (error) {
        // What was found to be written must not be told to have failed: it is looked for again while there is time.
        if (batch.some(({ pending, sentAfter }) => pending && sentAfter !== undefined)) continue;
        for (const operation of batch) operation.fail(error);
        return;
      }
      const plan = planBatch(this, batch);
      if (plan.records.length > 0) {
        const end = await this.send(plan, call, attempt);
        noteSent(plan, end);
        if (this.conclude(plan, end) === 'done') {
          this.queue.unshift(...plan.left);
          return;
        }
        confirmed = false;
      } else if (confirmed || plan.outcomes.length === 0) {
        plan.settle();
        this.queue.unshift(...plan.left);
        return;
      }
      // Refusals rest on what this process last saw; they are told only after looking.
    }
  }

  /**
   * Whether the batch may go out as the beginning of a log that nobody has looked for: most first saves are just that,
   * and the comparison refuses the others.
   */
  private mayBeNew(batch: readonly Operation[]): boolean {
    return this.snapshot === NOTHING && this.epoch === 0 && batch.every(({ request }) => request.blind);
  }

  private send(plan: Plan, call: Call, attempt: number): Promise<CommitEnd> {
    const puts = putBlobs(plan.records);
    return puts === undefined ? this.sendNow(plan, call, attempt) : this.sendAfter(puts, plan, call);
  }

  /** What a record refers to is safe before the record is. */
  private async sendAfter(puts: Promise<void>, plan: Plan, call: Call): Promise<CommitEnd> {
    try {
      await this.engine.within(puts, call, this.key);
    } catch (error) {
      return { kind: 'failed', error };
    }
    // Whoever gave up meanwhile was told that nothing was written: the others are planned without it.
    if (plan.outcomes.some(({ operation, written }) => written && !operation.pending))
      return { kind: 'refused' };
    return this.sendNow(plan, call, 1);
  }

  private sendNow(plan: Plan, call: Call, attempt: number): Promise<CommitEnd> {
    const expected = plan.base.head;
    for (const { operation, written } of plan.outcomes) if (written) operation.sentAfter = expected;
    return commit(this.engine, this.appendOf(plan), call, attempt === 0 ? call.timeoutMs : remainingMs(call));
  }

  /** What a backend is given of a plan. */
  appendOf({ base, records, last, ttlMs }: Plan): Append {
    const { materializes } = this.engine.port;
    if (ttlMs === undefined && !materializes) return { key: this.key, expected: base.head, records };
    return {
      key: this.key,
      expected: base.head,
      records,
      ...(ttlMs === undefined
        ? {}
        : ttlMs !== 'keep'
          ? { ttlMs }
          : base.head === null
            ? {}
            : { keepTtl: true }),
      ...(materializes ? { document: this.documentText(last) } : {}),
    };
  }

  private conclude(plan: Plan, end: CommitEnd): 'done' | 'again' {
    if (end.kind === 'committed') {
      if (end.found && mayBeOthers(plan)) {
        // Whose it is, and what it holds, is settled as for all ids that were used before.
        this.known = false;
        return 'again';
      }
      if (sameHead(this.snapshot.head, plan.base.head)) {
        if (plan.base.head === null) this.floor = 1;
        this.known = true;
        this.advance(withToken(plan.last, end.head.token));
        housekeep(this, plan.retain);
      } else this.known = false;
      plan.settle();
      return 'done';
    }
    this.known = false;
    for (const { operation, written } of plan.outcomes) {
      if (end.kind === 'unknown' && written) {
        operation.unknown('The store did not say what became of the write.', end.error);
        continue;
      }
      operation.sentAfter = undefined;
      if (end.kind !== 'refused') operation.fail(this.notReached(end.error));
    }
    return end.kind === 'refused' ? 'again' : 'done';
  }

  /** Why a write that is not in the append that failed could not be told anything: what it rests on is not known. */
  private notReached(cause: unknown): unknown {
    if (DgentsError.is(cause)) return cause;
    const { backend } = this.engine;
    return new StorageUnavailableError(
      `The ${backend.name} store failed. Nothing was written by this call.`,
      {
        key: this.key,
        cause,
      },
    );
  }

  private documentText(snapshot: Snapshot): string {
    const { codec } = this.definition;
    if (typeof snapshot.value === 'symbol') return 'null';
    return codec.stringify(documentOf(codec, snapshot.value, snapshot.traits));
  }

  private async verify(operation: Operation, check: Promise<void>): Promise<void> {
    try {
      await this.engine.within(check, operation.call, this.key);
    } catch (error) {
      operation.fail(error);
    }
  }

  private backOff(attempt: number, call: Call): Promise<void> {
    const ceiling = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(attempt, 10));
    const left = Math.max(0, call.deadline - monotonicMs());
    return pause(Math.min(left, ceiling * this.engine.random()));
  }

  /** Everything accepted so far, for `close`. */
  get accepted(): Promise<void> {
    return this.draining ?? Promise.resolve();
  }

  /** @throws StateTooLargeError before anything is sent */
  assertFits(kind: LogRecord['kind'], dataBytes: number): void {
    const { recordBytes } = this.engine.port.limits;
    if (dataBytes <= recordBytes) return;
    throw new StateTooLargeError(
      `The ${kind} of "${this.key}" weighs ${dataBytes} bytes; the ${this.engine.backend.name} store takes ${recordBytes}. Nothing was stored.`,
      { bytes: dataBytes, limitBytes: recordBytes, key: this.key },
    );
  }

  /** @throws RangeError before anything is sent */
  assertCount(records: number): void {
    const { recordsPerAppend } = this.engine.port.limits;
    if (records <= recordsPerAppend) return;
    throw new RangeError(
      `${records} events are too many for one append to "${this.key}": the ${this.engine.backend.name} store takes ` +
        `${recordsPerAppend}. Nothing was stored; append them in parts.`,
    );
  }

  conflict(actual: Snapshot, expected: HeadSummary | Head | null): StateConflictError {
    const wanted =
      expected === null ? NO_HEAD : { version: expected.version, id: expected.id, at: expected.at };
    const found = actual.head === null ? NO_HEAD : summary(actual.head);
    const when = found.version === 0 ? '' : ` (${new Date(found.at).toISOString()}, operation ${found.id})`;
    const advice =
      this.definition.events === undefined
        ? 'Load again and decide anew, or use update() without `expected`.'
        : 'Read again and decide anew; decide() and update() of a stream do so by themselves.';
    return new StateConflictError(
      `"${this.key}" is at version ${found.version}${when}, not at ${wanted.version} as expected. ${advice}`,
      { expected: wanted, actual: found, key: this.key },
    );
  }
}

/** Whether somebody else may have appended records with these very ids: all of them were chosen by callers. */
function mayBeOthers({ outcomes }: Plan): boolean {
  return outcomes.every(({ operation, written }) => !written || operation.request.repeatable);
}

/** What nobody foresaw must not keep the others of the queue, nor go on for ever. */
function abandon(batch: readonly Operation[], error: unknown): void {
  for (const operation of batch) {
    if (operation.sentAfter === undefined) operation.fail(error);
    else operation.unknown('It is not known what became of the write.', error);
  }
}

const NO_HEAD: HeadSummary = { version: 0, id: '', at: 0 };

/** The most generous of the calls still waiting; undefined when nobody waits any more. */
function latestCall(batch: readonly Operation[]): Call | undefined {
  let latest: Call | undefined;
  for (const { pending, call } of batch) {
    if (pending && (latest === undefined || call.deadline > latest.deadline)) latest = call;
  }
  // Whoever aborts ends the waiting of one writer, not what is done for all of them.
  return latest?.signal === undefined ? latest : { ...latest, signal: undefined };
}

function withToken(snapshot: Snapshot, token: string | undefined): Snapshot {
  if (token === undefined || snapshot.head === null) return snapshot;
  return { ...snapshot, head: { ...snapshot.head, token } };
}
