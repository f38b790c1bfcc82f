import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Migrations } from '../state/definition.js';

/** What a kind of state is, written once and handed to every opener. */
export interface StateDefinition<S> {
  /** For people, and for tools that list states by kind. */
  readonly name: string;
  readonly schema?: StandardSchemaV1<unknown, S>;
  readonly initial?: () => S;
  readonly schemaVersion?: number;
  readonly migrations?: Migrations;
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
