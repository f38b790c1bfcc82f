import type { BackendBench } from '../backend-bench.js';
import type { Suite } from '../kit.js';
import type { PromiseName } from '../promises.js';
import type { GivenBackend } from '../subject.js';

export type BackendSuite = Suite<BackendBench, GivenBackend>;

/** A suite about backends: its promise, what it rests on, and its facts. */
export function backendSuite(
  promise: PromiseName,
  presumes: readonly PromiseName[],
  state: BackendSuite['state'],
): BackendSuite {
  return { promise, presumes, state };
}
