/** StreamAgents as subjects of the kit: with states that are set, or with states that only events lead to. */
import { isDeepStrictEqual } from 'node:util';
import type { DeepReadonly, Store } from 'dgents-core';
import type { AgentSettings } from 'dgents-core/testing';
import { defineStream } from '../stream/definition.js';
import { StreamAgent } from '../stream/stream-agent.js';

type Change =
  | { readonly type: 'became'; readonly value: unknown }
  | { readonly type: 'grew'; readonly name: string; readonly by: unknown };

type Fields = Readonly<Record<string, unknown>>;

/** The agent of a store that is made for it. */
export function streamOn(
  store: Store,
  { key, initial, codec, retain, timeoutMs }: AgentSettings,
  events: boolean,
): StreamAgent<Change, unknown> {
  const definition = defineStream<Change, unknown>({
    initial: initial ?? (() => null),
    fold: {
      became: (_state, { value }) => value,
      grew: (state, { name, by }) => grown(state as Fields, name, by),
    },
    ...(codec !== undefined && { codec }),
    ...(events && { diff }),
  });
  const agent = new StreamAgent(store, key, definition, {
    mustExist: initial === undefined,
    ...(retain !== undefined && { retain }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  });
  const close = agent.close.bind(agent);
  let closed: Promise<void> | undefined;
  const closeBoth = async (): Promise<void> => {
    // The store closes its agents in turn: with the method that does not lead back here.
    agent.close = close;
    await close();
    await store.close();
  };
  agent.close = () => (closed ??= closeBoth());
  return agent;
}

function grown(state: Fields, name: string, by: unknown): Fields {
  return { ...state, [name]: [...(state[name] as readonly unknown[]), by] };
}

/** What was pushed to one list of a state, or the whole. */
function diff(previous: DeepReadonly<unknown>, next: DeepReadonly<unknown>): readonly Change[] {
  if (isPlain(previous) && isPlain(next)) {
    for (const [name, list] of Object.entries(next)) {
      if (!Array.isArray(list) || !Array.isArray(previous[name])) continue;
      const by: unknown = list.at(-1);
      if (isDeepStrictEqual(grown(previous, name, by), next)) return [{ type: 'grew', name, by }];
    }
  }
  return [{ type: 'became', value: next }];
}

function isPlain(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
