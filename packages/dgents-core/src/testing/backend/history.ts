import assert from 'node:assert/strict';
import { like } from '../support/assertions.js';
import { readWhole } from '../support/readings.js';
import { all, assertRecords, assertWholeTail, grow, headOf, record } from '../support/records.js';
import { stateCheckpoints } from './history/checkpoints.js';
import { stateOrder } from './history/order.js';
import { statePages } from './history/pages.js';
import { stateRandomReads } from './history/random-reads.js';
import { backendSuite } from './suite.js';

/** The tombstone comes last: that numbering goes on after one has a fact of its own in `versions`. */
const KINDS = ['set', 'patch', 'patch', 'set', 'patch', 'event', 'set', 'patch', 'tombstone'] as const;

export const history = backendSuite('history', ['capabilities', 'values', 'isolation', 'keys'], (fact) => {
  fact('a key that was never written has no log', async ({ backend }) => {
    like(await backend.read('absent'), { head: null, floor: 0, since: 'same', records: [], more: false });
    like(await backend.read('absent', { at: 99 }), { head: null, records: [] });
    assert.deepEqual(await all(backend.range('absent')), []);
    assert.deepEqual(await all(backend.range('absent', { reverse: true })), []);
  });

  fact('a read gives the head and the tail from a starting point on', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    const tail = await readWhole(backend, 'k');
    like(tail, { head: headOf(log[8]!), floor: 1, since: 'same' });
    assertWholeTail(tail, log, 9);
  });

  fact('a log of patches and events only is read from version 1', async ({ backend }) => {
    const log = await grow(backend, 'k', ['event', 'patch', 'event']);
    assertRecords((await readWhole(backend, 'k')).records, log, 1, 3);
  });

  fact('a read as of any version ends there and still has the head of the whole log', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    for (let at = 1; at <= log.length; at++) {
      const tail = await readWhole(backend, 'k', { at });
      assertWholeTail(tail, log, at);
      like(tail.head, headOf(log[8]!));
    }
  });

  fact('a read as of a version yet to come is a read of now', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set', 'patch']);
    assertWholeTail(await readWhole(backend, 'k', { at: 99 }), log, 2);
  });

  fact('after any version of the log, a read gives what followed and nothing else', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    for (const seen of log) {
      const tail = await readWhole(backend, 'k', { after: headOf(seen) });
      like(tail, { since: 'same', floor: 1, head: headOf(log[8]!) });
      assert.equal(tail.base ?? tail.checkpoint, undefined);
      assertRecords(tail.records, log, seen.version + 1, 9);
    }
  });

  fact('`after` and `at` together give what lies between them', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    const tail = await readWhole(backend, 'k', { after: headOf(log[1]!), at: 5 });
    assertRecords(tail.records, log, 3, 5);
    assert.equal(tail.since, 'same');
    const nothing = await readWhole(backend, 'k', { after: headOf(log[4]!), at: 5 });
    like(nothing, { since: 'same', records: [], more: false });
  });

  fact(
    'after a head of the same version under another id, the log has diverged and is given whole',
    async ({ backend }) => {
      const log = await grow(backend, 'k', ['set', 'patch', 'patch']);
      for (const version of [1, 2, 3]) {
        const stranger = { ...headOf(log[1]!), version, id: 'of another' };
        const tail = await readWhole(backend, 'k', { after: stranger });
        assert.equal(tail.since, 'diverged');
        assertWholeTail(tail, log, 3);
      }
    },
  );

  fact('after a head beyond the end, or of a log that is gone, the log has diverged', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set', 'patch']);
    const after = headOf(record(3));
    const tail = await readWhole(backend, 'k', { after });
    assert.equal(tail.since, 'diverged');
    assertWholeTail(tail, log, 2);
    like(await backend.read('absent', { after }), { head: null, floor: 0, since: 'diverged', records: [] });
  });

  for (const limit of [1, 2, 5, 100]) {
    fact(`pages of ${limit} join to the whole`, async ({ backend }) => {
      const log = await grow(backend, 'k', ['set', ...Array(6).fill('patch')]);
      assertRecords((await readWhole(backend, 'k', { limit })).records, log, 1, 7);
    });
  }

  fact('a limit of 0 gives no records and says whether there are any', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set', 'patch']);
    const [first, last] = log.map(headOf);
    like(await backend.read('k', { limit: 0, after: first! }), { head: last, records: [], more: true });
    like(await backend.read('k', { limit: 0, after: last! }), { head: last, records: [], more: false });
    like(await backend.read('k', { limit: 0 }), { head: last, records: [] });
    assert.deepEqual(await all(backend.range('k', { limit: 0 })), []);
    assert.deepEqual(await all(backend.range('k', { limit: 0, reverse: true })), []);
  });

  statePages(fact);
  stateOrder(fact);
  stateCheckpoints(fact);
  stateRandomReads(fact);
});
