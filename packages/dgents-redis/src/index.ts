export type { RedisBackendOptions } from './backend-options.js';
export type { Client, ClusterPlace, Place } from './client.js';
export type { ConfirmOptions } from './confirmations.js';
export type { NumberPath } from './increments.js';
export { RedisAgent, type RedisAgentOptions } from './redis-agent.js';
export { RedisBackend } from './redis-backend.js';
export { backendOf, backends } from './urls.js';
