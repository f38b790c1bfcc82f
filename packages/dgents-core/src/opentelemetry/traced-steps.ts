import { errorName } from '../observe/observe.js';
import { runTraced } from './current.js';
import type { Recording } from './telemetry.js';

/** Streams whose consumer has gone without a word. */
const abandoned = new FinalizationRegistry<Recording>((recording) => recording.abandon());

/** The same iteration under a span, from its first step until it ends, fails or is left. */
export function tracedSteps<T>(items: AsyncIterable<T>, begin: () => Recording): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]: () => {
      const inner = items[Symbol.asyncIterator]();
      let recording: Recording | undefined;
      const settle = async (
        step: Promise<IteratorResult<T, unknown>>,
      ): Promise<IteratorResult<T, undefined>> => {
        try {
          const result = await step;
          if (result.done !== true) return result;
          recording?.end();
          return { done: true, value: undefined };
        } catch (error) {
          recording?.end(errorName(error));
          throw error;
        }
      };
      const run = <R>(work: () => R): R => (recording === undefined ? work() : runTraced(recording, work));
      const iterator: AsyncIterator<T, undefined> = {
        next: () => {
          if (recording === undefined) {
            recording = begin();
            abandoned.register(iterator, recording);
          }
          return settle(run(() => inner.next()));
        },
        return: () =>
          settle(run(() => inner.return?.() ?? Promise.resolve({ done: true, value: undefined }))),
      };
      return iterator;
    },
  };
}
