/** Calls that wait behind another one, for whatever reason of the wrapper: each can still be given up. */
import assert from 'node:assert/strict';
import type { CallOptions } from '../../../data-agent.js';
import { DgentsError } from '../../../errors.js';
import { failureOf, shown } from '../../support/assertions.js';
import { settled } from '../../support/watched-backend.js';
import type { WrapperBench } from '../bench.js';
import type { StateFacts } from '../suite.js';

type Call = (bench: WrapperBench, options?: CallOptions) => Promise<unknown>;

const READS: Readonly<Record<string, Call>> = {
  load: ({ agent }, options) => agent.load(options),
  read: ({ agent }, options) => agent.read(options),
};

const WRITES: Readonly<Record<string, Call>> = {
  save: ({ agent, of }, options) => agent.save(of(4), options),
  update: ({ agent, next }, options) => agent.update(next, options),
};

/** What a caller that gives up may still wait: machines are slow at times. */
const PROMPT_MS = 2_000;

/** What a call that is given up rejects with: what was told, or that it is not known. */
const GIVEN_UP = ['DGENTS_STORAGE_TIMEOUT', 'DGENTS_OUTCOME_UNKNOWN'];

export const queues: StateFacts = (fact, { claims }) => {
  const calls: Record<string, Call> = {
    // Of a cache there is a fact of its own.
    ...(claims.reads === 'forwarded' && READS),
    ...(claims.history && { history: ({ agent }, options) => agent.history(1, options) }),
    ...(claims.conflicts === 'immediate' && WRITES),
  };
  for (const [name, call] of Object.entries(calls)) {
    fact(`whoever calls ${name} while another call is on its way can give up alone`, async (bench) => {
      const { agent, inner } = bench;
      await agent.ready();
      const release = inner.hold();
      const first = call(bench);
      // Judged below, whatever comes of the others.
      first.catch(() => undefined);
      try {
        await Promise.race([inner.arrived, first]);
        const controller = new AbortController();
        const reason = new RangeError('enough');
        const aborted = failureOf(call(bench, { signal: controller.signal }));
        controller.abort(reason);
        assertGivenUp(await settled(`${name}, aborted,`, () => aborted, PROMPT_MS), reason);
        const late = failureOf(call(bench, { timeoutMs: 20 }));
        assertGivenUp(await settled(`${name} with a deadline`, () => late, PROMPT_MS), reason);
      } finally {
        release();
      }
      await settled(name, () => first);
    });
  }
};

function assertGivenUp(error: unknown, reason: unknown): void {
  const isTold = error === reason || (DgentsError.is(error) && GIVEN_UP.includes(error.code));
  assert.ok(isTold, `a call that was given up was rejected with ${shown(error)}`);
}
