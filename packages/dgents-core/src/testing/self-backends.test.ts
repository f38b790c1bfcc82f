/**
 * The kit can fail: every backend that is broken on purpose is caught, and by the right promise.
 * Those of which something else breaks than what they store are in `self-backends-live.test.ts`.
 */
import { backendSuites } from './backend/index.js';
import { effortOf } from './effort.js';
import { backendFaults, storedFaults } from './faults/backend/index.js';
import { costlyFacts } from './faults/costly-facts.js';
import { processFaults } from './faults/crashes/index.js';
import { joining } from './faults/joining.js';
import { Medium, mediumHooks, onMedium } from './faults/medium.js';
import { durableSubject } from './faults/reopened.js';
import { spoiledSubject } from './faults/spoiled-backend.js';
import { unusual } from './faults/unusual-backend.js';
import { assertCaught, twins } from './faults/verdict.js';
import { runBackendKit } from './index.js';
import { waitAtMost } from './support/patience.js';

/** Long enough for a slow machine, in memory. */
waitAtMost(1_000);
const effort = effortOf();
const { seed } = effort;

describe('correct backends', () => {
  const known = new Set<string>();
  const sound = {
    text: spoiledSubject({ name: 'text in memory', spoil: () => ({}) }),
    'a medium that fails and is damaged': spoiledSubject({
      name: 'a medium',
      shared: () => new Medium(),
      spoil: onMedium,
      hooks: mediumHooks,
    }),
    'one that outlives its handles': durableSubject({ name: 'durable', late: () => ({}) }),
    'one that runs work within its commits': spoiledSubject({
      name: 'joining',
      claims: { joins: true },
      spoil: (inner) => joining(inner),
    }),
    'one that is unlike the others wherever it may be': spoiledSubject({ name: 'unusual', spoil: unusual }),
  };
  test.each(Object.entries(sound))(
    'pass: %s',
    async (_, subject) => {
      const report = await runBackendKit(subject as typeof sound.text, { seed });
      for (const { name } of report.facts) known.add(name);
      expect(report.facts.filter(({ outcome }) => outcome === 'fails' || outcome === 'not judged')).toEqual(
        [],
      );
    },
    120_000,
  );

  test('every costly fact is one of theirs', () => {
    expect([...costlyFacts].filter((name) => !known.has(name))).toEqual([]);
  });
});

describe('broken backends', () => {
  const named = storedFaults.map((fault) => [`${fault.name} → ${fault.breaks}`, fault] as const);
  test.each(named)('%s', (_, fault) => assertCaught(fault, effort), 60_000);
});

test('every fault is caught by a fact of its own', () => {
  expect(twins([...backendFaults, ...processFaults])).toEqual([]);
});

test('every promise has a fault that breaks it', () => {
  const promises = new Set(backendSuites.map(({ promise }) => promise as string));
  // Those that need processes are run by `self-crashes.int.test.ts`.
  const inProcesses = processFaults.filter(({ of }) => of === 'backend');
  for (const { breaks } of [...backendFaults, ...inProcesses]) promises.delete(breaks);
  expect([...promises]).toEqual([]);
});
