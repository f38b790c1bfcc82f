/** What a symbiont computes: an answer, and the state after it. */

/** The output, and the next state. */
export type Step<O, S> = readonly [output: O, state: S];

/**
 * A function of an input and a state. It may run several times for one call, so it should do nothing else but answer; one
 * that asks a model or a server is asked again when someone else wrote meanwhile.
 */
export type Logic<I, O, S> = (input: I, state: S) => Step<O, S> | Promise<Step<O, S>>;

/** Logic that answers at once. */
export type SyncLogic<I, O, S> = (input: I, state: S) => Step<O, S>;

/**
 * Checks what came out of logic.
 * @throws TypeError when it is no pair, or there is no state in it
 */
export function stepOf<O, S>(result: Step<O, S>): Step<O, S> {
  if (!Array.isArray(result) || result.length !== 2) {
    throw new TypeError('The logic of a symbiont returns a pair: `[output, state]`.');
  }
  if (result[1] === undefined) {
    throw new TypeError(
      'The logic of a symbiont returned no state: `[output, state]`, where state is not undefined.',
    );
  }
  return result;
}

/** Goes on with a step at once when it is there, and later when it is not: what is synchronous stays so. */
export function after<O, S, R>(
  step: Step<O, S> | Promise<Step<O, S>>,
  next: (step: Step<O, S>) => R | Promise<R>,
): R | Promise<R> {
  return step instanceof Promise || isThenable(step)
    ? Promise.resolve(step).then((found) => next(stepOf(found)))
    : next(stepOf(step));
}

function isThenable(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
