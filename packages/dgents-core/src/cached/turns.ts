/** Calls that wait for others, each no longer than its own deadline and signal say. */
import type { CallOptions } from '../data-agent.js';
import { type Call, Deadlines, ignore, monotonicMs, remainingMs, timeoutError } from '../state/deadlines.js';
import { checkTimeout } from '../state/engine.js';
import { Line } from './line.js';

export class Turns {
  private readonly line = new Line();
  private readonly deadlines = new Deadlines();

  constructor(private readonly key: string | undefined) {}

  /** Whether nothing is being done, and nobody waits. */
  get isFree(): boolean {
    return this.line.isEmpty;
  }

  /** Does it once everything is done that was called before. */
  async take<T>(call: Call, work: () => Promise<T>): Promise<T> {
    const turn = this.line.enter();
    let leave: () => void;
    try {
      leave = await this.within(turn, call);
    } catch (error) {
      turn.then((leave) => leave());
      throw error;
    }
    try {
      return await work();
    } finally {
      leave();
    }
  }

  /** Once everything is done that was called before. */
  passed(): Promise<void> {
    return this.line.passed();
  }

  /** The promise, unless the call ends first. */
  within<T>(promise: Promise<T>, call: Call): Promise<T> {
    if (call.deadline <= monotonicMs()) {
      promise.catch(ignore);
      return Promise.reject(timeoutError(call, 'The call', this.key));
    }
    return this.deadlines.within(promise, call, 'The call', this.key);
  }
}

/** A call without a deadline of its own waits as long as the agent inside takes. @throws TypeError, RangeError */
export function callOf({ timeoutMs: given, signal }: CallOptions = {}): Call {
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(
      '`signal` is an AbortSignal: new AbortController().signal, or AbortSignal.timeout(ms).',
    );
  }
  if (given === undefined) return { deadline: Infinity, timeoutMs: Infinity, signal };
  const timeoutMs = checkTimeout(given);
  return { deadline: monotonicMs() + timeoutMs, timeoutMs, signal };
}

/** The options for what is still to be done. */
export function leftOf(call: Call): CallOptions {
  return {
    ...(call.deadline !== Infinity && { timeoutMs: remainingMs(call) }),
    ...(call.signal && { signal: call.signal }),
  };
}
