/** Trimming while others read and write. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Backend, LogRecord } from '../../../backend.js';
import { DgentsError } from '../../../errors.js';
import type { BackendBench } from '../../backend-bench.js';
import type { Facts } from '../../kit.js';
import { like } from '../../support/assertions.js';
import { lengthened } from '../../support/lengthened.js';
import { lookingOn } from '../../support/meanwhile.js';
import { readWhole } from '../../support/readings.js';
import { all, assertRecords, assertWholeTail, checkpointOf, grow, headOf } from '../../support/records.js';

/** More than a page of most stores. */
const OVERTAKEN = 300;

export function stateTrimmingMeanwhile(fact: Facts<BackendBench>): void {
  fact(
    'whoever reads while a log is being trimmed sees it as it was or as it is then',
    async ({ backend, open }) => {
      const log = await grow(backend, 'k', ['set', ...Array(30).fill('patch')]);
      const bases = [5, 10, 15, 20, 25].map((version) => checkpointOf(log[version - 1]!));
      const second = await open();
      const look = async (handle: Backend): Promise<void> => {
        const { floor } = await handle.read('k');
        const tail = await readWhole(handle, 'k');
        assertWholeTail(tail, log, 31, bases);
        assert.ok(tail.floor >= floor, 'the floor never sinks');
        assertRecords(await all(handle.range('k', { from: 26 })), log, 26, 31);
      };
      await lookingOn([() => look(backend), () => look(second)], async () => {
        for (const base of bases) {
          await backend.trim('k', base);
          await new Promise(setImmediate);
        }
      });
      assert.equal((await backend.read('k')).floor, 25);
    },
  );

  fact('what is appended while a log is being trimmed is kept', async ({ backend, open }) => {
    const second = await open();
    let log: LogRecord[] = await grow(backend, 'k', ['set', 'patch', 'patch']);
    for (let round = 0; round < 10; round++) {
      const base = checkpointOf(log.at(-2)!);
      const [grown] = await Promise.all([
        grow(backend, 'k', ['patch', 'patch'], log),
        second.trim('k', base),
      ]);
      log = grown;
      const tail = await readWhole(backend, 'k');
      like(tail, { head: headOf(log.at(-1)!), floor: base.version });
      assertWholeTail(tail, log, log.length, [base]);
    }
  });

  fact(
    'no range of another handle returns what was trimmed since it last looked',
    async ({ backend, open }) => {
      const second = await open();
      const log = await grow(backend, 'k', ['set', 'patch', 'patch', 'patch', 'patch']);
      const looks = () =>
        Promise.all(
          [{ from: 1, to: 2 }, { to: 2 }, { from: 2, to: 4 }, { limit: 2 }, {}].map((each) =>
            all(second.range('k', each)),
          ),
        );
      const versions = (found: readonly (readonly LogRecord[])[]) =>
        found.map((records) => records.map(({ version }) => version));
      assert.deepEqual(versions(await looks()), [
        [1, 2],
        [1, 2],
        [2, 3, 4],
        [1, 2],
        [1, 2, 3, 4, 5],
      ]);
      await backend.trim('k', checkpointOf(log[2]!));
      assert.deepEqual(versions(await looks()), [[], [], [4], [4, 5], [4, 5]]);
    },
  );

  fact('a range that is overtaken by a trim says so, and never leaves a gap', async ({ backend }) => {
    const log = await lengthened(backend, 'k', [], OVERTAKEN);
    const floor = log.length - 5;
    const found: LogRecord[] = [];
    let end: unknown;
    try {
      for await (const each of backend.range('k')) {
        found.push(each);
        if (found.length === 3) await backend.trim('k', checkpointOf(log[floor - 1]!));
      }
    } catch (error) {
      end = error;
    }
    assertRecords(found, log, 1, found.length);
    if (end !== undefined) assertCompacted(end);
    else assert.equal(found.length, log.length, 'a range that ends before the head says why');
  });

  fact('a range backwards that is overtaken by a trim ends where the log begins', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set', ...Array(40).fill('patch')]);
    const found: LogRecord[] = [];
    for await (const each of backend.range('k', { reverse: true })) {
      found.push(each);
      if (found.length === 3) await backend.trim('k', checkpointOf(log[29]!));
    }
    const last = found.at(-1)!.version;
    assert.ok(last <= 31, `it ends at ${last}, and the log begins after 30`);
    assertRecords(found.reverse(), log, last, log.length);
  });

  fact('another handle sees what was trimmed', async ({ backend, open }) => {
    const second = await open();
    const log = await grow(backend, 'k', ['set', 'patch', 'patch', 'patch']);
    assertWholeTail(await readWhole(second, 'k'), log, 4);
    const base = checkpointOf(log[2]!);
    await backend.trim('k', base);
    const tail = await readWhole(second, 'k');
    assert.equal(tail.floor, 3);
    assertWholeTail(tail, log, 4, [base]);
    const grown = await grow(second, 'k', ['patch'], log);
    assertWholeTail(await readWhole(backend, 'k'), grown, 5, [base]);
  });

  fact(
    'any log, trimmed anywhere and any number of times, is kept from its base on',
    async ({ backend, runs }) => {
      let logs = 0;
      const steps = fc.array(fc.record({ grow: fc.nat(4), trim: fc.nat(100) }), {
        minLength: 1,
        maxLength: 6,
      });
      const kept = fc.asyncProperty(steps, async (given) => {
        const key = `log-${++logs}`;
        let log: LogRecord[] = await grow(backend, key, ['set']);
        let floor = 1;
        for (const step of given) {
          log = await grow(backend, key, Array(step.grow).fill('patch'), log);
          const version = (step.trim % log.length) + 1;
          await backend.trim(key, checkpointOf(log[version - 1]!));
          floor = Math.max(floor, version);
          await assertKeptFrom(backend, key, log, floor);
        }
      });
      await fc.assert(kept, runs(20));
    },
  );
}

async function assertKeptFrom(
  backend: Backend,
  key: string,
  log: readonly LogRecord[],
  floor: number,
): Promise<void> {
  const base = checkpointOf(log[floor - 1]!);
  const tail = await readWhole(backend, key);
  like(tail, { floor, head: headOf(log.at(-1)!) });
  assertWholeTail(tail, log, log.length, [base]);
  assertRecords(await all(backend.range(key)), log, floor === 1 ? 1 : floor + 1, log.length);
  for (let at = 1; at <= log.length; at++) {
    const read = readWhole(backend, key, { at });
    if (at >= floor) assertWholeTail(await read, log, at, [base]);
    else await read.then(() => assert.fail(`version ${at} is still read`), assertCompacted);
  }
}

function assertCompacted(error: unknown): void {
  if (!DgentsError.is(error, 'DGENTS_LOG_COMPACTED')) throw error;
}
