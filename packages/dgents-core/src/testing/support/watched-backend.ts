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
} from '../../backend.js';
import { patient } from './patience.js';
import { Hung } from './verdicts.js';

/** How long any call may take before it counts as hanging. A call without `timeoutMs` of its own may be slow, not dead. */
export const PATIENCE_MS = 15_000;

/**
 * A backend as the facts see it: the same one, except that a call that hangs fails the fact that made it, instead of
 * stopping the whole run. Streams may be silent for as long as they like; ending them may not take for ever.
 */
export class WatchedBackend implements Backend {
  readonly find?: NonNullable<Backend['find']>;
  readonly feed?: NonNullable<Backend['feed']>;
  readonly watch?: NonNullable<Backend['watch']>;

  constructor(readonly inner: Backend) {
    if (inner.find !== undefined) {
      this.find = (
        key: string,
        ids: readonly string[],
        options?: CallOptions,
      ): Promise<ReadonlyMap<string, Version>> => settled('find', () => inner.find!(key, ids, options));
    }
    if (inner.feed !== undefined) {
      this.feed = (after?: Position, options?: FeedOptions): AsyncIterable<FeedEntry> =>
        inner.feed!(after, options);
    }
    if (inner.watch !== undefined) {
      this.watch = (key: string, options?: CallOptions): AsyncIterable<Head> => inner.watch!(key, options);
    }
  }

  get name(): string {
    return this.inner.name;
  }

  get capabilities(): BackendCapabilities {
    return this.inner.capabilities;
  }

  ready(options?: CallOptions): Promise<BackendCapabilities> {
    return settled('ready', () => this.inner.ready(options));
  }

  read(key: string, options?: ReadOptions): Promise<LogTail> {
    return settled('read', () => this.inner.read(key, options));
  }

  commit(appends: readonly Append[], options?: CommitOptions): Promise<readonly CommitResult[]> {
    return settled('commit', () => this.inner.commit(appends, options));
  }

  checkpoint(key: string, checkpoint: Checkpoint, options?: CallOptions): Promise<void> {
    return settled('checkpoint', () => this.inner.checkpoint(key, checkpoint, options));
  }

  range(key: string, options?: RangeOptions): AsyncIterable<LogRecord> {
    return steps('range', () => this.inner.range(key, options));
  }

  trim(key: string, base: Checkpoint, options?: CallOptions): Promise<void> {
    return settled('trim', () => this.inner.trim(key, base, options));
  }

  keys(
    prefix?: string,
    options?: KeysOptions,
  ): AsyncIterable<{ readonly key: string; readonly head?: Head }> {
    return steps('keys', () => this.inner.keys(prefix, options));
  }

  close(): Promise<void> {
    return settled('close', () => this.inner.close());
  }
}

/** What the call gives, or a failure when it gives nothing for too long. */
export function settled<T>(
  name: string,
  call: () => Promise<T>,
  patienceMs: number = PATIENCE_MS,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const mostMs = patient(patienceMs);
    const timer = setTimeout(() => reject(new Hung(name, mostMs)), mostMs);
    timer.unref();
    let answer: Promise<T>;
    try {
      answer = call();
    } catch (error) {
      // A method that throws instead of rejecting is as good as one that rejects, for whoever awaits it.
      answer = Promise.reject(error);
    }
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

async function* steps<T>(name: string, begin: () => AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  const iterator = begin()[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await settled(`${name}().next`, () => iterator.next());
      if (done) return;
      yield value;
    }
  } finally {
    await settled(`${name}().return`, async () => iterator.return?.());
  }
}
