/** The order of a log is that of its versions, by every way of reading. */
import assert from 'node:assert/strict';
import type { Backend, LogRecord, RangeOptions } from '../../../backend.js';
import type { BackendBench } from '../../backend-bench.js';
import type { Facts } from '../../kit.js';
import { readWhole } from '../../support/readings.js';
import { all, assertRecords, assertWholeTail, grow, headOf } from '../../support/records.js';

const KINDS = ['set', 'patch', 'patch', 'set', 'patch', 'event', 'set', 'patch', 'tombstone'] as const;

const T = 1_700_000_000_000;
const CLOCKS: Readonly<Record<string, readonly number[]>> = {
  'stands still': [T, T, T, T, T, T],
  'goes backwards': [T + 5, T + 4, T + 3, T + 2, T + 1, T],
  'jumps to and fro': [T, T + 86_400_000, T + 5, T + 3_600_000, T + 5, T - 86_400_000],
};

export function stateOrder(fact: Facts<BackendBench>): void {
  fact('a range is in order, either way', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    assertRecords(await ranged(backend, {}), log, 1, 9);
    assertRecords((await ranged(backend, { reverse: true })).reverse(), log, 1, 9);
  });

  fact('a range keeps within its bounds, both of which it includes', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    for (const [from, to] of [
      [3, 5],
      [1, 1],
      [9, 9],
      [8, 99],
      [1, 9],
      [4, 4],
    ] as const) {
      const due = [from, Math.min(to, 9)] as const;
      assertRecords(await ranged(backend, { from, to }), log, ...due);
      assertRecords((await ranged(backend, { from, to, reverse: true })).reverse(), log, ...due);
    }
    assertRecords(await ranged(backend, { from: 6 }), log, 6, 9);
    assertRecords(await ranged(backend, { to: 4 }), log, 1, 4);
    for (const none of [{ from: 5, to: 4 }, { from: 10 }]) {
      assert.deepEqual(await ranged(backend, none), []);
      assert.deepEqual(await ranged(backend, { ...none, reverse: true }), []);
    }
  });

  fact('the limit of a range counts from the end at which it begins', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    assertRecords(await ranged(backend, { limit: 2 }), log, 1, 2);
    assertRecords(await ranged(backend, { from: 4, limit: 3 }), log, 4, 6);
    assertRecords(await ranged(backend, { limit: 99 }), log, 1, 9);
    assertRecords((await ranged(backend, { reverse: true, limit: 2 })).reverse(), log, 8, 9);
    assertRecords((await ranged(backend, { reverse: true, to: 7, limit: 2 })).reverse(), log, 6, 7);
  });

  for (const [how, times] of Object.entries(CLOCKS)) {
    fact(`versions give the order, not times: the clock ${how}`, async ({ backend }) => {
      const log = await grow(
        backend,
        'k',
        times.map((at, i) => ({ kind: i === 0 ? 'set' : 'patch', at }) as const),
      );
      const ids = log.map(({ id }) => id);
      const found = async (records: readonly LogRecord[] | Promise<readonly LogRecord[]>) =>
        (await records).map(({ id }) => id);
      assert.deepEqual(await found(ranged(backend, {})), ids);
      assert.deepEqual(await found(ranged(backend, { reverse: true })), [...ids].reverse());
      assert.deepEqual(await found(ranged(backend, { from: 2, to: 4 })), ids.slice(1, 4));
      assert.deepEqual(await found((await readWhole(backend, 'k')).records), ids);
      assert.deepEqual(await found((await readWhole(backend, 'k', { at: 3 })).records), ids.slice(0, 3));
      const { head, since, records } = await readWhole(backend, 'k', { after: headOf(log[1]!) });
      assert.equal(since, 'same');
      assert.equal(head?.id, ids.at(-1));
      assert.deepEqual(await found(records), ids.slice(2));
    });
  }

  fact('a long log is read whole and in order, every way', async ({ backend }) => {
    const data = JSON.stringify('x'.repeat(2_000));
    const log = await grow(backend, 'k', ['set', ...Array(260).fill({ kind: 'patch', data })]);
    assertWholeTail(await readWhole(backend, 'k'), log, 261);
    assertRecords(await ranged(backend, {}), log, 1, 261);
    assertRecords((await ranged(backend, { reverse: true })).reverse(), log, 1, 261);
    assertRecords((await readWhole(backend, 'k', { after: headOf(log[129]!) })).records, log, 131, 261);
  });
}

async function ranged(backend: Backend, options: RangeOptions): Promise<LogRecord[]> {
  return all(backend.range('k', options));
}
