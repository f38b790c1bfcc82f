/** Tries again what was put aside. Needs no lease: it writes only what follows what it has seen. */
import { DgentsError, LogCompactedError, type LogRecord, type Store } from 'dgents-core';
import type { AnyEvent } from '../stream/definition.js';
import type { Recorded } from '../stream/recorded.js';
import { delay } from './lease.js';
import type { ParkedEvent } from './parked.js';
import type { Projection } from './projection.js';
import { reasonOf } from './trouble.js';
import { Writer } from './writer.js';

export interface ReplayResult {
  readonly replayed: number;
  /** They stay aside. */
  readonly failed: readonly { readonly key: string; readonly version: number; readonly error: string }[];
}

const MAX_CONFLICTS = 1_000;
const MAX_WAIT_MS = 20;

export async function replayParked<M, E extends AnyEvent>(
  store: Store,
  projection: Projection<M, E>,
  stream: string | undefined,
  signal: AbortSignal,
): Promise<ReplayResult> {
  const writer = new Writer(store, projection, stream);
  const failed: { key: string; version: number; error: string }[] = [];
  // What follows one that failed in its stream stays behind it.
  const held = new Set<string>();
  let replayed = 0;
  for (const parked of await writer.parked.load()) {
    signal.throwIfAborted();
    const { key, version } = parked;
    const error = held.has(key)
      ? 'An earlier event of its stream stays aside.'
      : await replayOne(store, projection, writer, parked, signal);
    if (error === undefined) replayed += 1;
    else {
      held.add(key);
      failed.push({ key, version, error });
    }
  }
  return { replayed, failed };
}

/** @returns why it could not be */
async function replayOne<M, E extends AnyEvent>(
  store: Store,
  projection: Projection<M, E>,
  writer: Writer<M, E>,
  released: ParkedEvent,
  signal: AbortSignal,
): Promise<string | undefined> {
  let recorded: Recorded<E> | null;
  try {
    recorded = projection.sources.recorded<E>(released.key, await recordOf(store, released));
    if (recorded !== null)
      await projection.definition.each?.(recorded, { attempt: released.attempts + 1, signal });
  } catch (error) {
    if (DgentsError.is(error) && error.retryable) throw error;
    return reasonOf(error);
  }
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      const place = await writer.open();
      if (place === undefined || !(await isPassed(store, released, place)))
        return 'The projection has not passed it yet.';
      const isStillAside = (await writer.parked.load()).some(
        ({ key, version }) => key === released.key && version === released.version,
      );
      if (!isStillAside) return 'It was replayed by somebody else meanwhile.';
      const failure = await writer.write({ events: recorded === null ? [] : [recorded], place, released });
      return failure === undefined ? undefined : reasonOf(failure.error);
    } catch (error) {
      // The processor went on meanwhile.
      if (!DgentsError.is(error, 'DGENTS_STATE_CONFLICT') || attempt >= MAX_CONFLICTS) throw error;
      await delay(store.engine.random() * MAX_WAIT_MS, signal);
    }
  }
}

async function recordOf({ backend, engine }: Store, { key, version }: ParkedEvent): Promise<LogRecord> {
  for await (const record of backend.range(key, {
    from: version,
    to: version,
    timeoutMs: engine.timeoutMs,
  })) {
    if (record.version === version && record.kind === 'event') return record;
  }
  throw new LogCompactedError(`Event ${version} of "${key}" is no longer kept.`, { key, floor: version });
}

/** Where it could not be put aside in the commit that passes it, the projection may have died in between. */
async function isPassed(
  store: Store,
  { key, version }: ParkedEvent,
  place: string | number,
): Promise<boolean> {
  if (typeof place === 'number') return version <= place;
  if (store.capabilities.atomicity === 'store') return true;
  for await (const entry of store.feed(place, { follow: false })) {
    if (entry.key === key && 'record' in entry && entry.record.version === version) return false;
  }
  return true;
}
