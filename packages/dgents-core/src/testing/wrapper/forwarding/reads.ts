/** `ready`, `load`, `read` and `history`, and what the wrapper says of itself. */
import assert from 'node:assert/strict';
import type { Deleted, Versioned } from '../../../data-agent.js';
import { like } from '../../support/assertions.js';
import { STATES_THERE } from '../bench.js';
import type { StateFacts } from '../suite.js';
import { arrived, gives, givesUpAlone, handsDownSignal, handsDownTimeout } from './options.js';

export const reads: StateFacts = (fact, { claims, stated }) => {
  fact('capabilities are those of the agent inside, except where claimed otherwise', async (bench) => {
    const { agent, inner } = bench;
    for (const told of [await agent.ready(), agent.capabilities]) {
      const due = { ...inner.agent.capabilities };
      for (const name of Object.keys(due))
        if (name in stated) Reflect.set(due, name, Reflect.get(stated, name));
      assert.deepEqual({ ...told }, due);
    }
  });

  fact('ready is passed on, with its deadline and signal', async (bench) => {
    const { agent } = bench;
    await handsDownTimeout(bench, (options) => agent.ready(options), 'ready');
    await handsDownSignal(bench, (options) => agent.ready(options), 'ready');
  });

  fact('load asks inside once and gives what is there', async ({ agent, oneCall, numberOf }) => {
    gives('load()', numberOf(await agent.load()), STATES_THERE);
    oneCall('load', 'read');
  });

  fact('read asks inside once and gives state, version, head, time and meta', async (bench) => {
    const { agent, oneCall, truth, numberOf } = bench;
    const seen = await agent.read();
    oneCall('read');
    like(placeOf(seen), placeOf(await truth.read()));
    gives('read()', numberOf(seen.state), STATES_THERE);
  });

  fact('load and read go back to a version and to a time', async ({ agent, numberOf }) => {
    gives('load({ at: 1 })', numberOf(await agent.load({ at: 1 })), 1);
    const { state, version, meta } = await agent.read({ at: 2 });
    gives('read({ at: 2 })', [numberOf(state), version, meta], [2, 2, { number: 2 }]);
    const later = new Date(Date.now() + 60_000);
    gives('load({ at: a Date })', numberOf(await agent.load({ at: later })), STATES_THERE);
    gives('read({ at: a Date })', (await agent.read({ at: later })).version, STATES_THERE);
  });

  fact('what is asked for frozen is frozen, and nothing else is', async ({ agent }) => {
    const asked = { frozen: true } as const;
    const frozen = [
      await agent.load(asked),
      (await agent.read(asked)).state,
      ...(await agent.history(9, asked)),
    ];
    const free = [await agent.load(), (await agent.read()).state, ...(await agent.history())];
    for (const state of frozen) assert.ok(Object.isFrozen(state), 'it was asked for frozen');
    for (const state of free.filter(isObject)) assert.ok(!Object.isFrozen(state), 'it is the reader’s own');
  });

  if (claims.reads === 'cached') {
    fact('whoever waits in load for what a cache is asking for can give up alone', (bench) =>
      givesUpAlone(bench, (options) => bench.agent.load(options)),
    );

    fact('whoever waits in read for what a cache is asking for can give up alone', (bench) =>
      givesUpAlone(bench, (options) => bench.agent.read(options)),
    );
  } else {
    fact('load and read hand down their deadline and signal', async (bench) => {
      const { agent } = bench;
      await handsDownTimeout(bench, (options) => agent.load(options), 'load', 'read');
      await handsDownSignal(bench, (options) => agent.load(options), 'load', 'read');
      await handsDownTimeout(bench, (options) => agent.read(options), 'read');
      await handsDownSignal(bench, (options) => agent.read(options), 'read');
    });

    fact('every load and read asks inside anew', async ({ agent, oneCall, write, of, numberOf }) => {
      await agent.load();
      await write((other) => other.save(of(7)));
      oneCall('load', 'read');
      gives('load() after a write beside it', numberOf(await agent.load()), 7);
      oneCall('load', 'read');
      gives('read() after a write beside it', numberOf((await agent.read()).state), 7);
      oneCall('read');
    });
  }

  if (!claims.history) return;

  fact('history is passed on once, with its limit', async ({ agent, oneCall, numberOf }) => {
    const limits: [number | undefined, number[]][] = [
      [undefined, [2, 1]],
      [1, [2]],
      [0, []],
    ];
    for (const [limit, due] of limits) {
      gives(`history(${limit})`, (await agent.history(limit)).map(numberOf), due);
      arrived({ limit: oneCall('history').subject }, { limit });
    }
  });

  fact('history hands down its deadline and signal', async (bench) => {
    const { agent } = bench;
    await handsDownTimeout(bench, (options) => agent.history(1, options), 'history');
    await handsDownSignal(bench, (options) => agent.history(1, options), 'history');
  });
};

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

/** Where a state stands in its log: everything but the state. */
export function placeOf({ version, head, savedAt, meta, deleted }: Versioned<unknown> | Deleted): object {
  return { version, head, savedAt: savedAt?.getTime(), meta, deleted };
}
