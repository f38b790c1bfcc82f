import assert from 'node:assert/strict';
import { found, saveAll } from '../support/agents.js';
import { like, rejects } from '../support/assertions.js';
import { agentSuite } from './suite.js';

export const capabilities = agentSuite('capabilities', [], (fact, { claims }) => {
  const { durability, sharing, ttl, conflicts, weighs } = claims;

  fact('once ready, the capabilities are those that are claimed', async ({ open }) => {
    const agent = await open();
    const told = await agent.ready();
    like(told, { durability, sharing, ttl, conflicts, weighs });
    like(agent.capabilities, { durability, sharing, ttl, conflicts, weighs });
    assert.ok(typeof told.backend === 'string' && told.backend !== '', 'capabilities name the backend');
  });

  fact('before it is ready, an agent claims nothing that it takes back later', async ({ open }) => {
    const agent = await open();
    const { durability: early, sharing: reach } = agent.capabilities;
    assert.ok(early === durability || early === 'unknown', `it claimed durability ${early} first`);
    assert.equal(reach, sharing);
  });

  if (!weighs) {
    fact(
      'a write that is to be weighed is refused with UnsupportedError, and the state stays',
      async (bench) => {
        const agent = await bench.open();
        await saveAll(bench, agent, 1);
        const weigh = (): void => undefined;
        await rejects(agent.save(bench.of(2), { weigh }), 'DGENTS_UNSUPPORTED');
        await rejects(
          agent.update(() => bench.of(2), { weigh }),
          'DGENTS_UNSUPPORTED',
        );
        assert.equal(bench.numberOf(await agent.load()), 1);
      },
    );
  }

  if (!claims.delete) {
    fact('delete is not there: it is refused with UnsupportedError, and the state stays', async (bench) => {
      const agent = await bench.open();
      await saveAll(bench, agent, 1);
      await rejects(agent.delete(), 'DGENTS_UNSUPPORTED');
      await rejects(agent.delete({ erase: true }), 'DGENTS_UNSUPPORTED');
      assert.equal(bench.numberOf(await agent.load()), 1);
      if (conflicts === 'immediate') assert.equal(await found(bench), 1);
    });
  }
});
