/** What is made of the events. Each model is a name, a beginning, and what an event adds; by projections, and back in time. */
import type { HistoryEvent } from '../history.js';
import { type Authors, addToAuthors } from './authors.js';
import { addToFiles, type Files } from './files.js';
import { addToHotSpots, type HotSpots } from './hotspots.js';

export interface Models {
  authors: Authors;
  files: Files;
  hotspots: HotSpots;
}

export interface Model<M> {
  /** Before the first event. */
  readonly initial: () => M;
  /** Changes the model, or a draft of it. Knows no clock: the same events make the same model, always. */
  readonly add: (model: M, event: HistoryEvent) => void;
}

export const MODELS: { readonly [K in keyof Models]: Model<Models[K]> } = {
  authors: { initial: () => new Map(), add: addToAuthors },
  files: { initial: () => new Map(), add: addToFiles },
  hotspots: { initial: () => ({ now: 0, files: new Map() }), add: addToHotSpots },
};
