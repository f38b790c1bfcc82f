import assert from 'node:assert/strict';
import { DgentsError } from '../../errors.js';
import { nextOf } from './streams.js';

/** What a step may take, tried one after the other: a slow store may need more than the shortest. */
const TIMEOUTS_MS = [20, 100, 500];

/**
 * A stream that is silent waits on for longer than `timeoutMs`, which bounds a step and not the wait.
 *
 * @param cause makes it say something; told of the answer, which may be a while in coming
 */
export async function assertWaitsWithoutLimit<T>(
  open: (timeoutMs: number) => AsyncIterable<T>,
  cause: (answer: Promise<unknown>) => Promise<unknown>,
): Promise<void> {
  for (const timeoutMs of TIMEOUTS_MS) {
    const stream = open(timeoutMs)[Symbol.asyncIterator]();
    const next = nextOf(stream, 'what comes after a silence');
    const over = next.then(({ done }) => done === true, lateOr);
    const isOver = await Promise.race([
      over,
      new Promise<false>((resolve) => setTimeout(resolve, 2 * timeoutMs, false)),
    ]);
    if (!isOver) {
      await cause(next);
      assert.equal((await next).done ?? false, false, 'a stream that waited ended when something came');
      await stream.return?.();
      return;
    }
  }
  assert.fail(
    `a stream that waits for what is yet to come ended after its timeoutMs of ${TIMEOUTS_MS.at(-1)}`,
  );
}

/** Out of time is over; anything else is worse. */
function lateOr(error: unknown): true {
  if (DgentsError.is(error, 'DGENTS_STORAGE_TIMEOUT')) return true;
  throw error;
}
