import assert from 'node:assert/strict';
import { jsonBytes } from '../../codec/measure.js';
import type { DataAgent, Weight } from '../../data-agent.js';
import { DgentsError } from '../../errors.js';
import type { AgentBench } from '../agent-bench.js';
import { account, assertSame } from '../support/account.js';
import { found, handOver, saveAll } from '../support/agents.js';
import { failureOf, like, rejects } from '../support/assertions.js';
import { agentSuite } from './suite.js';

type Agent = DataAgent<unknown>;

export const limits = agentSuite('limits', ['values', 'versions'], (fact, { anyState, claims }) => {
  if (claims.weighs) {
    fact('a write that is refused by what weighs it never happened', async (bench) => {
      const agent = await bench.open();
      await saveAll(bench, agent, 1);
      const no = new RangeError('too much');
      const weigh = (): never => {
        throw no;
      };
      for (const write of [
        agent.save(bench.of(2), { weigh }),
        agent.save(bench.of(2), { weigh, expected: 'any' }),
        agent.update(bench.next, { weigh }),
        (await bench.open({ key: bench.freshKey() })).save(bench.of(2), { weigh }),
      ]) {
        assert.equal(await failureOf(write, 'a write that is refused'), no);
      }
      await staysAsItWas(bench, agent);
    });
  }

  if (!anyState) {
    fact.untested('large and deep states', 'this agent holds only states of its own kind');
    return;
  }

  fact('a state of some megabytes comes back whole, and can be changed', async (bench) => {
    const large = {
      text: 'x'.repeat(1_000_000),
      wide: 'é😀'.repeat(100_000),
      list: Array.from({ length: 5_000 }, (_, id) => ({ id, text: `entry ${id}`, done: id % 3 === 0 })),
      bytes: new Uint8Array(500_000).map((_, i) => i % 251),
    };
    const agent = await bench.open();
    await agent.save(large);
    await agent.update((draft) => {
      (draft as typeof large).list[4_000]!.text = 'changed';
    });
    await handOver(bench, agent);
    large.list[4_000]!.text = 'changed';
    const back = await (await bench.open()).load();
    assert.ok(account(back) === account(large), 'a large state came back as another one');
  });

  fact('a state as deep as anybody needs comes back whole', async (bench) => {
    const agent = await bench.open();
    for (const wrap of WRAPS) {
      const deep = nested(300, wrap);
      await agent.save(deep);
      assertSame(await agent.load(), deep);
    }
    await handOver(bench, agent);
    assertSame(await (await bench.open()).load(), nested(300, WRAPS.at(-1)!));
  });

  fact(
    'what weighs more than maxBytes is refused with what it weighs, and nothing changes',
    async (bench) => {
      const agent = await bench.open({ codec: { maxBytes: 2000 } });
      await saveAll(bench, agent, 1);
      for (const large of [
        { text: 'x'.repeat(3000) },
        { text: 'é'.repeat(1500) },
        new Array(1500).fill(7),
        new Uint8Array(3000),
      ]) {
        await tooLarge(agent.save(large), 2000);
        await tooLarge(
          agent.update(() => large),
          2000,
        );
      }
      const grown = agent.update((draft) => {
        Object.assign(draft as object, { more: 'x'.repeat(3000) });
      });
      await tooLarge(grown, 2000);
      await staysAsItWas(bench, agent);
    },
  );

  fact('a state may grow up to maxBytes and no further', async (bench) => {
    const agent = await bench.open({ codec: { maxBytes: 2000 } });
    await agent.save({ list: [] });
    const grow = (): Promise<unknown> =>
      agent.update((draft) => {
        (draft as { list: string[] }).list.push('x'.repeat(97));
      });
    for (let i = 0; i < 19; i += 1) await grow();
    await tooLarge(grow(), 2000);
    await tooLarge(grow(), 2000);
    like(await agent.load(), { list: Array.from({ length: 19 }, () => 'x'.repeat(97)) });
  });

  if (claims.weighs) {
    fact('a write is weighed with the bytes of what it leaves, and of what it appends', async (bench) => {
      const agent = await bench.open();
      const weights: Weight[] = [];
      const weigh = (weight: Weight): void => void weights.push(weight);
      const lines = Array.from({ length: 40 }, (_, i) => `the ${i}th line, wide é and 😀`);
      await agent.save({ lines }, { weigh });
      await agent.update((draft) => void (draft as { lines: string[] }).lines.push('one more'), { weigh });
      const bytes = [lines, [...lines, 'one more']].map((all) => jsonBytes({ lines: all }));
      assert.deepEqual(
        weights.map((weight) => weight.bytes),
        bytes,
      );
      assert.deepEqual(
        weights.map(({ versions }) => versions),
        [1, 2],
      );
      const [whole, change] = weights.map(({ recordBytes }) => recordBytes);
      // What holds the state may hold a name for it, too.
      const beside = whole! - bytes[0]!;
      assert.ok(beside >= 0 && beside <= 64, `the first write of ${bytes[0]} bytes would append ${whole}`);
      assert.ok(change! < 200, `a push of some bytes would append ${change}`);
    });
  }

  fact('what unfolds into billions is refused before it takes memory', async (bench) => {
    const agent = await bench.open({ codec: { maxBytes: 100_000 } });
    await saveAll(bench, agent, 1);
    let bomb: unknown = ['x'];
    for (let i = 0; i < 40; i += 1) bomb = [bomb, bomb];
    await tooLarge(agent.save(bomb), 100_000);
    await staysAsItWas(bench, agent);
  });

  fact('what is nested deeper than maxDepth is refused with its path, and nothing changes', async (bench) => {
    const agent = await bench.open({ codec: { maxDepth: 20 } });
    await saveAll(bench, agent, 1);
    for (const wrap of WRAPS) {
      await tooDeep(agent.save(nested(25, wrap)));
      await tooDeep(agent.update(() => nested(25, wrap)));
    }
    await staysAsItWas(bench, agent);
    await agent.save(nested(15, WRAPS[0]!));
    assertSame(await agent.load(), nested(15, WRAPS[0]!));
  });

  fact('what is nested 100,000 deep is an error, and no overflow of the stack', async (bench) => {
    const agent = await bench.open();
    await saveAll(bench, agent, 1);
    for (const wrap of WRAPS) {
      await tooDeep(agent.save(nested(100_000, wrap)));
      await tooDeep(agent.update(() => ({ inner: nested(100_000, wrap) })));
    }
    await staysAsItWas(bench, agent);
  });
});

const WRAPS: readonly ((inner: unknown) => unknown)[] = [
  (inner) => [inner],
  (inner) => ({ a: inner }),
  (inner) => new Map([['k', inner]]),
  (inner) => new Set([inner]),
];

function nested(levels: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = 1;
  for (let i = 0; i < levels; i += 1) value = wrap(value);
  return value;
}

/** An agent may weigh by a budget of its own, which is the same to the caller. */
async function tooLarge(call: Promise<unknown>, limitBytes: number): Promise<void> {
  const error = await failureOf(call, 'a write that exceeds the limit');
  const known =
    DgentsError.is(error, 'DGENTS_STATE_TOO_LARGE') ||
    DgentsError.is(error, 'DGENTS_ENTROPY_BUDGET_EXCEEDED');
  assert.ok(known, `rejected with ${String(error)}, not with StateTooLargeError`);
  const { bytes } = error as { bytes?: unknown };
  assert.ok(typeof bytes === 'number' && bytes > limitBytes, `it weighs ${String(bytes)} bytes`);
  like(error, { limitBytes });
}

async function tooDeep(call: Promise<unknown>): Promise<void> {
  const error = await rejects(call, 'DGENTS_STATE_SERIALIZATION');
  assert.ok(String(Reflect.get(error, 'path')).startsWith('$'), 'it tells no path');
}

/** Nothing was stored, and the handle works on. */
async function staysAsItWas(bench: AgentBench, agent: Agent): Promise<void> {
  assertSame(await agent.load(), bench.of(1));
  await agent.update(bench.next);
  assertSame(await agent.load(), bench.of(2));
  if (bench.subject.claims.conflicts === 'immediate') assert.equal(await found(bench), 2);
}
