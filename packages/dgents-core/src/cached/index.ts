export { CachedAgent } from './cached-agent.js';
export { type LostWrite, LostWritesError } from './lost-writes-error.js';
export type {
  CachedAgentOptions,
  CacheStats,
  ReadingOptions,
  WriteBehindOptions,
  WriteThroughOptions,
} from './options.js';
