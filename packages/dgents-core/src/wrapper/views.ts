/** What wrappers hand out in place of what the agent inside gave. */
import type { Versioned } from '../data-agent.js';

/** The same place in the log with another state, taken when it is first looked at. */
export function versionedView<S>(place: Versioned<unknown>, take: () => S): Versioned<S> {
  const { version, head, savedAt, meta } = place;
  let taken: { readonly state: S } | undefined;
  return {
    get state() {
      taken ??= { state: take() };
      return taken.state;
    },
    version,
    head,
    // The receiver may set a Date: each has its own.
    savedAt: savedAt === null ? null : new Date(savedAt),
    meta,
    deleted: false,
  };
}

/**
 * The same iteration, of what `show` makes of each item. Ending it ends the one inside at once, also while an item is
 * awaited; so does an error of `show`.
 */
export function eachItem<T, R>(items: AsyncIterable<T>, show: (item: T) => R): AsyncIterable<R> {
  return {
    [Symbol.asyncIterator]: () => {
      const iterator = items[Symbol.asyncIterator]();
      let over = false;
      const end = async (): Promise<IteratorReturnResult<undefined>> => {
        over = true;
        await iterator.return?.();
        return { done: true, value: undefined };
      };
      return {
        next: async () => {
          if (over) return { done: true, value: undefined };
          const step = await iterator.next();
          if (step.done === true) return { done: true, value: undefined };
          try {
            return { done: false, value: show(step.value) };
          } catch (error) {
            await end();
            throw error;
          }
        },
        return: end,
      };
    },
  };
}
