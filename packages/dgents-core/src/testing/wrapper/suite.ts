import type { Suite } from '../kit.js';
import type { PromiseName } from '../promises.js';
import type { WrapperBench } from './bench.js';
import type { GivenWrapper } from './subject.js';

export type WrapperSuite = Suite<WrapperBench, GivenWrapper>;

/** States facts about a wrapper: a part of a suite. */
export type StateFacts = WrapperSuite['state'];

/** A suite about wrappers: its promise, what it rests on, and its facts. */
export function wrapperSuite(
  promise: PromiseName,
  presumes: readonly PromiseName[],
  state: StateFacts,
): WrapperSuite {
  return { promise, presumes, state };
}
