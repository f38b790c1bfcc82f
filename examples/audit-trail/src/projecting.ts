/** The models, kept in the same store as the events: each batch of events changes a model and says so in one write. */
import type { Store } from 'dgents-core';
import {
  defineProjection,
  type Projection,
  ProjectionProcessor,
  type ProjectionStatus,
  type ReadModelState,
} from 'dgents-stream';
import { HISTORY, type HistoryEvent, history } from './history.js';
import { MODELS, type Models } from './models/models.js';

const streams = [{ match: (key: string) => key === HISTORY, definition: history }] as const;

/** Raise the `version` of one whenever its model changes: it is built anew beside the old one, which is read until then. */
const PROJECTIONS: { readonly [K in keyof Models]: Projection<Models[K], HistoryEvent> } = {
  authors: defineProjection({
    name: 'authors',
    streams,
    initial: MODELS.authors.initial,
    on: (model: Models['authors'], { event }) => MODELS.authors.add(model, event),
  }),
  files: defineProjection({
    name: 'files',
    streams,
    initial: MODELS.files.initial,
    on: (model: Models['files'], { event }) => MODELS.files.add(model, event),
  }),
  hotspots: defineProjection({
    name: 'hotspots',
    streams,
    initial: MODELS.hotspots.initial,
    on: (model: Models['hotspots'], { event }) => MODELS.hotspots.add(model, event),
  }),
};

export interface ProjectOptions {
  /** Events that change a model with one write. */
  readonly batch?: number;
  /** Told after each projection that has caught up. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** A process that was killed keeps its turn for so long; the next one waits for it. */
const LEASE_MS = 1_000;

function processorOf(store: Store, name: keyof Models, batchEvents = 500): ProjectionProcessor {
  // An audit with holes is none: what cannot be projected stops it.
  return new ProjectionProcessor(store, PROJECTIONS[name], {
    stream: HISTORY,
    batchEvents,
    leaseMs: LEASE_MS,
    onError: 'stop',
  });
}

/** Brings all models up to the newest event. Safe to kill at any time: a model always says itself how far it is. */
export async function project(
  store: Store,
  { batch, onProgress, signal }: ProjectOptions = {},
): Promise<void> {
  const names = Object.keys(PROJECTIONS) as (keyof Models)[];
  let done = 0;
  await Promise.all(
    names.map(async (name) => {
      await using processor = processorOf(store, name, batch);
      await processor.caughtUp(signal === undefined ? {} : { signal });
      done += 1;
      onProgress?.(done, names.length);
    }),
  );
}

/** A model, and the version of the stream that it is up to. Looks, and changes nothing. */
export async function modelOf<K extends keyof Models>(
  store: Store,
  name: K,
): Promise<ReadModelState<Models[K]>> {
  return PROJECTIONS[name].model(store).read();
}

/** How far each projection is. */
export async function statuses(store: Store): Promise<readonly ProjectionStatus[]> {
  const names = Object.keys(PROJECTIONS) as (keyof Models)[];
  return Promise.all(names.map((name) => processorOf(store, name).status()));
}
