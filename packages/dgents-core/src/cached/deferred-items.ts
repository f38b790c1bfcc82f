/** An iteration that begins once something else is done. */
export function itemsAfter<T>(first: () => Promise<void>, items: () => AsyncIterable<T>): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]: () => {
      let begun: Promise<AsyncIterator<T>> | undefined;
      let iterator: AsyncIterator<T> | undefined;
      let isOver = false;
      const begin = async (): Promise<AsyncIterator<T>> => {
        try {
          await first();
          iterator = items()[Symbol.asyncIterator]();
          return iterator;
        } catch (error) {
          isOver = true;
          throw error;
        }
      };
      return {
        next: async () => {
          if (isOver) return { done: true, value: undefined };
          begun ??= begin();
          const running = await begun;
          if (!isOver) return running.next();
          await running.return?.();
          return { done: true, value: undefined };
        },
        return: async () => {
          isOver = true;
          await iterator?.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}
