/** What begins anew for every reader. What is wrong with the call is told to whoever reads, not to whoever calls. */
export function iterable<T>(begin: () => AsyncIterator<T, undefined>): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      try {
        return begin();
      } catch (error) {
        return { next: () => Promise.reject(error) };
      }
    },
  };
}
