/** StreamAgents as subjects of the kit for streams of events. */
import type { Backend, Store } from 'dgents-core';
import type { EventStreamClaims, EventStreamSettings, StreamEvent } from 'dgents-core/testing';
import { defineStream, type StreamDefinition } from '../stream/definition.js';
import { StreamAgent } from '../stream/stream-agent.js';

type KitStream = StreamAgent<StreamEvent, unknown, unknown>;

/** What every StreamAgent can do, wherever it lies. */
export const STREAM_AGENT_CLAIMS: EventStreamClaims = {
  values: true,
  messageIds: true,
  metadata: true,
  timeTravel: true,
  foldsFirst: true,
  tryAppend: true,
  decide: true,
  subscribe: true,
  snapshot: true,
};

/** The definition of a stream as the kit wants it. */
export function definitionOf({
  initial,
  fold,
  decide,
  foldVersion,
  snapshotEvery,
}: EventStreamSettings): StreamDefinition<StreamEvent, unknown, unknown> {
  return defineStream<StreamEvent, unknown, unknown>({
    initial,
    fold,
    decide,
    foldVersion,
    ...(snapshotEvery !== undefined && { snapshots: { everyEvents: snapshotEvery } }),
  });
}

/** An agent of a store that is made for it: closing the agent closes the store too. */
export function eventStreamOn(store: Store, settings: EventStreamSettings): KitStream {
  const agent: KitStream = new StreamAgent(store, settings.key, definitionOf(settings), {
    timeoutMs: 30_000,
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

/** Makes the newest snapshot tell another state. @returns whether there was one */
export async function damageSnapshot(backend: Backend, key: string): Promise<boolean> {
  try {
    const { checkpoint } = await backend.read(key);
    if (checkpoint === undefined || checkpoint.data === null) return false;
    const data = checkpoint.data.replace(/"stock":-?\d+/, '"stock":123456');
    await backend.checkpoint(key, { ...checkpoint, data });
    return data !== checkpoint.data;
  } finally {
    await backend.close();
  }
}
