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
import { StorageTimeoutError, StorageUnavailableError } from '../../errors.js';

/** How often what goes wrong, each from 0 to 1. */
export interface Losses {
  /** The request never arrives. */
  readonly request: number;
  /** It is done, and the answer never arrives. */
  readonly answer: number;
  /** The caller is told of a failure at once; the request arrives later, when nobody expects it any more. */
  readonly late: number;
  /** The request arrives twice, as when a driver sends it again by itself. */
  readonly twice: number;
  /** Reads that fail. */
  readonly read: number;
}

export const NO_LOSSES: Losses = { request: 0, answer: 0, late: 0, twice: 0, read: 0 };

/** A sequence of numbers from 0 up to 1 that a seed decides (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What really happened, whoever was told of it: every record that was written, in the order of its log. */
export class Ledger {
  readonly #records: LogRecord[] = [];

  get records(): readonly LogRecord[] {
    return this.#records.toSorted((a, b) => a.version - b.version);
  }

  /** A driver may send a request again by itself, and be told of a replay only: what is new here counts, not what is told. */
  note(appends: readonly Append[], results: readonly CommitResult[]): void {
    for (const [index, result] of results.entries()) {
      if (result.ok) for (const record of (appends[index] as Append).records) this.#add(record);
    }
  }

  /** Adds what is in the log although its answer was lost below, between the backend and its server. */
  async complete(backend: Backend, key: string): Promise<void> {
    for await (const record of backend.range(key)) this.#add(record);
  }

  #add(record: LogRecord): void {
    const { version, id } = record;
    if (this.#records.some((known) => known.version === version && known.id === id)) return;
    this.#records.push(record);
  }
}

/** One piece of work after the other: a store that is never asked two things at once. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

/**
 * Another backend behind a network that loses requests and answers, delivers them late or twice. What it does to
 * which call is decided by a seed.
 */
export class LossyBackend implements Backend {
  readonly name: string;
  readonly find?: NonNullable<Backend['find']>;
  losses: Losses;
  readonly #random: () => number;
  readonly #late = new Set<Promise<unknown>>();

  constructor(
    readonly inner: Backend,
    readonly options: {
      readonly seed: number;
      readonly losses: Losses;
      readonly ledger?: Ledger;
      readonly find?: boolean;
      /** What every request goes through once it has arrived; several networks may share one. */
      readonly turns?: Turns;
      /** Whether closing it leaves the inner one open. */
      readonly leavesOpen?: boolean;
    },
  ) {
    this.name = inner.name;
    this.losses = options.losses;
    this.#random = seededRandom(options.seed);
    if (inner.find !== undefined && options.find !== false) {
      this.find = async (
        key: string,
        ids: readonly string[],
        call?: CallOptions,
      ): Promise<ReadonlyMap<string, Version>> => {
        await this.#pass();
        return this.#inTurn(() => inner.find!(key, ids, call));
      };
    }
  }

  get capabilities(): BackendCapabilities {
    return { ...this.inner.capabilities, watch: false, feed: false, sharing: 'network' };
  }

  /** Once everything that was under way has arrived. */
  async settled(): Promise<void> {
    while (this.#late.size > 0) await Promise.allSettled([...this.#late]);
  }

  async ready(options?: CallOptions): Promise<BackendCapabilities> {
    await this.inner.ready(options);
    return this.capabilities;
  }

  async read(key: string, options?: ReadOptions): Promise<LogTail> {
    await this.#pass();
    const tail = await this.#inTurn(() => this.inner.read(key, options));
    await this.#travel();
    return tail;
  }

  async *range(key: string, options?: RangeOptions): AsyncGenerator<LogRecord> {
    await this.#pass();
    if (this.options.turns === undefined) return yield* this.inner.range(key, options);
    const records = await this.#inTurn(async () => {
      const found: LogRecord[] = [];
      for await (const record of this.inner.range(key, options)) found.push(record);
      return found;
    });
    yield* records;
  }

  async commit(appends: readonly Append[], options?: CommitOptions): Promise<readonly CommitResult[]> {
    const { request, answer, late, twice } = this.losses;
    const dice = this.#random();
    if (dice < request) throw this.#failure(true);
    await this.#travel();
    if (dice < request + late) {
      this.#later(() => this.#arrive(appends, options));
      throw this.#failure(false);
    }
    const results = await this.#arrive(appends, options);
    if (dice < request + late + twice) {
      if (this.#random() < 0.5) return this.#arrive(appends, options);
      this.#later(() => this.#arrive(appends, options));
    } else if (dice < request + late + twice + answer) throw this.#failure(false);
    await this.#travel();
    return results;
  }

  async checkpoint(key: string, checkpoint: Checkpoint, options?: CallOptions): Promise<void> {
    await this.#pass();
    return this.#inTurn(() => this.inner.checkpoint(key, checkpoint, options));
  }

  async trim(key: string, base: Checkpoint, options?: CallOptions): Promise<void> {
    await this.#pass();
    return this.#inTurn(() => this.inner.trim(key, base, options));
  }

  keys(
    prefix?: string,
    options?: KeysOptions,
  ): AsyncIterable<{ readonly key: string; readonly head?: Head }> {
    return this.inner.keys(prefix, options);
  }

  async close(): Promise<void> {
    await this.settled();
    if (this.options.leavesOpen !== true) await this.inner.close();
  }

  /** Whoever sent it may have given up: at the far end it is carried out, and its outcome is known there. */
  async #arrive(
    appends: readonly Append[],
    { atomic }: CommitOptions = {},
  ): Promise<readonly CommitResult[]> {
    const options = atomic === undefined ? {} : { atomic };
    const results = await this.#inTurn(() => this.inner.commit(appends, options));
    this.options.ledger?.note(appends, results);
    return results;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const { turns } = this.options;
    return turns === undefined ? work() : turns.take(work);
  }

  async #pass(): Promise<void> {
    if (this.#random() < this.losses.read) throw this.#unavailable();
    await this.#travel();
  }

  /** A few turns of the event loop, sometimes a few milliseconds. */
  #travel(): Promise<void> | void {
    const dice = this.#random();
    if (dice < 0.5) return;
    if (dice < 0.95) return new Promise((resolve) => void setImmediate(resolve));
    return new Promise((resolve) => void setTimeout(resolve, this.#random() * 4));
  }

  #later(work: () => Promise<unknown>): void {
    const waited = new Promise((resolve) => void setTimeout(resolve, this.#random() * 12));
    const late: Promise<unknown> = waited
      .then(work)
      .catch(() => undefined)
      .finally(() => this.#late.delete(late));
    this.#late.add(late);
  }

  #unavailable(): Error {
    return new StorageUnavailableError('refused', {
      cause: Object.assign(new Error(), { code: 'ECONNREFUSED' }),
    });
  }

  /** What a driver may throw. Only where nothing was written may the error say so. */
  #failure(nothingWritten: boolean): Error {
    const dice = this.#random();
    if (nothingWritten && dice < 0.3) return this.#unavailable();
    if (dice < 0.6) return new StorageTimeoutError('no answer', { timeoutMs: 1 });
    return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
  }
}
