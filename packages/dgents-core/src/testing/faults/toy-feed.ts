/** A feed of its own for a store in memory, which can be built wrong in more ways than one that is right. */
import type { Backend, FeedEntry, LogRecord } from '../../backend.js';
import { checkLimit } from '../../backend-parts/checks.js';
import { type Endable, LiveIterator } from '../../backend-parts/live-iterator.js';
import type { Spoiled } from './spoiled-backend.js';
import { copyOf } from './through.js';

/** What was written, each with its number. */
export interface Line {
  readonly number: number;
  readonly key: string;
  readonly record: LogRecord;
}

export class ToyFeed {
  /** In the order in which they became visible. */
  readonly lines: Line[] = [];
  /** The last number that was given out. */
  last = 0;
  readonly readers = new Set<LiveIterator<FeedEntry>>();

  show(lines: readonly Line[]): void {
    this.lines.push(...lines);
    for (const reader of this.readers) reader.wake();
  }
}

/** The feed of one handle. `next` finds what follows a number, or nothing yet. */
export function toyFeed(
  inner: Backend,
  toy: ToyFeed,
  next: (lines: readonly Line[], after: number) => Line | undefined,
): Spoiled {
  const own = new Set<Endable>();
  let isClosed = false;
  return {
    feed: (after, options = {}) => {
      const isKnown = after === undefined || (/^\d+$/.test(after) && Number(after) <= toy.last);
      checkLimit(options);
      // What is wrong with the call, the store in memory says as it should be said.
      if (isClosed || !isKnown) return inner.feed!(after, options);
      let at = Number(after ?? 0);
      const pull = (): FeedEntry | undefined => {
        const line = next(toy.lines, at);
        if (line === undefined) return undefined;
        at = line.number;
        return { position: String(line.number), key: line.key, record: structuredClone(line.record) };
      };
      let reader: LiveIterator<FeedEntry> | undefined;
      const cleanUp = () => {
        if (reader !== undefined) toy.readers.delete(reader);
      };
      reader = new LiveIterator(pull, { ...options, among: own, cleanUp });
      toy.readers.add(reader);
      return reader;
    },
    close: () => {
      isClosed = true;
      for (const reader of own) reader.end();
      return inner.close();
    },
  };
}

/** The line with the lowest number after this one. */
export function lowestAfter(lines: readonly Line[], after: number): Line | undefined {
  let lowest: Line | undefined;
  for (const line of lines) {
    if (line.number > after && (lowest === undefined || line.number < lowest.number)) lowest = line;
  }
  return lowest;
}

/** Numbers are taken before the commit, as a sequence does; what was written is shown after `delay`. */
export function numbering(
  inner: Backend,
  toy: ToyFeed,
  delay: (number: number) => Promise<void> | undefined,
): Spoiled {
  return {
    commit: async (appends, options) => {
      const first = toy.last + 1;
      const copies = appends.map((append) => ({ ...append, records: append.records.map(copyOf) }));
      const results = await inner.commit(copies, options);
      let number = first;
      const lines: Line[] = [];
      for (const [i, { key, records }] of copies.entries()) {
        for (const record of records) {
          const result = results[i]!;
          if (result.ok && !result.replayed) lines.push({ number: number++, key, record });
        }
      }
      toy.last = Math.max(toy.last, number - 1);
      const late = delay(first);
      if (late === undefined) toy.show(lines);
      else void late.then(() => toy.show(lines));
      return results;
    },
  };
}
