/** Agents in the memory of this process, to be wrapped. */
import type { DataAgent } from '../../data-agent.js';
import { type MemoryBackend, memoryBackend } from '../../memory/memory-backend.js';
import { Store } from '../../store.js';
import { type AgentSettings, agentOn } from '../agent-subject.js';

/** A place for agents: a memory, who was opened in it, and a clock to turn. */
export interface Memory {
  readonly backend: MemoryBackend;
  readonly agents: DataAgent<unknown>[];
  readonly clock: { aheadMs: number };
}

export function emptyMemory(): Memory {
  const clock = { aheadMs: 0 };
  return { backend: memoryBackend({ clock: () => Date.now() + clock.aheadMs }), agents: [], clock };
}

export function agentIn({ backend, agents }: Memory, settings: AgentSettings): DataAgent<unknown> {
  const agent = agentOn(new Store(memoryBackend({ sharing: backend })), settings);
  agents.push(agent);
  return agent;
}

/** Closes the agents too: not every wrapper does. */
export async function closeMemory({ backend, agents }: Memory): Promise<void> {
  await Promise.all(agents.map((agent) => agent.close()));
  await backend.close();
}
