import assert from 'node:assert/strict';
import type { DataAgent } from '../../data-agent.js';
import { DgentsError } from '../../errors.js';
import type { AgentBench } from '../agent-bench.js';
import { found, handOver, saveAll, span } from '../support/agents.js';
import { like } from '../support/assertions.js';
import { agentSuite } from './suite.js';

export const operations = agentSuite('operations', ['values', 'keys'], (fact, { claims }) => {
  fact('an update repeated with its id happens once, and tells the same', async (bench) => {
    const agent = await counter(bench);
    const first = await add(bench, agent);
    const again = await add(bench, agent);
    assert.deepEqual(
      [first.version, bench.numberOf(first.state)],
      [again.version, bench.numberOf(again.state)],
    );
    assert.equal(bench.numberOf(await agent.load()), 1);
    await handOver(bench, agent);
    const other = await counter(bench);
    assert.equal((await add(bench, other)).version, first.version);
    assert.equal(bench.numberOf(await other.load()), 1);
  });

  fact('a save repeated with its id tells the version of the first, whatever it holds now', async (bench) => {
    const agent = await bench.open();
    const version = await agent.save(bench.of(1), { operationId: 'once' });
    assert.equal(await agent.save(bench.of(1), { operationId: 'once' }), version);
    assert.equal(await agent.save(bench.of(2), { operationId: 'once' }), version);
    await handOver(bench, agent);
    const other = await bench.open();
    assert.equal(await other.save(bench.of(3), { operationId: 'once' }), version);
    assert.equal(await found(bench), 1);
  });

  fact('different ids are different operations, also where they write the same', async (bench) => {
    const agent = await counter(bench);
    const versions = new Set<number>();
    for (const i of [1, 2, 3]) {
      const { head } = await agent.update(bench.next, {
        operationId: `add-${i}`,
        ...(await pinned(bench, agent)),
      });
      like(head, { id: `add-${i}` });
      versions.add(head!.version);
    }
    assert.equal(versions.size, 3);
    assert.equal(bench.numberOf(await agent.load()), 3);
  });

  fact('repeated by many at once it happens once, and all are told the same', async (bench) => {
    const many = await Promise.all(span(1, 6).map(() => counter(bench)));
    // Where conflicts are told later, only the flows of one handle can know of each other.
    const agents = claims.conflicts === 'deferred' ? many.fill(many[0]!) : many;
    const results = await Promise.all([...agents, ...agents].map((agent) => add(bench, agent)));
    assert.equal(new Set(results.map(({ version }) => version)).size, 1);
    assert.deepEqual([...new Set(results.map(({ state }) => bench.numberOf(state)))], [1]);
    await handOver(bench, agents[0]!);
    assert.equal(await found(bench), 1);
  });

  fact('the id of an operation that failed is free', async (bench) => {
    const agent = await counter(bench);
    const fails = (): never => {
      throw new RangeError('no');
    };
    await agent.update(fails, { operationId: 'add' }).catch(() => undefined);
    assert.equal(bench.numberOf((await add(bench, agent)).state), 1);
  });

  fact('an id belongs to its state: another key may use it too', async (bench) => {
    for (const key of ['one', 'other']) {
      const agent = await bench.open({ key });
      await agent.save(bench.of(key.length), { operationId: 'same' });
      await handOver(bench, agent);
    }
    assert.deepEqual([await found(bench, { key: 'one' }), await found(bench, { key: 'other' })], [3, 5]);
  });

  fact('an id of 128 printable characters is taken', async (bench) => {
    const agent = await counter(bench);
    const operationId = `${'x ~"\''.repeat(25)}end`;
    assert.equal(operationId.length, 128);
    await agent.update(bench.next, { operationId });
    await agent.update(bench.next, { operationId });
    assert.equal(bench.numberOf(await agent.load()), 1);
  });

  if (claims.history) {
    fact('an operation repeated after others happens once, from whatever handle', async (bench) => {
      const agent = await counter(bench);
      const first = await add(bench, agent);
      for (let i = 0; i < 20; i += 1) await agent.update(bench.next);
      assert.equal((await add(bench, agent)).version, first.version);
      await handOver(bench, agent);
      const repeated = await add(bench, await counter(bench));
      assert.deepEqual([repeated.version, bench.numberOf(repeated.state)], [first.version, 1]);
      assert.equal(await found(bench), 21);
    });

    fact('an id is not forgotten over the ids of many others, from whatever handle', async (bench) => {
      const agent = await counter(bench);
      const first = await add(bench, agent);
      // Some at once, since they may share a write.
      for (const tens of span(0, 9)) {
        const others = span(1, 9).map((i) => agent.update(bench.next, { operationId: `other-${tens}${i}` }));
        await Promise.all(others);
      }
      assert.equal((await add(bench, agent)).version, first.version);
      await handOver(bench, agent);
      const other = await counter(bench);
      assert.equal((await add(bench, other)).version, first.version);
      assert.equal(bench.numberOf(await other.load()), 91);
    });
  } else {
    fact('an operation repeated after others is found or unknown, and never made again', async (bench) => {
      const agent = await counter(bench);
      const first = await add(bench, agent);
      for (let i = 0; i < 3; i += 1) await agent.update(bench.next);
      await add(bench, agent).then(
        ({ version }) => assert.equal(version, first.version),
        (error: unknown) => {
          if (!DgentsError.is(error, 'DGENTS_OUTCOME_UNKNOWN')) throw error;
        },
      );
      assert.equal(bench.numberOf(await agent.load()), 4);
    });
  }

  if (!claims.delete) return;
  fact('a delete repeated with its id answers as the first did', async (bench) => {
    const agent = await bench.open();
    await saveAll(bench, agent, 1);
    assert.equal(await agent.delete({ operationId: 'gone' }), true);
    assert.equal(await agent.delete({ operationId: 'gone' }), true);
    await handOver(bench, agent);
    assert.equal(await (await bench.open()).delete({ operationId: 'gone' }), true);
  });
});

function counter(bench: AgentBench): Promise<DataAgent<unknown>> {
  // An id is known for as long as its record is kept.
  return bench.open({ initial: () => bench.of(0), retain: { ageMs: 3_600_000 } });
}

function add(bench: AgentBench, agent: DataAgent<unknown>): ReturnType<typeof agent.update> {
  return agent.update(bench.next, { operationId: 'add' });
}

/**
 * Where the past is not kept, an id can be known to be new only by what its operation follows: nothing, or what the
 * caller says.
 */
async function pinned(
  { subject }: AgentBench,
  agent: DataAgent<unknown>,
): Promise<{ expected?: Awaited<ReturnType<typeof agent.read>> }> {
  return subject.claims.history ? {} : { expected: await agent.read() };
}
