/** What goes wrong inside is told outside as it was. */
import assert from 'node:assert/strict';
import { DgentsError, StorageUnavailableError } from '../../../errors.js';
import { failureOf, refuses } from '../../support/assertions.js';
import { all } from '../../support/records.js';
import type { WrapperBench } from '../bench.js';
import type { Method } from '../recorder.js';
import type { GivenWrapper } from '../subject.js';
import type { StateFacts } from '../suite.js';

type Calls = Partial<Record<Method, (bench: WrapperBench) => Promise<unknown>>>;

const READS: Calls = {
  ready: ({ agent }) => agent.ready(),
  load: ({ agent }) => agent.load(),
  read: ({ agent }) => agent.read(),
};

const WRITES: Calls = {
  save: ({ agent, of }) => agent.save(of(4)),
  update: ({ agent, next }) => agent.update(next),
};

const PAST: Calls = {
  history: ({ agent }) => agent.history(),
  timeline: ({ agent }) => all(agent.timeline()),
};

export const failures: StateFacts = (fact, { claims }) => {
  const immediate = claims.conflicts === 'immediate';
  for (const [name, call] of Object.entries(callsOf(claims))) {
    fact(
      `a failure inside comes out of ${name}, with code and cause, and is not tried again`,
      async (bench) => {
        const { inner } = bench;
        // A wrapper may get ready first: only the call itself is to fail.
        if (name !== 'ready') await bench.agent.ready();
        inner.calls.splice(0);
        const failure = new StorageUnavailableError('The agent inside has failed.', {
          cause: new RangeError('the disk'),
          key: 'state',
        });
        inner.failNext(failure);
        assertSame(await failureOf(call(bench), name), failure);
        const tried = inner.calls.filter(({ method }) => method !== 'ready' || name === 'ready');
        assert.equal(tried.length, 1, 'it was called once inside');
      },
    );
  }

  fact('an iteration that fails on its way gives what came before, then the failure', async (bench) => {
    const { agent, inner } = bench;
    for (const begin of claims.history
      ? [() => agent.timeline(), () => agent.watch()]
      : [() => agent.watch()]) {
      const failure = new StorageUnavailableError('The agent inside has failed.', {
        cause: new RangeError('x'),
      });
      inner.failNext(failure, 1);
      let items = 0;
      const read = async (): Promise<void> => {
        for await (const _ of begin()) items += 1;
      };
      assertSame(await failureOf(read()), failure);
      assert.equal(items, 1);
    }
  });

  fact('what a recipe throws comes back itself', async ({ agent, truth }) => {
    const thrown = new RangeError('not this one');
    const recipe = (): never => {
      throw thrown;
    };
    assert.equal(await failureOf(agent.update(recipe)), thrown);
    assert.equal((await truth.read()).version, 3);
  });

  fact('a mistake in a call is refused as inside', async ({ agent, of }) => {
    await refuses(agent.load({ at: -1 }), 'RangeError');
    if (claims.history) await refuses(agent.history(-1), 'RangeError');
    if (immediate) await refuses(agent.save(of(4), { meta: 7 as never }), 'TypeError');
  });
};

/** One of each call whose failure is told at once. */
export function callsOf({ conflicts, delete: deletes, history }: GivenWrapper['claims']): Calls {
  const immediate = conflicts === 'immediate';
  return {
    ...READS,
    ...(immediate && WRITES),
    ...(immediate && deletes && { delete: ({ agent }: WrapperBench) => agent.delete() }),
    ...(history && PAST),
    watch: ({ agent }) => all(agent.watch()),
  };
}

/** The same error, or another of the same code with the same cause. */
export function assertSame(actual: unknown, due: DgentsError): void {
  if (actual === due) return;
  assert.ok(DgentsError.is(actual, due.code), `it is ${String(actual)}, and was ${String(due)}`);
  assert.ok(actual.cause === due || actual.cause === due.cause, 'its cause is the one inside');
}
