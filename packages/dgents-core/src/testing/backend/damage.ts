/** The facts of `errors` about bytes that a disk has changed. */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { Backend, CommitResult, LogRecord } from '../../backend.js';
import { DgentsError } from '../../errors.js';
import type { BackendBench } from '../backend-bench.js';
import type { Facts } from '../kit.js';
import type { GivenBackend } from '../subject.js';
import { rejects } from '../support/assertions.js';
import { all, appendOf, assertRecords, grow, headOf, plain, record } from '../support/records.js';

const TOLD = 'what is damaged is told with its key, again and again, and never read as something else';
const REFUSED = 'what is damaged is never taken for nothing by a commit, and stays where it is';
const BESIDE = 'the logs beside a damaged one are listed, read and written as before';

export function stateDamage(fact: Facts<BackendBench>, { damage }: GivenBackend): void {
  if (damage === undefined) {
    for (const name of [TOLD, REFUSED, BESIDE]) fact.untested(name, 'the subject has no hook `damage`');
    return;
  }

  fact(TOLD, async (bench) => {
    await damaged(bench);
    for (let i = 0; i < 2; i++) {
      const fresh = await bench.open();
      for (let again = 0; again < 3; again++) await assertTold(fresh);
      await rejects(all(fresh.range('k')), 'DGENTS_STATE_CORRUPTION', { key: 'k' });
    }
  });

  fact(REFUSED, async (bench) => {
    const { k } = await damaged(bench);
    const fresh = await bench.open();
    // A store that looks at heads alone need not notice: what follows a damaged record replaces nothing.
    const follows = appendOf('k', headOf(k.at(-1)!), record(k.length + 1));
    const [result] = await fresh.commit([follows]).catch(unlessCorruption);
    const begins = await fresh.commit([appendOf('k', null, record(1))]).catch(unlessCorruption);
    assert.notEqual(begins[0]?.ok, true, 'a log that is damaged is not one that is not there');
    for (const backend of [fresh, await bench.open()]) {
      await rejects(all(backend.range('k')), 'DGENTS_STATE_CORRUPTION', { key: 'k' });
      if (result?.ok !== true) await assertTold(backend);
    }
  });

  fact(BESIDE, async (bench) => {
    const { other } = await damaged(bench);
    const fresh = await bench.open();
    await assertTold(fresh);
    for (const heads of [false, true]) {
      const listed = (await all(fresh.keys('', { heads }))).filter(({ key }) => key !== 'k');
      assert.deepEqual(listed.map(({ key }) => key).sort(), ['before', 'other']);
      if (heads) for (const { key, head } of listed) assert.equal(head?.version, 3, key);
    }
    const log = await grow(fresh, 'other', ['patch'], other);
    assertRecords(await all(fresh.range('other')), log, 1, 4);
  });
}

/** Three logs, closed, and one of them damaged. */
async function damaged({
  backend,
  subject,
  place,
  open,
}: BackendBench): Promise<{ k: LogRecord[]; other: LogRecord[] }> {
  await grow(backend, 'before', ['set', 'patch', 'set']);
  const k = await grow(backend, 'k', ['set', 'patch', 'set']);
  const other = await grow(backend, 'other', ['set', 'patch', 'set']);
  await backend.close();
  await subject.damage!(place as never, 'k');
  await assertNoticed(await open(), k);
  return { k, other };
}

/** What is read as if nothing had happened tells nothing of the backend, unless its author knows that something has. */
async function assertNoticed(backend: Backend, before: readonly LogRecord[]): Promise<void> {
  const [tail, log] = await Promise.allSettled([backend.read('k'), all(backend.range('k'))]);
  await backend.close();
  if (tail.status === 'rejected' || log.status === 'rejected') return;
  const asBefore =
    isDeepStrictEqual(log.value.map(plain), before.map(plain)) &&
    tail.value.head?.id === before.at(-1)?.id &&
    isDeepStrictEqual(tail.value.records.map(plain), before.slice(-1).map(plain));
  assert.ok(
    !asBefore,
    'what was damaged is read as it was before: nothing looks at what `damage` changed, or `damage` changed nothing that is read',
  );
}

function unlessCorruption(error: unknown): CommitResult[] {
  if (DgentsError.is(error, 'DGENTS_STATE_CORRUPTION')) return [];
  throw error;
}

async function assertTold(backend: Backend): Promise<void> {
  await rejects(backend.read('k'), 'DGENTS_STATE_CORRUPTION', { key: 'k' });
}
