/** `timeline` and `watch`. */
import assert from 'node:assert/strict';
import type { Deleted, TimelineOptions, Versioned } from '../../../data-agent.js';
import { all } from '../../support/records.js';
import { settled } from '../../support/watched-backend.js';
import { STATES_THERE, type WrapperBench } from '../bench.js';
import type { StateFacts } from '../suite.js';
import { arrived, gives } from './options.js';
import { placeOf } from './reads.js';

type Item = Versioned<unknown> | Deleted;

export const iterations: StateFacts = (fact, { claims }) => {
  if (claims.history) timelines(fact, claims.delete);

  fact('watch is passed on once, and gives what is there and what comes', async (bench) => {
    const { agent, oneCall, truth, write, of, numberOf } = bench;
    const iterator = agent.watch({ pollMs: 20 })[Symbol.asyncIterator]();
    const first = await nextOf(iterator);
    assert.deepEqual(placeOf(first), placeOf(await truth.read()));
    arrived(oneCall('watch').options, { pollMs: 20 });
    await write((other) => other.save(of(4)));
    const second = await nextOf(iterator);
    gives('watch()', [numberOf(second.state), second.version], [4, STATES_THERE + 1]);
    await iterator.return?.();
  });

  fact('a watcher that stops ends the one inside', async ({ agent, inner }) => {
    for await (const _ of agent.watch()) break;
    assertEnded(inner.calls.find(({ method }) => method === 'watch'));
  });

  if (claims.delete) {
    fact('a watcher is shown a deletion', async ({ agent, truth, write }) => {
      const iterator = agent.watch({ pollMs: 20 })[Symbol.asyncIterator]();
      await nextOf(iterator);
      await write((other) => other.delete());
      const { value } = await settled('the next of a watch', () => iterator.next());
      assert.deepEqual(placeOf(value), placeOf((await all(truth.timeline())).at(-1)!));
      await iterator.return?.();
    });
  }

  fact('aborting a watch ends it quietly, inside too', async ({ agent, inner }) => {
    const controller = new AbortController();
    const iterator = agent.watch({ signal: controller.signal })[Symbol.asyncIterator]();
    await nextOf(iterator);
    const over = iterator.next();
    controller.abort();
    assert.equal((await settled('a watch that was aborted', () => over)).done, true);
    assertEnded(inner.calls.find(({ method }) => method === 'watch'));
  });

  fact('a watcher gets frozen states when it asks for them', async ({ agent }) => {
    for await (const item of agent.watch({ frozen: true })) {
      assert.ok(!item.deleted && Object.isFrozen(item.state));
      break;
    }
  });
};

function timelines(fact: Parameters<StateFacts>[0], deletes: boolean): void {
  fact('timeline is passed on once, and gives every version as it is inside', async (bench) => {
    const { agent, truth, oneCall } = bench;
    const items = await all(agent.timeline());
    oneCall('timeline');
    assert.deepEqual(items.map(placeOf), (await all(truth.timeline())).map(placeOf));
    gives('timeline()', numbersOf(items, bench), [1, 2, STATES_THERE]);
  });

  fact('timeline keeps to its first and last version, or time', async (bench) => {
    const { agent } = bench;
    const numbers = async (options: TimelineOptions) => numbersOf(await all(agent.timeline(options)), bench);
    gives('timeline({ from: 2 })', await numbers({ from: 2 }), [2, STATES_THERE]);
    gives('timeline({ to: 1 })', await numbers({ to: 1 }), [1]);
    gives('timeline({ from: 2, to: 2 })', await numbers({ from: 2, to: 2 }), [2]);
    gives('timeline({ from: a Date to come })', await numbers({ from: new Date(Date.now() + 60_000) }), []);
    gives('timeline({ to: a Date before all })', await numbers({ to: new Date(0) }), []);
  });

  fact('timeline hands down its deadline and signal, and freezes when told to', async (bench) => {
    const { agent, oneCall } = bench;
    const { signal } = new AbortController();
    for await (const item of agent.timeline({ timeoutMs: 60_000, signal, frozen: true })) {
      assert.ok(!item.deleted && Object.isFrozen(item.state));
    }
    const { options } = oneCall('timeline');
    arrived(options, { timeoutMs: 60_000 });
    assert.ok(options['signal'] !== undefined, 'signal: an AbortSignal arrived inside as undefined');
    const reason = new RangeError('enough');
    const aborted = all(agent.timeline({ signal: AbortSignal.abort(reason) }));
    assert.equal(await aborted.catch((error: unknown) => error), reason);
  });

  fact('a reader of the timeline that stops ends the one inside', async ({ agent, inner }) => {
    for await (const _ of agent.timeline()) break;
    assertEnded(inner.calls.find(({ method }) => method === 'timeline'));
  });

  if (deletes) {
    fact('a deletion appears in the timeline', async ({ agent, truth, write }) => {
      await write((other) => other.delete({ meta: { why: 'to show it' } }));
      const due = placeOf((await all(truth.timeline())).at(-1)!);
      assert.deepEqual(placeOf((await all(agent.timeline())).at(-1)!), due);
    });
  }
}

async function nextOf(iterator: AsyncIterator<Item>): Promise<Versioned<unknown>> {
  const { done, value } = await settled('the next of a watch', () => iterator.next());
  assert.ok(!done && !value.deleted, 'a live state comes next');
  return value;
}

function assertEnded(call: { readonly ended: boolean } | undefined): void {
  assert.ok(call !== undefined, 'the iteration came from inside');
  assert.ok(call.ended, 'the iteration inside has ended');
}

const numbersOf = (items: readonly Item[], { numberOf }: WrapperBench): number[] =>
  items.map((item) => (item.deleted ? Number.NaN : numberOf(item.state)));
