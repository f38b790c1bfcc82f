import type { AgentOptions } from '../state/agent.js';
import type { Opening } from './opening.js';

/** What a kind of state is, written once and handed to every opener. */
export interface StateDefinition<S>
  extends Pick<
    AgentOptions<S>,
    'initial' | 'schema' | 'schemaVersion' | 'migrations' | 'codec' | 'transforms' | 'blobs' | 'retain'
  > {
  /** For people, and for tools that list states by kind. */
  readonly name: string;
}

/**
 * Describes a state once: `store.agent(key, profile)`, `new PersistentAgent({ path, ...profile })`. Handles opened
 * with the same definition share what they know of a log.
 * @throws TypeError without a name
 */
export function defineState<S, In = unknown>(
  definition: Opening<StateDefinition<S>, S, In>,
): StateDefinition<S> {
  if (typeof definition.name !== 'string' || definition.name === '') {
    throw new TypeError('A state definition has a name.');
  }
  return Object.freeze({ ...(definition as StateDefinition<S>) });
}
