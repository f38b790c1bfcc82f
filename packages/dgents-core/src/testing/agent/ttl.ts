import assert from 'node:assert/strict';
import { found, handOver, write } from '../support/agents.js';
import { rejects } from '../support/assertions.js';
import { agentSuite } from './suite.js';

/** Short enough to wait for where no clock can be moved. */
const SHORT_MS = 100;
const PASSED_MS = 400;

/** More milliseconds than 32 bits can count, and no even number of seconds. */
const MONTHS_MS = 60 * 86_400_000 + 1;

/** Long enough for a slow machine to write again in time. */
const AMPLE_MS = 1500;
const AMPLE_PASSED_MS = 2000;

export const ttl = agentSuite('ttl', ['capabilities', 'values', 'keys', 'versions'], (fact, { claims }) => {
  if (!claims.ttl) {
    fact('a time to live is refused with UnsupportedError, and nothing is stored', async (bench) => {
      const agent = await bench.open({ initial: () => bench.of(0) });
      await rejects(agent.save(bench.of(1), { ttlMs: 60_000 }), 'DGENTS_UNSUPPORTED');
      await rejects(agent.update(bench.next, { ttlMs: 60_000 }), 'DGENTS_UNSUPPORTED');
      await handOver(bench, agent);
      await rejects((await bench.open()).load(), 'DGENTS_STATE_NOT_FOUND');
    });
    return;
  }

  fact(
    'when its time is over a state is gone: missing for a new handle, expired for one that saw it',
    async (bench) => {
      const agent = await bench.open();
      await agent.save(bench.of(1), { ttlMs: SHORT_MS });
      await bench.pass(PASSED_MS);
      await rejects((await bench.open()).load(), 'DGENTS_STATE_NOT_FOUND');
      await rejects(agent.load(), 'DGENTS_STATE_EXPIRED');
      await rejects(agent.load(), 'DGENTS_STATE_NOT_FOUND');
      await agent.save(bench.of(2));
      assert.equal(await found(bench), 2);
    },
  );

  fact('a write over what has expired is refused once, and stores nothing', async (bench) => {
    const agent = await bench.open();
    await agent.save(bench.of(1), { ttlMs: SHORT_MS });
    await bench.pass(PASSED_MS);
    await rejects(agent.save(bench.of(2)), 'DGENTS_STATE_EXPIRED');
    await rejects((await bench.open()).load(), 'DGENTS_STATE_NOT_FOUND');
    await agent.save(bench.of(3));
    assert.equal(await found(bench), 3);
  });

  fact('a write without a time to live makes the state stay, and a longer one prolongs it', async (bench) => {
    const names = ['saved', 'updated', 'prolonged', 'never'] as const;
    const [saved, updated, prolonged] = await Promise.all(names.map((key) => bench.open({ key })));
    await write(bench, [9], { key: 'never' });
    for (const agent of [saved!, updated!, prolonged!]) await agent.save(bench.of(1), { ttlMs: AMPLE_MS });
    await saved!.save(bench.of(2));
    await updated!.update(bench.next);
    await prolonged!.save(bench.of(2), { ttlMs: 600_000 });
    await bench.pass(AMPLE_PASSED_MS);
    for (const key of ['saved', 'updated', 'prolonged']) assert.equal(await found(bench, { key }), 2, key);
    assert.equal(await found(bench, { key: 'never' }), 9, 'a state that never had a time to live');
  });

  fact('a state is there for as long as it was given', async (bench) => {
    const agent = await bench.open();
    await agent.save(bench.of(1), { ttlMs: 600_000 });
    await bench.pass(SHORT_MS);
    assert.equal(await found(bench), 1);
    assert.equal(bench.numberOf(await agent.load()), 1);
  });

  fact('months to live are not over at once, whether saved or updated', async (bench) => {
    const names = ['saved', 'updated'] as const;
    const [saved, updated] = await Promise.all(
      names.map((key) => bench.open({ key, initial: () => bench.of(0) })),
    );
    await saved!.save(bench.of(1), { ttlMs: MONTHS_MS });
    await updated!.update(bench.next, { ttlMs: MONTHS_MS });
    await bench.pass(SHORT_MS);
    for (const key of names) assert.equal(await found(bench, { key }), 1, key);
  });

  fact('an update can give a time to live too', async (bench) => {
    const agent = await bench.open({ initial: () => bench.of(0) });
    await agent.update(bench.next, { ttlMs: SHORT_MS });
    await bench.pass(PASSED_MS);
    await rejects((await bench.open()).load(), 'DGENTS_STATE_NOT_FOUND');
  });
});
