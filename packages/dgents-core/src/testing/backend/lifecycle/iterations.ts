/** Iterations that take their time, are left, or stay open: what they hold is nobody else's loss. */
import assert from 'node:assert/strict';
import type { Backend, CallOptions } from '../../../backend.js';
import { DgentsError } from '../../../errors.js';
import type { BackendBench } from '../../backend-bench.js';
import type { Facts } from '../../kit.js';
import { like } from '../../support/assertions.js';
import { appendOf, commitOne, freshKey, grow, record } from '../../support/records.js';

const ITERATIONS: Readonly<
  Record<string, (backend: Backend, options?: CallOptions) => AsyncIterable<unknown>>
> = {
  range: (backend, options) => backend.range('a', options),
  'range, backwards': (backend, options) => backend.range('a', { ...options, reverse: true }),
  keys: (backend, options) => backend.keys('', options),
};

/** More than any pool has connections. */
const LEFT = 110;

/** At first hardly any time is given, and more where the machine is too slow for it. */
const SHORTEST_MS = 20;
const LONGEST_MS = 1_280;

export function stateIterations(fact: Facts<BackendBench>): void {
  fact(
    'iterations that are left early give back what they hold',
    async ({ backend }) => {
      const log = await three(backend);
      for (const begin of Object.values(ITERATIONS)) {
        for (let i = 0; i < LEFT / 3; i++) for await (const _ of begin(backend)) break;
      }
      assert.equal((await backend.read('a')).head?.version, 3);
      await grow(backend, 'a', ['patch'], log);
    },
    60_000,
  );

  fact('an iteration that is open keeps no other call of its handle waiting', async ({ backend }) => {
    await three(backend);
    for (const [name, begin] of Object.entries(ITERATIONS)) {
      const iterator = begin(backend)[Symbol.asyncIterator]();
      await iterator.next();
      const append = appendOf(freshKey(), null, record(1));
      like(await commitOne(backend, append), { ok: true }, `a commit while ${name} is open`);
      like(await backend.read(append.key), { head: { version: 1 } }, `a read while ${name} is open`);
      await iterator.return?.();
    }
  });

  fact(
    'close does not wait for an iteration that nobody reads on',
    async ({ open, backend }) => {
      await three(backend);
      const handle = await open();
      const iterators = Object.values(ITERATIONS).map((begin) => begin(handle)[Symbol.asyncIterator]());
      for (const iterator of iterators) await iterator.next();
      await handle.close();
      // Over or refused, but not for ever.
      for (const iterator of iterators) await iterator.next().catch(() => undefined);
    },
    60_000,
  );

  fact('a deadline bounds each step of an iteration, and not the whole', async ({ backend }) => {
    await three(backend);
    const tries = Object.entries(ITERATIONS).map(async ([name, begin]) => {
      let timeoutMs = SHORTEST_MS;
      while (!(await canTakeItsTime(begin(backend, { timeoutMs }), timeoutMs))) {
        timeoutMs *= 2;
        assert.ok(timeoutMs <= LONGEST_MS, `${name} ran out of time while nobody asked for more`);
      }
    });
    await Promise.all(tries);
  });
}

/** Whether a reader may take longer over an item than a step may take. */
async function canTakeItsTime(items: AsyncIterable<unknown>, timeoutMs: number): Promise<boolean> {
  let count = 0;
  try {
    for await (const _ of items) {
      if (++count === 1) await new Promise((resolve) => setTimeout(resolve, timeoutMs * 1.5));
    }
  } catch (error) {
    if (DgentsError.is(error, 'DGENTS_STORAGE_TIMEOUT')) return false;
    throw error;
  }
  assert.equal(count, 3, 'an iteration ended before its time');
  return true;
}

/** Three versions, and three keys. */
async function three(backend: Backend): ReturnType<typeof grow> {
  for (const key of ['b', 'c']) await grow(backend, key, ['set']);
  return grow(backend, 'a', ['set', 'patch', 'patch']);
}
