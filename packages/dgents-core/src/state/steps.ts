import { ignore } from './deadlines.js';

/** Passes an iteration on, each step in its own time: how long the consumer takes in between is not counted. */
export async function* stepwise<T>(
  source: AsyncIterator<T, unknown>,
  within: (step: Promise<IteratorResult<T, unknown>>) => Promise<IteratorResult<T, unknown>>,
): AsyncGenerator<T, void, undefined> {
  let underWay = false;
  try {
    for (;;) {
      underWay = true;
      const step = await within(source.next());
      underWay = false;
      if (step.done === true) return;
      yield step.value;
    }
  } finally {
    const ended = source.return?.();
    // A step that did not come in time may never come: the source ends behind it, and nobody waits for that.
    if (underWay) ended?.catch(ignore);
    else await ended;
  }
}
