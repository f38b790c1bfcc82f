/** The kit can fail: every event stream that is broken on purpose is caught, and by the right promise. */
import { effortOf } from './effort.js';
import { processFaults } from './faults/crashes/index.js';
import { streamFaults } from './faults/stream/index.js';
import { toyStreams } from './faults/stream/stream-fault.js';
import { assertCaught, twins } from './faults/verdict.js';
import { runEventStreamKit } from './index.js';
import { streamSuites } from './stream/index.js';
import { waitAtMost } from './support/patience.js';

/** Long enough for a slow machine, in memory. */
waitAtMost(1_000);
const effort = effortOf();

test('correct streams pass', async () => {
  const report = await runEventStreamKit(toyStreams('in memory'), { seed: effort.seed });
  expect(report.facts.filter(({ outcome }) => outcome === 'fails' || outcome === 'not judged')).toEqual([]);
}, 120_000);

describe('broken streams', () => {
  const named = streamFaults.map((fault) => [`${fault.name} → ${fault.breaks}`, fault] as const);
  test.each(named)('%s', (_, fault) => assertCaught(fault, effort), 60_000);

  test('every fault is caught by a fact of its own', () => {
    expect(twins([...streamFaults, ...processFaults])).toEqual([]);
  });
});

test('every promise has a fault that breaks it', () => {
  const promises = new Set(streamSuites.map(({ promise }) => promise as string));
  // Those that need processes are run by `self-crashes.int.test.ts`.
  const inProcesses = processFaults.filter(({ of }) => of === 'stream');
  for (const { breaks } of [...streamFaults, ...inProcesses]) promises.delete(breaks);
  expect([...promises]).toEqual([]);
});
