/** Weighing for agents that do not weigh their writes themselves. */
import { current, isDraft } from 'mutative';
import type { Codec } from '../codec/codec.js';
import { jsonBytes } from '../codec/measure.js';
import { withoutDrafts } from '../state/returned.js';

/**
 * Bytes of a state's stored JSON text.
 * @throws StateSerializationError when it cannot be stored
 */
export function weightOf(codec: Codec, state: unknown, key: string | undefined): number {
  return jsonBytes(codec.encode(codec.copy(state, { key }).value));
}

/**
 * Bytes of the state that a recipe leaves behind; undefined where the agent will refuse what it returned.
 * @throws StateSerializationError when it cannot be stored
 */
export function weightOfResult(
  codec: Codec,
  draft: unknown,
  result: unknown,
  key: string | undefined,
): number | undefined {
  if (typeof (result as { then?: unknown } | null | undefined)?.then === 'function') return undefined;
  if (result !== undefined && result !== draft) return weightOf(codec, withoutDrafts(result), key);
  return weightOf(codec, isDraft(draft) ? current(draft as object) : draft, key);
}
