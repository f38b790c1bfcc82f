import { types } from 'node:util';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Codec, CodecOptions } from '../codec/codec.js';
import type { DataAgent } from '../data-agent.js';
import { checkOptions, type OptionNames } from '../option-names.js';
import { type StateRules, stateRulesOf } from '../state/state-rules.js';
import { assertAgent } from '../wrapper/assert-agent.js';
import { keyOf } from '../wrapper/key-of.js';
import type { LostWritesError } from './lost-writes-error.js';

/** What a cache tells of; where `lost` is there, these writes are lost. */
export type CacheFailure<S> = LostWritesError<S> | (Error & { readonly lost?: undefined });

/** What caches of both modes take. */
export interface ReadingOptions<S> {
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
  /**
   * Told of what fails outside any call: the watch (the next miss begins another one), and the storing of what was
   * acknowledged before. What somebody has thrown that is no error comes as the `cause` of a TypeError. A process warning
   * unless told.
   */
  readonly onError?: (error: CacheFailure<S>) => void;
  /**
   * That of the agent inside: agents of dgents tell it. Around one of somebody else class instances are not held without
   * it, and in write-behind refused. Its limits are kept here in write-behind.
   */
  readonly codec?: Codec | CodecOptions | undefined;
  /** Milliseconds that only grow: ages go by them. `performance.now` unless told. */
  readonly clock?: () => number;
}

/** A write is acknowledged once the agent inside has acknowledged it. */
export interface WriteThroughOptions<S> extends ReadingOptions<S> {
  readonly mode?: 'write-through';
  /** Not here, where nothing waits; nor are the next two. */
  readonly flushMs?: undefined;
  readonly maxPending?: undefined;
  readonly schema?: undefined;
}

/** A save or update is acknowledged at once, and stored later. */
export interface WriteBehindOptions<S> extends ReadingOptions<S> {
  readonly mode: 'write-behind';
  /**
   * How long a write waits for others to be sent together with, in milliseconds; 250 unless told. 0 sends in the next
   * turn of the event loop; Infinity only when there are `maxPending`, on `flush` and on `close`.
   */
  readonly flushMs?: number;
  /** So many writes may wait; the next one waits until those are stored. 1,000 unless told. */
  readonly maxPending?: number;
  /**
   * That of the agent inside: what it refuses is refused at the call, instead of when it is stored, and what it
   * completes is complete at once. Agents of dgents tell it, wrappers of yours and lenses do not. Where it is not known,
   * the agent inside is asked anew after each flush, and what is stored may differ from what was acknowledged, by what
   * its schema adds.
   */
  readonly schema?: StandardSchemaV1<unknown, S> | undefined;
}

export type CachedAgentOptions<S> = WriteThroughOptions<S> | WriteBehindOptions<S>;

/** What a cache has done since it was made. */
export interface CacheStats {
  /** Loads and reads answered from what was held. */
  readonly hits: number;
  /**
   * Loads and reads of the newest state for which the agent inside was asked; in write-behind also writes that had to
   * look first.
   */
  readonly misses: number;
  /** Of the misses, those that shared the question of another one. */
  readonly shared: number;
  /** How long ago the store was asked for what is held, in milliseconds; undefined while nothing is. */
  readonly ageMs: number | undefined;
  /** The greatest age at which a state was given out, in milliseconds. */
  readonly stalestMs: number;
  /** Writes that were acknowledged and are not stored yet: always 0 in write-through. */
  readonly pending: number;
}

export interface CacheRules<S> extends StateRules {
  readonly mode: 'write-through' | 'write-behind';
  /** The address of the state, where the agent inside tells it. */
  readonly key: string | undefined;
  readonly maxAgeMs: number;
  readonly watched: DataAgent<S> | undefined;
  readonly pollMs: number | undefined;
  /** Never throws. */
  readonly onError: (error: unknown) => void;
  readonly clock: () => number;
  readonly flushMs: number;
  readonly maxPending: number;
}

const DEFAULT_MAX_AGE_MS = 1_000;

/** A watch tells of changes, and not of states whose time to live has run out. */
const WATCHED_MAX_AGE_MS = 60_000;

const DEFAULT_FLUSH_MS = 250;
const DEFAULT_MAX_PENDING = 1_000;

/** More than this timers do not count. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const OPTIONS: OptionNames<WriteBehindOptions<unknown>> = {
  mode: true,
  maxAgeMs: true,
  watched: true,
  pollMs: true,
  onError: true,
  codec: true,
  clock: true,
  flushMs: true,
  maxPending: true,
  schema: true,
};

/** @throws RangeError, TypeError */
export function rulesOf<S>(inner: DataAgent<S>, options: CachedAgentOptions<S>): CacheRules<S> {
  checkOptions('CachedAgent', options, OPTIONS);
  const { watched, codec, pollMs, onError = warnProcess, clock = () => performance.now() } = options;
  const { maxAgeMs = watched === undefined ? DEFAULT_MAX_AGE_MS : WATCHED_MAX_AGE_MS } = options;
  if (typeof maxAgeMs !== 'number' || !(maxAgeMs >= 0)) {
    throw new RangeError(`maxAgeMs is a number of milliseconds from 0 on, not ${String(maxAgeMs)}.`);
  }
  if (pollMs !== undefined && typeof pollMs !== 'number') throw new TypeError('pollMs is a number.');
  if (pollMs !== undefined && !(pollMs > 0)) throw new RangeError('pollMs is greater than 0.');
  if (typeof onError !== 'function') throw new TypeError('onError is a function that is told of an error.');
  if (typeof clock !== 'function') throw new TypeError('clock is a function that gives milliseconds.');
  if (watched !== undefined) assertAgent(watched);
  if (watched === inner) {
    throw new TypeError('`watched` is a handle of its own on the same state, and not the agent inside.');
  }
  const { schema, ...writing } = writingOf(options);
  return {
    ...writing,
    ...stateRulesOf(inner, { codec, schema }),
    key: keyOf(inner),
    maxAgeMs,
    watched,
    pollMs,
    onError: (error) => {
      try {
        onError(errorOf(error));
      } catch (thrown) {
        warnProcess(errorOf(thrown));
      }
    },
    clock,
  };
}

function writingOf<S>(
  options: CachedAgentOptions<S>,
): Pick<CacheRules<S>, 'mode' | 'flushMs' | 'maxPending'> & Pick<WriteBehindOptions<S>, 'schema'> {
  const { mode = 'write-through' } = options;
  const { flushMs = DEFAULT_FLUSH_MS, maxPending = DEFAULT_MAX_PENDING, schema } = options;
  if (mode !== 'write-through' && mode !== 'write-behind') {
    throw new TypeError(`mode is 'write-through' or 'write-behind', not ${String(mode)}.`);
  }
  for (const name of ['flushMs', 'maxPending', 'schema'] as const) {
    if (mode === 'write-behind' || options[name] === undefined) continue;
    throw new TypeError(`\`${name}\` goes with \`mode: 'write-behind'\`: here nothing waits.`);
  }
  const isTimer = flushMs >= 0 && flushMs <= LONGEST_TIMER_MS;
  if (typeof flushMs !== 'number' || !(isTimer || flushMs === Infinity)) {
    throw new RangeError(
      `flushMs is 0 to ${LONGEST_TIMER_MS} milliseconds, or Infinity, not ${String(flushMs)}.`,
    );
  }
  if (!(maxPending === Infinity || Number.isSafeInteger(maxPending)) || maxPending < 1) {
    throw new RangeError(`maxPending is a whole number from 1 on, or Infinity, not ${String(maxPending)}.`);
  }
  if (schema === null)
    throw new TypeError('`schema` is that of the agent inside; leave it out where it has none.');
  return { mode, flushMs, maxPending, ...(schema !== undefined && { schema }) };
}

function errorOf(thrown: unknown): Error {
  if (thrown instanceof Error || types.isNativeError(thrown)) return thrown;
  return new TypeError(`Something was thrown that is no error: ${String(thrown)}`, { cause: thrown });
}

/** Of texts, since an error of another realm would be refused. */
function warnProcess({ name, message, stack }: Error): void {
  // The stack begins with the message.
  const detail = stack?.slice(stack.indexOf('\n    at ') + 1);
  process.emitWarning(message, { type: name, code: 'DGENTS_WARNING', ...(detail && { detail }) });
}
