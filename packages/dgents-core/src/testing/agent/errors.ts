import assert from 'node:assert/strict';
import type { DataAgent } from '../../data-agent.js';
import type { AgentBench } from '../agent-bench.js';
import { spoil } from '../support/account.js';
import { found, handOver, saveAll } from '../support/agents.js';
import { failureOf, refuses, rejects } from '../support/assertions.js';
import { all } from '../support/records.js';
import { agentSuite } from './suite.js';

type Agent = DataAgent<unknown>;

export const errors = agentSuite('errors', ['values', 'versions'], (fact, { claims, anyState }) => {
  fact('an update rejects with the very thing its recipe throws, and stores nothing', async (bench) => {
    const agent = await holding(bench);
    for (const thrown of [new RangeError('not today'), { not: 'an error' }, undefined]) {
      let rejected: unknown = 'nothing';
      await agent
        .update(() => {
          throw thrown;
        })
        .catch((error: unknown) => {
          rejected = error;
        });
      assert.ok(rejected === thrown, 'update did not reject with what its recipe had thrown');
    }
    await staysAsItWas(bench, agent);
  });

  if (anyState) {
    fact('what a recipe did before it threw is not stored', async (bench) => {
      for (const pad of ['', 'x'.repeat(6000)]) {
        const agent = await bench.open({ key: bench.freshKey() });
        await agent.save({ pad, list: [1] });
        const failed = agent.update((draft) => {
          spoil(draft);
          throw new RangeError('no');
        });
        assert.equal(Reflect.get((await failureOf(failed)) as object, 'message'), 'no');
        assert.deepEqual(JSON.parse(JSON.stringify(await agent.load())), { pad, list: [1] });
      }
    });

    fact('a recipe that both changes its draft and returns another state is a TypeError', async (bench) => {
      for (const pad of ['', 'x'.repeat(6000)]) {
        const agent = await bench.open({ key: bench.freshKey() });
        await agent.save({ pad, list: [1] });
        const both = agent.update((draft) => {
          (draft as { list: number[] }).list.push(2);
          return { pad, list: [9] };
        });
        await refuses(both, 'TypeError', 'a recipe that changed and returned');
        assert.deepEqual(JSON.parse(JSON.stringify(await agent.load())), { pad, list: [1] });
      }
    });
  }

  fact('a recipe that returns a promise is a TypeError, and stores nothing', async (bench) => {
    const agent = await holding(bench);
    await refuses(
      agent.update(async (state) => bench.next(state)),
      'TypeError',
      'an async recipe',
    );
    const failing = async (): Promise<never> => Promise.reject(new RangeError('later'));
    await refuses(agent.update(failing), 'TypeError', 'an async recipe that fails');
    await refuses(agent.update('no recipe' as never), 'TypeError', 'a recipe that is no function');
    await staysAsItWas(bench, agent);
  });

  fact('a wrong expected is a TypeError or RangeError, and stores nothing', async (bench) => {
    const agent = await holding(bench);
    for (const wrong of [-1, 1.5, NaN]) {
      await eachWrite(bench, agent, { expected: wrong }, 'RangeError');
    }
    for (const wrong of [null, 'none', true, {}, { version: 1 }]) {
      await eachWrite(bench, agent, { expected: wrong }, 'TypeError');
    }
    await staysAsItWas(bench, agent);
  });

  fact('a wrong operationId is a TypeError or RangeError, and stores nothing', async (bench) => {
    const agent = await holding(bench);
    for (const wrong of ['', 'x'.repeat(129), 'ä', 'a\nb', 'a\0']) {
      await eachWrite(bench, agent, { operationId: wrong }, 'RangeError');
    }
    for (const wrong of [5, null, {}]) await eachWrite(bench, agent, { operationId: wrong }, 'TypeError');
    await staysAsItWas(bench, agent);
  });

  fact('meta that is no small plain JSON is refused, and stores nothing', async (bench) => {
    const agent = await holding(bench);
    for (const wrong of [
      [],
      'text',
      5,
      null,
      { a: () => 1 },
      { a: undefined },
      { a: 1n },
      { a: NaN },
      { a: new Date(0) },
    ]) {
      await eachWrite(bench, agent, { meta: wrong }, 'TypeError');
    }
    await eachWrite(bench, agent, { meta: { text: 'x'.repeat(4097) } }, 'RangeError');
    await eachWrite(bench, agent, { meta: { text: 'é'.repeat(2100) } }, 'RangeError');
    await staysAsItWas(bench, agent);
    await agent.save(bench.of(2), { meta: { text: 'x'.repeat(4000) } });
    assert.equal(String((await agent.read()).meta?.['text']).length, 4000);
  });

  fact('a wrong time to live is a TypeError or RangeError, whether there is one or not', async (bench) => {
    const agent = await holding(bench);
    for (const wrong of [0, -1, NaN, Infinity]) await eachWrite(bench, agent, { ttlMs: wrong }, 'RangeError');
    await eachWrite(bench, agent, { ttlMs: '5' }, 'TypeError');
    await staysAsItWas(bench, agent);
  });

  fact('a wrong timeoutMs or signal is a TypeError or RangeError, on every call', async (bench) => {
    const agent = await holding(bench);
    for (const call of calls(bench)) {
      for (const wrong of [0, -1, NaN]) await refuses(call(agent, { timeoutMs: wrong }), 'RangeError');
      await refuses(call(agent, { timeoutMs: '5' as never }), 'TypeError');
      await refuses(call(agent, { signal: {} as never }), 'TypeError');
    }
    await staysAsItWas(bench, agent);
  });

  fact('a wrong bound of the timeline is a TypeError or RangeError', async (bench) => {
    const agent = await holding(bench);
    for (const wrong of [0, -1, 1.5, NaN, new Date(NaN)]) {
      await refuses(all(agent.timeline({ from: wrong })), 'RangeError');
      await refuses(all(agent.timeline({ to: wrong })), 'RangeError');
    }
    await refuses(all(agent.timeline({ from: 'x' as never })), 'TypeError');
    for (const pollMs of [0, -1, NaN]) {
      await refuses(agent.watch({ pollMs })[Symbol.asyncIterator]().next(), 'RangeError');
    }
  });

  fact('a call whose signal is aborted already rejects with its reason, and sends nothing', async (bench) => {
    const agent = await holding(bench);
    const reason = { because: 'of me' };
    const signal = AbortSignal.abort(reason);
    for (const call of calls(bench)) {
      const error = await failureOf(call(agent, { signal }));
      assert.ok(error === reason, `rejected with ${String(error)}, not with the reason of its signal`);
    }
    await staysAsItWas(bench, agent);
  });

  fact('errors have a name, a code and the key, and say what to do as text', async (bench) => {
    const missing = await bench.open();
    const told = [await rejects(missing.load(), 'DGENTS_STATE_NOT_FOUND')];
    if (claims.conflicts === 'immediate') {
      await saveAll(bench, missing, 1);
      told.push(await rejects(missing.save(bench.of(2), { expected: 0 }), 'DGENTS_STATE_CONFLICT'));
    }
    for (const error of told) {
      const { key, message, name, stack } = error;
      assert.ok(typeof key === 'string' && key !== '', `${name} carries no key`);
      assert.ok(/Error$/.test(name) && message.length > 10 && typeof stack === 'string');
      const sent = JSON.parse(JSON.stringify(error)) as { code?: unknown; message?: unknown };
      assert.deepEqual([sent.code, sent.message], [error.code, message]);
    }
  });

  fact('a call that failed leaves the handle as it was', async (bench) => {
    const agent = await holding(bench);
    await refuses(agent.save(undefined), 'TypeError');
    await failureOf(agent.update(() => Promise.resolve(1)));
    await failureOf(agent.save(bench.of(3), { signal: AbortSignal.abort() }));
    await agent.save(bench.of(2));
    assert.equal(bench.numberOf((await agent.update(bench.next)).state), 3);
    await handOver(bench, agent);
    assert.equal(await found(bench), 3);
  });
});

/** A handle that has saved state 1. */
async function holding(bench: AgentBench): Promise<Agent> {
  const agent = await bench.open();
  await saveAll(bench, agent, 1);
  return agent;
}

async function staysAsItWas(bench: AgentBench, agent: Agent): Promise<void> {
  assert.equal(bench.numberOf(await agent.load()), 1, 'a call that was refused has stored something');
  if (bench.subject.claims.conflicts === 'deferred') return;
  assert.equal(await found(bench), 1, 'a call that was refused has stored something');
}

type Options = { readonly timeoutMs?: number; readonly signal?: AbortSignal };

function calls({ of, next, subject }: AgentBench): ((agent: Agent, options: Options) => Promise<unknown>)[] {
  return [
    (agent, options) => agent.ready(options),
    (agent, options) => agent.load(options),
    (agent, options) => agent.load({ ...options, at: 1 }),
    (agent, options) => agent.read(options),
    (agent, options) => agent.save(of(9), options),
    (agent, options) => agent.update(next, options),
    (agent, options) => agent.history(5, options),
    (agent, options) => all(agent.timeline(options)),
    ...(subject.claims.delete ? [(agent: Agent, options: Options) => agent.delete(options)] : []),
  ];
}

async function eachWrite(
  { of, next, subject }: AgentBench,
  agent: Agent,
  options: object,
  kind: 'TypeError' | 'RangeError',
): Promise<void> {
  const what = `with ${JSON.stringify(Object.keys(options))}`;
  await refuses(agent.save(of(9), options), kind, `save ${what}`);
  await refuses(agent.update(next, options), kind, `update ${what}`);
  if (subject.claims.delete) await refuses(agent.delete(options), kind, `delete ${what}`);
}
