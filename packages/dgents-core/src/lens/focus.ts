import type { DataAgent } from '../data-agent.js';
import { whole } from './lens.js';
import { LensAgent, type LensAgentOptions } from './lens-agent.js';

/** What can be focused in `A`: an index of a list, a key of an object. */
export type Key<A> =
  NonNullable<A> extends readonly unknown[] ? number : Extract<keyof NonNullable<A>, string | number>;

/** What is there: never undefined, since nothing is there then. */
export type At<A, K> = K extends keyof NonNullable<A> ? Exclude<NonNullable<A>[K], undefined> : never;

/**
 * The agent of a part of a state: `focusOn(agent, ['profile', 'address', 0])`. The same as a {@link LensAgent} with the
 * lens `whole<S>().focus(…)`.
 */
export function focusOn<S, K1 extends Key<S>>(
  parent: DataAgent<S>,
  path: readonly [K1],
  options?: LensAgentOptions,
): LensAgent<S, At<S, K1>>;
export function focusOn<S, K1 extends Key<S>, K2 extends Key<At<S, K1>>>(
  parent: DataAgent<S>,
  path: readonly [K1, K2],
  options?: LensAgentOptions,
): LensAgent<S, At<At<S, K1>, K2>>;
export function focusOn<S, K1 extends Key<S>, K2 extends Key<At<S, K1>>, K3 extends Key<At<At<S, K1>, K2>>>(
  parent: DataAgent<S>,
  path: readonly [K1, K2, K3],
  options?: LensAgentOptions,
): LensAgent<S, At<At<At<S, K1>, K2>, K3>>;
export function focusOn(
  parent: DataAgent<unknown>,
  path: readonly (string | number)[],
  options?: LensAgentOptions,
): unknown {
  return new LensAgent(parent, whole<unknown>().at(path), options);
}
