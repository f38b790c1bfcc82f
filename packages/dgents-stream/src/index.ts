export type { CaughtUp, Consumer, FeedConsumer, HeldBack, StreamConsumer } from 'dgents-core/folding';
export type { CompactOptions, CompactResult } from './compaction/compact.js';
export { readArchive } from './compaction/read-archive.js';
export { consumers, forgetConsumer, neededFrom, registerConsumer } from './consumers/consumers.js';
export * from './projections/index.js';
export {
  type AnyEvent,
  defineStream,
  type EventOf,
  type Fold,
  type FoldByType,
  type FoldFunction,
  type SnapshotPolicy,
  type StreamDefinition,
  type Upcaster,
  type Upcasters,
} from './stream/definition.js';
export { type InlineProjection, inlineProjection } from './stream/inline.js';
export type { EventMetadata, Recorded } from './stream/recorded.js';
export {
  type AppendOptions,
  type AppendResult,
  type EventsOptions,
  StreamAgent,
  type StreamAgentOptions,
  type SubscribeOptions,
  type TryAppendResult,
} from './stream/stream-agent.js';
