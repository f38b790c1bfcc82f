import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from '@jest/globals';
import { fileBackend, MemoryBackend, memoryBackend, Store } from 'dgents-core';
import { describeEventStream, type EventStreamSettings, type EventStreamSubject } from 'dgents-core/testing';
import {
  damageSnapshot,
  definitionOf,
  eventStreamOn,
  STREAM_AGENT_CLAIMS,
} from '../testing/event-stream-subject.js';
import type { StreamDefinition } from './definition.js';
import { StreamAgent } from './stream-agent.js';

function inMemory(name: string, values: boolean): EventStreamSubject<MemoryBackend> {
  return {
    name: `StreamAgent in memory, ${name}`,
    claims: STREAM_AGENT_CLAIMS,
    create: () => new MemoryBackend({ values }),
    open: (place, settings) => eventStreamOn(new Store(memoryBackend({ sharing: place })), settings),
    damageSnapshot: (place, key) => damageSnapshot(memoryBackend({ sharing: place }), key),
    destroy: (place) => place.close(),
  };
}

interface Shared {
  readonly store: Store;
  readonly definitions: Map<unknown, StreamDefinition<never, never, never>>;
}

/** Agents of one store and of one definition know of a stream together. */
function sharing({ definitions }: Shared, settings: EventStreamSettings): ReturnType<typeof definitionOf> {
  const { fold, decide, snapshotEvery } = settings;
  const known = [...definitions].find(([given]) => {
    const [a, b, c] = given as unknown[];
    return a === fold && b === decide && c === snapshotEvery;
  });
  if (known !== undefined) return known[1] as unknown as ReturnType<typeof definitionOf>;
  const definition = definitionOf(settings);
  definitions.set([fold, decide, snapshotEvery], definition as never);
  return definition;
}

describeEventStream({ describe, test, ...inMemory('kept as values', true) });
describeEventStream({ describe, test, ...inMemory('kept as text', false) });
describeEventStream<Shared>({
  describe,
  test,
  name: 'StreamAgents of one store and one definition',
  claims: STREAM_AGENT_CLAIMS,
  create: () => ({ store: new Store(new MemoryBackend({ values: true })), definitions: new Map() }),
  open: (place, settings) =>
    new StreamAgent(place.store, settings.key, sharing(place, settings), { timeoutMs: 30_000 }),
  destroy: ({ store }) => store.close(),
});
describeEventStream<string>({
  describe,
  test,
  name: 'StreamAgent on a file',
  claims: { ...STREAM_AGENT_CLAIMS, durability: 'power', sharing: 'host' },
  create: () => mkdtemp(join(tmpdir(), 'dgents-stream-')),
  open: (place, settings) => eventStreamOn(new Store(fileBackend({ path: place })), settings),
  damageSnapshot: (place, key) => damageSnapshot(fileBackend({ path: place }), key),
  destroy: (place) => rm(place, { recursive: true, force: true }),
  importFrom: new URL('../../test/subjects/event-stream.mjs', import.meta.url),
});
