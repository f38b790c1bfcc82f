/** Any way of reading any log, held against what the log is. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Backend, LogRecord, ReadOptions, RecordKind } from '../../../backend.js';
import type { BackendBench } from '../../backend-bench.js';
import type { Facts } from '../../kit.js';
import { readWhole } from '../../support/readings.js';
import { all, assertRecords, assertWholeTail, checkpointOf, grow, headOf } from '../../support/records.js';

const MOST = 12;
const version = fc.integer({ min: 1, max: MOST });

const history = fc.record({
  kinds: fc.array(fc.constantFrom<RecordKind>('set', 'patch', 'patch', 'event'), {
    minLength: 1,
    maxLength: MOST,
  }),
  checkpoints: fc.array(version, { maxLength: 3 }),
  reads: fc.array(fc.record({ after: version, at: version }, { requiredKeys: [] }), { maxLength: 6 }),
  ranges: fc.array(
    fc.record(
      { from: version, to: version, reverse: fc.boolean(), limit: fc.nat(MOST) },
      { requiredKeys: [] },
    ),
    { maxLength: 6 },
  ),
});

export function stateRandomReads(fact: Facts<BackendBench>): void {
  fact('any log, with any checkpoints, is read as it is whatever is asked for', async ({ backend, runs }) => {
    let logs = 0;
    const asItIs = fc.asyncProperty(history, async ({ kinds, checkpoints, reads, ranges }) => {
      const key = `log-${++logs}`;
      const log = await grow(backend, key, kinds);
      const offered = checkpoints.filter((each) => each <= log.length);
      for (const each of offered) await backend.checkpoint(key, checkpointOf(log[each - 1]!));
      for (const { after, at } of reads) await assertRead(backend, key, log, offered, { after, at });
      for (const options of ranges) {
        const records = await all(backend.range(key, options));
        assert.deepEqual(versionsOf(records), expectedRange(log, options), JSON.stringify(options));
      }
    });
    await fc.assert(asItIs, runs(25));
  });
}

async function assertRead(
  backend: Backend,
  key: string,
  log: readonly LogRecord[],
  checkpoints: readonly number[],
  { after, at }: { after: number | undefined; at: number | undefined },
): Promise<void> {
  const end = Math.min(at ?? log.length, log.length);
  const seen = after !== undefined && after <= end ? log[after - 1] : undefined;
  const options: ReadOptions = { ...(at && { at }), ...(seen && { after: headOf(seen) }) };
  const tail = await readWhole(backend, key, options);
  assert.equal(tail.since, 'same');
  assert.equal(tail.head?.version, log.length);
  if (seen !== undefined) assertRecords(tail.records, log, seen.version + 1, end);
  else {
    const offered = checkpoints.filter((each) => each <= end).map((each) => checkpointOf(log[each - 1]!));
    assertWholeTail(tail, log, end, offered);
  }
}

function expectedRange(
  log: readonly LogRecord[],
  { from = 1, to = log.length, reverse = false, limit = log.length }: Partial<Range>,
): number[] {
  const inside = versionsOf(log).filter((each) => each >= from && each <= to);
  return (reverse ? inside.reverse() : inside).slice(0, limit);
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly reverse: boolean;
  readonly limit: number;
}

function versionsOf(records: readonly LogRecord[]): number[] {
  return records.map((each) => each.version);
}
