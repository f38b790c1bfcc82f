import assert from 'node:assert/strict';
import type { DataAgent } from '../../data-agent.js';
import type { AgentBench } from '../agent-bench.js';
import type { AgentSettings, GivenAgent } from '../agent-subject.js';
import { alone } from '../children/child.js';
import { withFreshPlace } from '../children/places.js';
import type { Facts } from '../kit.js';
import { found, saveAll, story } from '../support/agents.js';
import { like, rejects } from '../support/assertions.js';
import { statePower } from '../support/power.js';
import { all } from '../support/records.js';
import { agentSuite } from './suite.js';

export const durability = agentSuite(
  'durability',
  [
    'capabilities',
    'values',
    'isolation',
    'keys',
    'history',
    'versions',
    'operations',
    'retention',
    'errors',
    'lifecycle',
    'concurrency',
  ],
  (fact, subject) => {
    const { claims } = subject;
    if (claims.durability === 'none') {
      fact('nothing is promised to be there after closing, and `ready` says so', async (bench) => {
        assert.equal((await (await bench.open()).ready()).durability, 'none');
      });
      return;
    }

    fact('what was saved is there after closing and opening again, under the same version', async (bench) => {
      const versions = await saveAll(bench, await bench.open(), 1, 2, 3);
      const agent = await reopened(bench);
      const { state, version } = await agent.read();
      assert.deepEqual([bench.numberOf(state), version], [3, versions.at(-1)]);
    });

    fact('what was updated is there, and later updates build on it', async (bench) => {
      const initial = (): unknown => bench.of(0);
      for (let i = 1; i <= 10; i++) {
        const agent = await reopened(bench, { initial });
        assert.equal(bench.numberOf((await agent.update(bench.next)).state), i);
      }
      assert.equal(bench.numberOf(await (await reopened(bench)).load()), 10);
    });

    fact('meta and the time of a save are there after reopening', async (bench) => {
      const agent = await bench.open();
      await agent.save(bench.of(1), { meta: { why: 'because', list: [1, null] } });
      const { savedAt, meta } = await agent.read();
      const again = await (await reopened(bench)).read();
      assert.equal(again.savedAt?.getTime(), savedAt?.getTime());
      assert.equal(JSON.stringify(again.meta), JSON.stringify(meta));
    });

    fact('states under many keys are there, each by itself', async (bench) => {
      const keys = Array.from({ length: 20 }, (_, i) => `agent/${i}`);
      for (const [i, key] of keys.entries()) await saveAll(bench, await bench.open({ key }), i, i + 100);
      await bench.closeAll();
      for (const [i, key] of keys.entries()) assert.equal(await found(bench, { key }), i + 100);
      await rejects((await bench.open({ key: 'agent/20' })).load(), 'DGENTS_STATE_NOT_FOUND');
    });

    fact(
      'a handle that saw the state before it was closed is still compared by its versions',
      async (bench) => {
        const first = await bench.open();
        await saveAll(bench, first, 1);
        const seen = await first.read();
        const agent = await reopened(bench);
        await agent.save(bench.of(2), { expected: seen });
        await rejects(agent.save(bench.of(3), { expected: seen }), 'DGENTS_STATE_CONFLICT');
        assert.equal(bench.numberOf(await (await reopened(bench)).load()), 2);
      },
    );

    fact('an operation that is repeated after reopening happens once', async (bench) => {
      const operationId = 'the-only-one';
      const version = await (await bench.open()).save(bench.of(1), { operationId });
      assert.equal(await (await reopened(bench)).save(bench.of(1), { operationId }), version);
      like(await (await reopened(bench)).read(), { version });
    });

    if (claims.history) {
      fact('every version is there after reopening, in order', async (bench) => {
        const versions = await saveAll(bench, await bench.open(), 5, 3, 8, 1);
        const agent = await reopened(bench);
        const entries = await all(agent.timeline());
        assert.deepEqual(story(bench, entries), [5, 3, 8, 1]);
        assert.deepEqual(
          entries.map(({ version }) => version),
          versions,
        );
        assert.deepEqual((await agent.history()).map(bench.numberOf), [8, 3, 5]);
        assert.equal(bench.numberOf(await agent.load({ at: versions[1]! })), 3);
      });
    }

    if (claims.delete) {
      fact('what was deleted stays deleted, and its numbering goes on', async (bench) => {
        const first = await bench.open();
        const [version] = await saveAll(bench, first, 1);
        await first.delete();
        const agent = await reopened(bench);
        await rejects(agent.load(), 'DGENTS_STATE_NOT_FOUND');
        assert.ok(
          (await agent.save(bench.of(2))) > version! + 1,
          'a version was used again after a deletion',
        );
        assert.equal(bench.numberOf(await (await reopened(bench)).load()), 2);
      });
    }

    fact('closing right after a write was called loses nothing of it', async (bench) => {
      const agent = await bench.open({ initial: () => bench.of(0) });
      const updates = Array.from({ length: 5 }, () => agent.update(bench.next));
      await bench.closeAll();
      await Promise.all(updates);
      assert.equal(await found(bench), 5);
    });

    stateOtherProcess(fact, subject);
    statePower(fact, claims);
  },
);

/** What is promised to survive its process has not only stayed in its memory. */
function stateOtherProcess(fact: Facts<AgentBench>, subject: GivenAgent): void {
  const name = 'what a process saved that has ended is there for the next one';
  if (subject.importFrom === undefined) {
    fact.untested(name, 'the subject has no `importFrom` to open it in a process of its own');
    return;
  }
  fact(
    name,
    () =>
      withFreshPlace(subject, async (place) => {
        const job = { do: 'update', key: 'state', times: 3 } as const;
        const versions = (await alone({ subject, place }, job, 'versions')) as number[];
        const agent = await subject.open(place as never, { key: 'state' });
        const { state, version } = await agent.read().finally(() => agent.close());
        assert.deepEqual([subject.states.numberOf(state), version], [3, versions.at(-1)]);
      }),
    60_000,
  );
}

/** Closes every handle, and opens what they left. */
async function reopened(
  bench: AgentBench,
  settings: Partial<AgentSettings> = {},
): Promise<DataAgent<unknown>> {
  await bench.closeAll();
  return bench.open(settings);
}
