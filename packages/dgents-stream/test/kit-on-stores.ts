/** The kit on StreamAgents of stores that others provide: all about streams, and of agents what rests on the store. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { type Backend, Store } from 'dgents-core';
import { type AgentSubject, describeEventStream, type PromiseName, runAgentKit } from 'dgents-core/testing';
import { damageSnapshot, eventStreamOn, STREAM_AGENT_CLAIMS } from '../src/testing/event-stream-subject.js';
import { streamOn } from '../src/testing/stream-subject.js';

export interface Stores {
  readonly name: string;
  readonly durability: NonNullable<AgentSubject['claims']>['durability'] & string;
  readonly sharing: 'host' | 'network';
  /** What of the module for processes of their own says where they go. */
  readonly query: Readonly<Record<string, string>>;
  create(): string;
  backend(place: string): Backend;
  destroy(place: string): Promise<void> | void;
  advance(place: string, ms: number): Promise<void> | void;
  /** When all is over. */
  end?(): Promise<void>;
}

/** All others are the matter of the memory that keeps text, and of the store's own agents. */
const OF_AGENTS: readonly PromiseName[] = ['history', 'versions', 'operations', 'concurrency'];
/** On a server each fact takes its time; there the costly ones are left to the effort `long`. */
const OF_AGENTS_ON_SERVERS: readonly PromiseName[] = ['history', 'versions'];

export function describeOnStores(stores: Stores): void {
  const { name, durability, sharing, query, create, backend, destroy, advance, end } = stores;
  const importFrom = (file: string): URL => {
    const url = new URL(`./subjects/${file}`, `file://${__dirname}/`);
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
    return url;
  };
  if (end !== undefined) afterAll(end);

  describeEventStream<string>({
    describe,
    test,
    name: `StreamAgent on ${name}`,
    claims: { ...STREAM_AGENT_CLAIMS, durability, sharing },
    create,
    open: (place, settings) => eventStreamOn(new Store(backend(place)), settings),
    damageSnapshot: (place, key) => damageSnapshot(backend(place), key),
    destroy,
    importFrom: importFrom('event-stream.mjs'),
  });

  test(`a StreamAgent on ${name} is an agent as any other`, async () => {
    const subject: AgentSubject<string> = {
      name,
      claims: { ttl: true, durability, sharing },
      create,
      open: (place, settings) => streamOn(new Store(backend(place)), settings, true),
      destroy,
      advance,
      importFrom: importFrom('stream.mjs'),
    };
    const isLong = process.env['DGENTS_KIT_EFFORT'] === 'long';
    const tried = sharing === 'network' ? OF_AGENTS_ON_SERVERS : OF_AGENTS;
    const { facts, seed } = await runAgentKit(subject, {
      skip: ({ promise }) => !isLong && !tried.includes(promise),
    });
    const failed = facts.filter(({ outcome }) => outcome === 'fails' || outcome === 'not judged');
    expect({ seed, failed }).toEqual({ seed, failed: [] });
    expect(facts.length).toBeGreaterThan(10);
  }, 600_000);
}
