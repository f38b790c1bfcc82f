import { Codec, type CodecOptions } from '../codec/codec.js';
import type { DataAgent } from '../data-agent.js';

export interface CachedAgentOptions<S> {
  /**
   * How old an answer may be: a state is given out for so many milliseconds after the store was asked for it. What
   * others write meanwhile is seen that much later. 0 asks every time, Infinity never again. 1,000 unless told; with
   * `watched` 60,000: a watch does not tell of what has expired.
   */
  readonly maxAgeMs?: number;
  /**
   * Another handle on the same state, which the cache watches: once it reports what someone else has written, the store
   * is asked anew. Nothing is held before its first report, nor once it has failed. Not the agent inside: what a handle
   * is shown by a watch, its `save` may overwrite. It stays open when the cache is closed; until then the
   * watch keeps the process alive.
   */
  readonly watched?: DataAgent<S>;
  /** How often `watched` looks where the store gives no hint, in milliseconds; 250 unless told. */
  readonly pollMs?: number;
  /** Told when the watch has failed; the next miss begins another one. A process warning unless told. */
  readonly onError?: (error: unknown) => void;
  /** That of the agent inside, where its states hold class instances. Without it those are not held. */
  readonly codec?: Codec | CodecOptions;
  /** Milliseconds that only grow: ages go by them. `performance.now` unless told. */
  readonly clock?: () => number;
}

/** What a cache has done since it was made. */
export interface CacheStats {
  /** Loads and reads answered from what was held. */
  readonly hits: number;
  /** Loads and reads for which the agent inside was asked. */
  readonly misses: number;
  /** Of the misses, those that shared the question of another one. */
  readonly shared: number;
  /** How long ago the store was asked for what is held, in milliseconds; undefined while nothing is. */
  readonly ageMs: number | undefined;
  /** The greatest age at which a state was given out, in milliseconds. */
  readonly stalestMs: number;
}

export interface CacheRules<S> {
  readonly maxAgeMs: number;
  readonly watched: DataAgent<S> | undefined;
  readonly pollMs: number | undefined;
  readonly onError: (error: unknown) => void;
  readonly codec: Codec;
  readonly clock: () => number;
}

const DEFAULT_MAX_AGE_MS = 1_000;

/** A watch tells of changes, and not of states whose time to live has run out. */
const WATCHED_MAX_AGE_MS = 60_000;

/** @throws RangeError, TypeError */
export function rulesOf<S>(inner: DataAgent<S>, options: CachedAgentOptions<S>): CacheRules<S> {
  const { watched, codec, pollMs } = options;
  const { maxAgeMs = watched === undefined ? DEFAULT_MAX_AGE_MS : WATCHED_MAX_AGE_MS } = options;
  if (typeof maxAgeMs !== 'number' || !(maxAgeMs >= 0)) {
    throw new RangeError(`maxAgeMs is a number of milliseconds from 0 on, not ${String(maxAgeMs)}.`);
  }
  if (pollMs !== undefined && !(pollMs > 0)) throw new RangeError('pollMs is greater than 0.');
  if (watched === inner) {
    throw new TypeError('`watched` is a handle of its own on the same state, and not the agent inside.');
  }
  return {
    maxAgeMs,
    watched,
    pollMs,
    onError: options.onError ?? warnProcess,
    codec: codec instanceof Codec ? codec : new Codec(codec),
    clock: options.clock ?? (() => performance.now()),
  };
}

function warnProcess(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error), { code: 'DGENTS_WARNING' });
}
