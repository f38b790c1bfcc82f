import type { Suite } from '../kit.js';
import type { PromiseName } from '../promises.js';
import type { EventStreamBench } from '../stream-bench.js';
import type { GivenEventStream } from '../stream-subject.js';

export type EventStreamSuite = Suite<EventStreamBench, GivenEventStream>;

/** A suite about event streams: its promise, what it rests on, and its facts. */
export function streamSuite(
  promise: PromiseName,
  presumes: readonly PromiseName[],
  state: EventStreamSuite['state'],
): EventStreamSuite {
  return { promise, presumes, state };
}
