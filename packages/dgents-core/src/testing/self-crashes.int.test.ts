/** The kit can fail: whatever goes wrong once there are several processes, or one is killed, is caught. */
import { effortOf } from './effort.js';
import { processFaults, toyAgents, toyFileStreams, toySubject } from './faults/crashes/index.js';
import { assertCaughtWithout, twins } from './faults/verdict.js';
import { runAgentKit, runBackendKit, runEventStreamKit } from './index.js';
import type { PromiseName } from './promises.js';
import type { FactReport, KitReport } from './run.js';

type Named = Pick<FactReport, 'promise' | 'name'>;

const effort = effortOf();
const { seed } = effort;

/** What else a process, or the end of one, might break. All others are a matter of the long tier. */
const CLOSE_BY: readonly PromiseName[] = [
  'capabilities',
  'history',
  'versions',
  'operations',
  'atomicity',
  'retention',
  'lifecycle',
  'concurrency',
  'durability',
  'crashes',
];

const isFarOff = ({ promise }: Named): boolean => effort.name === 'ci' && !CLOSE_BY.includes(promise);

/** What a fact may take on correct files to be run on every fault, in milliseconds. */
const QUICK_MS = 40;

/** What took longer. */
const slow = new Set<string>();

/** Nothing fails; what is slow is noted. */
function assertSound(report: KitReport): void {
  for (const { name, durationMs } of report.facts) if (durationMs > QUICK_MS) slow.add(name);
  expect(report.facts.filter(({ outcome }) => outcome === 'fails' || outcome === 'not judged')).toEqual([]);
}

describe('correct files', () => {
  const ofAgents = new Set<string>();

  test('agents on one pass', async () => {
    const report = await runAgentKit(toyAgents(), { seed, skip: isFarOff });
    for (const { name } of report.facts) ofAgents.add(name);
    assertSound(report);
  }, 600_000);

  test('streams on one pass', async () => {
    assertSound(await runEventStreamKit(toyFileStreams(), { seed, skip: isFarOff }));
  }, 600_000);

  test('a backend passes', async () => {
    const skip = (fact: Named): boolean =>
      isFarOff(fact) || (effort.name === 'ci' && ofAgents.has(fact.name));
    assertSound(await runBackendKit(toySubject(), { seed, skip }));
  }, 600_000);
});

describe('spoiled files', () => {
  const named = processFaults.map(
    (fault) => [`${fault.of}: ${fault.name} → ${fault.breaks}`, fault] as const,
  );
  test.each(named)(
    '%s',
    async (_, fault) => {
      // Processes are dear: of the facts that need them only the one that has to find it.
      await assertCaughtWithout(fault, seed, (fact) => {
        return (
          isFarOff(fact) || (effort.name === 'ci' && fact.name !== fault.caughtBy && slow.has(fact.name))
        );
      });
    },
    600_000,
  );

  test('every fault is caught by a fact of its own', () => {
    expect(twins(processFaults)).toEqual([]);
  });
});
