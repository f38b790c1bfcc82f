import type { OptionNames } from '../option-names.js';
import type { AgentOptions } from './agent.js';
import type { EngineOptions } from './engine.js';

/** What an agent of a store takes, and what a definition that is handed to it may have beside that. */
export const AGENT_OPTIONS: OptionNames<AgentOptions<unknown> & { readonly name: string }> = {
  initial: true,
  schema: true,
  schemaVersion: true,
  migrations: true,
  codec: true,
  transforms: true,
  blobs: true,
  retain: true,
  timeoutMs: true,
  requireDurability: true,
  ttlMs: true,
  name: true,
};

/** What a store takes. */
export const ENGINE_OPTIONS: OptionNames<EngineOptions> = {
  timeoutMs: true,
  requireDurability: true,
  clock: true,
  random: true,
  randomBytes: true,
  checkpointFactor: true,
  onWarning: true,
};
