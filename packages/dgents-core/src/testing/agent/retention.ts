import assert from 'node:assert/strict';
import type { DataAgent } from '../../data-agent.js';
import type { AgentBench } from '../agent-bench.js';
import { assertSame } from '../support/account.js';
import { found, handOver, saveAll, span, story, write } from '../support/agents.js';
import { rejects } from '../support/assertions.js';
import { all } from '../support/records.js';
import { agentSuite } from './suite.js';

/** Trimming happens in bites and in the background: as many writes as it may take until one is seen. */
const MOST_WRITES = 400;

const KEPT = 5;

export const retention = agentSuite(
  'retention',
  ['values', 'keys', 'history', 'versions'],
  (fact, { claims }) => {
    if (claims.history) {
      fact(
        'what is older than asked for goes in the end, and what is kept stays as it was',
        async (bench) => {
          const agent = await bench.open({ retain: { versions: KEPT, graceMs: 0 } });
          const { oldest, newest } = await growUntilTrimmed(bench, agent);
          const kept = await all(agent.timeline());
          assert.ok(kept.length >= KEPT, `${kept.length} versions are left, and ${KEPT} were to be kept`);
          assert.deepEqual(story(bench, kept), span(oldest, newest));
          for (const each of kept) {
            assertSame(
              await agent.load({ at: each.version }),
              bench.of(each.deleted ? 0 : bench.numberOf(each.state)),
            );
          }
          assert.deepEqual((await agent.history()).map(bench.numberOf), span(oldest, newest - 1).reverse());
          assertSame(await agent.load(), bench.of(newest));
        },
      );

      fact(
        'what was trimmed is LogCompactedError with the oldest version kept, for every handle',
        async (bench) => {
          const agent = await bench.open({ retain: { versions: KEPT, graceMs: 0 } });
          const first = await agent.save(bench.of(1));
          await growUntilTrimmed(bench, agent, 1);
          const floor = (await all(agent.timeline()))[0]!.version;
          await handOver(bench, agent);
          const reader = await bench.open();
          for (const at of [first, floor - 1]) {
            await rejects(reader.load({ at }), 'DGENTS_LOG_COMPACTED', { floor });
          }
        },
      );

      fact('numbering goes on over a trim, and a handle that saw what is gone writes on', async (bench) => {
        const watcher = await bench.open();
        const agent = await bench.open({ retain: { versions: KEPT, graceMs: 0 } });
        const first = await agent.save(bench.of(1));
        if (claims.conflicts === 'immediate') await watcher.load();
        const { newest } = await growUntilTrimmed(bench, agent, 1);
        const { version } = await agent.read();
        assert.ok(
          version >= first + newest - 1,
          `version ${version} after ${newest} writes from ${first} on`,
        );
        await handOver(bench, agent);
        assert.equal(bench.numberOf(await watcher.load()), newest);
        const next = await watcher.save(bench.of(newest + 1));
        assert.ok(next > version, `version ${next} after ${version}`);
      });

      fact('what is younger than graceMs stays, however little is asked for', async (bench) => {
        const agent = await bench.open({ retain: { versions: 2, graceMs: 600_000 } });
        await saveAll(bench, agent, ...span(1, 200));
        assert.deepEqual(story(bench, await all(agent.timeline())), span(1, 200));
      });

      fact('what is younger than ageMs stays', async (bench) => {
        const agent = await bench.open({ retain: { ageMs: 600_000, graceMs: 0 } });
        await saveAll(bench, agent, ...span(1, 200));
        assert.deepEqual(story(bench, await all(agent.timeline())), span(1, 200));
      });

      fact('nothing goes unless asked for', async (bench) => {
        const agent = await bench.open();
        await saveAll(bench, agent, ...span(1, 200));
        assert.deepEqual(story(bench, await all(agent.timeline())), span(1, 200));
      });
    }

    if (!claims.delete) return;
    fact('erasing removes the content of every version, and numbering goes on', async (bench) => {
      const agent = await bench.open();
      const [first, , last] = await saveAll(bench, agent, 1, 2, 3);
      assert.equal(await agent.delete({ erase: true }), true);
      await nothingIsLeft(agent, first!);
      await handOver(bench, agent);
      await nothingIsLeft(await bench.open(), first!);
      const [next] = await write(bench, [4]);
      assert.ok(next! > last! + 1, `version ${next} after ${last} and its erasure`);
      assert.deepEqual(await (await bench.open()).history(), []);
      assert.equal(await found(bench), 4);
    });

    if (claims.history && claims.conflicts === 'immediate') {
      fact('what was erased is gone also for a handle that had read it', async (bench) => {
        const [first, second] = await write(bench, [1, 2]);
        const reader = await bench.open();
        await reader.load();
        for (const at of [first!, second!]) {
          await reader.load({ at });
          await reader.read({ at });
        }
        assert.deepEqual((await reader.history()).map(bench.numberOf), [1]);
        await all(reader.timeline());
        await (await bench.open()).delete({ erase: true });
        await nothingIsLeft(reader, first!);
        for (const at of [first!, second!]) {
          await rejects(reader.load({ at }), 'DGENTS_LOG_COMPACTED');
          await rejects(reader.read({ at }), 'DGENTS_LOG_COMPACTED');
        }
      });
    }

    fact('what was deleted before can be erased too', async (bench) => {
      const agent = await bench.open();
      const [first] = await saveAll(bench, agent, 1, 2);
      await agent.delete();
      assert.equal(await agent.delete({ erase: true }), false);
      await nothingIsLeft(agent, first!);
    });
  },
);

/** Writes state after state until the first one is gone; gives the numbers of the oldest and the newest one. */
async function growUntilTrimmed(
  bench: AgentBench,
  agent: DataAgent<unknown>,
  written = 0,
): Promise<{ oldest: number; newest: number }> {
  for (let newest = written + 1; newest <= MOST_WRITES; newest += 1) {
    await agent.save(bench.of(newest));
    if (newest % 20 !== 0) continue;
    // Lets what runs beside the writes come to an end.
    await new Promise((resolve) => setTimeout(resolve, 5));
    for await (const first of agent.timeline()) {
      const oldest = first.deleted ? 0 : bench.numberOf(first.state);
      if (oldest !== 1) return { oldest, newest };
      break;
    }
  }
  return assert.fail(
    `after ${MOST_WRITES} versions, of which ${KEPT} were to be kept, the first is still there`,
  );
}

async function nothingIsLeft(agent: DataAgent<unknown>, first: number): Promise<void> {
  assert.deepEqual(await agent.history(), []);
  assert.ok(
    (await all(agent.timeline())).every(({ deleted }) => deleted),
    'a state that was erased is still in the timeline',
  );
  await rejects(agent.load({ at: first }), 'DGENTS_LOG_COMPACTED');
  await rejects(agent.load(), 'DGENTS_STATE_NOT_FOUND');
}
