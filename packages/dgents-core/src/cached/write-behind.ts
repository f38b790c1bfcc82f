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
import { type Call, ignore } from '../state/deadlines.js';
import { Definition } from '../state/definition.js';
import { newOperationId } from '../state/ids.js';
import type { Recipe } from '../state/recipe.js';
import type { Snapshot } from '../state/replica.js';
import { versionedView } from '../wrapper/views.js';
import { savedWrite, snapshotOf, updatedWrite, type WaitingWrite } from './draft-write.js';
import type { LostWritesError } from './lost-writes-error.js';
import { type AnyWriteOptions, isMet, mayWait } from './may-wait.js';
import type { CacheRules } from './options.js';
import { Outbox, type OutboxOwner } from './outbox.js';
import { Seen } from './seen.js';
import { callOf, leftOf, Turns } from './turns.js';
import type { Writing } from './write-through.js';

/** What it needs of the reading side of the cache. */
export interface Reading<S> extends OutboxOwner<S> {
  /** The place that is held, if it is fresh. */
  held(): Versioned<S> | undefined;
  /** Asks the agent inside. The place is private. */
  ask(options: CallOptions): Promise<Versioned<S>>;
  /** A write was acknowledged here. */
  wrote(head: Head): void;
}

export class WriteBehind<S> implements Writing<S> {
  private readonly outbox: Outbox<S>;
  private readonly turns: Turns;
  private readonly definition: Definition;
  private readonly seen = new Seen();
  /** What was made of the place that is held, for recipes. */
  private base: { readonly place: Versioned<S>; readonly snapshot: Snapshot } | undefined;
  private isClosing = false;

  constructor(
    private readonly inner: DataAgent<S>,
    private readonly through: Writing<S>,
    private readonly reading: Reading<S>,
    private readonly rules: CacheRules<S>,
  ) {
    this.turns = new Turns(rules.key);
    this.definition = new Definition({ codec: rules.codec, ...(rules.schema && { schema: rules.schema }) });
    this.outbox = new Outbox(inner, rules, {
      stored: (write, askedAt) => reading.stored(write, askedAt),
      lost: (first) => {
        this.seen.back(first.after);
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

  isLoss(error: unknown): error is LostWritesError<S> {
    return this.outbox.isLoss(error);
  }

  private get key(): string {
    return this.rules.key ?? 'state';
  }

  /** @throws AgentClosedError */
  assertOpen(): void {
    if (!this.isClosing) return;
    throw new AgentClosedError(`The cache of "${this.key}" was closed.`, { key: this.key });
  }

  /** Refuses a call once closed; and tells it of a failure, if there is one that no call was told of. */
  enter(): void {
    this.assertOpen();
    this.outbox.tell();
  }

  /** The user was shown this place; null: that there is nothing. */
  saw(head: Head | null): void {
    // Whoever has written since has seen that.
    if (this.size === 0) this.seen.saw(head);
  }

  // ── Storing ──────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Stores what waits.
   * @returns the options with what is left of their time
   * @throws why it could not be stored, or that something of it was lost before and no call was told
   */
  async flush<O extends CallOptions>(options: O | undefined): Promise<O | undefined> {
    this.assertOpen();
    const call = callOf(options);
    const isIdle = this.turns.isFree && this.size === 0;
    await this.turns.within(this.turns.passed(), call);
    await this.told(this.outbox.flush(), call);
    this.outbox.tell();
    return isIdle || options === undefined ? options : { ...options, ...leftOf(call) };
  }

  /** Once what waits has been stored, or could not be, or the signal aborts. */
  async settle(signal: AbortSignal | undefined): Promise<void> {
    this.assertOpen();
    // What fails is told to calls that can reject with it.
    await this.turns.within(this.outbox.flush(), { ...callOf(), signal }).catch(ignore);
  }

  /** Waits for what is to be stored: the call that it fails with is told of its failure. */
  private async told(storing: Promise<void>, call: Call): Promise<void> {
    try {
      await this.turns.within(storing, call);
    } catch (error) {
      this.outbox.told(error);
      throw error;
    }
  }

  /** Refuses calls from now on, and sends what waits. @throws LostWritesError */
  async close(): Promise<void> {
    this.isClosing = true;
    await this.turns.passed();
    await this.outbox.close();
  }

  // ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────

  save(state: S, options: SaveOptions = {}): Promise<Version> {
    return this.accept(options, (call, waits, meta) => {
      if (state === undefined) throw new TypeError('`undefined` is not a state; use null, or delete().');
      const own = this.definition.accept(state, this.key);
      const put = (after: Head | null): Version =>
        this.put(savedWrite<S>(this.definition, after, own, meta, this.key)).head.version;
      const known = waits && this.isFree ? this.seen.head : undefined;
      if (known !== undefined && isMet(options, known)) return put(known);
      return this.turns.take(call, async () => {
        if (waits) {
          await this.told(this.outbox.room(), call);
          const after = this.seen.head ?? (await this.lookForHead(call));
          if (after !== undefined && isMet(options, after)) return put(after);
        }
        return this.sendThrough(options, meta, call, async (given) => {
          const { operationId = newOperationId() } = given;
          const sent = { ...given, ...this.seen.comparing(given), operationId };
          const version = await this.through.save(own.value as S, sent);
          this.seen.wrote({ version, id: operationId, at: Date.now(), deleted: false }, given);
          return version;
        });
      });
    });
  }

  update(change: (draft: S) => S | void, options: UpdateOptions = {}): Promise<Versioned<S>> {
    // Refused inside, by the same rules as everywhere.
    if (typeof change !== 'function') return this.through.update(change, options);
    return this.accept(options, (call, waits, meta) => {
      const put = (base: Snapshot): Versioned<S> => {
        const { place } = this.put(updatedWrite<S>(this.definition, base, change as Recipe, meta, this.key));
        return versionedView(place, () => this.rules.codec.clone(place.state));
      };
      const known = waits && this.isFree ? this.baseAtHand() : undefined;
      if (known !== undefined && isMet(options, known.head)) return put(known);
      return this.turns.take(call, async () => {
        if (waits) {
          await this.told(this.outbox.room(), call);
          const base = this.baseAtHand() ?? this.baseOf(await this.reading.ask(leftOf(call)));
          if (base !== undefined && isMet(options, base.head)) return put(base);
        }
        return this.sendThrough(options, meta, call, async (given) => {
          const result = await this.through.update(change, given);
          this.seen.wrote(result.head, given);
          return result;
        });
      });
    });
  }

  delete(options: DeleteOptions = {}): Promise<boolean> {
    return this.accept(options, (call, _, meta) =>
      this.turns.take(call, () =>
        this.sendThrough(options, meta, call, async (given) => {
          const had = await this.through.delete({ ...given, ...this.seen.comparing(given) });
          this.seen.wrote(null, {});
          return had;
        }),
      ),
    );
  }

  /** Checks a call, and makes a promise of what it gives. */
  private async accept<T>(
    options: AnyWriteOptions,
    work: (call: Call, waits: boolean, meta: Meta | undefined) => T | Promise<T>,
  ): Promise<T> {
    this.enter();
    const call = callOf(options);
    call.signal?.throwIfAborted();
    return work(call, mayWait(options) && !this.seen.isMortal, checkMeta(options.meta));
  }

  /** Whether a write can be put to those that wait, with nothing to wait for itself. */
  private get isFree(): boolean {
    return this.turns.isFree && !this.outbox.isFull;
  }

  private put(write: WaitingWrite<S>): WaitingWrite<S> {
    this.outbox.add(write);
    this.seen.saw(write.head);
    this.reading.wrote(write.head);
    return write;
  }

  /** Sends a write to the agent inside, after all that waits. */
  private async sendThrough<T>(
    options: AnyWriteOptions,
    meta: Meta | undefined,
    call: Call,
    send: (given: AnyWriteOptions) => Promise<T>,
  ): Promise<T> {
    await this.told(this.outbox.flush(), call);
    try {
      return await send({ ...options, ...leftOf(call), ...(meta !== undefined && { meta }) });
    } catch (error) {
      this.seen.failed(error);
      throw error;
    }
  }

  // ── What a write is based on ─────────────────────────────────────────────────────────────────────────────────

  /** What a save follows whose user has seen no state; undefined where the agent inside has to refuse it. */
  private async lookForHead(call: Call): Promise<Head | null | undefined> {
    const found = await this.newestHead(call);
    const isLive = found !== null && !found.deleted;
    return this.seen.isAbsent && isLive ? undefined : found;
  }

  private async newestHead(call: Call): Promise<Head | null> {
    try {
      return (await this.reading.ask(leftOf(call))).head;
    } catch (error) {
      this.seen.failed(error);
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
}
