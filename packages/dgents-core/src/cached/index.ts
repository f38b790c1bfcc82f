export { CachedAgent } from './cached-agent.js';
export type { CachedAgentOptions, CacheStats } from './options.js';
