/** Misspelt options are refused: they would be as if they were not given. The compiler tells those who use types. */

/** The names of all options of a kind; the compiler sees to it that none is left out. */
export type OptionNames<Options> = Readonly<Record<keyof Options & string, true>>;

/**
 * Looks at each name once: when something is made, and at calls whose options decide what is written.
 * @param of what is being made, or called, for people
 * @throws TypeError that names the nearest known option
 */
export function checkOptions(of: string, options: object, known: Readonly<Record<string, true>>): void {
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(known, name)) continue;
    const names = Object.keys(known);
    const near = nearest(name, names);
    const hint = near === undefined ? '' : ` Did you mean ${near}?`;
    throw new TypeError(`${of} has no option ${JSON.stringify(name)}.${hint} There are ${names.join(', ')}.`);
  }
}

/** Undefined where every name is more of another word than a misspelling. */
function nearest(name: string, names: readonly string[]): string | undefined {
  const edits = (other: string): number => editsBetween(name.toLowerCase(), other.toLowerCase());
  const [first] = names.toSorted((a, b) => edits(a) - edits(b));
  return first !== undefined && edits(first) <= Math.ceil(Math.max(name.length, first.length) / 2)
    ? first
    : undefined;
}

/** How many letters have to be put in, left out or changed to make one of the other (Levenshtein). */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const changed = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, changed));
    }
    row = next;
  }
  return row[b.length]!;
}
