import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { DataAgent } from '../../data-agent.js';
import type { AgentBench } from '../agent-bench.js';
import { account, assertSame, spoil } from '../support/account.js';
import { handOver } from '../support/agents.js';
import { anyState } from '../support/any-value.js';
import { all } from '../support/records.js';
import { agentSuite } from './suite.js';

/** A state that can be changed in every way there is, where the agent holds anything. */
function rich(): unknown {
  return {
    list: [{ n: 1 }],
    when: new Date(1),
    map: new Map([['k', { n: 1 }]]),
    set: new Set([1]),
    bytes: new Uint8Array([1, 2]),
    buffer: Buffer.from('ab'),
    url: new URL('https://a.example/'),
    deep: { a: { b: { c: [[1]] } } },
  };
}

export const isolation = agentSuite('isolation', ['values'], (fact, { anyState: anything, claims }) => {
  const sample = ({ of }: AgentBench): unknown => (anything ? rich() : of(5));

  fact('what is saved is taken at the call: changing it changes nothing', async (bench) => {
    const agent = await bench.open();
    for (const first of [true, false]) {
      const mine = sample(bench);
      const saving = agent.save(mine);
      if (first) spoil(mine);
      await saving;
      spoil(mine);
      assertSame(await agent.load(), sample(bench), 'changed after save had taken it');
      assertSame((await agent.update((state) => state)).state, sample(bench));
    }
    await handOver(bench, agent);
    assertSame(await (await bench.open()).load(), sample(bench));
  });

  fact('what load and read give is a copy: changing it changes nothing', async (bench) => {
    const agent = await holding(bench, sample(bench));
    spoil(await agent.load());
    assertSame(await agent.load(), sample(bench), 'changed by what load had given');
    spoil((await agent.read()).state);
    assertSame((await agent.read()).state, sample(bench), 'changed by what read had given');
    assertSame(await (await bench.open()).load(), sample(bench));
    spoil(await agent.load());
    await agent.update((state) => state);
    assertSame(await agent.load(), sample(bench), 'changed by what had been loaded before an update');
  });

  fact('what update gives, was given back and took in stays apart from the state', async (bench) => {
    const agent = await holding(bench, sample(bench));
    const given = sample(bench);
    spoil((await agent.update(() => given)).state);
    spoil(given);
    assertSame(await agent.load(), sample(bench), 'changed by what a recipe returned, or by the result');
    if (!anything) return;
    // Both a small state and a large one, which agents may hand to recipes in different ways.
    for (const pad of ['', 'x'.repeat(6000)]) {
      await agent.save({ pad, list: [{ n: 1 }] });
      const mine = { n: 2 };
      let kept: unknown;
      await agent.update((draft) => {
        kept = draft;
        (draft as { list: unknown[] }).list.push(mine);
      });
      mine.n = 99;
      spoilQuietly(kept);
      assertSame(await agent.load(), { pad, list: [{ n: 1 }, { n: 2 }] }, 'changed by a draft that was kept');
    }
  });

  fact('a frozen state cannot be changed, and what freezing cannot protect is a copy', async (bench) => {
    const agent = await holding(bench, sample(bench));
    const other = await bench.open();
    const seen = [
      await agent.load({ frozen: true }),
      (await agent.read({ frozen: true })).state,
      await other.load({ frozen: true }),
    ];
    for (const state of seen) spoil(state);
    assertSame(await agent.load(), sample(bench), 'changed through a frozen state');
    assertSame(await agent.load({ frozen: true }), sample(bench), 'a frozen state was changed');
    assertSame(await other.load(), sample(bench));
    if (!anything) return;
    const { list, deep } = seen[0] as { list: object[]; deep: { a: object } };
    for (const part of [seen[0]!, list, list[0]!, deep.a]) {
      assert.ok(Object.isFrozen(part), `a part of a frozen state is not frozen: ${account(part)}`);
    }
  });

  fact('a frozen state stays what it was when the state moves on', async (bench) => {
    const agent = await holding(bench, bench.of(1));
    const [frozen, copy] = [await agent.load({ frozen: true }), await agent.load()];
    const read = await agent.read();
    await agent.update(bench.next);
    await agent.save(bench.of(3));
    for (const state of [frozen, copy, read.state]) assertSame(state, bench.of(1));
  });

  fact(
    'the default is a fresh one each time, also where `initial` always gives the same object',
    async (bench) => {
      const shared = sample(bench);
      const settings = { initial: () => shared };
      const [agent, other] = [await bench.open(settings), await bench.open(settings)];
      spoil(await agent.load());
      spoil(await agent.load({ frozen: true }));
      spoil((await agent.read()).state);
      assertSame(shared, sample(bench), 'the object that `initial` gives was changed');
      assertSame(await other.load(), sample(bench), 'a default that another handle had got was changed');
      await agent.update((draft) => {
        if (anything) spoil(draft);
        return anything ? undefined : draft;
      });
      assertSame(shared, sample(bench), 'the object that `initial` gives was changed by a recipe');
    },
  );

  fact('two handles share nothing that either could change', async (bench) => {
    const [one, other] = [await holding(bench, sample(bench)), await bench.open()];
    const theirs = await other.load();
    spoil(await one.load());
    assertSame(theirs, sample(bench), 'what one handle had given changed with what another one gave');
    spoil(theirs);
    assertSame(await one.load(), sample(bench));
  });

  fact('meta is taken at the call, and what comes back of it changes nothing', async (bench) => {
    const agent = await bench.open();
    const meta = { who: 'me', list: [{ n: 1 }] };
    const saving = agent.save(bench.of(1), { meta });
    spoil(meta);
    await saving;
    const due = { who: 'me', list: [{ n: 1 }] };
    spoil((await agent.read()).meta);
    assertSame((await agent.read()).meta, due);
    await handOver(bench, agent);
    assertSame((await (await bench.open()).read()).meta, due);
  });

  if (claims.history) {
    fact('the past cannot be changed through what history, timeline and load give of it', async (bench) => {
      const agent = await holding(bench, sample(bench));
      const { version } = await agent.read();
      await agent.save(bench.of(2));
      const past = async (): Promise<unknown[]> => [
        ...(await agent.history()),
        ...(await agent.history(5, { frozen: true })),
        ...(await all(agent.timeline())).map((each) => (each.deleted ? 'deleted' : each.state)),
        await agent.load({ at: version }),
        await agent.load({ at: version, frozen: true }),
        (await agent.read({ at: version })).state,
      ];
      const before = account(await past());
      for (const state of await past()) spoil(state);
      assertSame(await past().then(account), before, 'the past was changed');
      assert.equal(bench.numberOf(await agent.load()), 2);
    });
  }

  if (!anything) return;
  fact('no value leads into the store, neither on its way in nor out', async (bench) => {
    const agent = await bench.open();
    // Nothing that was spoiled can be made smaller, as a shrinker would.
    const property = fc.asyncProperty(fc.noShrink(anyState), async (value) => {
      const due = account(value);
      const saving = agent.save(value);
      spoil(value);
      await saving;
      for (const frozen of [false, true, false]) {
        const state = frozen ? await agent.load({ frozen }) : await agent.load();
        assert.equal(account(state), due, 'changed through what was given or loaded before');
        spoil(state);
      }
    });
    await fc.assert(property, bench.runs(50));
  });
});

/** A handle on a state that others can see too, written by another one where that takes closing it. */
async function holding(bench: AgentBench, state: unknown): Promise<DataAgent<unknown>> {
  const writer = await bench.open();
  await writer.save(state);
  if (bench.subject.claims.conflicts === 'immediate') return writer;
  await handOver(bench, writer);
  return bench.open();
}

/** A draft that was revoked throws whatever is done with it. */
function spoilQuietly(value: unknown): void {
  try {
    spoil(value);
  } catch {
    // That is as good as not giving way.
  }
}
