import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import type { DataAgent } from '../../data-agent.js';
import type { AgentBench } from '../agent-bench.js';
import { stateIdle } from '../children/idle-facts.js';
import { found, handOver, saveAll, span, write } from '../support/agents.js';
import { like, rejects } from '../support/assertions.js';
import { leaked, resources } from '../support/leaks.js';
import { all } from '../support/records.js';
import { settled } from '../support/watched-backend.js';
import { agentSuite } from './suite.js';

type Agent = DataAgent<unknown>;

export const lifecycle = agentSuite(
  'lifecycle',
  ['capabilities', 'values', 'isolation', 'versions'],
  (fact, subject) => {
    const { claims } = subject;
    fact('ready can be called any number of times, at once and later, and need not be', async (bench) => {
      const agent = await bench.open();
      const told = await Promise.all(span(1, 5).map(() => agent.ready()));
      await saveAll(bench, agent, 1);
      for (const capabilities of [...told, await agent.ready()]) assert.deepEqual(capabilities, told[0]);
      assert.equal(bench.numberOf(await agent.load()), 1);
    });

    fact('close can be called any number of times, at once and later', async (bench) => {
      const agent = await bench.open();
      await saveAll(bench, agent, 1);
      await Promise.all([closed(agent), closed(agent), closed(agent)]);
      await closed(agent);
      const unused = await bench.open();
      await closed(unused);
      await closed(unused);
      assert.equal(await found(bench), 1);
    });

    fact('close waits for what was accepted', async (bench) => {
      const agent = await bench.open({ initial: () => bench.of(0) });
      let over = 0;
      const writes = [agent.save(bench.of(1)), agent.update(bench.next), agent.update(bench.next)];
      const ends = Promise.all(writes.map((each) => each.finally(() => (over += 1)))).then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
      await closed(agent);
      assert.equal(over, 3, 'close was over before the writes that it had to wait for');
      assert.equal(await ends, undefined, 'a write that was accepted failed because of close');
      assert.equal(await found(bench), 3);
    });

    fact('after close every call rejects with AgentClosedError, and stores nothing', async (bench) => {
      const agent = await bench.open({ initial: () => bench.of(0) });
      await saveAll(bench, agent, 1);
      await closed(agent);
      for (const [name, call] of calls(bench)) {
        // A method that throws instead of rejecting is as good, for whoever awaits it.
        const error = await rejects(
          settled(`${name} after close`, async () => call(agent)),
          'DGENTS_AGENT_CLOSED',
        );
        assert.ok(error.key, `${name} after close is refused without the key`);
      }
      assert.equal(await found(bench), 1);
    });

    fact('a call made while an agent closes is refused, and what was accepted is not', async (bench) => {
      const agent = await bench.open();
      const accepted = Promise.allSettled([agent.save(bench.of(1)), closed(agent)]);
      await rejects(agent.save(bench.of(2)), 'DGENTS_AGENT_CLOSED');
      like(await accepted, [{ status: 'fulfilled' }, { status: 'fulfilled' }]);
      assert.equal(await found(bench), 1);
    });

    fact('await using closes', async (bench) => {
      const agent = await bench.open();
      await saveAll(bench, agent, 1);
      await settled('[Symbol.asyncDispose]', async () => agent[Symbol.asyncDispose]());
      await rejects(agent.load(), 'DGENTS_AGENT_CLOSED');
      assert.equal(await found(bench), 1);
    });

    fact('closing one handle leaves the others at work', async (bench) => {
      const [one, other] = [await bench.open(), await bench.open()];
      await saveAll(bench, one, 1);
      await closed(one);
      assert.equal(bench.numberOf(await other.load()), 1);
      await saveAll(bench, other, 2);
      await handOver(bench, other);
      assert.equal(await found(bench), 2);
    });

    fact('what was closed is opened again with what was there', async (bench) => {
      for (const number of [1, 2, 3]) {
        await write(bench, [number]);
        await bench.closeAll();
        assert.equal(await found(bench), number);
      }
    });

    fact('opening and closing many handles leaves nothing behind', async (bench) => {
      const use = async (number: number): Promise<void> => {
        const agent = await bench.open();
        await agent.save(bench.of(number), { timeoutMs: 10_000 });
        await agent.load();
        await closed(agent);
      };
      await use(0);
      await bench.closeAll();
      const before = resources();
      for (const number of span(1, MANY)) await use(number);
      assert.deepEqual(await leaked(before, MANY / 2), {}, `what ${MANY} closed handles have left behind`);
    });

    fact('many calls at once all settle', async (bench) => {
      const agent = await bench.open({ initial: () => bench.of(0) });
      const ends = await Promise.allSettled(
        span(1, 30).map((i): Promise<unknown> => (i % 3 === 0 ? agent.load() : agent.update(bench.next))),
      );
      assert.deepEqual(
        ends.filter(({ status }) => status === 'rejected'),
        [],
      );
      if (claims.conflicts === 'immediate') assert.ok((await agent.read()).version > 0);
    });

    fact('a signal that serves many calls keeps no listener of any', async (bench) => {
      const agent = await bench.open({ initial: () => bench.of(0) });
      await saveAll(bench, agent, 1, 2);
      const { signal } = new AbortController();
      for (const [name, call] of calls(bench, { signal, timeoutMs: 10_000 })) {
        // What comes of it is the matter of other facts.
        for (let i = 0; i < 3; i += 1) await settled(name, () => call(agent)).catch(() => undefined);
        const { length } = getEventListeners(signal, 'abort');
        assert.equal(length, 0, `listeners on the signal that ${name} left`);
      }
    });

    stateIdle(fact, subject, 'an agent');
  },
);

const MANY = 30;

function closed(agent: Agent): Promise<void> {
  return settled('close', () => agent.close());
}

function calls(
  { of, next, subject: { claims } }: AgentBench,
  options: { readonly signal?: AbortSignal; readonly timeoutMs?: number } = {},
): [string, (agent: Agent) => Promise<unknown>][] {
  const { timeoutMs: _, ...watching } = options;
  const given: [string, (agent: Agent) => Promise<unknown>][] = [
    ['ready', (agent) => agent.ready(options)],
    ['load', (agent) => agent.load(options)],
    ['load at a version', (agent) => agent.load({ at: 2, ...options })],
    ['read', (agent) => agent.read(options)],
    ['save', (agent) => agent.save(of(9), options)],
    ['update', (agent) => agent.update(next, options)],
    ['history', (agent) => agent.history(undefined, options)],
    ['timeline', (agent) => all(agent.timeline(options))],
    ['watch', (agent) => firstOf(agent.watch(watching))],
  ];
  if (claims.delete) given.push(['delete', (agent) => agent.delete(options)]);
  return given;
}

async function firstOf(items: AsyncIterable<unknown>): Promise<unknown> {
  for await (const item of items) return item;
  return undefined;
}
