import assert from 'node:assert/strict';
import type { AgentBench } from '../agent-bench.js';
import type { KillPoint } from '../children/jobs.js';
import { killAt, killAtRandom, type Line } from '../children/kills.js';
import { withFreshPlaces } from '../children/places.js';
import { aftermath } from '../support/aftermath.js';
import { story } from '../support/agents.js';
import { needsModule } from '../support/needs-module.js';
import { all } from '../support/records.js';
import { agentSuite } from './suite.js';

const LONG_MS = 1_800_000;

const MOMENTS: readonly KillPoint[] = [
  { append: 1, at: 'called' },
  { append: 2, at: 'called' },
  { append: 2, at: 'microtasks', count: 3 },
  { append: 3, at: 'turns', count: 1 },
  { append: 2, at: 'turns', count: 5 },
  { append: 1, at: 'acknowledged' },
  { append: 2, at: 'acknowledged', count: 1 },
  { append: 2, at: 'closing', count: 1 },
];

export const crashes = agentSuite(
  'crashes',
  [
    'capabilities',
    'values',
    'isolation',
    'keys',
    'history',
    'versions',
    'operations',
    'errors',
    'lifecycle',
    'concurrency',
    'durability',
  ],
  (fact, subject) => {
    const { durability } = subject.claims;
    if (durability === 'none') {
      fact('nothing is promised to survive its process, and `ready` says so', async (bench) => {
        assert.equal((await (await bench.open()).ready()).durability, 'none');
      });
      return;
    }
    if (subject.importFrom === undefined) {
      needsModule(fact, `durability ${JSON.stringify(durability)}`);
      return;
    }

    fact(
      'an agent whose process is killed at any moment leaves the last acknowledged state or the one in flight',
      async (bench) => {
        for (let round = 0; round < bench.effort.times(1); round++) {
          await onLines(bench, 3, (lines) => killAtRandom(bench.effort.seed + round, lines, 2));
        }
      },
      LONG_MS,
    );

    fact(
      'an agent whose process dies while it writes, right after, or while it closes leaves a state that goes on',
      async (bench) => {
        for (let round = 0; round < bench.effort.times(1); round++) {
          await onLines(bench, MOMENTS.length, (lines) => killAt(MOMENTS, lines));
        }
      },
      LONG_MS,
    );
  },
);

/** Each line of writers has a key of its own; and a place, where only one process at a time may open one. */
function onLines(
  bench: AgentBench,
  count: number,
  work: (lines: readonly Line[]) => Promise<void>,
): Promise<void> {
  const { subject, place } = bench;
  const lineOf = (on: unknown): Line => {
    const key = bench.freshKey();
    return {
      home: { subject, place: on },
      job: (kill) => ({ do: 'save', key, ...(kill && { kill }) }),
      survived: (acked, about) => survived(bench, on, key, acked, about),
    };
  };
  if (subject.claims.sharing !== 'process') return work(Array.from({ length: count }, () => lineOf(place)));
  return withFreshPlaces(subject, count, (places) => work(places.map(lineOf)));
}

/** Holds the state and its history against the number that was acknowledged; then goes on by one, and gives that. */
async function survived(
  { subject }: AgentBench,
  place: unknown,
  key: string,
  acked: number,
  about: string,
): Promise<number> {
  const { of, numberOf } = subject.states;
  const agent = await subject.open(place as never, { key, initial: () => of(0), timeoutMs: 30_000 });
  try {
    await aftermath(subject.claims.sharing, async () => numberOf(await agent.load()) > acked);
    const { state, version } = await agent.read();
    const number = numberOf(state);
    assert.ok(
      number === acked || number === acked + 1,
      `${about}: state ${acked} had been acknowledged and ${acked + 1} was in flight; ${number} is there`,
    );
    if (subject.claims.history && number > 0) {
      const entries = await all(agent.timeline());
      // An agent may keep only so much of the past: what there is ends with the present, without gaps.
      const numbers = entries.map((_, i) => number - entries.length + i + 1);
      assert.deepEqual(story({ numberOf }, entries), numbers, `${about}: the history is another`);
      assert.equal(entries.at(-1)?.version, version, about);
    }
    const next = await agent.update((found) => of(numberOf(found) + 1));
    assert.equal(
      numberOf(next.state),
      number + 1,
      `${about}: the next update does not build on what is there`,
    );
    assert.ok(next.version > version, `${about}: the next version is ${next.version}, after ${version}`);
    return number + 1;
  } finally {
    await agent.close();
  }
}
