/** A misspelt option would be as if it was not given. @throws TypeError */
export function checkOptions(of: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    throw new TypeError(`${of} has no option ${JSON.stringify(key)}; there are ${known.join(', ')}.`);
  }
}
