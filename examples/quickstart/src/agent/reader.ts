/** The agent: what it keeps, and how one more address changes that. */
import { type DataAgent, defineState, type Versioned } from 'dgents-core';
import { type Address, countWords } from './addresses.js';

/** All that the agent knows. Plain TypeScript: a Map stays a Map, a Date a Date, also on disk. */
export interface Reader {
  /** In the order of their first address. */
  presidents: Record<string, President>;
  /** Every word it has met, and how often. */
  words: Map<string, number>;
  /** What it has read, text and all, as a conversation keeps its messages. */
  log: Reading[];
}

export interface President {
  speeches: number;
  words: number;
  first: Date;
  last: Date;
}

export interface Reading {
  president: string;
  /** The year of the address: the collection knows no days. */
  date: Date;
  words: number;
  /** How many of them it had never met before. */
  newWords: number;
  text: string;
}

/** Written once, handed to whoever opens the agent: `store.agent(KEY, reader)`. */
export const reader = defineState<Reader>({
  name: 'reader',
  initial: () => ({ presidents: {}, words: new Map(), log: [] }),
});

/** The agent's address in a store. */
export const KEY = 'reader';

/**
 * Reads one address. The counting happens outside of `update`: a recipe is a quick function of the draft, which may
 * run again when somebody else wrote in between.
 * @param seen the version that the reading follows. If the state is another by then, `update` rejects with
 *   StateConflictError: two processes on one store do not read the same address twice.
 */
export function readAddress(
  agent: DataAgent<Reader>,
  address: Address,
  seen: number,
): Promise<Versioned<Reader>> {
  const counts = countWords(address.text);
  return agent.update((draft) => remember(draft, address, counts), { expected: seen });
}

function remember(draft: Reader, { year, name, text }: Address, counts: Map<string, number>): void {
  const date = new Date(Date.UTC(year, 0));
  let words = 0;
  const knownBefore = draft.words.size;
  for (const [word, count] of counts) {
    draft.words.set(word, (draft.words.get(word) ?? 0) + count);
    words += count;
  }
  draft.log.push({ president: name, date, words, newWords: draft.words.size - knownBefore, text });
  const before = draft.presidents[name];
  draft.presidents[name] = {
    speeches: (before?.speeches ?? 0) + 1,
    words: (before?.words ?? 0) + words,
    first: before?.first ?? date,
    last: date,
  };
}
