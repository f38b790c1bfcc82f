/**
 * Software that breaks one promise, each in a way that real software does. The kit has to catch every one of them by the
 * fact named here, and must not blame another promise: `self-*.test.ts`.
 */
import type { KitOptions } from '../index.js';
import type { PromiseName } from '../promises.js';
import type { KitReport, RunOptions } from '../run.js';

/** What a fault says of itself. */
export interface FaultNote {
  /** What it does wrong, in a few words: `history includes the current state`. */
  readonly name: string;
  readonly breaks: PromiseName;
  /** The name of a fact that has to fail. No other fault names the same one. */
  readonly caughtBy: string;
  /** Where the like is met in the wild. */
  readonly like: string;
}

export interface Fault extends FaultNote {
  /** What is broken. */
  readonly of: 'backend' | 'agent' | 'wrapper' | 'stream';
  /** Runs the kit on it. */
  readonly run: (options: KitOptions & RunOptions) => Promise<KitReport>;
}
