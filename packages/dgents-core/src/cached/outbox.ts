/**
 * The writes that were acknowledged and are not stored yet, oldest first, and the sending of them.
 *
 *     add ──▶ [ w1 w2 w3 | w4 w5 ]      w1 … w3 are on their way, together; w4 and w5 go with the next sending
 *
 * Each is sent as a save that follows the one before it, under an operation id of its own. So what is stored is always
 * a beginning of what was acknowledged, exactly as acknowledged, and sending again what may have arrived is safe.
 */
import type { DataAgent } from '../data-agent.js';
import { DgentsError } from '../errors.js';
import { ignore } from '../state/deadlines.js';
import type { WaitingWrite } from './draft-write.js';
import { type LostWrite, LostWritesError } from './lost-writes-error.js';
import type { CacheRules } from './options.js';

/** After a failure it is tried again after `flushMs`, at least so many milliseconds, doubled each time … */
const FIRST_RETRY_MS = 100;
/** … up to this. */
const LONGEST_RETRY_MS = 30_000;

type Failure<S> = LostWritesError<S> | DgentsError;

export interface OutboxOwner<S> {
  /** Everything up to this write is stored; it was so at some time after `askedAt`. */
  stored(write: WaitingWrite<S>, askedAt: number): void;
  /** This write and all after it will not be stored. */
  lost(first: WaitingWrite<S>): void;
}

export class Outbox<S> {
  private waiting: WaitingWrite<S>[] = [];
  private sending: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private failures = 0;
  private isLast = false;
  /** Failures of which no call has been told yet. */
  private untold: Failure<S>[] = [];
  private readonly losses = new WeakSet<object>();

  constructor(
    private readonly inner: DataAgent<S>,
    private readonly rules: Pick<
      CacheRules<S>,
      'flushMs' | 'maxPending' | 'onError' | 'clock' | 'codec' | 'key'
    >,
    private readonly owner: OutboxOwner<S>,
  ) {}

  get size(): number {
    return this.waiting.length;
  }

  get newest(): WaitingWrite<S> | undefined {
    return this.waiting.at(-1);
  }

  get isFull(): boolean {
    return this.waiting.length >= this.rules.maxPending;
  }

  add(write: WaitingWrite<S>): void {
    this.waiting.push(write);
    this.schedule();
  }

  /** @throws a failure of which no call has been told: each is told to one */
  tell(): void {
    if (this.untold.length > 0) throw this.untold.shift();
  }

  /** A call has been told of this failure. */
  told(error: unknown): void {
    this.untold = this.untold.filter((each) => each !== error);
  }

  /** Once all that waits now is stored. @throws why it could not be */
  async flush(): Promise<void> {
    const last = this.newest;
    while (last !== undefined && this.waiting.includes(last)) await (this.sending ?? this.send());
  }

  /** Once there is room for one more. @throws why there is none */
  async room(): Promise<void> {
    while (this.isFull) await (this.sending ?? this.send());
  }

  /**
   * Sends what waits, for the last time.
   * @throws LostWritesError with all that was lost and of which no call was told
   */
  async close(): Promise<void> {
    // A flush that waits as well may send again before this goes on: two at once would judge the same writes twice.
    while (this.sending !== undefined) await this.sending.catch(ignore);
    this.isLast = true;
    if (this.size > 0) await this.send().catch(ignore);
    clearTimeout(this.timer);
    const errors = this.untold.filter((error) => error instanceof LostWritesError);
    this.untold = [];
    if (errors.length < 2) {
      if (errors.length === 1) throw errors[0];
      return;
    }
    const lost = errors.flatMap((error) => error.lost);
    throw this.loss(lost, errors.at(-1)?.cause);
  }

  private loss(lost: readonly LostWrite<S>[], cause: unknown): LostWritesError<S> {
    const error = new LostWritesError(lost, cause, this.rules.key);
    this.losses.add(error);
    return error;
  }

  /** Whether it tells of writes that were lost here. */
  isLoss(error: unknown): error is LostWritesError<S> {
    return this.losses.has(error as object);
  }

  /** Arms the timer for what waits. It keeps the process alive: what waits would be gone with it. */
  private schedule(): void {
    if (this.sending !== undefined || this.size === 0 || this.isLast) return;
    const { flushMs } = this.rules;
    const isDue = this.isFull && this.failures === 0;
    if (flushMs === Infinity && !isDue) return;
    if (this.timer !== undefined) {
      if (!isDue) return;
      clearTimeout(this.timer);
    }
    this.timer = setTimeout(() => this.send().catch(ignore), isDue ? 0 : this.delayMs);
  }

  private get delayMs(): number {
    const { flushMs } = this.rules;
    if (this.failures === 0) return flushMs;
    const wait = Math.max(flushMs, FIRST_RETRY_MS) * 2 ** Math.min(this.failures - 1, 20);
    return Math.min(wait, Math.max(flushMs, LONGEST_RETRY_MS));
  }

  private send(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.sending = this.sendAll().finally(() => {
      this.sending = undefined;
      this.schedule();
    });
    return this.sending;
  }

  private async sendAll(): Promise<void> {
    const batch = [...this.waiting];
    const askedAt = this.rules.clock();
    // All at once: the agents of a store make one commit of them.
    const ends = await Promise.allSettled(batch.map((write) => this.store(write)));
    const failed = ends.findIndex(({ status }) => status === 'rejected');
    const count = failed < 0 ? batch.length : failed;
    this.waiting.splice(0, count);
    if (count > 0) this.owner.stored(batch[count - 1] as WaitingWrite<S>, askedAt);
    if (failed < 0) {
      this.failures = 0;
      // What was said of writes that have been stored since is of no use to anyone.
      this.untold = this.untold.filter((error) => error instanceof LostWritesError);
      return;
    }
    throw this.fail((ends[failed] as PromiseRejectedResult).reason);
  }

  private async store({ place, after, head }: WaitingWrite<S>): Promise<void> {
    const { state, meta } = place;
    await this.inner.save(state, {
      expected: after ?? 0,
      operationId: head.id,
      ...(meta !== undefined && { meta }),
    });
  }

  /** Keeps what may be sent again, and gives up the rest. */
  private fail(reason: unknown): Failure<S> {
    if (DgentsError.is(reason) && reason.retryable && !this.isLast) {
      this.failures += 1;
      this.untold = [...this.untold.filter((error) => error instanceof LostWritesError), reason];
      this.rules.onError(reason);
      return reason;
    }
    const lost = this.waiting;
    this.waiting = [];
    this.failures = 0;
    this.owner.lost(lost[0] as WaitingWrite<S>);
    const error = this.loss(lost.map(this.lostOf), reason);
    this.untold.push(error);
    this.rules.onError(error);
    return error;
  }

  private readonly lostOf = ({ kind, head, place, change }: WaitingWrite<S>): LostWrite<S> => {
    const { codec } = this.rules;
    return {
      kind,
      version: head.version,
      operationId: head.id,
      // Copied when it is looked at: there may be many.
      get state() {
        return codec.clone(place.state);
      },
      meta: place.meta,
      change: change as LostWrite<S>['change'],
    };
  };
}
