/** Reads in pages, whatever else is asked for: pages are a matter of how much at a time, never of what. */
import assert from 'node:assert/strict';
import type { Backend, LogRecord } from '../../../backend.js';
import type { BackendBench } from '../../backend-bench.js';
import type { Facts } from '../../kit.js';
import { like } from '../../support/assertions.js';
import { readWhole, trimmed } from '../../support/readings.js';
import {
  all,
  appendOf,
  assertRecords,
  assertWholeTail,
  checkpointOf,
  commitOne,
  grow,
  headOf,
  record,
} from '../../support/records.js';

const KINDS = ['set', 'patch', 'patch', 'set', 'patch', 'event'] as const;
const LIMITS = [1, 2, 3, 100];

/** Numbers that an integer of 32 bits, a float or a column holds as others, among them small ones. */
const BEYOND = [2 ** 31, 2 ** 32 + 2, Number.MAX_SAFE_INTEGER];

export function statePages(fact: Facts<BackendBench>): void {
  fact('pages as of a version join to what there was then', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    for (let at = 1; at <= log.length; at++) {
      for (const limit of LIMITS) {
        const tail = await readWhole(backend, 'k', { at, limit });
        assertWholeTail(tail, log, at);
        like(tail.head, headOf(log.at(-1)!), `the head, read as of ${at}`);
      }
      const { records } = await readWhole(backend, 'k', { after: headOf(log[0]!), at, limit: 1 });
      assertRecords(records, log, 2, at);
    }
  });

  fact('a page that ends at the version it is read as of is the last one', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    const after = headOf(log[1]!);
    for (const [at, limit] of [
      [2, 0],
      [3, 1],
      [4, 2],
    ] as const) {
      const { more, records } = await backend.read('k', { after, at, limit });
      assert.equal(more, records.length < limit, `more after ${records.length} of ${limit} up to ${at}`);
    }
    like(await backend.read('k', { after, at: 3, limit: 0 }), { records: [], more: true });
  });

  fact('also as of a version, after a head under another id the log has diverged', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    for (const version of [1, 2, 4]) {
      const after = { ...headOf(log[version - 1]!), id: 'of another' };
      for (const limit of [1, 100]) {
        const tail = await readWhole(backend, 'k', { after, at: 4, limit });
        assert.equal(tail.since, 'diverged', `after version ${version}`);
        assertWholeTail(tail, log, 4);
      }
    }
  });

  fact('the pages of a log that is not the one that was seen join to the whole', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    const seen = headOf(log[0]!);
    for (const limit of LIMITS) {
      const tail = await readWhole(backend, 'k', { after: { ...seen, id: 'of another' }, limit });
      assert.equal(tail.since, 'diverged');
      assertWholeTail(tail, log, 6);
    }
    const base = checkpointOf(log[1]!);
    // That it can be trimmed is promised elsewhere.
    if (!(await trimmed(backend, 'k', base))) return;
    for (const limit of LIMITS) {
      const tail = await readWhole(backend, 'k', { after: seen, limit });
      assert.equal(tail.since, 'trimmed');
      assertWholeTail(tail, log, 6, [base]);
    }
  });

  fact('numbers beyond every version are bounds like any other', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    for (const far of BEYOND) {
      assertWholeTail(await readWhole(backend, 'k', { at: far }), log, 6);
      const { records } = await readWhole(backend, 'k', { after: headOf(log[1]!), at: far, limit: far });
      assertRecords(records, log, 3, 6);
      assertRecords(await all(backend.range('k', { from: 2, to: far, limit: far })), log, 2, 6);
      const back = await all(backend.range('k', { to: far, reverse: true }));
      assertRecords(back.reverse(), log, 1, 6);
      assert.deepEqual(await all(backend.range('k', { from: far })), [], `from ${far}`);
    }
  });

  fact('a limit of Infinity is none', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    const limit = Number.POSITIVE_INFINITY;
    assertWholeTail(await readWhole(backend, 'k', { limit }), log, 6);
    assertRecords(await all(backend.range('k', { limit })), log, 1, 6);
    assertRecords((await all(backend.range('k', { limit, reverse: true }))).reverse(), log, 1, 6);
  });

  for (const reverse of [false, true]) {
    const way = reverse ? 'backwards' : 'forwards';
    fact(`a range ${way} has each version once, whatever is appended while it is read`, async (bench) => {
      const log = await longLog(bench.backend);
      const other = await bench.open();
      const found: number[] = [];
      let grown = log;
      for await (const { version } of bench.backend.range('k', { reverse })) {
        found.push(version);
        // At its beginning, and wherever a page may end; never without end.
        if (found.length % 50 === 1 && grown.length < 2 * LONG)
          grown = await grow(other, 'k', ['patch'], grown);
      }
      if (reverse) found.reverse();
      assert.deepEqual(
        found,
        found.map((_, i) => i + 1),
        'the versions that it gave',
      );
      assert.ok(found.length >= LONG, `it gave ${found.length} of ${LONG} versions`);
    });
  }

  fact('ranges that are read in turns through one handle do not disturb each other', async ({ backend }) => {
    const [log, other] = [await grow(backend, 'k', KINDS), await grow(backend, 'other', KINDS)];
    const begin = (key: string, reverse = false) => backend.range(key, { reverse })[Symbol.asyncIterator]();
    const iterators = [begin('k'), begin('other'), begin('k', true)];
    const found: LogRecord[][] = iterators.map(() => []);
    for (let i = 0; i <= KINDS.length; i++) {
      for (const [n, iterator] of iterators.entries()) {
        const { done, value } = await iterator.next();
        if (!done) found[n]!.push(value);
      }
    }
    assertRecords(found[0]!, log, 1, 6);
    assertRecords(found[1]!, other, 1, 6);
    assertRecords(found[2]!.reverse(), log, 1, 6);
  });
}

/** More than a page of most drivers. */
const LONG = 240;

/** A log that was written in a few commits. */
async function longLog(backend: Backend): Promise<LogRecord[]> {
  const log = await grow(backend, 'k', ['set']);
  while (log.length < LONG) {
    const { head } = await backend.read('k', { limit: 0 });
    const count = Math.min(80, LONG - log.length);
    const more = Array.from({ length: count }, (_, i) => record(log.length + i + 1, 'patch'));
    like(await commitOne(backend, appendOf('k', head, ...more)), { ok: true });
    log.push(...more);
  }
  return log;
}
