/** A store that goes wrong once every handle was closed and it is opened again. */
import type { Backend } from '../../backend.js';
import type { DataAgent } from '../../data-agent.js';
import type { AgentSubject } from '../agent-subject.js';
import type { BackendSubject } from '../subject.js';
import type { Fault, FaultNote } from './fault.js';
import { type AgentFault, agentFault, type Loose, spoiledAgents } from './spoiled-agent.js';
import {
  type BackendFault,
  backendFault,
  type Room,
  type Spoiled,
  spoiledSubject,
} from './spoiled-backend.js';

interface Life {
  open: number;
  /** How often the last handle was closed. */
  ends: number;
}

export interface DurabilityFault extends Omit<FaultNote, 'breaks'> {
  /** The methods of a handle that was opened after the last one had been closed. */
  readonly late: (inner: Backend, heads: () => Promise<ReadonlyMap<string, number>>) => Spoiled;
  /** Done when the last handle is closed. */
  readonly atEnd?: (room: Room<Life>) => void;
}

/** It claims to survive the process; processes of their own are left to other faults. */
export function durabilityFault({ late, atEnd, ...note }: DurabilityFault): Fault {
  return backendFault<Life>({ ...note, breaks: 'durability', ...life(late, atEnd) });
}

/** The subject of such a fault; without one, a correct backend. */
export function durableSubject({
  name,
  late,
}: Pick<DurabilityFault, 'name' | 'late'>): BackendSubject<Room<Life>> {
  return spoiledSubject<Life>({ name, ...life(late, undefined) });
}

function life(
  late: DurabilityFault['late'],
  atEnd: DurabilityFault['atEnd'],
): Pick<BackendFault<Life>, 'claims' | 'shared' | 'spoil' | 'hooks'> {
  return {
    claims: { durability: 'process' },
    shared: () => ({ open: 0, ends: 0 }),
    spoil: (inner, life, room) => {
      const isLate = life.ends > 0;
      life.open++;
      let closed: Promise<void> | undefined;
      const capabilities = { ...inner.capabilities, durability: 'process' } as const;
      // What was there when the store was opened: it is looked at once, before anything is changed.
      let found: Promise<ReadonlyMap<string, number>> | undefined;
      const heads = () => {
        found ??= headsOf(inner);
        return found;
      };
      if (isLate) void heads().catch(() => undefined);
      return {
        capabilities,
        ready: async () => ({ ...(await inner.ready()), durability: 'process' }),
        ...(isLate && late(inner, heads)),
        close: () => {
          closed ??= inner.close().then(() => {
            if (--life.open > 0) return;
            life.ends++;
            atEnd?.(room);
          });
          return closed;
        },
      };
    },
    hooks: { waivers: { crashes: 'a store in memory has no processes' } },
  };
}

export interface DurableAgentFault extends Omit<FaultNote, 'breaks'> {
  /** The methods of a handle that was opened after the last one had been closed. */
  readonly late: (inner: DataAgent<unknown>) => Loose;
  readonly atEnd?: (room: Room<Life>) => void;
}

/** The same for agents. */
export function durableAgentFault({ late, atEnd, ...note }: DurableAgentFault): Fault {
  return agentFault<Life>({ ...note, breaks: 'durability', ...agentLife(late, atEnd) });
}

export function durableAgents({
  name,
  late,
}: Pick<DurableAgentFault, 'name' | 'late'>): AgentSubject<Room<Life>> {
  return spoiledAgents<Life>({ name, ...agentLife(late, undefined) });
}

function agentLife(
  late: DurableAgentFault['late'],
  atEnd: DurableAgentFault['atEnd'],
): Pick<AgentFault<Life>, 'claims' | 'waivers' | 'shared' | 'spoil'> {
  return {
    claims: { durability: 'process' },
    waivers: { crashes: 'a store in memory has no processes' },
    shared: () => ({ open: 0, ends: 0 }),
    spoil: (inner, life, _, room) => {
      const isLate = life.ends > 0;
      life.open++;
      let closed: Promise<void> | undefined;
      const close = () => {
        closed ??= inner.close().then(() => {
          if (--life.open > 0) return;
          life.ends++;
          atEnd?.(room);
        });
        return closed;
      };
      return {
        get capabilities() {
          return { ...inner.capabilities, durability: 'process' };
        },
        ready: async (options?: object) => ({ ...(await inner.ready(options)), durability: 'process' }),
        ...(isLate && late(inner)),
        close,
        [Symbol.asyncDispose]: close,
      };
    },
  };
}

/** The version that each log has now. */
async function headsOf(inner: Backend): Promise<ReadonlyMap<string, number>> {
  const heads = new Map<string, number>();
  for await (const { key, head } of inner.keys('', { heads: true })) heads.set(key, head?.version ?? 0);
  return heads;
}
