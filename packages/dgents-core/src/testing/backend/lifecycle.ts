import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import type { BackendBench } from '../backend-bench.js';
import { stateIdle } from '../children/idle-facts.js';
import { rejects } from '../support/assertions.js';
import { heldBytes, leaked, resources } from '../support/leaks.js';
import { all, appendOf, commitOne, grow, record } from '../support/records.js';
import { settled } from '../support/watched-backend.js';
import { assertSettled, callsOn } from './lifecycle/calls.js';
import { stateGivingUp } from './lifecycle/giving-up.js';
import { stateIterations } from './lifecycle/iterations.js';
import { backendSuite } from './suite.js';

/** What a call that must not wait may take at most: machines are slow at times. */
const PROMPT_MS = 2_000;
const HANDLES = 50;

const PRESUMED = ['capabilities', 'keys', 'history', 'versions', 'operations'] as const;

export const lifecycle = backendSuite('lifecycle', PRESUMED, (fact, subject) => {
  fact('close may be called again, and several times at once', async ({ backend }) => {
    await grow(backend, 'k', ['set']);
    await Promise.all([backend.close(), backend.close(), backend.close()]);
    await backend.close();
  });

  fact('a handle that was never used closes', async ({ open }) => {
    await (await open()).close();
  });

  fact('every call after close is refused with AgentClosedError', async ({ backend }) => {
    await grow(backend, 'k', ['set', 'patch']);
    const calls = callsOn(backend, subject);
    if (subject.claims.watch) calls.push(['watch', () => all(backend.watch!('k'))]);
    await backend.close();
    for (const [name, call] of calls) {
      const outcome = settled(name, () => call({}), PROMPT_MS);
      await outcome.then(
        () => assert.fail(`${name} after close was carried out`),
        () => undefined,
      );
      await rejects(outcome, 'DGENTS_AGENT_CLOSED');
    }
  });

  fact('what was refused after close was not written', async ({ backend, open }) => {
    // Opened before: what is there after everybody has gone is promised elsewhere.
    const other = await open();
    await grow(backend, 'k', ['set']);
    const { head } = await backend.read('k');
    await backend.close();
    await backend
      .commit([appendOf('k', head, record(2)), appendOf('new', null, record(1))])
      .catch(() => undefined);
    assert.equal((await other.read('k')).head?.version, 1);
    assert.equal((await other.read('new')).head, null);
  });

  fact('close waits for what was accepted, and it is answered', async ({ backend, open }) => {
    const other = await open();
    const keys = Array.from({ length: 10 }, (_, i) => `k${i}`);
    let answered = 0;
    const answers = keys.map((key) =>
      commitOne(backend, appendOf(key, null, record(1))).finally(() => {
        answered++;
      }),
    );
    // Judged below, whatever close does.
    for (const answer of answers) answer.catch(() => undefined);
    await backend.close();
    // The answers are on their way through a few promises.
    await new Promise(setImmediate);
    assert.equal(answered, keys.length, 'answers that had come when close was over');
    for (const { ok } of await Promise.all(answers)) assert.equal(ok, true);
    for (const key of keys) assert.equal((await other.read(key)).head?.version, 1, key);
  });

  fact('every call that was under way when the handle was closed settles', async ({ backend }) => {
    await grow(backend, 'k', ['set', 'patch']);
    const calls = callsOn(backend, subject).map(([name, call]) =>
      settled(`${name} across close`, () => call({}), PROMPT_MS),
    );
    const closing = backend.close();
    for (const outcome of await Promise.allSettled(calls)) assertSettled(outcome);
    await closing;
  });

  fact('handles are closed by themselves', async ({ backend, open }) => {
    const [second, third] = [await open(), await open()];
    const log = await grow(second, 'k', ['set']);
    await second.close();
    const grown = await grow(backend, 'k', ['patch'], log);
    await backend.close();
    assert.equal((await third.read('k')).head?.version, 2);
    await grow(third, 'k', ['patch'], grown);
  });

  fact('a place can be opened again after every handle was closed', async ({ backend, open, reopen }) => {
    await Promise.all([grow(backend, 'a', ['set']), grow(await open(), 'b', ['set'])]);
    const again = await reopen();
    await grow(again, 'c', ['set']);
    assert.equal((await again.read('c')).head?.version, 1);
  });

  fact(
    'a call with hardly any time settles all the same, and leaves the handle at work',
    async ({ backend }) => {
      await grow(backend, 'k', ['set', 'patch']);
      const outcomes = await Promise.allSettled(
        Array.from({ length: 20 }, () => callsOn(backend, subject))
          .flat()
          .map(([name, call]) => settled(`${name} with 1 ms`, () => call({ timeoutMs: 1 }), PROMPT_MS)),
      );
      for (const outcome of outcomes) assertSettled(outcome);
      await grow(backend, 'fresh', ['set', 'patch']);
    },
  );

  fact(
    'a write that ran out of time happened whole or not at all, and can be sent again',
    async ({ backend }) => {
      const appends = Array.from({ length: 30 }, (_, i) => appendOf(`k${i}`, null, record(1), record(2)));
      await Promise.allSettled(appends.map((append) => backend.commit([append], { timeoutMs: 1 })));
      for (const append of appends) {
        assert.equal((await commitOne(backend, append)).ok, true);
        assert.equal((await all(backend.range(append.key))).length, 2);
      }
    },
  );

  fact('a signal that was aborted before the call does not keep it waiting', async ({ backend }) => {
    await grow(backend, 'k', ['set', 'patch']);
    for (const [name, call] of callsOn(backend, subject)) {
      const pending = settled(
        `${name} with an aborted signal`,
        () => call({ signal: AbortSignal.abort() }),
        PROMPT_MS,
      );
      const [outcome] = await Promise.allSettled([pending]);
      assertSettled(outcome);
    }
    await grow(backend, 'fresh', ['set', 'patch']);
  });

  fact('a signal that is aborted during a call ends the waiting', async ({ backend }) => {
    await grow(backend, 'k', ['set', 'patch']);
    for (const delay of [undefined, 0, 1, 3]) {
      const controller = new AbortController();
      const calls = callsOn(backend, subject).map(([name, call]) =>
        settled(`${name}, aborted,`, () => call({ signal: controller.signal }), PROMPT_MS),
      );
      if (delay !== undefined) await new Promise((resolve) => setTimeout(resolve, delay));
      controller.abort();
      for (const outcome of await Promise.allSettled(calls)) assertSettled(outcome);
    }
    await grow(backend, 'fresh', ['set', 'patch']);
  });

  fact('a signal that serves many calls keeps no listener of any', async ({ backend }) => {
    await grow(backend, 'k', ['set', 'patch']);
    const { signal } = new AbortController();
    for (let i = 0; i < 5; i++) {
      const calls = callsOn(backend, subject);
      await Promise.allSettled(calls.map(([, call]) => call({ signal, timeoutMs: 10_000 })));
    }
    assert.equal(getEventListeners(signal, 'abort').length, 0, 'listeners that are left');
  });

  fact(
    'handles that come and go leave no descriptor, timer, socket or listener',
    async (bench) => {
      // What is made once and kept, pools and loaded modules, is there before the count.
      await comeAndGo(bench, 5);
      const before = resources();
      await comeAndGo(bench, HANDLES);
      assert.deepEqual(await leaked(before, SLACK), {}, `what ${HANDLES} handles left`);
    },
    60_000,
  );

  fact(
    'calls that come and go leave nothing in memory',
    async ({ backend }) => {
      const log = await grow(backend, 'k', ['set', 'patch']);
      const refused = appendOf(
        'k',
        log[0]!,
        record(2, 'patch', { data: JSON.stringify('x'.repeat(10_000)) }),
      );
      const comeAndGo = async (): Promise<void> => {
        for (let i = 0; i < CALLS; i++) {
          await backend.commit([refused]);
          await backend.read('k');
        }
      };
      // What is made once and kept, caches and pools, is there before the count.
      await comeAndGo();
      let before = await heldBytes();
      // What others let go meanwhile hides what is left in one round, and what grows once may have its reason: most decide.
      const left: number[] = [];
      const grown = (): number => left.filter((bytes) => bytes >= LEFT_BYTES).length;
      while (grown() <= ROUNDS / 2 && left.length - grown() <= ROUNDS / 2) {
        await comeAndGo();
        const now = await heldBytes();
        if (before === undefined || now === undefined) return;
        left.push(Math.round((now - before) / CALLS));
        before = now;
      }
      assert.ok(grown() <= ROUNDS / 2, `so many bytes are left by every commit that was refused: ${left}`);
    },
    60_000,
  );

  stateGivingUp(fact);
  stateIterations(fact);
  stateIdle(fact, subject, 'a handle');
});

/** Calls whose traces are counted; what each may leave; how often they are counted at most. */
const CALLS = 100;
const LEFT_BYTES = 50_000;
const ROUNDS = 5;

/** So much may come and go by itself. */
const SLACK = 10;

/** Opens, uses and closes handles, some at the same time. */
async function comeAndGo(bench: BackendBench, count: number): Promise<void> {
  for (let done = 0; done < count; done += 5) {
    const handles = await Promise.all([1, 2, 3, 4, 5].map(() => bench.open()));
    await Promise.all(
      handles.map(async (handle, i) => {
        await commitOne(handle, appendOf(`k${done + i}`, null, record(1)));
        await handle.read('k0');
        await all(handle.keys());
        const streams = [handle.watch?.('k0'), handle.feed?.()].map((each) => each?.[Symbol.asyncIterator]());
        // That they end with their handle is a fact of their own suites.
        for (const each of streams) each?.next().catch(() => undefined);
        await handle.close();
      }),
    );
  }
}
