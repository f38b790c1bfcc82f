/**
 * Logic made of logic. The state is threaded through, so that however many parts there are, a symbiont of the whole makes
 * one change. Of synchronous parts the whole is synchronous.
 */
import { after, type Logic, type Step, type SyncLogic, stepOf } from './logic.js';

/** The output of the first is the input of the second. */
export function pipe<I, M, O, S>(first: SyncLogic<I, M, S>, second: SyncLogic<M, O, S>): SyncLogic<I, O, S>;
export function pipe<I, M, O, S>(first: Logic<I, M, S>, second: Logic<M, O, S>): Logic<I, O, S>;
export function pipe<I, M, O, S>(first: Logic<I, M, S>, second: Logic<M, O, S>): Logic<I, O, S> {
  return (input, state) => after(first(input, state), ([between, next]) => second(between, next));
}

/** Both get the input: first the one, and then the other on the state after it. The outputs come as a pair. */
export function fork<I, A, B, S>(one: SyncLogic<I, A, S>, other: SyncLogic<I, B, S>): SyncLogic<I, [A, B], S>;
export function fork<I, A, B, S>(one: Logic<I, A, S>, other: Logic<I, B, S>): Logic<I, [A, B], S>;
export function fork<I, A, B, S>(one: Logic<I, A, S>, other: Logic<I, B, S>): Logic<I, [A, B], S> {
  return (input, state) =>
    after(one(input, state), ([a, between]) =>
      after(other(input, between), ([b, next]): Step<[A, B], S> => [[a, b], next]),
    );
}

/** One input after the other, each on the state that the one before has left. The outputs come in the same order. */
export function batch<I, O, S>(logic: SyncLogic<I, O, S>): SyncLogic<readonly I[], O[], S>;
export function batch<I, O, S>(logic: Logic<I, O, S>): Logic<readonly I[], O[], S>;
export function batch<I, O, S>(logic: Logic<I, O, S>): Logic<readonly I[], O[], S> {
  return (inputs, state) => {
    const outputs: O[] = [];
    const waiting = inputs[Symbol.iterator]();
    // A loop as long as the answers come at once: a recursion would be as deep as there are inputs.
    let now = state;
    for (let { done, value } = waiting.next(); done !== true; { done, value } = waiting.next()) {
      const taken = after(logic(value as I, now), (step) => step);
      if (taken instanceof Promise) return later(logic, waiting, outputs, taken);
      outputs.push(taken[0]);
      now = taken[1];
    }
    return [outputs, now];
  };
}

/** The same, once an answer has to be awaited. */
async function later<I, O, S>(
  logic: Logic<I, O, S>,
  waiting: Iterator<I>,
  outputs: O[],
  first: Promise<Step<O, S>>,
): Promise<Step<O[], S>> {
  let [output, now] = await first;
  outputs.push(output);
  for (let { done, value } = waiting.next(); done !== true; { done, value } = waiting.next()) {
    [output, now] = stepOf(await logic(value as I, now));
    outputs.push(output);
  }
  return [outputs, now];
}
