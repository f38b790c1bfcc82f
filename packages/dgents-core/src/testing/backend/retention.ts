import assert from 'node:assert/strict';
import type { Backend, LogRecord } from '../../backend.js';
import { like, rejects } from '../support/assertions.js';
import { bare } from '../support/heads.js';
import { readWhole } from '../support/readings.js';
import {
  all,
  appendOf,
  assertRecords,
  assertWholeTail,
  checkpointOf,
  commitOne,
  grow,
  headOf,
  plain,
  record,
} from '../support/records.js';
import { stateErasure } from './retention/erasure.js';
import { stateTrimmingMeanwhile } from './retention/meanwhile.js';
import { backendSuite } from './suite.js';

const PRESUMED = ['capabilities', 'values', 'isolation', 'keys', 'history', 'versions'] as const;
const KINDS = ['set', 'patch', 'patch', 'patch', 'patch', 'patch'] as const;

export const retention = backendSuite('retention', PRESUMED, (fact) => {
  fact('the base becomes the oldest version kept, and head and numbering stay', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    const base = checkpointOf(log[3]!);
    await backend.trim('k', base);
    const tail = await readWhole(backend, 'k');
    like(tail, { floor: 4, head: headOf(log[5]!) });
    assert.deepEqual(plain(tail.base!), plain(base));
    assertRecords(tail.records, log, 5, 6);
    const grown = await grow(backend, 'k', ['patch'], log);
    assertWholeTail(await readWhole(backend, 'k'), grown, 7, [base]);
  });

  fact('no range returns what lies before the base, nor the record at it', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    await backend.trim('k', checkpointOf(log[3]!));
    assertRecords(await all(backend.range('k')), log, 5, 6);
    assertRecords(await all(backend.range('k', { from: 2, to: 5 })), log, 5, 5);
    assertRecords(await all(backend.range('k', { limit: 1 })), log, 5, 5);
    assertRecords((await all(backend.range('k', { reverse: true }))).reverse(), log, 5, 6);
    assert.deepEqual(await all(backend.range('k', { from: 1, to: 4 })), []);
  });

  fact(
    'what lies before the base cannot be read: it is LogCompactedError, which tells the floor',
    async ({ backend }) => {
      const log = await grow(backend, 'k', KINDS);
      await backend.trim('k', checkpointOf(log[3]!));
      for (const at of [1, 2, 3]) {
        await rejects(backend.read('k', { at }), 'DGENTS_LOG_COMPACTED', { floor: 4 });
      }
    },
  );

  fact('the versions that are kept can be read as before', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    const base = checkpointOf(log[3]!);
    await backend.trim('k', base);
    for (const at of [4, 5, 6]) assertWholeTail(await readWhole(backend, 'k', { at }), log, at, [base]);
  });

  fact(
    'a reader from before the base is told that the log was trimmed, and is given all of it',
    async ({ backend }) => {
      const log = await grow(backend, 'k', KINDS);
      const base = checkpointOf(log[3]!);
      await backend.trim('k', base);
      for (const seen of log.slice(0, 3)) {
        const tail = await readWhole(backend, 'k', { after: headOf(seen) });
        assert.equal(tail.since, 'trimmed');
        assertWholeTail(tail, log, 6, [base]);
      }
    },
  );

  fact('a reader at the base or later is given what followed', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    await backend.trim('k', checkpointOf(log[3]!));
    for (const seen of log.slice(3)) {
      const tail = await readWhole(backend, 'k', { after: headOf(seen) });
      assert.equal(tail.since, 'same');
      assert.equal(tail.base ?? tail.checkpoint, undefined);
      assertRecords(tail.records, log, seen.version + 1, 6);
    }
    const stranger = await backend.read('k', { after: { ...headOf(log[3]!), id: 'of another' } });
    assert.equal(stranger.since, 'diverged');
  });

  fact('a base at the head leaves no records and the same head', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    const base = checkpointOf(log[5]!);
    await backend.trim('k', base);
    like(await backend.read('k'), { head: headOf(log[5]!), floor: 6, records: [] });
    assert.deepEqual(await all(backend.range('k')), []);
    assertWholeTail(await readWhole(backend, 'k'), log, 6, [base]);
    const grown = await grow(backend, 'k', ['patch'], log);
    assertWholeTail(await readWhole(backend, 'k'), grown, 7, [base]);
  });

  fact('a base under another id changes nothing', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    for (const each of log) await backend.trim('k', { ...checkpointOf(each), id: 'of another' });
    await assertUntouched(backend, log);
  });

  fact(
    'a base beyond the head, at version 1 of a whole log, or of no log changes nothing',
    async ({ backend }) => {
      const log = await grow(backend, 'k', KINDS);
      await backend.trim('k', checkpointOf(record(7)));
      await backend.trim('k', checkpointOf(log[0]!));
      await backend.trim('absent', checkpointOf(log[3]!));
      await assertUntouched(backend, log);
      assert.deepEqual(
        (await all(backend.keys())).map(({ key }) => key),
        ['k'],
      );
    },
  );

  fact('a base at or below the floor changes nothing', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    const base = checkpointOf(log[3]!);
    await backend.trim('k', base);
    await backend.trim('k', checkpointOf(log[3]!, '"another state"'));
    await backend.trim('k', checkpointOf(log[1]!));
    const tail = await readWhole(backend, 'k');
    like(tail, { floor: 4, head: headOf(log[5]!) });
    assertWholeTail(tail, log, 6, [base]);
  });

  fact('an append to a trimmed log is compared with its head as ever', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    await backend.trim('k', checkpointOf(log[5]!));
    const { head } = await backend.read('k');
    for (const stale of [null, log[4]!, { ...headOf(log[5]!), id: 'of another' }]) {
      const version = stale === null ? 1 : stale.version + 1;
      like(await commitOne(backend, appendOf('k', stale, record(version))), { ok: false, head: bare(head) });
    }
    await grow(backend, 'k', ['set'], log);
  });

  fact('the floor moves up, trim after trim, while the log grows', async ({ backend }) => {
    let log: LogRecord[] = await grow(backend, 'k', ['set']);
    for (let i = 0; i < 60; i++) {
      log = await grow(backend, 'k', ['patch'], log);
      if (log.length > 5) await backend.trim('k', checkpointOf(log.at(-5)!));
    }
    const tail = await readWhole(backend, 'k');
    assertWholeTail(tail, log, 61, [checkpointOf(log[56]!)]);
    assert.equal(tail.floor, 57);
    assertRecords(await all(backend.range('k')), log, 58, 61);
  });

  fact('a base may stand within an append', async ({ backend }) => {
    const log = [record(1), record(2, 'patch'), record(3, 'patch'), record(4, 'event')];
    await commitOne(backend, appendOf('k', null, ...log));
    const base = checkpointOf(log[1]!);
    await backend.trim('k', base);
    assertWholeTail(await readWhole(backend, 'k'), log, 4, [base]);
    assertRecords(await all(backend.range('k')), log, 3, 4);
    const grown = await grow(backend, 'k', ['patch'], log);
    assertWholeTail(await readWhole(backend, 'k'), grown, 5, [base]);
  });

  fact('a checkpoint above the base stays usable', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    const [base, later] = [checkpointOf(log[2]!), checkpointOf(log[4]!)];
    await backend.checkpoint('k', later);
    await backend.trim('k', base);
    assertWholeTail(await readWhole(backend, 'k'), log, 6, [base, later]);
    assertWholeTail(await readWhole(backend, 'k', { at: 4 }), log, 4, [base]);
    assert.equal((await backend.read('k')).floor, 3);
  });

  fact('a checkpoint at or below the floor is ignored', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set', 'patch', 'patch', 'patch']);
    const base = checkpointOf(log[2]!);
    await backend.trim('k', base);
    for (const each of log.slice(0, 3)) await backend.checkpoint('k', checkpointOf(each, '"late"'));
    assertWholeTail(await readWhole(backend, 'k'), log, 4, [base]);
    assert.equal((await backend.read('k')).floor, 3);
    await rejects(backend.read('k', { at: 2 }), 'DGENTS_LOG_COMPACTED', { floor: 3 });
  });

  fact('a checkpoint from before the base goes with it', async ({ backend }) => {
    const log = await grow(backend, 'k', KINDS);
    await backend.checkpoint('k', checkpointOf(log[1]!));
    const base = checkpointOf(log[3]!);
    await backend.trim('k', base);
    for (const at of [4, 5, 6]) assertWholeTail(await readWhole(backend, 'k', { at }), log, at, [base]);
  });

  fact('a checkpoint at the base goes too: what is read starts from the base', async (bench) => {
    const { backend } = bench;
    const log = await grow(backend, 'k', KINDS);
    const [older, base] = [checkpointOf(log[3]!, '"the checkpoint"'), checkpointOf(log[3]!)];
    await backend.checkpoint('k', older);
    await backend.trim('k', base);
    for (const handle of [backend, await bench.open()]) {
      for (const at of [4, 5, 6]) assertWholeTail(await readWhole(handle, 'k', { at }), log, at, [base]);
      assertWholeTail(await readWhole(handle, 'k'), log, 6, [base]);
      assertWholeTail(await readWhole(handle, 'k', { after: headOf(log[1]!) }), log, 6, [base]);
      const { checkpoint } = await handle.read('k', { limit: 1 });
      assert.equal(checkpoint, undefined, 'a checkpoint at the floor is read');
    }
  });

  stateErasure(fact);
  stateTrimmingMeanwhile(fact);
});

async function assertUntouched(backend: Backend, log: readonly LogRecord[]): Promise<void> {
  const tail = await readWhole(backend, 'k');
  like(tail, { floor: 1, head: headOf(log.at(-1)!) });
  assertWholeTail(tail, log, log.length);
  assertRecords(await all(backend.range('k')), log, 1, log.length);
}
