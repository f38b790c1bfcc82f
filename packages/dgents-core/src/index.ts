export type {
  Append,
  Backend,
  BackendCapabilities,
  BackendLimits,
  CallOptions as BackendCallOptions,
  Checkpoint,
  CommitOptions,
  CommitResult,
  Durability,
  FeedEntry,
  FeedOptions,
  Head,
  KeyEntry,
  KeysOptions as BackendKeysOptions,
  LogRecord,
  LogTail,
  Meta,
  Position,
  RangeOptions,
  ReadOptions,
  RecordKind,
  Version,
} from './backend.js';
export * from './backend-parts/index.js';
export {
  type ClassCodec,
  type ClassField,
  type ClassMigrations,
  Codec,
  type CodecOptions,
  type Copied,
  type Json,
  type Kind,
  type PathSegment,
} from './codec/codec.js';
export { escapeKey, unescapeKey } from './codec/keys.js';
export type { Traits } from './codec/traits.js';
export type {
  CallOptions,
  Capabilities,
  DataAgent,
  DeepReadonly,
  Deleted,
  DeleteOptions,
  Expected,
  LoadOptions,
  SaveOptions,
  TimelineOptions,
  UpdateOptions,
  Versioned,
  WatchOptions,
  Weight,
  WriteOptions,
} from './data-agent.js';
export * from './errors.js';
export { makeDirectory, syncDirectory } from './file/directories.js';
export { lockExclusively } from './file/exclusive.js';
export { FileBackend, fileBackend } from './file/file-backend.js';
export type { FileStat, FileSystem, OpenHow } from './file/file-system.js';
export type { RepairReport } from './file/journal-file.js';
export type { FileBackendOptions } from './file/options.js';
export { PersistentAgent, type PersistentAgentOptions } from './file/persistent-agent.js';
export { storageError } from './file/storage-error.js';
export { key } from './keys.js';
export { MemoryBackend, type MemoryBackendOptions, memoryBackend } from './memory/memory-backend.js';
export { VolatileAgent, type VolatileAgentOptions } from './memory/volatile-agent.js';
export {
  BACKEND_CHANNEL,
  type BackendCallName,
  type BackendEvent,
  type ObservedCall,
  OPERATION_CHANNEL,
  type OperationEvent,
  type OperationName,
} from './observe/events.js';
export { type BackendFactory, type OpenStoreOptions, openStore } from './open-store.js';
export { type DefinedState, defineState, type StateDefinition } from './schema/define-state.js';
export {
  type MigrateAllOptions,
  type MigrationCounts,
  type MigrationFailure,
  type MigrationProgress,
  type MigrationReport,
  migrateAll,
} from './schema/migrate-all.js';
export type { Opening } from './schema/opening.js';
export { type AgentOptions, StateAgent } from './state/agent.js';
export { BackendAgent, type BackendAgentPlace, type StoredState } from './state/backend-agent.js';
export type { DefinitionOptions, Migrations } from './state/definition.js';
export type { EngineOptions } from './state/engine.js';
export { newOperationId, type RandomBytes } from './state/ids.js';
export type { Retention } from './state/retention.js';
export {
  type AnyAgent,
  type ForkOptions,
  type KeysOptions,
  type Results,
  type StateOf,
  type States,
  Store,
  type StoredKey,
  type StoreOptions,
  type TransactOptions,
} from './store.js';
export * from './transforms/index.js';
