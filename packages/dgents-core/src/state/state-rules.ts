/**
 * What an agent tells the wrappers around it of its states, so that nobody has to tell them again.
 *
 *     CachedAgent ──▶ TracedAgent ──▶ LentAgent ──▶ StateAgent      codec and schema, as they are in there
 *     CachedAgent ──▶ LensAgent ──▶ StateAgent                      the codec: the schema is that of the whole
 *     CachedAgent ──▶ a ForwardingAgent of yours ──▶ StateAgent     the codec: it may change states on their way
 *     CachedAgent ──▶ an agent of somebody else                     nothing
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { Codec, type CodecOptions } from '../codec/codec.js';

export interface StateRules {
  /** Copies states and measures them; knows their classes. */
  readonly codec: Codec;
  /** Null: there is none. Undefined: what in there refuses or completes a state is not known. */
  readonly schema: StandardSchemaV1 | null | undefined;
}

/** What the user of a wrapper says about the agent inside. */
export interface ToldRules {
  readonly codec?: Codec | CodecOptions | undefined;
  readonly schema?: StandardSchemaV1 | undefined;
}

/** Not exported by the package: what is found under it was put there by this very version. */
export const STATE_RULES: unique symbol = Symbol('dgents state rules');

/**
 * What is known of the states of an agent; what its user says about them counts more.
 * @throws TypeError, RangeError when a codec cannot be meant
 */
export function stateRulesOf(inner: object, told: ToldRules = {}): StateRules {
  const known = (inner as { readonly [STATE_RULES]?: StateRules })[STATE_RULES];
  const { codec = known?.codec, schema = known?.schema } = told;
  if (codec === null || (codec !== undefined && typeof codec !== 'object')) {
    throw new TypeError('codec is that of the agent inside: a Codec, or its options.');
  }
  return { codec: codec instanceof Codec ? codec : new Codec(codec), schema };
}
