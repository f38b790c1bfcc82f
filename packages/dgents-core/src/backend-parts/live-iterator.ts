const DONE = { done: true, value: undefined } as const;

export interface Endable {
  end(): void;
}

export interface LiveIteratorOptions {
  /** All that are still running: joined now, left at the end. */
  readonly among: Set<Endable>;
  /** Runs once, however the iteration ends. */
  readonly cleanUp: () => void;
  readonly limit?: number | undefined;
  /** False: ends where nothing is there now. */
  readonly follow?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * An iterator over what is yet to come. Unlike an async generator it can be ended while a `next` is pending:
 * `return`, the signal and {@link end} settle it at once.
 */
export class LiveIterator<T> implements AsyncIterableIterator<T, undefined>, Endable {
  readonly #pull: () => T | undefined;
  readonly #options: LiveIteratorOptions;
  readonly #waiting: ((result: IteratorResult<T, undefined>) => void)[] = [];
  #left: number;
  #ended = false;

  /** `pull` gives what is there now, or undefined. */
  constructor(pull: () => T | undefined, options: LiveIteratorOptions) {
    this.#pull = pull;
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
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.wake();
    });
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.end();
    return Promise.resolve(DONE);
  }

  /** There may be something to pull. Cheap when nobody waits. */
  wake(): void {
    while (this.#waiting.length > 0) {
      const value = this.#pull();
      if (value === undefined) {
        if (this.#options.follow === false) this.end();
        return;
      }
      this.#waiting.shift()!({ done: false, value });
      if (--this.#left === 0) this.end();
    }
  }

  /** An arrow, so that it is its own abort listener. */
  readonly end = (): void => {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.signal?.removeEventListener('abort', this.end);
    this.#options.among.delete(this);
    this.#options.cleanUp();
    for (const settle of this.#waiting.splice(0)) settle(DONE);
  };
}
