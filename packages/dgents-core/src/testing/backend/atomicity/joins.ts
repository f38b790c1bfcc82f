/** Work of the caller's within a commit. What a database makes of its statements is for its own tests. */
import assert from 'node:assert/strict';
import type { BackendBench } from '../../backend-bench.js';
import type { Facts } from '../../kit.js';
import { assertDgentsError, failureOf, like, refuses, rejects } from '../../support/assertions.js';
import { all, appendOf, commitOne, record } from '../../support/records.js';

/** Long enough for the work to begin. */
const HANG_MS = 300;

export function stateJoins(fact: Facts<BackendBench>): void {
  fact('work within a commit is run once, and given a client', async ({ backend }) => {
    const given: unknown[] = [];
    const within = (client: unknown): void => void given.push(client);
    const appends = [appendOf('a', null, record(1)), appendOf('b', null, record(1), record(2, 'patch'))];
    const options = { atomic: true, within };
    like(await backend.commit(appends, options), [{ ok: true }, { ok: true, head: { version: 2 } }]);
    assert.equal(given.length, 1, 'the work is run');
    assert.ok(typeof given[0] === 'object' && given[0] !== null, 'a client is an object');
    const one = await backend.commit([appendOf('c', null, record(1))], options);
    like(one, [{ ok: true, replayed: false }]);
    assert.equal(given.length, 2, 'the work is run for one append too');
  });

  fact('work that fails keeps the commit from being written, and is its cause', async ({ backend }) => {
    const before = appendOf('taken', null, record(1));
    await commitOne(backend, before);
    const reason = new RangeError('on purpose');
    const append = () => appendOf('a', null, record(1));
    const throwing = () => {
      throw reason;
    };
    const failing = backend.commit([append()], { atomic: true, within: throwing });
    const { cause } = await rejects(failing, 'DGENTS_WORK_FAILED');
    assert.equal(cause, reason, 'what the work threw is the cause');
    assert.equal((await backend.read('a')).head, null);
    like(await commitOne(backend, append()), { ok: true });
    assert.equal((await all(backend.range('taken'))).length, 1);
  });

  fact('work is not run for a commit that had been made before', async ({ backend, open }) => {
    const appends = [appendOf('a', null, record(1)), appendOf('b', null, record(1))];
    let runs = 0;
    const options = { atomic: true, within: () => void runs++ };
    await backend.commit(appends, options);
    for (const handle of [backend, await open()]) {
      like(await handle.commit(appends, options), [{ replayed: true }, { replayed: true }]);
    }
    assert.equal(runs, 1);
  });

  fact('work does not rescue a commit that conflicts', async ({ backend }) => {
    await commitOne(backend, appendOf('a', null, record(1)));
    const late = [appendOf('b', null, record(1)), appendOf('a', null, record(1))];
    const options = { atomic: true, within: () => undefined };
    like(await backend.commit(late, options), [{ ok: false }, { ok: false, head: { version: 1 } }]);
    assert.equal((await backend.read('b')).head, null);
  });

  fact('work that does not end is given up, and holds nobody up after that', async ({ backend }) => {
    await backend.ready();
    const append = appendOf('a', null, record(1));
    const options = { atomic: true, timeoutMs: HANG_MS, within: () => new Promise<never>(() => undefined) };
    assertDgentsError(await failureOf(backend.commit([append], options)), 'work that does not end');
    like(await commitOne(backend, append), { ok: true, replayed: false });
  });

  fact('work that makes no sense is refused, and nothing is written', async ({ backend }) => {
    const append = appendOf('a', null, record(1));
    const within = () => undefined;
    await refuses(backend.commit([append], { within }), 'TypeError', 'work without atomic');
    await refuses(backend.commit([], { atomic: true, within }), 'TypeError', 'work without an append');
    await refuses(backend.commit([append], { atomic: true, within: 1 as never }), 'TypeError', 'no function');
    assert.equal((await backend.read('a')).head, null);
  });
}
