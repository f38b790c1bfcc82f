/** The facts of `errors` about a medium that fails for a while. */
import assert from 'node:assert/strict';
import type { Append, Backend, LogRecord } from '../../backend.js';
import type { BackendBench } from '../backend-bench.js';
import type { Facts } from '../kit.js';
import type { GivenBackend } from '../subject.js';
import { assertDgentsError, failureOf } from '../support/assertions.js';
import { saysNothingWasWritten } from '../support/doubt.js';
import { patient } from '../support/patience.js';
import {
  all,
  appendOf,
  assertRecords,
  checkpointOf,
  commitOne,
  grow,
  plain,
  record,
} from '../support/records.js';
import { settled } from '../support/watched-backend.js';

const READS =
  'while the medium fails, every reading call says so in time, with a cause, and none finds "nothing"';
const WRITES =
  'while the medium fails, no write is acknowledged or called a conflict, and each is settled in time';
const AFTER = 'after an outage the same handle works, and everything acknowledged is there';
const FIRST = 'a handle whose first calls met an outage works after it';
const REFUSED = 'what was said to have failed in an outage was not written, and can be sent again';

/** What a call is given, and how long it may take at most: the rest is for slow machines. */
const TIMEOUT_MS = 500;
const PATIENCE_MS = 2_000;
/** Within which everything works again. */
const RECOVERY_MS = 15_000;

export function stateOutage(fact: Facts<BackendBench>, { outage, claims }: GivenBackend): void {
  if (outage === undefined) {
    for (const name of [READS, WRITES, AFTER, FIRST, REFUSED])
      fact.untested(name, 'the subject has no hook `outage`');
    return;
  }

  fact(READS, async (bench) => {
    const { backend } = bench;
    const log = await grow(backend, 'k', ['set', 'patch']);
    const options = { timeoutMs: TIMEOUT_MS };
    const calls: [string, () => Promise<unknown>][] = [
      ['read', () => backend.read('k', options)],
      ['read of an absent key', () => backend.read('absent', options)],
      ['range', () => all(backend.range('k', options))],
      ['keys', () => all(backend.keys('', options))],
      ['keys with heads', () => all(backend.keys('', { ...options, heads: true }))],
    ];
    if (claims.find) calls.push(['find', () => backend.find!('k', [log[0]!.id], options)]);
    await during(bench, async () => {
      for (const [name, call] of calls) assertTyped(name, await failureInTime(name, call));
      // Together, too: one failure must not leave the others waiting.
      const errors = await Promise.all(calls.map(([name, call]) => failureInTime(name, call)));
      for (const [i, error] of errors.entries()) assertTyped(calls[i]![0], error);
    });
  });

  fact(WRITES, async (bench) => {
    const { backend } = bench;
    const log = await grow(backend, 'k', ['set', 'patch']);
    const writes: [string, () => Promise<unknown>][] = [
      ['commit', () => sent(backend, appendOf('k', log[1]!, record(3)))],
      ['commit to a new log', () => sent(backend, appendOf('new', null, record(1)))],
      ['trim', () => backend.trim('k', checkpointOf(log[1]!), { timeoutMs: TIMEOUT_MS })],
    ];
    await during(bench, async () => {
      for (const [name, write] of writes) await failureInTime(name, write);
      // A checkpoint may be ignored, and so may its failure.
      const offer = backend.checkpoint('k', checkpointOf(log[1]!), { timeoutMs: TIMEOUT_MS });
      await settled('checkpoint', () => offer.catch(() => undefined), PATIENCE_MS);
    });
  });

  fact(AFTER, async (bench) => {
    const { backend } = bench;
    const other = await bench.open();
    const log = await grow(backend, 'k', ['set', 'patch', 'patch']);
    await other.read('k');
    for (let i = 0; i < 2; i++) {
      await during(bench, async () => {
        await failureInTime('read', () => backend.read('k', { timeoutMs: TIMEOUT_MS }));
        await failureInTime('commit', () => sent(other, appendOf('beside', null, record(1))));
      });
      for (const handle of [backend, other]) {
        await recovered(() => handle.read('k'));
        assertRecords(await all(handle.range('k')), log, 1, log.length);
      }
      log.splice(0, log.length, ...(await grow(backend, 'k', ['patch'], log)));
    }
    assertRecords(await all((await bench.open()).range('k')), log, 1, log.length);
  });

  fact(FIRST, async (bench) => {
    const log = await grow(bench.backend, 'k', ['set', 'patch']);
    const handles = [await bench.open(), await bench.open(), await bench.open()] as const;
    const [reads, writes, sets] = handles;
    await during(bench, async () => {
      await failureInTime('read', () => reads.read('k', { timeoutMs: TIMEOUT_MS }));
      await failureInTime('commit', () => sent(writes, appendOf('beside', null, record(1))));
      // What cannot be reached may be set up when it is needed.
      await settled('ready', () => sets.ready({ timeoutMs: TIMEOUT_MS }).catch(() => undefined), PATIENCE_MS);
    });
    for (const handle of handles) {
      await recovered(() => handle.read('k'));
      await recovered(() => handle.ready());
      log.splice(0, log.length, ...(await grow(handle, 'k', ['patch'], log)));
    }
    assertRecords(await all(bench.backend.range('k')), log, 1, log.length);
  });

  fact(REFUSED, async (bench) => {
    const { backend } = bench;
    const [first] = await grow(backend, 'k', ['set']);
    const next = record(2);
    const append = appendOf('k', (await backend.read('k')).head, next);
    let error: unknown;
    await during(bench, async () => {
      error = await failureInTime('commit', () => sent(backend, append));
    });
    await recovered(() => backend.read('k'));
    const found = await all(backend.range('k'));
    if (saysNothingWasWritten(error)) assertSameRecords(found, [first!], 'it was said to have failed');
    const again = await commitOne(backend, append);
    assert.equal(again.ok, true, 'what was not acknowledged may be sent again');
    assertSameRecords(await all(backend.range('k')), [first!, next], 'it happens once');
  });
}

/** Runs this while the medium fails; afterwards it works again, whatever happened. */
async function during({ subject, place }: BackendBench, work: () => Promise<void>): Promise<void> {
  const failure = await subject.outage!(place as never);
  try {
    await work();
  } finally {
    await failure.end();
  }
}

function sent(backend: Backend, append: Append): Promise<unknown> {
  return backend.commit([append], { timeoutMs: TIMEOUT_MS });
}

/** What the call rejects with, in time. */
function failureInTime(name: string, call: () => Promise<unknown>): Promise<unknown> {
  const what = `${name} while the medium fails`;
  return failureOf(settled(what, call, PATIENCE_MS), what).then((error) => {
    assert.notEqual((error as Error).name, 'Hung', `${what} takes more than its ${TIMEOUT_MS} ms`);
    return error;
  });
}

/** A dgents error that says why. A deadline is a reason of its own. */
function assertTyped(name: string, error: unknown): void {
  assertDgentsError(error, name);
  if (error.code === 'DGENTS_STORAGE_TIMEOUT') return;
  assert.notEqual(error.cause, undefined, `${name}: ${error.code} without a cause`);
}

/** The first success, in some seconds: a driver may have to connect again. */
async function recovered<T>(call: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + patient(RECOVERY_MS);
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function assertSameRecords(actual: readonly LogRecord[], expected: readonly LogRecord[], why: string): void {
  assert.deepEqual(actual.map(plain), expected.map(plain), why);
}
