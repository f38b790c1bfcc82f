/**
 * The same generator, whose `return` aborts `ending`: what is awaited inside ends at once. By itself a generator waits
 * with its `return` for the step that is under way, which in a watch may never come.
 */
export function endedBy<T>(
  generator: AsyncGenerator<T, void, undefined>,
  ending: AbortController,
): AsyncGenerator<T, void, undefined> {
  const leave = generator.return.bind(generator);
  generator.return = (value) => {
    ending.abort();
    return leave(value);
  };
  return generator;
}
