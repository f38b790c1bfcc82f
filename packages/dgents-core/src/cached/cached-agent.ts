import type { Version } from '../backend.js';
import type {
  CallOptions,
  DeepReadonly,
  Deleted,
  DeleteOptions,
  LoadOptions,
  SaveOptions,
  UpdateOptions,
  Versioned,
  WatchOptions,
} from '../data-agent.js';
import { ForwardingAgent, type Wrapped } from '../wrapper/forwarding-agent.js';
import { eachItem, versionedView } from '../wrapper/views.js';
import { Flight } from './flight.js';
import { Follower } from './follower.js';
import { Holder } from './holder.js';
import { type CachedAgentOptions, type CacheRules, type CacheStats, rulesOf } from './options.js';

type View<S> = Versioned<S | DeepReadonly<S>>;

/**
 * Answers `load` and `read` from memory while what it holds is fresh enough, and asks the agent inside otherwise: once
 * for all who ask meanwhile.
 *
 * Writes go through. The agent inside acknowledges first, and only then is the cache changed, so that it is never ahead:
 * an `update` leaves its result, any other write leaves nothing, and neither does one that failed or is in doubt. The
 * handle compares as it does without a cache: a save after a stale load is a `StateConflictError`, never an overwrite.
 * Durability is that of the agent inside.
 *
 * States are copied out, as from any agent. Earlier states, the timeline and watches are not held. Let nobody use the
 * agent inside by itself: what it is shown, a save of the cache may overwrite.
 *
 * ```ts
 * const agent = new CachedAgent(store.agent<Profile>('user:alice'), { maxAgeMs: 5_000 });
 * ```
 */
export class CachedAgent<S> extends ForwardingAgent<S> {
  private readonly rules: CacheRules<S>;
  private readonly holder: Holder<S>;
  private readonly follower: Follower<S>;
  private flight: Flight<S> | undefined;
  private readonly counts = { hits: 0, misses: 0, shared: 0, stalestMs: 0 };
  private closing: Promise<void> | undefined;

  /** @throws RangeError, TypeError when an option cannot be meant */
  constructor(inner: Wrapped<S>, options: CachedAgentOptions<NoInfer<S>> = {}) {
    super(inner);
    this.rules = rulesOf(inner, options);
    this.holder = new Holder(this.rules);
    this.follower = new Follower(this.rules, {
      notice: (item) => this.notice(item),
      lost: () => this.invalidate(),
    });
  }

  /** What the cache has done so far. */
  get stats(): CacheStats {
    return { ...this.counts, ageMs: this.holder.ageMs };
  }

  /**
   * Asks the store, unless what is held is fresh. Counts as a load: the handle has seen the state then.
   * @throws what `load` does, StateNotFoundError among it
   */
  async warm(options?: CallOptions): Promise<void> {
    await this.read({ ...options, frozen: true });
  }

  /** Holds nothing any more; also not what is just being asked for. */
  invalidate(): void {
    this.flight = undefined;
    this.holder.drop();
  }

  override load(options: LoadOptions & { readonly frozen: true }): Promise<DeepReadonly<S>>;
  override load(options?: LoadOptions): Promise<S>;
  override load(options?: LoadOptions): Promise<S | DeepReadonly<S>> {
    if (this.passesOn(options)) return this.inner.load(options);
    const held = this.lookUp(options, (_, state) => state);
    return held ?? this.ask(options).then(({ state }) => state);
  }

  override read(options: LoadOptions & { readonly frozen: true }): Promise<Versioned<DeepReadonly<S>>>;
  override read(options?: LoadOptions): Promise<Versioned<S>>;
  override read(options?: LoadOptions): Promise<View<S>> {
    if (this.passesOn(options)) return this.inner.read(options);
    return this.lookUp(options, (place, state) => versionedView(place, () => state)) ?? this.ask(options);
  }

  /** Whether only the agent inside knows the answer: the past, options of later days, mistakes. */
  private passesOn(options: LoadOptions | undefined): boolean {
    if (this.closing !== undefined || !this.holder.canHold) return true;
    if (options === undefined) return false;
    const { frozen: _, timeoutMs, signal, ...others } = options;
    if (timeoutMs !== undefined && !(timeoutMs > 0)) return true;
    if (signal !== undefined && !(signal instanceof AbortSignal)) return true;
    return Object.values(others).some((value) => value !== undefined);
  }

  /** Gives `finish` a copy of what is held; undefined when that is nothing, or too old. */
  private lookUp<T>(
    options: LoadOptions | undefined,
    finish: (place: Versioned<S>, state: S | DeepReadonly<S>) => T,
  ): Promise<T> | undefined {
    const { holder, counts, rules } = this;
    const { place, ageMs } = holder;
    if (place === undefined || ageMs === undefined || ageMs > rules.maxAgeMs) return undefined;
    if (rules.watched !== undefined && !this.follower.isLive) return undefined;
    if (options?.signal?.aborted) return Promise.reject(options.signal.reason);
    try {
      const found = finish(place, holder.copy(place, options?.frozen));
      counts.hits += 1;
      counts.stalestMs = Math.max(counts.stalestMs, ageMs);
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
    signal?.throwIfAborted();
    this.follower.start();
    this.counts.misses += 1;
    const found = await this.flightFor(timeoutMs).wait(signal);
    try {
      const state = this.holder.copy(found, frozen);
      return versionedView(found, () => state);
    } catch {
      this.holder.refuse();
      return this.inner.read(options);
    }
  }

  /** One under way that is fresh enough and has as much time, or a new one. */
  private flightFor(timeoutMs: number | undefined): Flight<S> {
    const now = this.rules.clock();
    const { flight: current, holder } = this;
    if (current !== undefined && !current.isGivenUp && current.timeoutMs === timeoutMs) {
      if (now - current.begunAt <= this.rules.maxAgeMs) {
        this.counts.shared += 1;
        return current;
      }
    }
    const flight: Flight<S> = new Flight(timeoutMs, now, async (options) => {
      const { round } = holder;
      try {
        const found = await this.inner.read(options);
        holder.hold(found, now, round);
        return found;
      } finally {
        if (this.flight === flight) this.flight = undefined;
      }
    });
    this.flight = flight;
    return flight;
  }

  override save(state: S, options?: SaveOptions): Promise<Version> {
    return this.dropAfter(this.inner.save(state, options));
  }

  override delete(options?: DeleteOptions): Promise<boolean> {
    return this.dropAfter(this.inner.delete(options));
  }

  private dropAfter<T>(write: Promise<T>): Promise<T> {
    return write.finally(() => this.invalidate());
  }

  override async update(change: (draft: S) => S | void, options?: UpdateOptions): Promise<Versioned<S>> {
    const { holder } = this;
    const { round } = holder;
    const begunAt = this.rules.clock();
    const result = await this.dropAfter(this.inner.update(change, options));
    // Another write has ended meanwhile, and may be the newer one; dropping has raised it by one.
    const isAlone = holder.round === round + 1;
    // What was done before, under the same id, is not the newest.
    if (!holder.canHold || !isAlone || options?.operationId !== undefined) return result;
    holder.hold(result, begunAt, holder.round);
    return versionedView(result, () => {
      try {
        return holder.copy(result, false) as S;
      } catch {
        holder.refuse();
        return result.state;
      }
    });
  }

  override watch(
    options: WatchOptions & { readonly frozen: true },
  ): AsyncIterable<Versioned<DeepReadonly<S>> | Deleted>;
  override watch(options?: WatchOptions): AsyncIterable<Versioned<S> | Deleted>;
  override watch(options?: WatchOptions): AsyncIterable<Versioned<never> | Deleted> {
    // Who was shown something newer must not be given something older afterwards.
    return eachItem(super.watch(options) as AsyncIterable<Versioned<never> | Deleted>, (item) => {
      this.notice(item);
      return item;
    });
  }

  private notice(item: Versioned<unknown> | Deleted): void {
    if (!this.holder.notice(item)) this.flight = undefined;
  }

  /** Closes the agent inside, once. A handle given as `watched` stays open. */
  override close(): Promise<void> {
    this.closing ??= Promise.all([this.inner.close(), this.follower.end()]).then(() => this.invalidate());
    return this.closing;
  }
}
