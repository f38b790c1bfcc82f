/** A caller that gives up does so for itself: the handle and everybody else on it go on. */
import assert from 'node:assert/strict';
import type { CallOptions } from '../../../backend.js';
import type { BackendBench } from '../../backend-bench.js';
import type { Facts } from '../../kit.js';
import { like } from '../../support/assertions.js';
import { appendOf, commitOne, grow, record } from '../../support/records.js';
import { assertSettled, callsOn } from './calls.js';

/** Ways to give up: with the options that a call is given, and what is done once it was made. */
const WAYS: Readonly<Record<string, () => { readonly options: CallOptions; readonly giveUp?: () => void }>> =
  {
    'aborted before': () => ({ options: { signal: AbortSignal.abort() } }),
    'aborted meanwhile': () => {
      const controller = new AbortController();
      return { options: { signal: controller.signal }, giveUp: () => controller.abort() };
    },
    'out of time': () => ({ options: { timeoutMs: 1 } }),
  };

/** Any of them may be the first that a handle hears. */
const FIRST = ['ready', 'read', 'commit to a new log', 'keys'];

/** What many may ask for at once, and a backend might ask for once. */
const SHARED = ['ready', 'read', 'range', 'keys', 'find'];

export function stateGivingUp(fact: Facts<BackendBench>): void {
  fact('whatever became of the first call of a handle, the next one finds it at work', async (bench) => {
    await grow(bench.backend, 'k', ['set']);
    for (const [how, way] of Object.entries(WAYS)) {
      for (const name of FIRST) {
        const handle = await bench.open();
        const [, call] = callsOn(handle, bench.subject).find(([each]) => each === name)!;
        const { options, giveUp } = way();
        const first = Promise.allSettled([call(options)]);
        giveUp?.();
        assertSettled((await first)[0]);
        const next = appendOf(`${name}, ${how}`, null, record(1));
        like(await commitOne(handle, next), { ok: true }, `a commit after ${name} that was ${how}`);
        await handle.close();
      }
    }
  });

  fact('of callers who ask the same at once, each gives up alone', async (bench) => {
    await grow(bench.backend, 'k', ['set', 'patch']);
    for (const [how, way] of Object.entries(WAYS)) {
      const handle = await bench.open();
      for (const [name, call] of callsOn(handle, bench.subject)) {
        if (!SHARED.includes(name)) continue;
        const { options, giveUp } = way();
        const outcomes = Promise.allSettled([
          call(options),
          ...[{}, {}, { timeoutMs: 60_000 }].map((each) => call(each)),
        ]);
        giveUp?.();
        const [giving, ...others] = await outcomes;
        assertSettled(giving!);
        for (const other of others) {
          if (other.status === 'fulfilled') continue;
          assert.fail(`of four who asked ${name} one was ${how}, and another was told: ${other.reason}`);
        }
      }
      await handle.close();
    }
  });
}
