import { AsyncLocalStorage } from 'node:async_hooks';
import type { CallOptions, DataAgent, Versioned, WriteOptions } from '../data-agent.js';
import { DgentsError, UnsupportedError } from '../errors.js';
import { checkOptions, type OptionNames } from '../option-names.js';
import { checkMeta } from '../state/arguments.js';
import { pause } from '../state/deadlines.js';
import { type Logic, type Step, stepOf } from './logic.js';

export interface SymbiontOptions<I = never, O = unknown, S = never> {
  /**
   * How often a call is computed before it gives up with `StateConflictError`, since each time someone else wrote
   * meanwhile: a whole number from 1 on; 100 unless told. 1 never asks the logic twice.
   */
  readonly attempts?: number;
  /** From 0 to 1: spreads the attempts of several. `Math.random` unless told. */
  readonly random?: () => number;
  /**
   * What was answered to a call whose `operationId` has been written already, found in the state that it stored: the logic
   * is not asked again. Needed for calls with an `operationId`.
   */
  readonly replay?: (stored: Versioned<S>, input: I) => O | Promise<O>;
}

const OPTIONS: OptionNames<SymbiontOptions> = { attempts: true, random: true, replay: true };

/** Logic that is running, as those see it that it has called. */
interface Running {
  readonly symbiont: object;
  readonly outer: Running | undefined;
  ended: boolean;
}

const running = new AsyncLocalStorage<Running>();

/** Thrown by a recipe that is run only where there is something to be done. */
const NOT_YET: unique symbol = Symbol('not yet');

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
  private readonly replay: ((stored: Versioned<S>, input: I) => O | Promise<O>) | undefined;
  /** Settles with the last call so far. */
  private last: Promise<unknown> = Promise.resolve();

  /** @throws TypeError, RangeError when an argument cannot be meant */
  constructor(
    agent: DataAgent<S>,
    /** The logic, as it was given. */
    readonly logic: Logic<I, O, NoInfer<S>>,
    options: SymbiontOptions<I, O, NoInfer<S>> = {},
  ) {
    checkOptions('Symbiont', options, OPTIONS);
    const { attempts = DEFAULT_ATTEMPTS, random = Math.random, replay } = options;
    if (typeof logic !== 'function')
      throw new TypeError('A symbiont takes a function: `(input, state) => […]`.');
    if (!(attempts === Number.POSITIVE_INFINITY || (Number.isSafeInteger(attempts) && attempts >= 1))) {
      throw new RangeError(`attempts is a whole number from 1 on, not ${attempts}.`);
    }
    if (replay !== undefined && typeof replay !== 'function')
      throw new TypeError('replay is a function: `({ state }, input) => output`.');
    this.agent = agent;
    this.attempts = attempts;
    this.random = random;
    this.replay = replay;
  }

  /**
   * Computes an output, and makes one change of the state.
   * @param input given to the logic as it is, once its turn has come: do not change it meanwhile
   * @param options of the write. `timeoutMs` is for each call of the agent; the logic takes as long as it takes. With an
   *   `operationId` that has been written already nothing is computed and nothing stored: `replay` gives the output.
   * @throws whatever the logic throws; nothing is stored then
   * @throws TypeError when the logic returns no pair, and for an `operationId` without `replay`
   * @throws UnsupportedError when the logic of this symbiont calls it: it would wait for itself
   * @throws StateNotFoundError when there is no state and the agent has no `initial`
   * @throws StateConflictError when others wrote during each of the attempts
   */
  async invoke(input: I, options: WriteOptions = {}): Promise<O> {
    this.assertNotWithin();
    if (options.operationId !== undefined && this.replay === undefined) {
      throw new TypeError(
        'A call with an `operationId` may be a repeated one. Tell the symbiont what was answered then: ' +
          '`new Symbiont(agent, logic, { replay: ({ state }, input) => output })`.',
      );
    }
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
    const done = await this.written(options.operationId, call);
    if (done !== undefined) return (this.replay as NonNullable<typeof this.replay>)(done, input);
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
    const own: Running = { symbiont: this, outer: running.getStore(), ended: false };
    try {
      return await running.run(own, async () => stepOf(await this.logic(input, state)));
    } finally {
      // What it has begun and left behind, such as a timer, is free to call.
      own.ended = true;
    }
  }

  /** What was stored under this id before; undefined where nothing was. */
  private async written(id: string | undefined, call: CallOptions): Promise<Versioned<S> | undefined> {
    if (id === undefined) return undefined;
    try {
      // The id is looked up first: only where it is new the recipe runs, and then nothing is to be stored.
      return await this.agent.update(
        () => {
          throw NOT_YET;
        },
        { ...call, operationId: id },
      );
    } catch (error) {
      if (error === NOT_YET) return undefined;
      throw error;
    }
  }

  private assertNotWithin(): void {
    for (let logic = running.getStore(); logic !== undefined; logic = logic.outer) {
      if (logic.symbiont !== this || logic.ended) continue;
      throw new UnsupportedError(
        'A symbiont was invoked by its own logic. Its calls are made one after the other, so that both would wait for ever. ' +
          'Call the function itself (`symbiont.logic`), or invoke again once the first call has been answered.',
      );
    }
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
