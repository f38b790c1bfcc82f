export type { CaughtUp, Consumer, FeedConsumer, HeldBack, StreamConsumer } from 'dgents-core/folding';
export { type BlobReference, getBlob, putBlob } from './blobs/references.js';
export type { CompactOptions, CompactResult } from './compaction/compact.js';
export { readArchive } from './compaction/read-archive.js';
export { consumers, forgetConsumer, neededFrom, registerConsumer } from './consumers/consumers.js';
export {
  type EntriesOptions,
  type IfVersion,
  KeyValue,
  type KeyValueOptions,
  type PutOptions,
  type PutResult,
  type RemoveOptions,
  type ValueEntry,
} from './kv/key-value.js';
export type { Conflict } from './log/conflict-as-value.js';
export {
  type AllOptions,
  type BatchAppend,
  EventLog,
  type EventLogOptions,
  type LogEntry,
  type LogGap,
  type ReadOptions,
  type StreamEntry,
  type StreamsOptions,
} from './log/event-log.js';
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
