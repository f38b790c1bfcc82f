/** Who did how much. */
import type { HistoryEvent } from '../history.js';

export interface Author {
  commits: number;
  merges: number;
  added: number;
  removed: number;
  /** ISO 8601. */
  first: string;
  last: string;
  /** Shown only where they are asked for. */
  emails: string[];
}

/** By name, as `git shortlog` counts. A Map: a name may be any text, `__proto__` included. */
export type Authors = Map<string, Author>;

export function addToAuthors(authors: Authors, event: HistoryEvent): void {
  const { author, authoredAt: at } = event;
  let own = authors.get(author.name);
  if (own === undefined) {
    own = { commits: 0, merges: 0, added: 0, removed: 0, first: at, last: at, emails: [] };
    authors.set(author.name, own);
    own = authors.get(author.name) as Author; // where the model is a draft, so is this
  }
  if (at < own.first) own.first = at;
  if (at > own.last) own.last = at;
  if (!own.emails.includes(author.email)) own.emails.push(author.email);
  if (event.type === 'merged') own.merges += 1;
  else {
    own.commits += 1;
    for (const { added, removed } of event.files) {
      own.added += added;
      own.removed += removed;
    }
  }
}
