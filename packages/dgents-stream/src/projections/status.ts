/** How a projection is doing, as its store tells: in whichever process it is processed. */
import type { Store } from 'dgents-core';
import type { AnyEvent } from '../stream/definition.js';
import { placeIn } from './checkpoint.js';
import type { Place } from './items.js';
import type { LeaseState } from './lease.js';
import type { LastError, ProcessorState } from './progress.js';
import type { Projection } from './projection.js';

/** What is not in the models yet. */
export interface Lag {
  /** How many events, as far as was looked. */
  readonly events: number;
  /** Whether there may be more: no more than 1,000 entries are looked at, and for a second. */
  readonly isMore: boolean;
  /** How long ago the oldest of them was recorded, by the clock of its writer; 0 where there is none. */
  readonly ageMs: number;
}

export interface ProjectionStatus {
  readonly id: string;
  /** Of this processor. */
  readonly state: ProcessorState;
  /** How far the models are: a position of the feed, or a version of the stream. Undefined: at the beginning. */
  readonly position: Place | undefined;
  readonly lag: Lag;
  /** How many events were put aside. */
  readonly parked: number;
  /** The last that this processor met; undefined: none since it was started. */
  readonly lastError: LastError | undefined;
  /** Who processes it, and until when at least; undefined: nobody. */
  readonly holder: { readonly name: string; readonly until: Date } | undefined;
  /** Whether readers are given an earlier version, until this one has caught up. */
  readonly isBuilding: boolean;
}

const MAX_LOOKED_AT = 1_000;
const MAX_LOOK_MS = 1_000;

export function holderOf(lease: LeaseState | undefined): ProjectionStatus['holder'] {
  return lease === undefined || lease.holder === null
    ? undefined
    : { name: lease.holder, until: new Date(lease.until) };
}

/**
 * Where the newest version of the checkpoint says it is.
 * @throws UnsupportedError where it does not say that of what is followed
 */
export async function placeOf<M, E extends AnyEvent>(
  store: Store,
  projection: Projection<M, E>,
  stream: string | undefined,
): Promise<Place | undefined> {
  return placeIn(projection, await projection.checkpoint(store).read(), stream);
}

export async function lagOf<M, E extends AnyEvent>(
  store: Store,
  { sources }: Projection<M, E>,
  place: Place | undefined,
  stream: string | undefined,
): Promise<Lag> {
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(), MAX_LOOK_MS);
  let [events, looked, oldest] = [0, 0, Infinity];
  try {
    const entries =
      stream === undefined
        ? store.feed(place as string | undefined, { follow: false, signal: ending.signal })
        : recordsOf(store, stream, (place as number | undefined) ?? 0);
    for await (const entry of entries) {
      looked += 1;
      if (sources.reads(entry.key) && 'record' in entry && entry.record.kind === 'event') {
        events += 1;
        oldest = Math.min(oldest, entry.record.at);
      }
      if (looked >= MAX_LOOKED_AT || ending.signal.aborted) break;
    }
  } finally {
    clearTimeout(timer);
  }
  const isMore = looked >= MAX_LOOKED_AT || ending.signal.aborted;
  return { events, isMore, ageMs: events === 0 ? 0 : Math.max(0, store.engine.clock() - oldest) };
}

async function* recordsOf({ backend }: Store, key: string, after: number) {
  for await (const record of backend.range(key, {
    from: after + 1,
    limit: MAX_LOOKED_AT,
    timeoutMs: MAX_LOOK_MS,
  }))
    yield { key, record };
}
