import type fc from 'fast-check';
import type {
  Append,
  Backend,
  BackendCapabilities,
  CallOptions,
  Checkpoint,
  CommitOptions,
  CommitResult,
  Head,
  KeysOptions,
  LogRecord,
  LogTail,
  RangeOptions,
  ReadOptions,
  Version,
} from '../../backend.js';

/**
 * Another backend whose every call waits for a scheduler before it is sent and again before it is answered: the
 * scheduler decides what overtakes what. Closing it leaves the inner one open.
 */
export class ScheduledBackend implements Backend {
  readonly find?: NonNullable<Backend['find']>;

  constructor(
    readonly inner: Backend,
    readonly name: string,
    readonly scheduler: fc.Scheduler,
  ) {
    if (inner.find === undefined) return;
    this.find = (
      key: string,
      ids: readonly string[],
      options?: CallOptions,
    ): Promise<ReadonlyMap<string, Version>> => this.#in('find', () => inner.find!(key, ids, options));
  }

  get capabilities(): BackendCapabilities {
    return { ...this.inner.capabilities, watch: false, feed: false };
  }

  async ready(options?: CallOptions): Promise<BackendCapabilities> {
    return { ...(await this.inner.ready(options)), watch: false, feed: false };
  }

  read(key: string, options?: ReadOptions): Promise<LogTail> {
    return this.#in('read', () => this.inner.read(key, options));
  }

  commit(appends: readonly Append[], options?: CommitOptions): Promise<readonly CommitResult[]> {
    return this.#in('commit', () => this.inner.commit(appends, options));
  }

  checkpoint(key: string, checkpoint: Checkpoint, options?: CallOptions): Promise<void> {
    return this.#in('checkpoint', () => this.inner.checkpoint(key, checkpoint, options));
  }

  async *range(key: string, options?: RangeOptions): AsyncGenerator<LogRecord> {
    await this.#step('range is sent');
    yield* this.inner.range(key, options);
  }

  trim(key: string, base: Checkpoint, options?: CallOptions): Promise<void> {
    return this.#in('trim', () => this.inner.trim(key, base, options));
  }

  keys(
    prefix?: string,
    options?: KeysOptions,
  ): AsyncIterable<{ readonly key: string; readonly head?: Head }> {
    return this.inner.keys(prefix, options);
  }

  async close(): Promise<void> {}

  async #in<T>(call: string, work: () => Promise<T>): Promise<T> {
    await this.#step(`${call} is sent`);
    try {
      return await work();
    } finally {
      await this.#step(`${call} is answered`);
    }
  }

  #step(what: string): Promise<void> {
    return this.scheduler.schedule(Promise.resolve(), `${this.name}: ${what}`);
  }
}
