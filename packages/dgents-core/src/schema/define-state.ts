import type { AgentOptions } from '../state/agent.js';

/** What a kind of state is, written once and handed to every opener. */
export interface StateDefinition<S>
  extends Pick<AgentOptions<S>, 'initial' | 'schema' | 'schemaVersion' | 'migrations' | 'codec' | 'transforms' | 'retain'> {
  /** For people, and for tools that list states by kind. */
  readonly name: string;
}

/**
 * Describes a state once: `store.agent(key, profile)`, `new PersistentAgent({ path, ...profile })`. Handles opened
 * with the same definition share what they know of a log.
 */
export function defineState<S>(definition: StateDefinition<S>): StateDefinition<S> {
  if (typeof definition.name !== 'string' || definition.name === '') {
    throw new TypeError('A state definition has a name.');
  }
  return Object.freeze({ ...definition });
}
