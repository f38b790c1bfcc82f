/** Names that nobody knows, each with the known one it probably was meant to be, where that is missing. */
export function misspelt(
  given: readonly string[],
  known: readonly string[],
): [name: string, meant: string][] {
  const missing = known.filter((name) => !given.includes(name));
  return given
    .filter((name) => !known.includes(name))
    .flatMap((name) => {
      const meant = missing.find((each) => isNear(name.toLowerCase(), each.toLowerCase()));
      return meant === undefined ? [] : [[name, meant] as [string, string]];
    });
}

/** Two letters off; one in a short word, where two would make almost any other. */
function isNear(a: string, b: string): boolean {
  return distance(a, b) <= (b.length < 6 ? 1 : 2);
}

/** How many letters have to be changed, added or left out (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
