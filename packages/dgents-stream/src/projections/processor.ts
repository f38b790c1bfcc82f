/** Keeps the read models of a projection up to date: one processor at a time, wherever others run. */
import { AgentClosedError, DgentsError, type Store, UnsupportedError } from 'dgents-core';
import { registerConsumer } from '../consumers/consumers.js';
import type { AnyEvent } from '../stream/definition.js';
import { Applier, PASSED } from './applying.js';
import { batchesOf } from './batches.js';
import { Asking, feedItems, streamItems } from './items.js';
import { delay, Lease } from './lease.js';
import { internalKey } from './names.js';
import { type ParkedEvent, ParkedEvents } from './parked.js';
import { Progress } from './progress.js';
import { type AnyProjection, Projection } from './projection.js';
import { Rebuild } from './rebuild.js';
import { type ReplayResult, replayParked } from './replay.js';
import { type ProcessorOptions, type Settings, settingsOf } from './settings.js';
import { holderOf, lagOf, type ProjectionStatus, placeOf } from './status.js';
import { backoffMs, mayPass } from './trouble.js';
import { Writer } from './writer.js';

interface Waiter {
  readonly turn: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** So long at most until it is looked again, behind a conflict. */
const CONFLICT_MS = 20;

export interface CaughtUpOptions {
  readonly signal?: AbortSignal;
}

/**
 * Processes a projection of a store, in order, for as long as it runs. Any number may be started, in any number of processes:
 * one works, the others take over when it is gone.
 *
 * ```ts
 * const processor = new ProjectionProcessor(store, totals).start();
 * await processor.caughtUp();
 * const { sum } = await totals.model(store).load();
 * ```
 */
export class ProjectionProcessor<M = unknown, E extends AnyEvent = AnyEvent> implements AsyncDisposable {
  readonly projection: Projection<M, E>;
  readonly id: string;
  private readonly settings: Settings;
  private readonly progress = new Progress();
  private readonly asking = new Asking();
  private readonly ending = new AbortController();
  private readonly lease: Lease;
  private readonly parkedEvents: ParkedEvents;
  private readonly rebuild: Rebuild<M, E>;
  private readonly waiters = new Set<Waiter>();
  /** Why it runs no longer. */
  private end: { readonly reason: unknown } | undefined;
  private running: Promise<void> | undefined;
  private isPrepared = false;
  private toldWritten = -1;

  /**
   * @param projection made by `defineProjection`
   * @throws TypeError, RangeError for a projection or options that cannot be meant; AgentClosedError
   */
  constructor(store: Store, projection: Projection<M, E>, options?: ProcessorOptions);
  /** Of several projections, each of its own types: `[revenue, stock].map((one) => new ProjectionProcessor(store, one))`. */
  constructor(store: Store, projection: AnyProjection, options?: ProcessorOptions);
  constructor(
    private readonly store: Store,
    projection: AnyProjection,
    private readonly options: ProcessorOptions = {},
  ) {
    if (!(projection instanceof Projection))
      throw new TypeError('A processor takes a projection made by defineProjection.');
    this.projection = projection;
    this.settings = settingsOf(options);
    this.id = projection.id;
    const { name, version } = projection;
    store.engine.assertOpen();
    this.lease = new Lease(store, internalKey('lease', name, version), options.holder, this.settings.leaseMs);
    this.parkedEvents = new ParkedEvents(store, internalKey('parked', name, version));
    this.rebuild = new Rebuild<M, E>(store, projection);
  }

  /**
   * Begins, if it has not, and keeps the process alive until {@link stop}. What it ends with is told by
   * {@link finished}, {@link caughtUp} and {@link status}.
   */
  start(): this {
    if (this.running !== undefined) return this;
    this.running = this.run().then(
      () => this.ended(new AgentClosedError(`The processor of "${this.id}" was stopped.`)),
      (error: unknown) => {
        this.ended(error);
        throw error;
      },
    );
    this.running.catch(() => undefined);
    return this;
  }

  /**
   * Resolves once it was stopped; rejects with what it cannot go on from: `LogCompactedError`, `EventFoldError` with
   * `onError: 'stop'`, `UnsupportedError` where a newer version has replaced it or the store cannot do what it asks for.
   */
  get finished(): Promise<void> {
    return this.start().running as Promise<void>;
  }

  /**
   * Starts it, and resolves once every event that had been committed when this was called is in the models (or was put
   * aside). A processor on standby resolves when it has its turn and has caught up. It goes on behind that: a processor that
   * was started keeps the process alive until {@link stop}.
   * @throws AgentClosedError when it is stopped before; else what {@link finished} rejects with
   */
  caughtUp({ signal }: CaughtUpOptions = {}): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    this.start();
    if (this.end !== undefined) return Promise.reject(this.end.reason);
    return new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        signal?.removeEventListener('abort', abort);
        this.waiters.delete(waiter);
      };
      const waiter: Waiter = {
        turn: this.asking.ask(),
        resolve: () => {
          leave();
          resolve();
        },
        reject: (error) => {
          leave();
          reject(error);
        },
      };
      const abort = (): void => waiter.reject(signal?.reason);
      signal?.addEventListener('abort', abort, { once: true });
      this.waiters.add(waiter);
    });
  }

  private ended(reason: unknown): void {
    this.progress.state = 'stopped';
    this.end = { reason };
    for (const waiter of [...this.waiters]) waiter.reject(reason);
  }

  /** Ends it behind what it is writing, and gives the lease back. Idempotent. Before the store is closed. */
  async stop(): Promise<void> {
    this.ending.abort();
    if (this.running === undefined) this.progress.state = 'stopped';
    await this.running?.catch(() => undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /**
   * How it is doing. Some reads: not for every request.
   * @throws UnsupportedError where its models follow another stream than this processor, or the feed
   */
  async status(): Promise<ProjectionStatus> {
    const { store, projection, options, progress } = this;
    const position = await placeOf(store, projection, options.stream);
    const [lag, waiting, lease] = await Promise.all([
      lagOf(store, projection, position, options.stream),
      this.parkedEvents.load(),
      this.lease.look(),
    ]);
    return {
      id: this.id,
      state: progress.state,
      position,
      lag,
      parked: waiting.length,
      lastError: progress.lastError,
      holder: holderOf(lease),
      isBuilding: this.rebuild.isBuilding,
    };
  }

  /** The events that were put aside, in order. */
  async parked(): Promise<readonly ParkedEvent[]> {
    return this.parkedEvents.load();
  }

  /**
   * THE MODELS HAVE TAKEN LATER EVENTS OF THE SAME STREAM BEFORE: what is replayed comes out of order.
   *
   * Tries the events again that were put aside, in order, each exactly once; what follows one that fails again in the same
   * stream stays behind it. Whoever processes meanwhile, here or elsewhere, goes on.
   */
  replayParked({ signal = this.ending.signal }: CaughtUpOptions = {}): Promise<ReplayResult> {
    return replayParked(this.store, this.projection, this.options.stream, signal);
  }

  // ── Processing ───────────────────────────────────────────────────────────────────────────────────────────────

  private async run(): Promise<void> {
    const { signal } = this.ending;
    while (!signal.aborted) {
      await this.patiently(signal, async () => {
        await this.prepare();
        const holding = await this.lease.take(signal, () => this.standBy());
        if (holding === undefined) return;
        try {
          while (!holding.signal.aborted)
            await this.patiently(holding.signal, () => this.process(holding.signal));
        } finally {
          await holding.end();
        }
      });
    }
  }

  /** Does something that is begun again where somebody else was first, or where the store is in trouble that may pass. */
  private async patiently(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    const { store, progress, settings } = this;
    try {
      await work();
    } catch (error) {
      if (signal.aborted) return;
      if (DgentsError.is(error, 'DGENTS_STATE_CONFLICT')) {
        // Where that leaves this one is to be read.
        await delay(store.engine.random() * CONFLICT_MS, signal);
        return;
      }
      if (!mayPass(error)) throw error;
      progress.failures += 1;
      progress.failed(error, store.engine.clock());
      await delay(backoffMs(settings.backoff, progress.failures, store.engine.random), signal);
    }
  }

  /** Somebody else processes: whether that one has caught up is told by the store. */
  private async standBy(): Promise<void> {
    const { store, projection, options, progress, asking } = this;
    progress.state = 'standby';
    if (this.waiters.size === 0) return;
    const { turn } = asking;
    const place = await placeOf(store, projection, options.stream);
    const { events, isMore } = await lagOf(store, projection, place, options.stream);
    if (events === 0 && !isMore) this.answer(turn);
  }

  /** From the checkpoint on, until it is told to end. */
  private async process(holding: AbortSignal): Promise<void> {
    const reading = new AbortController();
    const end = (): void => reading.abort();
    holding.addEventListener('abort', end, { once: true });
    if (holding.aborted) end();
    try {
      await this.follow(reading.signal);
    } finally {
      holding.removeEventListener('abort', end);
      end();
    }
  }

  private async follow(signal: AbortSignal): Promise<void> {
    const { store, projection, options, settings, progress, asking } = this;
    const writer = new Writer(store, projection, options.stream);
    const place = await writer.open();
    await this.register();
    await this.rebuild.begin();
    progress.place = place;
    progress.state = 'running';
    const { random, clock: now } = store.engine;
    const warn = (error: Error): void => store.engine.background(Promise.reject(error));
    const told = { options, settings, progress, random, now, signal, warn };
    const applier = new Applier({ projection, writer, ...told });
    await applier.begin();
    const reading = { store, reads: (key: string) => projection.sources.reads(key), asking, signal };
    const items =
      options.stream === undefined
        ? feedItems(reading, place as string | undefined)
        : streamItems(reading, options.stream, (place as number | undefined) ?? 0);
    const limits = { events: settings.batchEvents, ms: settings.batchMs, passed: PASSED };
    for await (const batch of batchesOf(items, limits)) {
      await applier.take(batch);
      progress.state = 'running';
      if (batch.caughtUp !== undefined) await this.reachedEnd(batch.caughtUp);
      // A store in memory answers at once: others want their turn, too.
      await new Promise(setImmediate);
    }
  }

  private async reachedEnd(turn: number): Promise<void> {
    const { progress, options } = this;
    if (await this.rebuild.switch()) options.onSwitched?.();
    this.answer(turn);
    if (this.toldWritten === progress.written) return;
    this.toldWritten = progress.written;
    options.onCaughtUp?.();
  }

  private answer(turn: number): void {
    for (const waiter of [...this.waiters]) if (waiter.turn <= turn) waiter.resolve();
  }

  /** What has to be true before the first event is read. */
  private async prepare(): Promise<void> {
    const { store, projection, options } = this;
    if (this.isPrepared) return;
    const { atomicity, feed, joins } = await store.ready();
    const missing =
      options.stream === undefined && feed === false
        ? 'has no feed. Give the processor a `stream`, or use a store with a feed'
        : projection.needsStore && atomicity !== 'store'
          ? 'is atomic for one key only. Make one read model, or use a store with atomicity "store"'
          : projection.definition.within !== undefined && joins !== true
            ? 'runs no work within its transactions. Use one with the capability "joins"'
            : undefined;
    if (missing !== undefined) {
      throw new UnsupportedError(
        `The ${store.backend.name} store ${missing}: "${this.id}" cannot be processed.`,
      );
    }
    const { stream } = options;
    if (stream !== undefined && !projection.sources.reads(stream))
      throw new UnsupportedError(`"${this.id}" does not read "${stream}".`, { key: stream });
    // What others make of it is not to be waited for behind them.
    await placeOf(store, projection, stream);
    this.isPrepared = true;
  }

  /** Before the first event is read. Only whoever has its turn does: another one might follow something else. */
  private async register(): Promise<void> {
    const { store, projection, options } = this;
    const { stream } = options;
    const { checkpointKey: checkpoint } = projection;
    const { prefixes } = projection.sources;
    await registerConsumer(
      store,
      this.id,
      stream === undefined
        ? { kind: 'feed', checkpoint, ...(prefixes === undefined ? {} : { prefixes }) }
        : { kind: 'stream', stream, checkpoint },
    );
  }
}
