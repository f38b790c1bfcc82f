import type { AgentBench } from '../agent-bench.js';
import type { GivenAgent } from '../agent-subject.js';
import type { Suite } from '../kit.js';
import type { PromiseName } from '../promises.js';

export type AgentSuite = Suite<AgentBench, GivenAgent>;

/** A suite about agents: its promise, what it rests on, and its facts. */
export function agentSuite(
  promise: PromiseName,
  presumes: readonly PromiseName[],
  state: AgentSuite['state'],
): AgentSuite {
  return { promise, presumes, state };
}
