/**
 * Makes every call settle in time, at the cost of a list entry instead of a timer for each.
 *
 * One timer, armed for the nearest deadline, serves all pending calls. It keeps the process alive only while a call
 * is pending: an open agent by itself never does.
 */
import { StorageTimeoutError } from '../errors.js';

/** How long one call may take, from options and defaults. */
export interface Call {
  /** By {@link monotonicMs}. */
  readonly deadline: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** A clock that never jumps; deadlines have nothing to do with the time of day. */
export function monotonicMs(): number {
  return performance.now();
}

/** What is left of a call's time, at least 1 ms. */
export function remainingMs(call: Pick<Call, 'deadline'>): number {
  return Math.max(1, Math.ceil(call.deadline - monotonicMs()));
}

/** One pending call. */
export interface Entry {
  deadline: number;
  expire: () => void;
  previous: Entry | undefined;
  next: Entry | undefined;
}

/** The pending calls of one store. */
export class Deadlines {
  private first: Entry | undefined;
  private timer: NodeJS.Timeout | undefined;
  private due = Infinity;
  private whenIdle: (() => void) | undefined;

  /** Calls `expire` once the deadline has passed, unless the entry was removed before. */
  add(deadline: number, expire: () => void): Entry {
    const entry: Entry = { deadline, expire, previous: undefined, next: this.first };
    if (this.first === undefined) this.timer?.ref();
    else this.first.previous = entry;
    this.first = entry;
    if (deadline < this.due) this.arm(deadline);
    return entry;
  }

  remove(entry: Entry): void {
    if (entry.deadline === 0) return;
    entry.deadline = 0;
    if (entry.previous === undefined) this.first = entry.next;
    else entry.previous.next = entry.next;
    if (entry.next !== undefined) entry.next.previous = entry.previous;
    if (this.first !== undefined) return;
    this.timer?.unref();
    this.whenIdle?.();
  }

  /** Once no call is pending: each of them ends at its deadline, if not before. */
  async idle(): Promise<void> {
    while (this.first !== undefined) {
      await new Promise<void>((resolve) => {
        this.whenIdle = resolve;
        if (this.first === undefined) resolve();
      });
    }
  }

  private arm(deadline: number): void {
    if (this.timer !== undefined) clearTimeout(this.timer);
    this.due = deadline;
    this.timer = setTimeout(() => this.tick(), Math.max(0, deadline - monotonicMs()) + 1);
  }

  private tick(): void {
    this.timer = undefined;
    this.due = Infinity;
    const now = monotonicMs();
    let nearest = Infinity;
    for (let entry = this.first; entry !== undefined; entry = entry.next) {
      if (entry.deadline > now) nearest = Math.min(nearest, entry.deadline);
      else {
        this.remove(entry);
        entry.expire();
      }
    }
    if (nearest < this.due) this.arm(nearest);
  }

  /**
   * The promise's result, unless the call's time runs out or it is aborted first. The promise itself goes on; what
   * becomes of it then is nobody's business any more, so its rejection is not unhandled.
   * @param finish turns the result into what is wanted, without another turn of the event loop
   * @param typed turns the promise's error into the one to reject with
   */
  within<T, R = T>(
    promise: Promise<T>,
    call: Call,
    what: string,
    key: string | undefined,
    finish?: (value: T) => R | PromiseLike<R>,
    typed?: (error: unknown) => unknown,
  ): Promise<R> {
    const { signal } = call;
    if (signal?.aborted) {
      promise.catch(ignore);
      return Promise.reject(signal.reason);
    }
    return new Promise<R>((resolve, reject) => {
      const expire = (): void => {
        signal?.removeEventListener('abort', abort);
        reject(timeoutError(call, what, key));
      };
      const abort = (): void => {
        unwatch(entry);
        reject(signal?.reason);
      };
      const unwatch = (watched: Entry): void => this.remove(watched);
      const entry = this.add(call.deadline, expire);
      signal?.addEventListener('abort', abort, { once: true });
      promise.then(
        (value) => {
          unwatch(entry);
          signal?.removeEventListener('abort', abort);
          try {
            resolve(finish === undefined ? (value as unknown as R) : finish(value));
          } catch (error) {
            reject(error);
          }
        },
        (error: unknown) => {
          unwatch(entry);
          signal?.removeEventListener('abort', abort);
          reject(typed === undefined ? error : typed(error));
        },
      );
    });
  }
}

export function timeoutError(call: Call, what: string, key?: string): StorageTimeoutError {
  return new StorageTimeoutError(`${what} did not finish within ${call.timeoutMs} ms.`, {
    timeoutMs: call.timeoutMs,
    key,
  });
}

/** For promises whose outcome was reported elsewhere. */
export function ignore(): void {}

/** Resolves after so many milliseconds, or as soon as `signal` aborts. Keeps the process alive meanwhile. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end, { once: true });
  });
}
