/** `close` and `Symbol.asyncDispose`. */
import assert from 'node:assert/strict';
import type { DataAgent } from '../../../data-agent.js';
import { StorageUnavailableError } from '../../../errors.js';
import { failureOf, rejects } from '../../support/assertions.js';
import { settled } from '../../support/watched-backend.js';
import type { StateFacts } from '../suite.js';

const ENDS: Record<string, (agent: DataAgent<unknown>) => PromiseLike<void>> = {
  close: (agent) => agent.close(),
  'the end of an `await using` block': (agent) => agent[Symbol.asyncDispose](),
};

export const ends: StateFacts = (fact, { claims: { closesInner } }) => {
  for (const [name, end] of Object.entries(ENDS)) {
    const what = closesInner ? 'closes the agent inside, once' : 'leaves the agent inside open';
    fact(`${name} ${what}`, async ({ agent, inner }) => {
      await end(agent);
      await end(agent);
      const closed = inner.calls.filter(({ method }) => method === 'close').length;
      if (closesInner) {
        // Closing twice is nothing new inside.
        assert.ok(closed === 1 || closed === 2, `it was closed ${closed} times`);
        await rejects(inner.agent.load(), 'DGENTS_AGENT_CLOSED');
      } else {
        assert.equal(closed, 0);
        await inner.agent.load();
      }
      await rejects(agent.load(), 'DGENTS_AGENT_CLOSED');
    });
  }

  if (closesInner) {
    fact('closing again is over when the first closing is, and not before', async ({ agent, inner }) => {
      await agent.ready();
      const release = inner.hold();
      let over = 0;
      const closing = [...Object.values(ENDS), ENDS['close']!].map(async (end) => {
        await end(agent);
        over += 1;
      });
      try {
        await Promise.race([inner.arrived, ...closing]);
        // Whoever does not wait for the one inside is done within a few promises.
        for (let i = 0; i < 5; i++) await new Promise(setImmediate);
        assert.equal(over, 0, 'closed, while the agent inside was still closing');
      } finally {
        release();
      }
      await settled('close', () => Promise.all(closing));
    });

    fact('a close that fails inside is told', async ({ agent, inner }) => {
      const failure = new StorageUnavailableError('It could not be closed.', { cause: new RangeError('x') });
      inner.failNext(failure);
      assert.equal(await failureOf(Promise.resolve(agent.close())), failure);
    });
  }
};
