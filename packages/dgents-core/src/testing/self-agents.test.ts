/** The kit can fail: every agent and wrapper that is broken on purpose is caught, and by the right promise. */
import { agentSuites } from './agent/index.js';
import { effortOf } from './effort.js';
import { agentFaults } from './faults/agent/index.js';
import { processFaults } from './faults/crashes/index.js';
import { durableAgents } from './faults/reopened.js';
import { spoiledAgents } from './faults/spoiled-agent.js';
import { assertCaught, twins } from './faults/verdict.js';
import { wrapperFaults } from './faults/wrapper/index.js';
import { runAgentKit } from './index.js';
import { waitAtMost } from './support/patience.js';
import { wrapperSuites } from './wrapper/index.js';

/** Long enough for a slow machine, in memory. */
waitAtMost(1_000);
const effort = effortOf();
const { seed } = effort;

const sound = {
  'in memory': spoiledAgents({ name: 'in memory' }),
  'that outlive their handles': durableAgents({ name: 'durable', late: () => ({}) }),
};

test.each(Object.entries(sound))(
  'correct agents %s pass',
  async (_, subject) => {
    const report = await runAgentKit(subject as (typeof sound)['in memory'], { seed });
    expect(report.facts.filter(({ outcome }) => outcome === 'fails' || outcome === 'not judged')).toEqual([]);
  },
  120_000,
);

describe.each([
  ['agents', agentFaults],
  ['wrappers', wrapperFaults],
] as const)('broken %s', (_, faults) => {
  const named = faults.map((fault) => [`${fault.name} → ${fault.breaks}`, fault] as const);
  test.each(named)('%s', (_, fault) => assertCaught(fault, effort), 60_000);

  test('every fault is caught by a fact of its own', () => {
    expect(twins([...faults, ...processFaults])).toEqual([]);
  });
});

test('every promise has a fault that breaks it', () => {
  const promises = new Set([...agentSuites, ...wrapperSuites].map(({ promise }) => promise as string));
  // Those that need processes are run by `self-crashes.int.test.ts`.
  const inProcesses = processFaults.filter(({ of }) => of === 'agent');
  for (const { breaks } of [...agentFaults, ...wrapperFaults, ...inProcesses]) promises.delete(breaks);
  expect([...promises]).toEqual([]);
});
