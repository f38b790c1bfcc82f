import type {
  Append,
  Backend,
  BackendCapabilities,
  CallOptions,
  Checkpoint,
  CommitOptions,
  CommitResult,
  FeedEntry,
  FeedOptions,
  Head,
  KeysOptions,
  LogRecord,
  LogTail,
  Position,
  RangeOptions,
  ReadOptions,
  Version,
} from '../src/backend.js';

export type Method =
  | 'ready'
  | 'read'
  | 'commit'
  | 'checkpoint'
  | 'range'
  | 'trim'
  | 'keys'
  | 'find'
  | 'watch'
  | 'close';

/** Runs before a call goes on to the backend: it may wait, throw or hang. */
export type Hook = (call: { readonly method: Method; readonly key: string }) => Promise<void> | void;

/** A promise that is never kept. */
export const NEVER = new Promise<never>(() => undefined);

/** Another backend with every call counted, and with hooks to make it slow, broken or dead. */
export class HookedBackend implements Backend {
  readonly name: string;
  readonly calls: Record<Method, number> = {
    ready: 0,
    read: 0,
    commit: 0,
    checkpoint: 0,
    range: 0,
    trim: 0,
    keys: 0,
    find: 0,
    watch: 0,
    close: 0,
  };
  /** Records of every commit that was sent. */
  readonly sent: LogRecord[] = [];
  readonly appends: Append[] = [];
  before: Hook | undefined;
  after: Hook | undefined;
  declined: Partial<BackendCapabilities> = {};
  readonly find?: NonNullable<Backend['find']>;
  readonly watch?: NonNullable<Backend['watch']>;
  readonly feed?: NonNullable<Backend['feed']>;

  constructor(
    readonly inner: Backend,
    { without = [] }: { readonly without?: readonly ('find' | 'watch' | 'feed')[] } = {},
  ) {
    this.name = inner.name;
    if (inner.find !== undefined && !without.includes('find')) {
      this.find = (
        key: string,
        ids: readonly string[],
        options?: CallOptions,
      ): Promise<ReadonlyMap<string, Version>> =>
        this.#run('find', key, () => inner.find!(key, ids, options));
    }
    if (inner.watch !== undefined && !without.includes('watch')) {
      this.watch = (key: string, options?: CallOptions): AsyncIterable<Head> => {
        this.calls.watch += 1;
        return inner.watch!(key, options);
      };
    }
    if (inner.feed !== undefined && !without.includes('feed')) {
      this.feed = (after?: Position, options?: FeedOptions): AsyncIterable<FeedEntry> =>
        inner.feed!(after, options);
    }
  }

  get capabilities(): BackendCapabilities {
    return {
      ...this.inner.capabilities,
      watch: this.inner.capabilities.watch && this.watch !== undefined,
      ...this.declined,
    };
  }

  /** Starts counting anew. */
  reset(): void {
    for (const method of Object.keys(this.calls) as Method[]) this.calls[method] = 0;
    this.sent.length = 0;
    this.appends.length = 0;
  }

  async ready(options?: CallOptions): Promise<BackendCapabilities> {
    return this.#run('ready', '', async () => {
      await this.inner.ready(options);
      return this.capabilities;
    });
  }

  read(key: string, options?: ReadOptions): Promise<LogTail> {
    return this.#run('read', key, () => this.inner.read(key, options));
  }

  commit(appends: readonly Append[], options?: CommitOptions): Promise<readonly CommitResult[]> {
    return this.#run('commit', appends[0]?.key ?? '', () => {
      for (const append of appends) {
        this.sent.push(...append.records);
        this.appends.push(append);
      }
      return this.inner.commit(appends, options);
    });
  }

  checkpoint(key: string, checkpoint: Checkpoint, options?: CallOptions): Promise<void> {
    return this.#run('checkpoint', key, () => this.inner.checkpoint(key, checkpoint, options));
  }

  async *range(key: string, options?: RangeOptions): AsyncGenerator<LogRecord> {
    await this.#enter('range', key);
    yield* this.inner.range(key, options);
  }

  trim(key: string, base: Checkpoint, options?: CallOptions): Promise<void> {
    return this.#run('trim', key, () => this.inner.trim(key, base, options));
  }

  async *keys(prefix?: string, options?: KeysOptions): AsyncGenerator<{ key: string; head?: Head }> {
    await this.#enter('keys', '');
    yield* this.inner.keys(prefix, options);
  }

  close(): Promise<void> {
    return this.#run('close', '', () => this.inner.close());
  }

  async #run<T>(method: Method, key: string, work: () => Promise<T>): Promise<T> {
    const entered = this.#enter(method, key);
    if (entered !== undefined) await entered;
    const result = await work();
    const left = this.after?.({ method, key });
    if (left !== undefined) await left;
    return result;
  }

  #enter(method: Method, key: string): Promise<void> | void {
    this.calls[method] += 1;
    return this.before?.({ method, key });
  }
}

/** A hook that lets nothing of these methods through until `open` is called. */
export function gate(...methods: readonly Method[]): {
  hook: Hook;
  open: () => void;
  entered: Promise<void>;
} {
  let open!: () => void;
  let enter!: () => void;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const entered = new Promise<void>((resolve) => {
    enter = resolve;
  });
  const hook: Hook = ({ method }) => {
    if (!methods.includes(method)) return;
    enter();
    return opened;
  };
  return { hook, open, entered };
}
