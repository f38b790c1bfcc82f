/** How a processor works; and what it tells while it does. */
import type { Version } from 'dgents-core';
import { checkOptions, type OptionNames } from 'dgents-core/folding';
import type { Backoff } from './trouble.js';

/** An attempt at an event that failed. */
export interface ProjectionFailure {
  /** The address of the event's stream. */
  readonly key: string;
  readonly version: Version;
  readonly error: unknown;
  /** 1 at the first. */
  readonly attempt: number;
  readonly next: 'retry' | 'park' | 'stop';
}

/** Events that are gone before the projection saw them. */
export interface Trimmed {
  readonly key: string;
  /** The oldest that may be missing. */
  readonly from: Version;
  readonly to: Version;
}

export interface ProcessorOptions {
  /** Read this stream alone, by its versions: on every store, also on those without a feed. */
  readonly stream?: string;
  /**
   * What this processor is called where it holds the lease; host, process and a random part unless told. No two may be
   * called alike; one that comes back under its name after a crash goes on at once.
   */
  readonly holder?: string;
  /**
   * For so long nobody else processes after this one was heard of last, in milliseconds; 10,000 unless told. Others take
   * over after it at the latest; a processor that is stopped gives it back at once.
   */
  readonly leaseMs?: number;
  /** At most so many events are written as one; 500 unless told. */
  readonly batchEvents?: number;
  /** For so long at most further events are waited for before the first is written, in milliseconds; 20 unless told. */
  readonly batchMs?: number;
  /** So often an event is tried; 5 times unless told. */
  readonly attempts?: number;
  /** Between attempts, and while the store is in trouble; from 100 ms to 10 s unless told. Jittered. */
  readonly backoff?: Partial<Backoff>;
  /**
   * What becomes of an event that failed at all attempts: `park` puts it aside and goes on (unless told); `stop` ends the
   * processor with an `EventFoldError`, so that no event is passed.
   *
   * PARKING BREAKS THE ORDER WITHIN A STREAM: later events of the same stream are taken while this one waits, and it is taken
   * behind them when it is replayed. Where that matters, `stop`.
   */
  readonly onError?: 'park' | 'stop';
  /** Events that are gone are passed, and told here. Without it the processor ends with a `LogCompactedError`. */
  readonly onTrimmed?: (trimmed: Trimmed) => unknown;
  /** Told each time that all there was is in the models, and something had changed. */
  readonly onCaughtUp?: () => void;
  /** Told of every attempt that failed. Without it, an event that is put aside is a warning of the store (`onWarning`). */
  readonly onFailure?: (failure: ProjectionFailure) => void;
  /** Told once readers are given this version instead of the one before. */
  readonly onSwitched?: () => void;
}

export interface Settings {
  readonly leaseMs: number;
  readonly batchEvents: number;
  readonly batchMs: number;
  readonly attempts: number;
  readonly backoff: Backoff;
  readonly onError: 'park' | 'stop';
}

const NAMES: OptionNames<ProcessorOptions> = {
  stream: true,
  holder: true,
  leaseMs: true,
  batchEvents: true,
  batchMs: true,
  attempts: true,
  backoff: true,
  onError: true,
  onTrimmed: true,
  onCaughtUp: true,
  onFailure: true,
  onSwitched: true,
};

/** @throws TypeError, RangeError */
export function settingsOf(options: ProcessorOptions): Settings {
  checkOptions('A processor', options, NAMES);
  const { leaseMs = 10_000, batchEvents = 500, batchMs = 20, attempts = 5, onError = 'park' } = options;
  const { firstMs = 100, maxMs = 10_000 } = options.backoff ?? {};
  for (const [name, value] of Object.entries({ batchEvents, attempts })) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new RangeError(`\`${name}\` is a whole number above 0, not ${String(value)}.`);
  }
  for (const [name, value] of Object.entries({
    leaseMs,
    'backoff.firstMs': firstMs,
    'backoff.maxMs': maxMs,
  })) {
    if (!(value > 0 && value < Infinity))
      throw new RangeError(`\`${name}\` is above 0, not ${String(value)}.`);
  }
  if (!(batchMs >= 0 && batchMs < Infinity))
    throw new RangeError(`\`batchMs\` is 0 or more, not ${String(batchMs)}.`);
  if (onError !== 'park' && onError !== 'stop') throw new TypeError("`onError` is 'park' or 'stop'.");
  return { leaseMs, batchEvents, batchMs, attempts, backoff: { firstMs, maxMs }, onError };
}
