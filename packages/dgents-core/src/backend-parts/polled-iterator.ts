import type { Endable } from './live-iterator.js';

const DONE = { done: true, value: undefined } as const;

export interface PolledIteratorOptions {
  /** All that are still running: joined now, left at the end. */
  readonly among: Set<Endable>;
  /** How long to wait after a look that found nothing, in milliseconds, unless {@link PolledIterator.wake} is called. */
  readonly pollMs: number;
  /** Runs once, however the iteration ends. */
  readonly cleanUp?: () => void;
  readonly limit?: number | undefined;
  /** Asked after a look that found nothing: whether nothing is to come any more. Never, unless told. */
  readonly isOver?: (() => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Waiting<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * An iterator over what is yet to come in a store that has to be asked. It asks only while somebody waits for the next
 * one. Unlike an async generator it can be ended meanwhile: `return`, the signal and {@link end} settle it at once.
 */
export class PolledIterator<T> implements AsyncIterableIterator<T, undefined>, Endable {
  readonly #look: () => Promise<readonly T[]>;
  readonly #options: PolledIteratorOptions;
  readonly #waiting: Waiting<T>[] = [];
  #found: readonly T[] = [];
  #given = 0;
  #left: number;
  #ended = false;
  #asking = false;
  #woken = false;
  #rouse: (() => void) | undefined;

  /** `look` gives what has come since it was asked last; where it rejects, so does the iterator, and ends. */
  constructor(look: () => Promise<readonly T[]>, options: PolledIteratorOptions) {
    this.#look = look;
    this.#options = options;
    this.#left = options.limit ?? Number.POSITIVE_INFINITY;
    options.among.add(this);
    options.signal?.addEventListener('abort', this.end);
    if (this.#left === 0 || options.signal?.aborted) this.end();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#ended) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (!this.#asking) void this.#ask();
    });
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.end();
    return Promise.resolve(DONE);
  }

  /** There may be something new: it looks at once. */
  wake(): void {
    this.#woken = true;
    this.#rouse?.();
  }

  /** An arrow, so that it is its own abort listener. */
  readonly end = (): void => {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.signal?.removeEventListener('abort', this.end);
    this.#options.among.delete(this);
    this.#options.cleanUp?.();
    this.#rouse?.();
    for (const { resolve } of this.#waiting.splice(0)) resolve(DONE);
  };

  async #ask(): Promise<void> {
    this.#asking = true;
    try {
      while (this.#waiting.length > 0) {
        if (this.#given < this.#found.length) this.#give();
        else await this.#fill();
      }
    } catch (error) {
      const [first] = this.#waiting.splice(0, 1);
      this.end();
      first?.reject(error);
    } finally {
      this.#asking = false;
    }
  }

  #give(): void {
    const value = this.#found[this.#given++] as T;
    this.#waiting.shift()!.resolve({ done: false, value });
    if (--this.#left === 0) this.end();
  }

  async #fill(): Promise<void> {
    this.#woken = false;
    const found = await this.#look();
    this.#found = found;
    this.#given = 0;
    if (found.length > 0 || this.#ended) return;
    if (this.#options.isOver?.()) this.end();
    else if (!this.#woken) await this.#pause();
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#options.pollMs);
      this.#rouse = () => {
        clearTimeout(timer);
        this.#rouse = undefined;
        resolve();
      };
    });
  }
}
