import assert from 'node:assert/strict';
import { handOver, saveAll, stepping, write } from '../support/agents.js';
import { leaked, resources } from '../support/leaks.js';
import { agentSuite } from './suite.js';

/** For watchers of stores that give no hints. */
const POLL_MS = 20;

/** How long nothing has to come to be called nothing. A watcher that shows too much is caught by most runs. */
const SILENCE_MS = 80;

export const watch = agentSuite('watch', ['values', 'versions'], (fact, { claims }) => {
  fact('a watch begins with the current state, and goes on with what others write', async (bench) => {
    await write(bench, [1]);
    const watcher = await bench.open();
    const steps = stepping(bench, watcher.watch({ pollMs: POLL_MS }));
    assert.equal(await steps.next(), 1);
    for (const number of [2, 3]) {
      const coming = steps.next();
      await write(bench, [number]);
      assert.equal(await coming, number);
    }
    await steps.leave();
  });

  fact('a watch shows what its own handle writes', async (bench) => {
    const agent = await bench.open();
    await saveAll(bench, agent, 1);
    const steps = stepping(bench, agent.watch({ pollMs: POLL_MS }));
    assert.equal(await steps.next(), 1);
    const coming = steps.next();
    await agent.update(bench.next);
    assert.equal(await coming, 2);
    await steps.leave();
  });

  fact('each step has the version, head and time of what it shows', async (bench) => {
    const agent = await bench.open();
    const version = await agent.save(bench.of(1), { meta: { by: 'me' } });
    const steps = stepping(bench, agent.watch({ pollMs: POLL_MS, frozen: true }));
    await steps.next();
    const { head, meta, version: shown } = steps.last()!;
    assert.deepEqual([shown, head?.version, head?.deleted, meta?.['by']], [version, version, false, 'me']);
    await steps.leave();
  });

  fact('a watch waits for the first state, and shows no default', async (bench) => {
    const watcher = await bench.open({ initial: () => bench.of(7) });
    const steps = stepping(bench, watcher.watch({ pollMs: POLL_MS }));
    await steps.silence(SILENCE_MS);
    await write(bench, [1]);
    assert.equal(await steps.next(), 1);
    await steps.leave();
  });

  fact('a watch may skip what came in between, goes never back, and never misses the last', async (bench) => {
    const last = 60;
    const watcher = await bench.open();
    const writer = await bench.open({ initial: () => bench.of(0) });
    const seen: (number | 'deleted' | 'end')[] = [];
    const steps = stepping(bench, watcher.watch({ pollMs: POLL_MS }));
    const watching = (async () => {
      while (seen.at(-1) !== last) seen.push(await steps.next());
    })();
    const writing = (async () => {
      for (let i = 0; i < last; i += 1) {
        await writer.update(bench.next);
        if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await handOver(bench, writer);
    })();
    await Promise.all([watching, writing]);
    await steps.leave();
    assert.deepEqual(
      seen,
      [...new Set(seen)].sort((a, b) => Number(a) - Number(b)),
      'a watch went back, or showed a state twice',
    );
  });

  fact('a watch that shows a change shows nothing more until the next one', async (bench) => {
    await write(bench, [1]);
    const watcher = await bench.open();
    const steps = stepping(bench, watcher.watch({ pollMs: POLL_MS }));
    assert.equal(await steps.next(), 1);
    await steps.silence(SILENCE_MS);
    await watcher.load();
    await steps.silence(SILENCE_MS);
    await steps.leave();
  });

  fact('a watch ends quietly when its signal aborts, before it began or while it waits', async (bench) => {
    const agent = await bench.open();
    await saveAll(bench, agent, 1);
    assert.equal(await stepping(bench, agent.watch({ signal: AbortSignal.abort() })).next(), 'end');
    const controller = new AbortController();
    const steps = stepping(bench, agent.watch({ signal: controller.signal }));
    assert.equal(await steps.next(), 1);
    const end = steps.next();
    controller.abort();
    assert.equal(await end, 'end');
    assert.equal(bench.numberOf(await agent.load()), 1);
  });

  fact('a watch ends quietly when its agent is closed', async (bench) => {
    const agent = await bench.open();
    await saveAll(bench, agent, 1);
    const steps = stepping(bench, agent.watch());
    assert.equal(await steps.next(), 1);
    const end = steps.next();
    // Whether close itself comes to an end is another promise.
    agent.close().catch(() => undefined);
    assert.equal(await end, 'end');
  });

  fact(
    'a watch that its consumer leaves is over, leaves nothing behind, and can be begun again',
    async (bench) => {
      const agent = await bench.open();
      await saveAll(bench, agent, 1);
      const before = resources();
      for (let i = 0; i < 30; i += 1) {
        const steps = stepping(bench, agent.watch());
        assert.equal(await steps.next(), 1);
        await steps.leave();
      }
      assert.deepEqual(await leaked(before, 15), {}, 'what 30 watches have left behind');
      assert.equal(bench.numberOf(await agent.load()), 1);
    },
  );

  fact('watchers of one state each see the change', async (bench) => {
    await write(bench, [1]);
    const handle = await bench.open();
    const watchers = [handle, handle, await bench.open()].map((agent) =>
      stepping(bench, agent.watch({ pollMs: POLL_MS })),
    );
    for (const steps of watchers) assert.equal(await steps.next(), 1);
    await write(bench, [2]);
    for (const steps of watchers) assert.equal(await steps.next(), 2);
    for (const steps of watchers) await steps.leave();
  });

  if (!claims.delete) return;
  fact('a deletion is shown where there was a state, and a watch does not begin with one', async (bench) => {
    const writer = await bench.open();
    await saveAll(bench, writer, 1);
    const watcher = claims.conflicts === 'deferred' ? writer : await bench.open();
    const steps = stepping(bench, watcher.watch({ pollMs: POLL_MS }));
    assert.equal(await steps.next(), 1);
    await writer.delete();
    assert.equal(await steps.next(), 'deleted');
    const late = stepping(bench, watcher.watch({ pollMs: POLL_MS }));
    await late.silence(SILENCE_MS);
    await saveAll(bench, writer, 2);
    assert.deepEqual([await steps.next(), await late.next()], [2, 2]);
    await steps.leave();
    await late.leave();
  });
});
