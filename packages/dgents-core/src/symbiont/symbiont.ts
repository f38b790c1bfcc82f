import type { DataAgent, Versioned, WriteOptions } from '../data-agent.js';
import { DgentsError } from '../errors.js';
import { checkOptions, type OptionNames } from '../option-names.js';
import { checkMeta } from '../state/arguments.js';
import { pause } from '../state/deadlines.js';
import { type Logic, type Step, stepOf } from './logic.js';

export interface SymbiontOptions {
  /**
   * How often a call is computed before it gives up with `StateConflictError`, since each time someone else wrote
   * meanwhile: a whole number from 1 on; 100 unless told. 1 never asks the logic twice.
   */
  readonly attempts?: number;
  /** From 0 to 1: spreads the attempts of several. `Math.random` unless told. */
  readonly random?: () => number;
}

const OPTIONS: OptionNames<SymbiontOptions> = { attempts: true, random: true };

const DEFAULT_ATTEMPTS = 100;

/** Waiting before another attempt, in milliseconds; doubled each time, jittered, none before the second. */
const FIRST_BACKOFF_MS = 1;
const LONGEST_BACKOFF_MS = 50;

/**
 * Logic and a memory: `(input, state) → [output, next state]`, synchronous or not, with the state kept by an agent.
 *
 * A call reads the state, computes, and saves what came out only if nobody else wrote since (compare-and-set); otherwise
 * it reads and computes again. So each call that resolves is exactly one change of the state, computed from the very state
 * it replaced, whoever else writes, on any host; and one that rejects is none, except for an `OutcomeUnknownError`, as
 * of `save`. Calls of one symbiont are made one after the other, in order.
 *
 * The logic gets a copy of the state of its own, and knows nothing of agents: test it as the function it is.
 *
 * ```ts
 * const counter = new Symbiont(agent, (step: number, count: number) => [count, count + step]);
 * const before = await counter.invoke(2);
 * ```
 */
export class Symbiont<I, O, S> {
  /** What keeps the state. It stays the caller's, to be read, watched and closed. */
  readonly agent: DataAgent<S>;
  private readonly attempts: number;
  private readonly random: () => number;
  /** Settles with the last call so far. */
  private last: Promise<unknown> = Promise.resolve();

  /** @throws TypeError, RangeError when an argument cannot be meant */
  constructor(
    agent: DataAgent<S>,
    /** The logic, as it was given. */
    readonly logic: Logic<I, O, NoInfer<S>>,
    options: SymbiontOptions = {},
  ) {
    checkOptions('Symbiont', options, OPTIONS);
    const { attempts = DEFAULT_ATTEMPTS, random = Math.random } = options;
    if (typeof logic !== 'function')
      throw new TypeError('A symbiont takes a function: `(input, state) => […]`.');
    if (!(attempts === Number.POSITIVE_INFINITY || (Number.isSafeInteger(attempts) && attempts >= 1))) {
      throw new RangeError(`attempts is a whole number from 1 on, not ${attempts}.`);
    }
    this.agent = agent;
    this.attempts = attempts;
    this.random = random;
  }

  /**
   * Computes an output, and makes one change of the state.
   * @param input given to the logic as it is, once its turn has come: do not change it meanwhile
   * @param options of the write. `timeoutMs` is for each call of the agent; the logic takes as long as it takes. With an
   *   `operationId` that has been written already nothing is stored, and the output is computed from the present state.
   * @throws whatever the logic throws; nothing is stored then
   * @throws TypeError when the logic returns no pair
   * @throws StateNotFoundError when there is no state and the agent has no `initial`
   * @throws StateConflictError when others wrote during each of the attempts
   */
  async invoke(input: I, options: WriteOptions = {}): Promise<O> {
    const turn = this.last;
    // Taken at the call, as by a save; it may be a while until then.
    const meta = checkMeta(options.meta);
    const own = { ...options, ...(meta !== undefined && { meta }) };
    const output = inTurn(turn, options.signal).then(() => this.compute(input, own));
    // Whoever gives up waiting leaves the others in their order.
    this.last = Promise.allSettled([turn, output]);
    return output;
  }

  private async compute(input: I, options: WriteOptions): Promise<O> {
    const { timeoutMs, signal } = options;
    const call = { ...(timeoutMs !== undefined && { timeoutMs }), ...(signal !== undefined && { signal }) };
    for (let attempt = 1; ; attempt += 1) {
      const seen = await this.agent.read(call);
      const [given, state] = await this.step(input, seen);
      // An output that is a promise is part of the logic: where it fails, nothing is stored.
      const output = await given;
      signal?.throwIfAborted();
      try {
        await this.agent.save(state, { ...options, expected: seen });
        return output;
      } catch (error) {
        if (!DgentsError.is(error, 'DGENTS_STATE_CONFLICT') || attempt >= this.attempts) throw error;
      }
      await this.backOff(attempt, signal);
    }
  }

  private async step(input: I, { state }: Versioned<S>): Promise<Step<O, S>> {
    return stepOf(await this.logic(input, state));
  }

  private async backOff(attempt: number, signal: AbortSignal | undefined): Promise<void> {
    if (attempt > 1) {
      const longestMs = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(attempt, 10));
      await pause(this.random() * longestMs, signal);
    }
    signal?.throwIfAborted();
  }
}

/** Resolves when it is one's turn, or rejects as soon as the signal aborts. */
function inTurn(turn: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return turn.then(() => undefined);
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    turn.then(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
  });
}
