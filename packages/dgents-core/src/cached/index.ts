export { CachedAgent } from './cached-agent.js';
export { type LostWrite, LostWritesError } from './lost-writes-error.js';
export type {
  CachedAgentOptions,
  CacheFailure,
  CacheStats,
  ReadingOptions,
  WriteBehindOptions,
  WriteThroughOptions,
} from './options.js';
