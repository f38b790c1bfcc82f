import type { Version } from '../backend.js';
import type {
  CallOptions,
  Capabilities,
  DataAgent,
  DeepReadonly,
  Deleted,
  DeleteOptions,
  LoadOptions,
  SaveOptions,
  TimelineOptions,
  UpdateOptions,
  Versioned,
  WatchOptions,
} from '../data-agent.js';
import { DgentsError } from '../errors.js';
import { ignore } from '../state/deadlines.js';
import { STATE_RULES, type StateRules } from '../state/state-rules.js';
import { ForwardingAgent } from '../wrapper/forwarding-agent.js';
import { eachItem, versionedView } from '../wrapper/views.js';
import { itemsAfter } from './deferred-items.js';
import { Flight } from './flight.js';
import { Follower } from './follower.js';
import { Holder } from './holder.js';
import type { LostWritesError } from './lost-writes-error.js';
import { type CachedAgentOptions, type CacheRules, type CacheStats, rulesOf } from './options.js';
import { Shown } from './shown.js';
import { callOf, leftOf } from './turns.js';
import { type Reading, WriteBehind } from './write-behind.js';
import { WriteThrough, type Writing } from './write-through.js';

type View<S> = Versioned<S | DeepReadonly<S>>;

/**
 * Answers `load` and `read` from memory while what it holds is fresh enough, and asks the agent inside otherwise: once
 * for all who ask meanwhile.
 *
 * **Write-through**, unless told otherwise. The agent inside acknowledges first, and only then is the cache changed, so
 * that it is never ahead: an `update` leaves its result, any other write leaves nothing, and neither does one that
 * failed or is in doubt. The handle compares as it does without a cache: a save after a stale load is a
 * `StateConflictError`, never an overwrite. Durability is that of the agent inside.
 *
 * **Write-behind** (`mode: 'write-behind'`). A save or update is acknowledged at once, with the version that it will
 * have, and stored within `flushMs`, together with all others that wait by then. `capabilities` say so: durability
 * `none`, conflicts `deferred`. Each write that was acknowledged is stored exactly as it was, or told to be lost with a
 * {@link LostWritesError}: to `onError`, and to the next call, which does nothing else then. What waits is in this
 * process alone: it is gone when that is killed or calls `process.exit`.
 *
 * States are copied out, as from any agent. Earlier states, the timeline and watches are not held. Let nobody use the
 * agent inside by itself: what it is shown, a save of the cache may overwrite.
 *
 * ```ts
 * const agent = new CachedAgent(store.agent<Profile>('user:alice'), { maxAgeMs: 5_000 });
 * const quick = new CachedAgent(store.agent<Draft>('draft'), { mode: 'write-behind', flushMs: 500 });
 * ```
 */
export class CachedAgent<S> extends ForwardingAgent<S> {
  private readonly rules: CacheRules<S>;
  private readonly holder: Holder<S>;
  private readonly shown = new Shown();
  private readonly follower: Follower<S>;
  private readonly writing: Writing<S>;
  /** Where writes wait; undefined in write-through. */
  private readonly behind: WriteBehind<S> | undefined;
  private flight: Flight<S> | undefined;
  private readonly counts = { hits: 0, misses: 0, shared: 0, stalestMs: 0 };
  private closing: Promise<void> | undefined;

  /** @throws RangeError, TypeError when an option cannot be meant */
  constructor(inner: DataAgent<S>, options: CachedAgentOptions<NoInfer<S>> = {}) {
    super(inner);
    const rules = rulesOf<S>(inner, options);
    const holder = new Holder<S>(rules);
    this.rules = rules;
    this.holder = holder;
    this.follower = new Follower(rules, {
      notice: (item) => this.notice(item),
      lost: () => this.invalidate(),
    });
    const through = new WriteThrough<S>(this.inner, holder, this.shown, rules.clock, () => this.invalidate());
    if (rules.mode === 'write-behind')
      this.behind = new WriteBehind(this.inner, through, this.reading(), rules);
    this.writing = this.behind ?? through;
  }

  /** What write-behind needs of the reading side. */
  private reading(): Reading<S> {
    return {
      held: () => this.fresh(),
      ask: ({ timeoutMs, signal }) => {
        this.counts.misses += 1;
        return this.flightFor(timeoutMs).wait(signal);
      },
      stored: ({ place }, askedAt) => {
        // Raises the round: what was asked for before must not be held after it.
        this.invalidate();
        // Where its schema is not known here, the agent inside may have completed what was saved.
        if (this.rules.schema !== undefined) this.holder.hold(place, askedAt, this.holder.round);
      },
      lost: () => {
        this.shown.saw(undefined);
        this.invalidate();
      },
      wrote: (head) => this.shown.saw(head),
    };
  }

  /** Those of the agent inside; in write-behind with durability `none` and conflicts `deferred`. */
  override get capabilities(): Capabilities {
    const { capabilities } = this.inner;
    if (this.behind === undefined) return capabilities;
    return { ...capabilities, durability: 'none', conflicts: 'deferred' };
  }

  /** @internal Its states are those of the agent inside. */
  override get [STATE_RULES](): StateRules {
    return this.rules;
  }

  override async ready(options?: CallOptions): Promise<Capabilities> {
    this.behind?.assertOpen();
    await this.inner.ready(options);
    return this.capabilities;
  }

  /** What the cache has done so far. */
  get stats(): CacheStats {
    return { ...this.counts, ageMs: this.holder.ageMs, pending: this.behind?.size ?? 0 };
  }

  /**
   * Asks the store, unless what is held is fresh. Counts as a load: the handle has seen the state then.
   * @throws what `load` does, StateNotFoundError among it
   */
  async warm(options?: CallOptions): Promise<void> {
    await this.read({ ...options, frozen: true });
  }

  /** Holds nothing any more; also not what is just being asked for. What waits to be written stays. */
  invalidate(): void {
    this.flight = undefined;
    this.holder.drop();
  }

  /**
   * Stores what was acknowledged before this call; in write-through that is done already. Any number of calls share
   * what is on its way.
   * @throws LostWritesError when something of it is lost
   * @throws StorageUnavailableError and other errors that are `retryable` when it could not be stored now: it is kept,
   *   and tried again
   */
  async flush(options?: CallOptions): Promise<void> {
    await this.behind?.flush(options);
  }

  /**
   * Whether an error says that this cache has lost writes that it had acknowledged. They are listed in it, with their
   * states and recipes: `if (agent.isLoss(error)) error.lost`.
   */
  isLoss(error: unknown): error is LostWritesError<S> {
    return this.behind?.isLoss(error) ?? false;
  }

  // ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────

  override load(options: LoadOptions & { readonly frozen: true }): Promise<DeepReadonly<S>>;
  override load(options?: LoadOptions): Promise<S>;
  override load(options?: LoadOptions): Promise<S | DeepReadonly<S>> {
    if (this.passesOn(options)) return this.afterWrites(options, (left) => this.inner.load(left));
    const held = this.lookUp(options, (_, state) => state);
    return held ?? this.ask(options).then(({ state }) => state);
  }

  override read(options: LoadOptions & { readonly frozen: true }): Promise<Versioned<DeepReadonly<S>>>;
  override read(options?: LoadOptions): Promise<Versioned<S>>;
  override read(options?: LoadOptions): Promise<View<S>> {
    if (this.passesOn(options)) return this.afterWrites(options, (left) => this.inner.read(left));
    return this.lookUp(options, (place, state) => versionedView(place, () => state)) ?? this.ask(options);
  }

  /** Whether only the agent inside knows the answer: the past, options of later days, mistakes. */
  private passesOn(options: LoadOptions | undefined): boolean {
    if (this.closing !== undefined) return true;
    const { frozen: _, timeoutMs, signal, ...others } = options ?? {};
    if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs > 0)) return true;
    if (signal !== undefined && !(signal instanceof AbortSignal)) return true;
    if (Object.values(others).some((value) => value !== undefined)) return true;
    // In write-behind it counts what was seen.
    if (this.holder.canHold || this.behind !== undefined) return false;
    this.counts.misses += 1;
    return true;
  }

  /** A call of the agent inside that has to see what waits to be written. */
  private afterWrites<T>(
    options: LoadOptions | undefined,
    call: (left: LoadOptions | undefined) => Promise<T>,
  ): Promise<T> {
    return this.behind === undefined ? call(options) : this.behind.flush(options).then(call);
  }

  /** What is held, when it is not too old. */
  private fresh(): Versioned<S> | undefined {
    const { place, ageMs } = this.holder;
    if (ageMs === undefined || ageMs > this.rules.maxAgeMs || this.holder.isOver) return undefined;
    return this.rules.watched !== undefined && !this.follower.isLive ? undefined : place;
  }

  /** Gives `finish` a copy of what waits or is held; undefined when that is nothing, or too old. */
  private lookUp<T>(
    options: LoadOptions | undefined,
    finish: (place: Versioned<S>, state: S | DeepReadonly<S>) => T,
  ): Promise<T> | undefined {
    const { holder, counts, behind } = this;
    try {
      behind?.enter();
      options?.signal?.throwIfAborted();
    } catch (error) {
      return Promise.reject(error);
    }
    const waiting = behind?.newest;
    const place = waiting ?? this.fresh();
    if (place === undefined) return undefined;
    try {
      const found = finish(place, holder.copy(place, options?.frozen));
      counts.hits += 1;
      if (waiting === undefined) counts.stalestMs = Math.max(counts.stalestMs, holder.ageMs ?? 0);
      behind?.saw(place.head);
      return Promise.resolve(found);
    } catch {
      // A state that cannot be copied here: the agent inside can.
      holder.refuse();
      return undefined;
    }
  }

  /** Asks inside, together with all who may share the answer. */
  private async ask(options: LoadOptions = {}): Promise<View<S>> {
    const { signal, timeoutMs, frozen } = options;
    const { behind, holder } = this;
    signal?.throwIfAborted();
    this.counts.misses += 1;
    let found: Versioned<S>;
    try {
      found = await this.flightFor(timeoutMs).wait(signal);
    } catch (error) {
      if (isAbsence(error)) behind?.saw(null);
      throw error;
    }
    behind?.saw(found.head);
    try {
      const state = holder.copy(found, frozen);
      return versionedView(found, () => state);
    } catch {
      holder.refuse();
      return this.inner.read(options);
    }
  }

  /** One under way that is fresh enough and has as much time, or a new one. */
  private flightFor(timeoutMs: number | undefined): Flight<S> {
    this.follower.start();
    const now = this.rules.clock();
    const { flight: current, holder } = this;
    if (current !== undefined && !current.isGivenUp && current.timeoutMs === timeoutMs && holder.canHold) {
      if (now - current.begunAt <= this.rules.maxAgeMs) {
        this.counts.shared += 1;
        return current;
      }
    }
    const flight = new Flight<S>(timeoutMs, now, (options) => this.answer(options));
    this.flight = flight;
    const land = (): void => {
      if (this.flight === flight) this.flight = undefined;
    };
    flight.result.then(land, land);
    return flight;
  }

  /** Asks inside, and again where the answer is older than what was shown meanwhile, unless that is held here. */
  private async answer(options: CallOptions): Promise<Versioned<S>> {
    const { holder, shown } = this;
    const call = callOf(options);
    for (let left = options; ; left = leftOf(call)) {
      const { round } = holder;
      const { moment } = shown;
      const askedAt = this.rules.clock();
      try {
        const found = await this.inner.read(left);
        if (shown.show(found.head, moment)) {
          holder.hold(found, askedAt, round);
          return found;
        }
      } catch (error) {
        if (!isAbsence(error) || shown.show(null, moment)) throw error;
      }
      const newer = this.behind?.newest ?? this.fresh();
      if (newer !== undefined) return newer;
    }
  }

  override history(
    limit: number | undefined,
    options: LoadOptions & { readonly frozen: true },
  ): Promise<DeepReadonly<S>[]>;
  override history(limit?: number, options?: LoadOptions): Promise<S[]>;
  override history(limit?: number, options?: LoadOptions): Promise<(S | DeepReadonly<S>)[]> {
    return this.afterWrites(options, (left) => this.inner.history(limit, left));
  }

  override timeline(
    options: TimelineOptions & { readonly frozen: true },
  ): AsyncIterable<Versioned<DeepReadonly<S>> | Deleted>;
  override timeline(options?: TimelineOptions): AsyncIterable<Versioned<S> | Deleted>;
  override timeline(options?: TimelineOptions): AsyncIterable<Versioned<never> | Deleted> {
    const items = (): AsyncIterable<Versioned<never> | Deleted> =>
      this.inner.timeline(options) as AsyncIterable<Versioned<never> | Deleted>;
    if (this.behind === undefined) return items();
    // Each step has the time of a call, and so has the first one's waiting.
    return itemsAfter(() => this.flush(options), items);
  }

  override watch(
    options: WatchOptions & { readonly frozen: true },
  ): AsyncIterable<Versioned<DeepReadonly<S>> | Deleted>;
  override watch(options?: WatchOptions): AsyncIterable<Versioned<S> | Deleted>;
  /** In write-behind it shows what is stored: what waits is sent at its beginning, and shown when it is there. */
  override watch(options?: WatchOptions): AsyncIterable<Versioned<never> | Deleted> {
    const { behind } = this;
    // Who was shown something newer must not be given something older afterwards.
    const items = (): AsyncIterable<Versioned<never> | Deleted> =>
      eachItem(this.inner.watch(options) as AsyncIterable<Versioned<never> | Deleted>, (item) => {
        this.notice(item);
        this.shown.saw(item.head);
        behind?.saw(item.deleted ? null : item.head);
        return item;
      });
    if (behind === undefined) return items();
    return itemsAfter(() => behind.settle(options?.signal), items);
  }

  private notice(item: Versioned<unknown> | Deleted): void {
    if (!this.holder.notice(item)) this.flight = undefined;
  }

  // ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────

  override save(state: S, options?: SaveOptions): Promise<Version> {
    return this.writing.save(state, options);
  }

  override update(change: (draft: S) => S | void, options?: UpdateOptions): Promise<Versioned<S>> {
    return this.writing.update(change, options);
  }

  /** Not deferred: what waits is stored first. */
  override delete(options?: DeleteOptions): Promise<boolean> {
    return this.writing.delete(options);
  }

  /**
   * Stores what waits, and closes the agent inside, once. A handle given as `watched` stays open.
   * @throws LostWritesError with what could not be stored at the last try, or was lost and no call was told of; all is
   *   closed then too
   */
  override close(): Promise<void> {
    this.closing ??= this.closeBoth();
    return this.closing;
  }

  private async closeBoth(): Promise<void> {
    const stored = this.behind?.close() ?? Promise.resolve();
    // In write-through the agent inside refuses further calls from now on.
    const [writes, inner] = await Promise.allSettled([
      stored,
      this.behind === undefined
        ? this.closeInner()
        : stored.then(ignore, ignore).then(() => this.closeInner()),
    ]);
    this.invalidate();
    if (inner.status === 'rejected') {
      if (writes.status === 'fulfilled') throw inner.reason;
      this.rules.onError(inner.reason);
    }
    if (writes.status === 'rejected') throw writes.reason;
  }

  private async closeInner(): Promise<void> {
    await Promise.all([this.inner.close(), this.follower.end()]);
  }
}

function isAbsence(error: unknown): boolean {
  return DgentsError.is(error, 'DGENTS_STATE_NOT_FOUND') || DgentsError.is(error, 'DGENTS_STATE_EXPIRED');
}
