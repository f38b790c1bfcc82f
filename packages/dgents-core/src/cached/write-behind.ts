/**
 * Writes that are acknowledged here and stored later.
 *
 * Only a plain save or update can wait. What the store alone can judge or do (an operation id that may have been used, a
 * time to live, a deletion, a write by force) goes to it at once, after all that waits.
 */
import type { Head, Meta, Version } from '../backend.js';
import type {
  CallOptions,
  DataAgent,
  DeleteOptions,
  SaveOptions,
  UpdateOptions,
  Versioned,
} from '../data-agent.js';
import { AgentClosedError, DgentsError } from '../errors.js';
import { checkMeta } from '../state/arguments.js';
import { type Call, Deadlines, monotonicMs, remainingMs, timeoutError } from '../state/deadlines.js';
import { Definition } from '../state/definition.js';
import { checkTimeout } from '../state/engine.js';
import { newOperationId } from '../state/ids.js';
import { comparisonOf } from '../state/operation.js';
import type { Recipe } from '../state/recipe.js';
import { type Snapshot, sameHead } from '../state/replica.js';
import { versionedView } from '../wrapper/views.js';
import { savedWrite, snapshotOf, updatedWrite, type WaitingWrite } from './draft-write.js';
import { Line } from './line.js';
import type { CacheRules } from './options.js';
import { Outbox, type OutboxOwner } from './outbox.js';
import type { Writing } from './write-through.js';

/** What it needs of the cache. */
export interface Reading<S> extends OutboxOwner<S> {
  /** The place that is held, if it is fresh. */
  held(): Versioned<S> | undefined;
  /** Asks the agent inside. The place is private. */
  ask(options: CallOptions): Promise<Versioned<S>>;
}

type AnyOptions = UpdateOptions & SaveOptions & DeleteOptions;

export class WriteBehind<S> implements Writing<S> {
  private readonly outbox: Outbox<S>;
  private readonly line = new Line();
  private readonly deadlines = new Deadlines();
  private readonly definition: Definition;
  /** What the user has seen: saves compare with it. `absent`: nothing, the numbering is not known. */
  private seen: Head | 'absent' | undefined;
  /** Whether what was seen may expire, by a time to live that was given here. */
  private isMortal = false;
  /** What was made of the place that is held, for recipes. */
  private base: { readonly place: Versioned<S>; readonly snapshot: Snapshot } | undefined;
  private isClosing = false;

  constructor(
    private readonly inner: DataAgent<S>,
    private readonly through: Writing<S>,
    private readonly reading: Reading<S>,
    private readonly rules: CacheRules<S>,
  ) {
    this.definition = new Definition({ codec: rules.codec, ...(rules.schema && { schema: rules.schema }) });
    this.outbox = new Outbox(inner, rules, {
      stored: (write, askedAt) => reading.stored(write, askedAt),
      lost: (first) => {
        this.seen = first.after ?? 'absent';
        reading.lost(first);
      },
    });
  }

  /** The newest of what waits. */
  get newest(): Versioned<S> | undefined {
    return this.outbox.newest?.place;
  }

  get size(): number {
    return this.outbox.size;
  }

  private get key(): string {
    return this.rules.key ?? 'state';
  }

  /** @throws AgentClosedError */
  assertOpen(): void {
    if (this.isClosing)
      throw new AgentClosedError(`The cache of "${this.key}" was closed.`, { key: this.key });
  }

  /** Refuses a call once closed; and tells it of a failure, if there is one that no call was told of. */
  enter(): void {
    this.assertOpen();
    this.outbox.tell();
  }

  /** The user was shown this place; nothing, where it is undefined. */
  saw(head: Head | null | undefined): void {
    if (this.size > 0) return;
    if (head === null || head === undefined || head.deleted) this.seen = 'absent';
    else if (!isHead(this.seen) || head.version >= this.seen.version) this.seen = head;
  }

  /** @see CachedAgent.flush */
  async flush(options: CallOptions = {}): Promise<void> {
    const call = callOf(options);
    await this.within(this.line.passed(), call);
    await this.within(this.outbox.flush(), call);
  }

  /** Once what waits has been stored, or could not be. */
  async settle(options: { readonly signal?: AbortSignal | undefined }): Promise<void> {
    await this.flush({ ...(options.signal && { signal: options.signal }) }).catch(() => undefined);
  }

  // ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────

  save(state: S, options: SaveOptions = {}): Promise<Version> {
    return this.accept(options, () => {
      if (state === undefined) throw new TypeError('`undefined` is not a state; use null, or delete().');
      const own = this.definition.accept(state, this.key);
      const meta = checkMeta(options.meta);
      const put = (after: Head | null): Version =>
        this.put(savedWrite<S>(this.definition, after, own, meta, this.key)).head.version;
      if (mayWait(options) && !this.isMortal) {
        const after = this.outbox.newest?.head ?? (isHead(this.seen) ? this.seen : undefined);
        if (after !== undefined && this.isFree && isMet(options, after)) return put(after);
      }
      return this.inTurn(options, async (call) => {
        if (mayWait(options) && !this.isMortal) {
          const after = await this.lookForHead(call);
          if (after !== undefined && isMet(options, after)) {
            await this.within(this.outbox.room(), call);
            return put(after);
          }
        }
        return this.sendThrough(options, meta, call, (given) => this.saveThrough(own.value as S, given));
      });
    });
  }

  update(change: (draft: S) => S | void, options: UpdateOptions = {}): Promise<Versioned<S>> {
    // Refused inside, by the same rules as everywhere.
    if (typeof change !== 'function') return this.through.update(change, options);
    return this.accept(options, () => {
      const meta = checkMeta(options.meta);
      const put = (base: Snapshot): Versioned<S> => {
        const write = updatedWrite<S>(this.definition, base, change as Recipe, meta, this.key);
        const { place } = this.put(write);
        return versionedView(place, () => this.rules.codec.clone(place.state));
      };
      if (mayWait(options) && !this.isMortal) {
        const base = this.isFree ? this.baseAtHand() : undefined;
        if (base !== undefined && isMet(options, base.head)) return put(base);
      }
      return this.inTurn(options, async (call) => {
        if (mayWait(options) && !this.isMortal) {
          await this.within(this.outbox.room(), call);
          const base = this.baseAtHand() ?? this.baseOf(await this.reading.ask(leftOf(call)));
          if (base !== undefined && isMet(options, base.head)) return put(base);
        }
        return this.sendThrough(options, meta, call, async (given) => {
          const result = await this.through.update(change, given);
          this.wrote(result.head ?? 'absent', options);
          return result;
        });
      });
    });
  }

  delete(options: DeleteOptions = {}): Promise<boolean> {
    return this.accept(options, () => {
      const meta = checkMeta(options.meta);
      return this.inTurn(options, (call) =>
        this.sendThrough(options, meta, call, async (given) => {
          const had = await this.through.delete({ ...this.comparing(given), ...given });
          this.wrote('absent', {});
          return had;
        }),
      );
    });
  }

  /** Checks a call, and makes a promise of what it gives. */
  private async accept<T>(options: AnyOptions, work: () => T | Promise<T>): Promise<T> {
    this.enter();
    callOf(options).signal?.throwIfAborted();
    return work();
  }

  private get isFree(): boolean {
    return this.line.isEmpty && !this.outbox.isFull;
  }

  private put(write: WaitingWrite<S>): WaitingWrite<S> {
    this.outbox.add(write);
    this.seen = write.head;
    return write;
  }

  /** The head that a save follows; undefined where the agent inside has to judge. */
  private async lookForHead(call: Call): Promise<Head | null | undefined> {
    const newest = this.outbox.newest?.head;
    if (newest !== undefined) return newest;
    if (isHead(this.seen)) return this.seen;
    const found = await this.newestHead(call);
    const isLive = found !== null && !found.deleted;
    return this.seen === 'absent' && isLive ? undefined : found;
  }

  private async newestHead(call: Call): Promise<Head | null> {
    try {
      return (await this.reading.ask(leftOf(call))).head;
    } catch (error) {
      if (DgentsError.is(error, 'DGENTS_STATE_EXPIRED')) this.seen = 'absent';
      if (!DgentsError.is(error, 'DGENTS_STATE_NOT_FOUND')) throw error;
    }
    // After a deletion the numbering goes on, and only a walk shows where it is.
    let head: Head | null = null;
    for await (const item of this.inner.timeline({ ...leftOf(call), frozen: true })) {
      head = item.deleted ? { ...item.head, deleted: true } : item.head;
    }
    return head;
  }

  private baseAtHand(): Snapshot | undefined {
    const waiting = this.outbox.newest?.snapshot;
    if (waiting !== undefined) return waiting;
    const held = this.reading.held();
    return held && this.baseOf(held);
  }

  /** Undefined where the state cannot be copied without the codec of the agent inside. */
  private baseOf(place: Versioned<S>): Snapshot | undefined {
    if (this.base?.place === place) return this.base.snapshot;
    try {
      this.base = { place, snapshot: snapshotOf(this.definition, place) };
      return this.base.snapshot;
    } catch {
      return undefined;
    }
  }

  // ── Going through ────────────────────────────────────────────────────────────────────────────────────────────

  private async sendThrough<T>(
    options: AnyOptions,
    meta: Meta | undefined,
    call: Call,
    send: (given: AnyOptions) => Promise<T>,
  ): Promise<T> {
    await this.within(this.outbox.flush(), call);
    try {
      return await send({ ...options, ...leftOf(call), ...(meta !== undefined && { meta }) });
    } catch (error) {
      if (DgentsError.is(error, 'DGENTS_STATE_EXPIRED')) this.seen = 'absent';
      throw error;
    }
  }

  private async saveThrough(state: S, given: SaveOptions): Promise<Version> {
    const { operationId = newOperationId() } = given;
    const version = await this.through.save(state, { ...this.comparing(given), ...given, operationId });
    this.wrote({ version, id: operationId, at: Date.now(), deleted: false }, given);
    return version;
  }

  /** What was read for a recipe alone the user has not seen: what a save compares with is said. */
  private comparing(options: SaveOptions): Pick<SaveOptions, 'expected'> {
    if (options.expected !== undefined || this.seen === undefined) return {};
    return { expected: isHead(this.seen) ? this.seen : 0 };
  }

  private wrote(head: Head | 'absent', { ttlMs }: AnyOptions): void {
    this.isMortal = ttlMs !== undefined;
    if (isHead(head) && isHead(this.seen) && head.version < this.seen.version) return;
    this.seen = head;
  }

  // ── Waiting ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Does it when all that was called before is done. */
  private async inTurn<T>(options: AnyOptions, work: (call: Call) => Promise<T>): Promise<T> {
    const call = callOf(options);
    const turn = this.line.enter();
    let leave: () => void;
    try {
      leave = await this.within(turn, call);
    } catch (error) {
      turn.then((leave) => leave());
      throw error;
    }
    try {
      return await work(call);
    } finally {
      leave();
    }
  }

  private within<T>(promise: Promise<T>, call: Call): Promise<T> {
    if (call.deadline <= monotonicMs()) {
      promise.catch(() => undefined);
      return Promise.reject(timeoutError(call, 'The call', this.rules.key));
    }
    return this.deadlines.within(promise, call, 'The call', this.rules.key);
  }

  /** Refuses calls from now on, and sends what waits. @throws LostWritesError */
  async close(): Promise<void> {
    this.isClosing = true;
    await this.line.passed();
    await this.outbox.close();
  }
}

function isHead(seen: Head | 'absent' | undefined): seen is Head {
  return typeof seen === 'object';
}

/** Whether there is nothing about it that only the store can judge or do. */
function mayWait({ expected, meta: _, timeoutMs: __, signal: ___, ...others }: AnyOptions): boolean {
  if (expected !== undefined && !['head', 'version'].includes(comparisonOf(expected).kind)) return false;
  return Object.values(others).every((value) => value === undefined);
}

/** Whether what is expected is what it follows. */
function isMet({ expected }: SaveOptions, after: Head | null): boolean {
  if (expected === undefined) return true;
  const wanted = comparisonOf(expected);
  if (wanted.kind === 'version') return wanted.version === after?.version;
  return wanted.kind === 'head' && sameHead(wanted.head, after);
}

/** @throws TypeError, RangeError */
function callOf({ timeoutMs: given, signal }: CallOptions): Call {
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(
      '`signal` is an AbortSignal: new AbortController().signal, or AbortSignal.timeout(ms).',
    );
  }
  if (given === undefined) return { deadline: Infinity, timeoutMs: Infinity, signal };
  const timeoutMs = checkTimeout(given);
  return { deadline: monotonicMs() + timeoutMs, timeoutMs, signal };
}

function leftOf(call: Call): CallOptions {
  return {
    ...(call.deadline !== Infinity && { timeoutMs: remainingMs(call) }),
    ...(call.signal && { signal: call.signal }),
  };
}
