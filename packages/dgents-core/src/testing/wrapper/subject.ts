/** What is tested when the subject is a wrapper: a `DataAgent` around another one. */
import type { DataAgent } from '../../data-agent.js';
import {
  type AgentClaims,
  type AgentSettings,
  type AgentSubject,
  type GivenAgent,
  type States,
  spelledOutAgent,
} from '../agent-subject.js';
import type { PromiseName } from '../promises.js';
import { withDefaults } from '../subject.js';
import { agentIn, closeMemory, emptyMemory, type Memory } from './memory.js';

/** What a wrapper claims: what an agent claims, and how it treats the agent inside. */
export interface WrapperClaims extends AgentClaims {
  /** `cached`: it may answer `load` and `read` by itself once it has asked. `forwarded` unless told. */
  readonly reads?: 'forwarded' | 'cached';
  /** `by update`: its `save` is an `update` of the agent inside, as in a lens. `forwarded` unless told. */
  readonly saves?: 'forwarded' | 'by update';
  /** Whether closing it closes the agent inside; true unless told. */
  readonly closesInner?: boolean;
}

export interface WrapperSubject<Inner = unknown> {
  /** For people: names the tests. */
  readonly name: string;
  /** What is left out is as with the agents inside: those of a memory store, with a time to live. */
  readonly claims?: WrapperClaims;
  /** Wraps an agent. Called for every handle that the kit opens; the kit closes both. */
  wrap(inner: DataAgent<Inner>, settings: AgentSettings): DataAgent<unknown>;
  /**
   * For a wrapper that shows another state than the agent inside keeps: how that one has to be so that the wrapper is as
   * these settings say. A lens turns `initial` around, and raises `codec.maxBytes` by what its own part weighs.
   */
  inner?(settings: AgentSettings): AgentSettings;
  /** Only for a wrapper that cannot hold any value: its own states, as seen from outside. */
  readonly states?: States;
  readonly waivers?: Partial<Readonly<Record<PromiseName, string>>>;
}

/** A wrapper subject with everything spelled out. */
export interface GivenWrapper {
  readonly claims: Required<WrapperClaims>;
  /** What was claimed in so many words: there a wrapper may differ from the agent inside. */
  readonly stated: WrapperClaims;
  readonly states: States;
  wrap(inner: DataAgent<unknown>, settings: AgentSettings): DataAgent<unknown>;
  inner(settings: AgentSettings): AgentSettings;
  /** The wrapped agents as a subject of the agent kit. */
  readonly agents: GivenAgent;
}

const FORWARDED: Required<Pick<WrapperClaims, 'reads' | 'saves' | 'closesInner'>> = {
  reads: 'forwarded',
  saves: 'forwarded',
  closesInner: true,
};

export function spelledOutWrapper<Inner>(subject: WrapperSubject<Inner>): GivenWrapper {
  const { name, claims: stated = {}, states, waivers } = subject;
  const { reads = 'forwarded', saves = 'forwarded', closesInner = true, ...ofAgent } = stated;
  const wrap = (inner: DataAgent<unknown>, settings: AgentSettings): DataAgent<unknown> =>
    subject.wrap(inner as DataAgent<Inner>, settings);
  const inner = (settings: AgentSettings): AgentSettings => subject.inner?.(settings) ?? settings;
  const wrapped: AgentSubject<Memory> = {
    name,
    claims: { ttl: true, ...ofAgent },
    create: emptyMemory,
    open: (place, settings) => wrap(agentIn(place, inner(settings)), settings),
    destroy: closeMemory,
    advance: ({ clock }, ms) => {
      clock.aheadMs += ms;
    },
    ...(states !== undefined && { states }),
    ...(waivers !== undefined && { waivers }),
  };
  const agents = spelledOutAgent(wrapped);
  const own = withDefaults({ reads, saves, closesInner }, FORWARDED);
  const claims = { ...agents.claims, ...own };
  return { claims, stated, states: agents.states, wrap, inner, agents };
}
