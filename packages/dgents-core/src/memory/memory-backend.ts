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
  KeyEntry,
  KeysOptions,
  LogRecord,
  LogTail,
  Position,
  RangeOptions,
  ReadOptions,
  Version,
} from '../backend.js';
import { checkCommit, checkLimit, checkRead } from '../backend-parts/checks.js';
import { byCodePoint } from '../backend-parts/code-point-order.js';
import { iterable } from '../backend-parts/iterable.js';
import { type Endable, LiveIterator } from '../backend-parts/live-iterator.js';
import { AgentClosedError } from '../errors.js';
import { MemoryFeed } from './memory-feed.js';
import { MemoryStore } from './memory-store.js';

export interface MemoryBackendOptions {
  /**
   * Keep documents as they are given, and never ask for their text (default). `false` keeps text and nothing else,
   * as a store on disk has to: for tests.
   */
  readonly values?: boolean;
  /** Milliseconds since the epoch; only the time to live asks it. `Date.now` unless told. */
  readonly clock?: () => number;
  /** Opens the same logs as this one. Each is closed by itself; `values` and `clock` are the first one's. */
  readonly sharing?: MemoryBackend;
}

/** The longest string that V8 holds on a 64-bit machine. */
const MAX_STRING_LENGTH = 2 ** 29 - 24;

/**
 * Logs in the memory of this process: nothing survives its end. Records are kept as the objects they came as, so a
 * commit costs the same for any size of state, and two versions share what they have in common.
 */
export class MemoryBackend implements Backend {
  readonly name = 'memory';
  readonly capabilities: BackendCapabilities;
  readonly #store: MemoryStore;
  readonly #live = new Set<Endable>();
  #closed = false;

  constructor({ values = true, clock = Date.now, sharing }: MemoryBackendOptions = {}) {
    this.#store = sharing === undefined ? new MemoryStore(values, clock) : sharing.#store;
    this.capabilities = capabilitiesOf(this.#store.values);
  }

  // No method awaits anything: each has happened when its promise is returned, in the order of the calls.

  async ready(): Promise<BackendCapabilities> {
    this.#assertOpen();
    return this.capabilities;
  }

  async read(key: string, options: ReadOptions = {}): Promise<LogTail> {
    this.#assertOpen(key);
    checkRead(options);
    const log = this.#store.log(key);
    if (log !== undefined) return log.read(options);
    return { head: null, floor: 0, since: options.after ? 'diverged' : 'same', records: [], more: false };
  }

  async commit(appends: readonly Append[], options?: CommitOptions): Promise<readonly CommitResult[]> {
    this.#assertOpen(appends[0]?.key);
    checkCommit(this, appends, options);
    return this.#store.commit(appends, options?.atomic === true);
  }

  async checkpoint(key: string, checkpoint: Checkpoint): Promise<void> {
    this.#assertOpen(key);
    this.#store.checkpoint(key, checkpoint);
  }

  /** What was there at the first step; what is appended meanwhile is left out. */
  async *range(key: string, options: RangeOptions = {}): AsyncIterable<LogRecord> {
    this.#assertOpen(key);
    const { from = 1, to = Number.POSITIVE_INFINITY, reverse, limit } = options;
    checkLimit(options);
    const records = this.#store.log(key)?.range(from, to) ?? [];
    if (reverse) records.reverse();
    yield* limit === undefined ? records : records.slice(0, limit);
  }

  async trim(key: string, base: Checkpoint): Promise<void> {
    this.#assertOpen(key);
    this.#store.trim(key, base);
  }

  /** The keys that were there at the first step, except those whose time has run out meanwhile. */
  async *keys(prefix = '', options: KeysOptions = {}): AsyncIterable<KeyEntry> {
    this.#assertOpen();
    const { after, heads, limit = Number.POSITIVE_INFINITY } = options;
    checkLimit(options);
    const keys = this.#store.sortedKeys();
    let left = limit;
    for (let i = firstKey(keys, prefix, after); left > 0 && keys[i]?.startsWith(prefix); i++) {
      const log = this.#store.log(keys[i]!);
      if (log === undefined) continue;
      left--;
      yield heads ? { key: log.key, head: log.head } : { key: log.key };
    }
  }

  async find(key: string, ids: readonly string[]): Promise<ReadonlyMap<string, Version>> {
    this.#assertOpen(key);
    const log = this.#store.log(key);
    const found = new Map<string, Version>();
    for (const id of ids) {
      const version = log?.find(id);
      if (version !== undefined) found.set(id, version);
    }
    return found;
  }

  /** Ends when the signal fires or this backend is closed. */
  feed(after?: Position, options: FeedOptions = {}): AsyncIterable<FeedEntry> {
    return iterable(() => {
      this.#assertOpen();
      checkLimit(options);
      return MemoryFeed.read(this.#store, after, { ...options, among: this.#live });
    });
  }

  /** Heads that come after the iteration began, the newest only where the reader is slower. Ends as {@link feed} does. */
  watch(key: string, { signal }: CallOptions = {}): AsyncIterable<Head> {
    return iterable(() => {
      this.#assertOpen(key);
      let seen = this.#store.log(key)?.head;
      const pull = () => {
        const head = this.#store.log(key)?.head;
        if (head === seen) return undefined;
        seen = head;
        return head;
      };
      const cleanUp = this.#store.listen(key, () => heads.wake());
      const heads = new LiveIterator(pull, { among: this.#live, cleanUp, signal });
      return heads;
    });
  }

  /** Ends the watches and feeds of this backend. Another one that shares its logs stays open. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const iterator of this.#live) iterator.end();
  }

  #assertOpen(key?: string): void {
    if (this.#closed) throw new AgentClosedError('this memory backend was closed', { key });
  }
}

export function memoryBackend(options?: MemoryBackendOptions): MemoryBackend {
  return new MemoryBackend(options);
}

function capabilitiesOf(values: boolean): BackendCapabilities {
  return Object.freeze({
    durability: 'none',
    sharing: 'process',
    atomicity: 'store',
    feed: 'global',
    watch: true,
    ttl: true,
    orderedKeys: true,
    values,
    materializes: false,
    idempotencyRecords: Number.POSITIVE_INFINITY,
    limits: Object.freeze({
      // Nothing here depends on the length of a key; a megabyte of it is a mistake.
      keyBytes: 2 ** 20,
      recordBytes: MAX_STRING_LENGTH,
      // A commit blocks the event loop: a hundred thousand take some ten milliseconds.
      recordsPerAppend: 100_000,
      appendsPerCommit: 100_000,
    }),
  });
}

/** The place of the first key that may match, by bisection. */
function firstKey(keys: readonly string[], prefix: string, after: string | undefined): number {
  const resumes = after !== undefined && byCodePoint(after, prefix) >= 0;
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const before = resumes ? byCodePoint(keys[middle]!, after) <= 0 : byCodePoint(keys[middle]!, prefix) < 0;
    if (before) low = middle + 1;
    else high = middle;
  }
  return low;
}
