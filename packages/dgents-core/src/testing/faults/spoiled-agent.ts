/** A correct agent with one thing wrong: one in memory, some of whose methods are replaced. */
import type { DataAgent } from '../../data-agent.js';
import { memoryBackend } from '../../memory/memory-backend.js';
import { Store } from '../../store.js';
import { type AgentClaims, type AgentSettings, type AgentSubject, agentOn } from '../agent-subject.js';
import { runAgentKit } from '../index.js';
import type { Fault, FaultNote } from './fault.js';
import { newRoom, type Room } from './spoiled-backend.js';

type Agent = DataAgent<unknown>;

export interface AgentFault<Shared> extends FaultNote {
  readonly claims?: AgentClaims;
  /** Made once for each place, for all its handles. */
  readonly shared?: () => Shared;
  /** The methods that go wrong. */
  readonly spoil?: (inner: Agent, shared: Shared, settings: AgentSettings, room: Room<Shared>) => Loose;
  /** Settings that go wrong: what the agent really is opened with. */
  readonly settings?: (given: AgentSettings) => AgentSettings;
  readonly waivers?: NonNullable<AgentSubject['waivers']>;
  /** Clears up what the fault left behind. */
  readonly clear?: (shared: Shared) => void;
}

/** Overloads and all: a fault knows what it is called with. */
export type Loose = Partial<Record<keyof Agent, unknown>>;

export function agentFault<Shared = undefined>(fault: AgentFault<Shared>): Fault {
  const { name, breaks, caughtBy, like } = fault;
  const run: Fault['run'] = (options) => runAgentKit(spoiledAgents(fault), options);
  return { of: 'agent', name, breaks, caughtBy, like, run };
}

/** The subject of a fault; without one, a correct agent. */
export function spoiledAgents<Shared>({
  name,
  claims,
  shared,
  spoil,
  settings = (given) => given,
  waivers,
  clear,
}: Omit<AgentFault<Shared>, 'breaks' | 'caughtBy' | 'like'>): AgentSubject<Room<Shared>> {
  return {
    name,
    claims: { ttl: true, ...claims },
    ...(waivers !== undefined && { waivers }),
    create: () => newRoom(shared?.() as Shared),
    open: (room, given) => {
      const inner = agentOn(new Store(memoryBackend({ sharing: room.memory })), settings(given));
      return spoil === undefined ? inner : spoiledAgent(inner, spoil(inner, room.shared, given, room));
    },
    destroy: async (room) => {
      clear?.(room.shared);
      await room.memory.close();
    },
    advance: (room, ms) => {
      room.ahead += ms;
    },
  };
}

/** `inner` with these methods in place of its own. */
export function spoiledAgent(inner: Agent, methods: Loose): Agent {
  return new Proxy(inner, {
    get(target, name) {
      if (Object.hasOwn(methods, name)) return Reflect.get(methods, name);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
