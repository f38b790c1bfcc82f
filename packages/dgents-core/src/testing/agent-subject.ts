/** What is tested when the subject is an agent, however it is made. */
import type { Durability } from '../backend.js';
import type { CodecOptions } from '../codec/codec.js';
import type { DataAgent } from '../data-agent.js';
import { memoryBackend } from '../memory/memory-backend.js';
import type { Retention } from '../state/retention.js';
import { Store } from '../store.js';
import type { PromiseName } from './promises.js';
import { type Awaitable, type GivenBackend, withDefaults } from './subject.js';

/** What an agent claims. What is left out is as {@link AGENT_CLAIMS} says. */
export interface AgentClaims {
  readonly durability?: Durability;
  readonly sharing?: 'process' | 'host' | 'network';
  /** `deferred`: a save that lost is told later, as in a write-behind cache. */
  readonly conflicts?: 'immediate' | 'deferred';
  /** Whether earlier versions are kept. */
  readonly history?: boolean;
  /** Whether `delete` is there. */
  readonly delete?: boolean;
  readonly ttl?: boolean;
  /** Whether a write can be weighed. */
  readonly weighs?: boolean;
}

/** The least that an agent may claim. */
export const AGENT_CLAIMS: Required<AgentClaims> = {
  durability: 'none',
  sharing: 'process',
  conflicts: 'immediate',
  history: true,
  delete: true,
  ttl: false,
  weighs: true,
};

/**
 * How a fact wants an agent to be: the key of its state, and options as every agent of dgents takes them. One that is
 * left out is the agent's own default.
 */
export interface AgentSettings {
  /** Which state of the place. */
  readonly key: string;
  readonly initial?: () => unknown;
  readonly retain?: Retention;
  readonly timeoutMs?: number;
  /** Limits of the state: at most so many bytes of its stored form, and so many levels. */
  readonly codec?: Pick<CodecOptions, 'maxBytes' | 'maxDepth'>;
}

/** States of the subject's own kind, each known by a number, for agents that cannot hold just anything. */
export interface States {
  /** Always an equal state for the same number, and a different one for another. */
  of(number: number): unknown;
  /** The number that a state was made of. */
  numberOf(state: unknown): number;
}

export interface AgentSubject<Place = unknown> {
  /** For people: names the tests. */
  readonly name: string;
  readonly claims?: AgentClaims;
  /** Makes an empty place for one test. */
  create(): Awaitable<Place>;
  /** Opens a new handle on the state under this key. The kit closes it. */
  open(place: Place, settings: AgentSettings): Awaitable<DataAgent<unknown>>;
  /** Removes the place. Every handle the kit has opened is closed by then. */
  destroy(place: Place): Awaitable<void>;
  /** The path or URL of a JavaScript module that exports this `open`, for processes of their own; see `BackendSubject`. */
  readonly importFrom?: string | URL;
  /** Moves the clock of the store forward. Without it the kit waits. */
  advance?(place: Place, ms: number): Awaitable<void>;
  /** Only for an agent that cannot hold any value: its own states. The table of values is left out then. */
  readonly states?: States;
  readonly waivers?: Partial<Readonly<Record<PromiseName, string>>>;
}

/** An agent subject with everything spelled out. */
export interface GivenAgent extends AgentSubject<never> {
  readonly claims: Required<AgentClaims>;
  readonly states: States;
  /** Whether any value can be its state. */
  readonly anyState: boolean;
}

/** Plain states with a little of everything a patch has to deal with. */
export const PLAIN_STATES: States = {
  of: (number) => ({
    number,
    text: `state ${number}`,
    list: Array.from({ length: Math.min(number, 8) }, (_, i) => number - i),
  }),
  numberOf: (state) => (state as { number: number }).number,
};

export function spelledOutAgent<Place>(subject: AgentSubject<Place>): GivenAgent {
  return {
    ...subject,
    claims: withDefaults(subject.claims, AGENT_CLAIMS),
    states: subject.states ?? PLAIN_STATES,
    anyState: subject.states === undefined,
  } as GivenAgent;
}

/** The agents of a store over this backend, as a subject: whatever an agent promises, it has to keep on it. */
export function agentsOn(backend: GivenBackend): GivenAgent {
  const { durability, sharing, ttl } = backend.claims;
  const { create, destroy, advance, importFrom } = backend;
  return spelledOutAgent<never>({
    name: `agents on ${backend.name}`,
    claims: { durability, sharing, ttl },
    create,
    destroy,
    ...(advance !== undefined && { advance }),
    // A process of its own opens the backend, and makes the agent on it.
    ...(importFrom !== undefined && { importFrom }),
    open: async (place, settings) => agentOn(new Store(await backend.open(place)), settings),
  });
}

/**
 * The agent of a store that is made for it: closing the agent closes the store too. For `open` of an agent subject, where
 * the kit has the agent in its hands and nobody the store.
 */
export function agentOn(store: Store, { key, ...options }: AgentSettings): DataAgent<unknown> {
  const agent = store.agent<unknown>(key, options);
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

/** Agents in the memory of this process, as a subject to wrap. */
export function agentsInMemory(name: string): AgentSubject<ReturnType<typeof memoryBackend>> {
  return {
    name,
    claims: { ttl: true },
    create: () => memoryBackend(),
    open: (place, settings) => agentOn(new Store(memoryBackend({ sharing: place })), settings),
    destroy: (place) => place.close(),
  };
}
