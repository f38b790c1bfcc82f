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

/** What was given of the parts that are known as what they are, not only as what they have to be. */
type Told<Codec, Blobs> = (unknown extends Codec ? unknown : { readonly codec: Codec }) &
  (unknown extends Blobs ? unknown : { readonly blobs: Blobs });

/** A definition with what it was given: `profile.blobs.store` is there. */
export type DefinedState<S, Codec = unknown, Blobs = unknown> = Omit<
  StateDefinition<S>,
  keyof Told<Codec, Blobs>
> &
  Told<Codec, Blobs>;

/**
 * Describes a state once: `store.agent(key, profile)`, `new PersistentAgent({ path, ...profile })`. Handles opened
 * with the same definition share what they know of a log.
 * @throws TypeError without a name
 */
export function defineState<S, In = unknown, Codec = unknown, Blobs = unknown>(
  definition: Opening<StateDefinition<S>, S, In> & { readonly codec?: Codec; readonly blobs?: Blobs },
): DefinedState<S, Codec, Blobs> {
  if (typeof definition.name !== 'string' || definition.name === '') {
    throw new TypeError('A state definition has a name.');
  }
  return Object.freeze({ ...definition }) as DefinedState<S, Codec, Blobs>;
}
