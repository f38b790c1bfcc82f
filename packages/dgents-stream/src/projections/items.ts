/** What a processor reads: what concerns it, what it passes over, and word that it has caught up. */
import {
  type FeedEntry,
  type LogRecord,
  type Position,
  type Store,
  UnsupportedError,
  type Version,
} from 'dgents-core';

/** How far a projection is: a position of the feed, or a version of the one stream that it reads. */
export type Place = Position | Version;

export type Item =
  | { readonly kind: 'event'; readonly place: Place; readonly key: string; readonly record: LogRecord }
  | {
      readonly kind: 'trimmed';
      readonly place: Place;
      readonly key: string;
      readonly trimmed: { readonly from: Version; readonly to: Version };
    }
  | { readonly kind: 'passed'; readonly place: Place }
  /** All that was committed when this turn of asking began has been given. */
  | { readonly kind: 'caughtUp'; readonly turn: number };

/** Who waits for a processor to have caught up: each asks for a look that begins after it asked. */
export class Asking {
  /** How often was asked. */
  turn = 0;
  private wake: (() => void) | undefined;

  /** @returns the turn of which the end answers */
  ask(): number {
    this.turn += 1;
    this.wake?.();
    return this.turn;
  }

  /** @internal Told of the next one that asks. @returns how to stop that */
  listen(listener: () => void): () => void {
    this.wake = listener;
    return () => {
      if (this.wake === listener) this.wake = undefined;
    };
  }
}

export interface Reading {
  readonly store: Store;
  readonly reads: (key: string) => boolean;
  readonly asking: Asking;
  readonly signal: AbortSignal;
}

/**
 * What comes after a position of the feed: all there is, then the first that is new, then again all there is.
 *
 *     after ──▶ feed to its end ──▶ caughtUp ──▶ feed, waiting ──▶ something new, or somebody asks ─┐
 *                     ▲                                                                             │
 *                     └─────────────────────────────────────────────────────────────────────────────┘
 *
 * Only a feed that ends tells for certain that there is nothing more.
 */
export async function* feedItems(
  reading: Reading,
  after: Position | undefined,
): AsyncGenerator<Item, void, undefined> {
  const { store, asking, signal } = reading;
  let place = after;
  while (!signal.aborted) {
    const { turn } = asking;
    for await (const entry of store.feed(place, { follow: false, signal })) {
      place = entry.position;
      yield itemOf(reading, entry);
    }
    if (signal.aborted) return;
    yield { kind: 'caughtUp', turn };
    const waiting = waitingFor(reading, turn);
    try {
      for await (const entry of store.feed(place, { signal: waiting.signal })) {
        place = entry.position;
        const item = itemOf(reading, entry);
        yield item;
        if (item.kind !== 'passed') break;
      }
    } finally {
      waiting.end();
    }
  }
}

function itemOf({ reads }: Reading, entry: FeedEntry): Item {
  const { position: place, key } = entry;
  if (!reads(key)) return { kind: 'passed', place };
  if ('trimmed' in entry) return { kind: 'trimmed', place, key, trimmed: entry.trimmed };
  return entry.record.kind === 'event'
    ? { kind: 'event', place, key, record: entry.record }
    : { kind: 'passed', place };
}

/** A signal for a wait that ends when somebody asks, or with the reading itself. */
function waitingFor(
  { asking, signal }: Reading,
  turn: number,
): { readonly signal: AbortSignal; readonly end: () => void } {
  // Not AbortSignal.any: what it makes stays in memory as long as the signals it was made of.
  const waiting = new AbortController();
  const wake = (): void => waiting.abort();
  const unlisten = asking.listen(wake);
  signal.addEventListener('abort', wake, { once: true });
  if (signal.aborted || asking.turn !== turn) wake();
  const end = (): void => {
    unlisten();
    signal.removeEventListener('abort', wake);
    wake();
  };
  return { signal: waiting.signal, end };
}

const PAGE = 500;
const POLL_MS = 100;

/** What comes after a version of one stream; on any store. */
export async function* streamItems(
  reading: Reading,
  key: string,
  after: Version,
): AsyncGenerator<Item, void, undefined> {
  const { store, asking, signal } = reading;
  const { backend } = store;
  await store.ready();
  if (!reading.reads(key)) throw new UnsupportedError(`The projection does not read "${key}".`, { key });
  let next = after + 1;
  while (!signal.aborted) {
    const { turn } = asking;
    let isEmpty = true;
    for await (const record of backend.range(key, { from: next, to: next + PAGE - 1, timeoutMs: CALL_MS })) {
      if (signal.aborted) return;
      isEmpty = false;
      if (record.version > next) yield trimmedItem(key, next, record.version - 1);
      next = record.version + 1;
      if (record.kind === 'event') yield { kind: 'event', place: record.version, key, record };
      else yield { kind: 'passed', place: record.version };
    }
    if (!isEmpty) continue;
    const { floor } = await backend.read(key, { limit: 1, timeoutMs: CALL_MS });
    if (floor > 1 && floor >= next) {
      yield trimmedItem(key, next, floor);
      next = floor + 1;
      continue;
    }
    yield { kind: 'caughtUp', turn };
    const began = next;
    while (!signal.aborted && asking.turn === turn && next === began) {
      if (await isLonger(reading, key, next)) break;
      await waitAWhile(reading, turn);
    }
  }
}

const CALL_MS = 5_000;

async function isLonger({ store }: Reading, key: string, next: Version): Promise<boolean> {
  const { head } = await store.backend.read(key, { limit: 1, timeoutMs: CALL_MS });
  return head !== null && head.version >= next;
}

function waitAWhile(reading: Reading, turn: number): Promise<void> {
  const { signal, end } = waitingFor(reading, turn);
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      end();
      resolve();
    };
    const timer = setTimeout(done, POLL_MS);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}

function trimmedItem(key: string, from: Version, to: Version): Item {
  return { kind: 'trimmed', place: to, key, trimmed: { from, to } };
}
