import assert from 'node:assert/strict';
import type { DataAgent } from '../../data-agent.js';
import type { AgentBench } from '../agent-bench.js';
import type { GivenAgent } from '../agent-subject.js';
import { together } from '../children/child.js';
import { withFreshPlace } from '../children/places.js';
import type { Facts } from '../kit.js';
import { found, story } from '../support/agents.js';
import { needsModule } from '../support/needs-module.js';
import { all } from '../support/records.js';
import { agentSuite } from './suite.js';

const LONG_MS = 600_000;

export const concurrency = agentSuite(
  'concurrency',
  ['capabilities', 'values', 'isolation', 'keys', 'history', 'versions', 'operations', 'errors', 'lifecycle'],
  (fact, subject) => {
    fact(
      'ten updates at once on one handle make ten steps, each with a version of its own',
      async (bench) => {
        const agent = await counting(bench);
        const done = await Promise.all(Array.from({ length: 10 }, () => agent.update(bench.next)));
        assertEach(
          bench,
          done.map(({ state }) => state),
          10,
        );
        assert.equal(new Set(done.map(({ version }) => version)).size, 10, 'two updates share a version');
        assert.equal(bench.numberOf(await agent.load()), 10);
        await agent.close();
        assert.equal(await found(bench), 10);
      },
    );

    fact('two flows that update on one handle lose nothing of each other', async (bench) => {
      const agent = await counting(bench);
      const flow = async (): Promise<void> => {
        for (let i = 0; i < 15; i++) {
          await agent.update(bench.next);
          await agent.load();
        }
      };
      await Promise.all([flow(), flow()]);
      assert.equal(bench.numberOf(await agent.load()), 30);
    });

    fact('updates and saves of different keys at once do not touch each other', async (bench) => {
      const keys = Array.from({ length: 12 }, (_, i) => `key-${i}`);
      const agents = await Promise.all(keys.map((key) => counting(bench, key)));
      await Promise.all(
        agents.map(async (agent, i) => {
          await agent.save(bench.of(i));
          for (let n = 0; n < 3; n++) await agent.update(bench.next);
        }),
      );
      await bench.closeAll();
      for (const [i, key] of keys.entries()) assert.equal(await found(bench, { key }), i + 3);
    });

    // Where a save that lost is told later, what several handles or processes make of one state is not promised in between.
    if (subject.claims.conflicts === 'deferred') return;
    stateHandles(fact, subject);
    stateProcesses(fact, subject);
  },
);

/** An agent that counts from nothing. */
function counting(bench: AgentBench, key = 'state'): Promise<DataAgent<unknown>> {
  return bench.open({ key, initial: () => bench.of(0), timeoutMs: 30_000 });
}

/** These are the states from the first number to the last, in whatever order. */
function assertEach(bench: AgentBench, states: readonly unknown[], last: number): void {
  const numbers = states.map((state) => bench.numberOf(state)).sort((a, b) => a - b);
  assert.deepEqual(
    numbers,
    Array.from({ length: last }, (_, i) => i + 1),
    'an update was lost or made twice',
  );
}

function stateHandles(fact: Facts<AgentBench>, { claims }: GivenAgent): void {
  fact('five handles that update at once lose nothing', async (bench) => {
    const agents = await Promise.all(Array.from({ length: 5 }, () => counting(bench)));
    const done = await Promise.all(
      agents.flatMap((agent) => Array.from({ length: 8 }, () => agent.update(bench.next))),
    );
    assertEach(
      bench,
      done.map(({ state }) => state),
      40,
    );
    for (const agent of agents) assert.equal(bench.numberOf(await agent.load()), 40);
    if (!claims.history) return;
    const numbers = story(bench, await all(agents[0]!.timeline()));
    assert.deepEqual(
      numbers,
      Array.from({ length: 40 }, (_, i) => i + 1),
    );
  });

  fact(
    'of several handles that save at once over what they all saw, one wins and the others are told',
    async (bench) => {
      const agents = await Promise.all(Array.from({ length: 5 }, () => counting(bench)));
      let last = 0;
      for (let round = 0; round < 6; round++) {
        await Promise.all(agents.map((agent) => agent.load()));
        const saved = await Promise.all(agents.map((agent, i) => lostOr(agent.save(bench.of(last + i + 1)))));
        const winners = saved.flatMap((version, i) => (version === undefined ? [] : [i]));
        assert.equal(winners.length, 1, `${winners.length} of 5 handles were told that they won`);
        last += winners[0]! + 1;
        for (const agent of agents) assert.equal(bench.numberOf(await agent.load()), last);
      }
    },
  );

  fact(
    'whatever several handles do, every acknowledged write is a version, and every refused one is none',
    async (bench) => {
      const seen: Written[] = [];
      const flows = Array.from({ length: 4 }, (_, i) => mixed(bench, i, seen));
      await Promise.all(flows);
      const agent = await counting(bench);
      const versions = seen.map(({ version }) => version).sort((a, b) => a - b);
      assert.equal(new Set(versions).size, versions.length, 'two writes were told the same version');
      const due = seen.sort((a, b) => a.version - b.version);
      for (const [i, { kind, number }] of due.entries()) {
        const before = due[i - 1]?.number ?? 0;
        if (kind === 'update')
          assert.equal(number, before + 1, 'an update was made of another state than the last');
      }
      const newest = due.at(-1) as Written;
      const { state, version } = await agent.read();
      assert.equal(version, newest.version, 'the newest version is not the last that was acknowledged');
      assert.equal(bench.numberOf(state), newest.number, 'the state is not the last that was acknowledged');
      if (!claims.history) return;
      const entries = await all(agent.timeline());
      assert.deepEqual(
        entries.map((each) => each.version),
        versions,
      );
      for (const [i, number] of story(bench, entries).entries()) assert.equal(number, due[i]?.number);
    },
  );
}

/** A write that was acknowledged, and the state that it made. */
interface Written {
  readonly kind: 'update' | 'save';
  readonly version: number;
  readonly number: number;
}

/** Updates, and saves what follows from what it has loaded; notes what was acknowledged. */
async function mixed(bench: AgentBench, flow: number, seen: Written[]): Promise<void> {
  const agent = await counting(bench);
  for (let i = 0; i < 8; i++) {
    if ((i + flow) % 2 === 0) {
      const { state, version } = await agent.update(bench.next);
      seen.push({ kind: 'update', version, number: bench.numberOf(state) });
      continue;
    }
    const number = 1_000 * (flow + 1) + i;
    await agent.load();
    const version = await lostOr(agent.save(bench.of(number)));
    if (version !== undefined) seen.push({ kind: 'save', version, number });
  }
}

/** The version, or undefined when the save lost. */
async function lostOr(saving: Promise<number>): Promise<number | undefined> {
  try {
    return await saving;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'DGENTS_STATE_CONFLICT') return undefined;
    throw error;
  }
}

function stateProcesses(fact: Facts<AgentBench>, subject: GivenAgent): void {
  const { sharing } = subject.claims;
  if (sharing === 'process') return;
  if (subject.importFrom === undefined) {
    needsModule(fact, `sharing ${JSON.stringify(sharing)}`);
    return;
  }
  fact(
    'four processes that update one state lose nothing',
    async (bench) => {
      const times = bench.effort.times(15);
      const jobs = Array.from({ length: 4 }, () => ({ do: 'update' as const, key: 'state', times }));
      const told = (await together(bench, jobs, 'versions')) as number[][];
      const versions = told.flat().sort((a, b) => a - b);
      assert.equal(new Set(versions).size, times * 4, 'two updates were told the same version');
      const agent = await counting(bench);
      const { state, version } = await agent.read();
      assert.deepEqual([bench.numberOf(state), version], [times * 4, versions.at(-1)]);
    },
    LONG_MS,
  );

  fact(
    'eight processes that write the first version of a state at once all succeed',
    () =>
      withFreshPlace(subject, async (place) => {
        const jobs = Array.from({ length: 8 }, () => ({ do: 'update' as const, key: 'state', times: 1 }));
        const told = (await together({ subject, place }, jobs, 'versions')) as number[][];
        assert.equal(new Set(told.flat()).size, 8, 'two updates were told the same version');
        const agent = await subject.open(place as never, { key: 'state' });
        const state = await agent.load().finally(() => agent.close());
        assert.equal(subject.states.numberOf(state), 8);
      }),
    LONG_MS,
  );
}
