import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { DataAgent } from '../../data-agent.js';
import type { AgentBench } from '../agent-bench.js';
import { assertSame } from '../support/account.js';
import { found, handOver, saveAll, write } from '../support/agents.js';
import { anyState } from '../support/any-value.js';
import { like, refuses, rejects } from '../support/assertions.js';
import { KINDS, UNSTORABLE, withKeys } from '../support/values.js';
import { agentSuite } from './suite.js';

export const values = agentSuite('values', [], (fact, { anyState: holdsAnything }) => {
  fact('a state that one handle saved is what another one loads', async (bench) => {
    for (const number of [1, 2, 20]) {
      const key = bench.freshKey();
      await write(bench, [number], { key });
      const reader = await bench.open({ key });
      assertSame(await reader.load(), bench.of(number));
      const { state, version } = await reader.read();
      assertSame(state, bench.of(number));
      assert.ok(version > 0);
    }
  });

  fact('undefined is no state: a TypeError, and what was there stays', async (bench) => {
    const agent = await bench.open();
    await saveAll(bench, agent, 1);
    await refuses(agent.save(undefined), 'TypeError', 'saving undefined');
    assert.equal(bench.numberOf(await agent.load()), 1);
  });

  if (!holdsAnything) {
    fact.untested('every kind of value', 'this agent holds only states of its own kind');
    return;
  }

  for (const { name, make } of KINDS) {
    fact(`${name} come back exactly`, async (bench) => {
      for (const [i, value] of make().entries()) await keeps(bench, () => make()[i], value);
    });
  }

  fact('the order of keys is part of a state, also where nothing else changes', async (bench) => {
    const orders = [
      { x: 1, y: 2, z: 3 },
      { x: 1, z: 3, y: 2 },
      { z: 3, a: 0, x: 1, y: 2 },
      { y: 2 },
      { x: 1, y: 2 },
    ];
    const agent = await bench.open();
    for (const state of orders) await agent.save(state);
    assertSame(await agent.load(), orders.at(-1));
    await agent.update(() => ({ y: 2, x: 1 }));
    await handOver(bench, agent);
    assertSame(await (await bench.open()).load(), { y: 2, x: 1 });
  });

  fact('a falsy state is a state, and no reason to give the default', async (bench) => {
    for (const falsy of [null, 0, '', false, -0, NaN]) {
      const settings = { key: bench.freshKey(), initial: () => 'default' };
      const agent = await bench.open(settings);
      await agent.save(falsy);
      assertSame(await agent.load(), falsy);
      assertSame((await agent.update((state) => state)).state, falsy);
      await handOver(bench, agent);
      assertSame(await (await bench.open(settings)).load(), falsy);
    }
  });

  fact('every kind of value survives update, in place and returned', async (bench) => {
    const agent = await bench.open();
    const padding = 'x'.repeat(6000);
    for (const pad of ['', padding]) {
      for (const { name, make } of KINDS) {
        for (const [i, value] of make().entries()) {
          await agent.save({ slot: 0, pad });
          await agent.update((draft) => {
            (draft as { slot: unknown }).slot = make()[i];
          });
          assertSame(await agent.load(), { slot: value, pad }, `${name}, put into a draft`);
          await agent.update(() => [make()[i], pad]);
          assertSame(await agent.load(), [value, pad], `${name}, returned by a recipe`);
        }
      }
    }
    await handOver(bench, agent);
    assertSame(await (await bench.open()).load(), [KINDS.at(-1)!.make().at(-1), padding]);
  });

  fact('whatever follows whatever comes back as it was given', async (bench) => {
    const pair = fc.tuple(anyState, anyState);
    const property = fc.asyncProperty(pair, async ([first, next]) => {
      const key = bench.freshKey();
      const agent = await bench.open({ key });
      await agent.save(first);
      assertSame(await agent.load(), first);
      await agent.save(next);
      assertSame(await agent.load(), next);
      await handOver(bench, agent);
      const other = await bench.open({ key });
      assertSame(await other.load({ frozen: true }), next);
      assertSame(await other.load(), next);
    });
    await fc.assert(property, bench.runs(60));
  });

  fact('hostile data leaves prototypes alone, on its way in and out', async (bench) => {
    try {
      const agent = await bench.open();
      await agent.save(hostile());
      await agent.update((draft) => {
        Reflect.get(draft as object, 'constructor').more = [1];
      });
      await agent.save([hostile()]);
      await handOver(bench, agent);
      const back = (await (await bench.open()).load()) as object[];
      for (const innocent of [{}, () => 1, back]) assert.equal(Reflect.get(innocent, 'polluted'), undefined);
      assertSame(back, [hostile()]);
    } finally {
      // Every fact after this one would be about a world that is broken.
      Reflect.deleteProperty(Object.prototype, 'polluted');
    }
  });

  for (const { name, make, path } of UNSTORABLE) {
    fact(`${name} is refused with its path before anything is sent`, async (bench) => {
      const agent = await bench.open();
      await saveAll(bench, agent, 1);
      const before = (await agent.read()).version;
      await refusedAt(path, agent.save(make()));
      await refusedAt(
        path,
        agent.update(() => make()),
      );
      like(await agent.read(), { version: before });
      assert.equal(bench.numberOf(await agent.load()), 1);
      await saveAll(bench, agent, 2);
      await handOver(bench, agent);
      assert.equal(await found(bench), 2);
    });
  }
});

function hostile(): object {
  return withKeys([
    ['__proto__', { polluted: 1 }],
    ['constructor', { prototype: { polluted: 1 } }],
  ]);
}

/** By itself, in an object and in an array. */
async function keeps(bench: AgentBench, make: () => unknown, value: unknown): Promise<void> {
  const wraps: ((inner: unknown) => unknown)[] = [
    (inner) => ({ held: inner, beside: 1 }),
    (inner) => ['before', inner],
    (inner) => inner,
  ];
  for (const wrap of wraps) {
    const key = bench.freshKey();
    const writer: DataAgent<unknown> = await bench.open({ key });
    await writer.save(wrap(make()));
    await handOver(bench, writer);
    const reader = await bench.open({ key });
    assertSame(await reader.load(), wrap(value), 'loaded by another handle');
    assertSame(await reader.load({ frozen: true }), wrap(value), 'loaded frozen');
  }
}

async function refusedAt(path: string, call: Promise<unknown>): Promise<void> {
  const error = await rejects(call, 'DGENTS_STATE_SERIALIZATION');
  const told: unknown = Reflect.get(error, 'path');
  const right = typeof told === 'string' && told.startsWith('$') && told.endsWith(path);
  assert.ok(right, `the path of what is wrong is "${String(told)}", and had to end with "${path}"`);
}
