import type { FeedEntry, FeedOptions, Position } from '../backend.js';
import { type Endable, LiveIterator } from '../backend-parts/live-iterator.js';
import type { MemoryLog } from './memory-log.js';
import type { MemoryStore } from './memory-store.js';

/** Where a record stands in the feed. It holds the log, not the record, which may be trimmed before its turn. */
interface Place {
  readonly sequence: number;
  readonly log: MemoryLog;
  readonly version: number;
}

/**
 * One reader of the feed. Nothing is kept for feeds but a number beside each record: a reader sorts what the logs
 * hold after its position, and is told which logs have grown since. A log whose time ran out leaves the feed.
 */
export class MemoryFeed {
  readonly #store: MemoryStore;
  readonly #grown: Set<MemoryLog>;
  /** Sorted from the last to the first, so that the next one can be popped. */
  readonly #places: Place[] = [];
  /** Everything up to here was given out or is in `#places`. */
  #collected: number;

  private constructor(store: MemoryStore, after: Position | undefined) {
    this.#store = store;
    this.#collected = after === undefined ? 0 : sequenceOf(store, after);
    this.#grown = new Set(store.logs());
  }

  static read(
    store: MemoryStore,
    after: Position | undefined,
    options: FeedOptions & { readonly among: Set<Endable> },
  ): LiveIterator<FeedEntry> {
    const feed = new MemoryFeed(store, after);
    const cleanUp = store.listen(undefined, (log) => {
      feed.#grown.add(log);
      entries.wake();
    });
    const entries = new LiveIterator(() => feed.#next(), { ...options, cleanUp });
    return entries;
  }

  #next(): FeedEntry | undefined {
    while (this.#places.length > 0 || this.#grown.size > 0) {
      if (this.#places.length === 0) this.#collect();
      const place = this.#places.pop();
      const entry = place && this.#entryAt(place);
      if (entry !== undefined) return entry;
    }
    return undefined;
  }

  #collect(): void {
    for (const log of this.#grown) {
      log.newerThan(this.#collected, (sequence, version) => this.#places.push({ sequence, log, version }));
    }
    this.#grown.clear();
    this.#places.sort((a, b) => b.sequence - a.sequence);
    this.#collected = this.#places[0]?.sequence ?? this.#collected;
  }

  #entryAt({ log, version, sequence }: Place): FeedEntry | undefined {
    if (this.#store.log(log.key) !== log) return undefined;
    const position = positionOf(this.#store, sequence);
    const record = log.range(version, version)[0];
    if (record !== undefined) return { position, key: log.key, record };
    // The place of the base stands for all that went with it.
    return version === log.floor ? { position, key: log.key, trimmed: { from: 1, to: version } } : undefined;
  }
}

function positionOf(store: MemoryStore, sequence: number): Position {
  return `${store.birth}.${sequence}`;
}

function sequenceOf(store: MemoryStore, position: Position): number {
  const [birth, digits = ''] = position.split('.');
  const sequence = Number(digits);
  if (birth !== store.birth || !/^\d+$/.test(digits) || sequence > store.sequence) {
    throw new RangeError(`this store has not issued the feed position ${JSON.stringify(position)}`);
  }
  return sequence;
}
