export {
  defineProjection,
  type EachContext,
  type ProjectionByType,
  type ProjectionDefinition,
  type ProjectionFunction,
} from './definition.js';
export type { Place } from './items.js';
export type { ParkedEvent } from './parked.js';
export { type CaughtUpOptions, ProjectionProcessor } from './processor.js';
export type { LastError, ProcessorState } from './progress.js';
export { type AnyProjection, Projection } from './projection.js';
export { ReadModel, type ReadModelState } from './read-model.js';
export type { ReplayResult } from './replay.js';
export type { ProcessorOptions, ProjectionFailure, Trimmed } from './settings.js';
export type { AnyStream, EventsOf, StreamSource } from './sources.js';
export type { Lag, ProjectionStatus } from './status.js';
