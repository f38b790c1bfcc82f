/** A checkpoint is a cache: with it or without it, everything reads the same. */
import assert from 'node:assert/strict';
import type { BackendBench } from '../../backend-bench.js';
import type { Facts } from '../../kit.js';
import { like } from '../../support/assertions.js';
import { readWhole } from '../../support/readings.js';
import {
  all,
  assertRecords,
  assertWholeTail,
  checkpointOf,
  grow,
  headOf,
  record,
} from '../../support/records.js';

export function stateCheckpoints(fact: Facts<BackendBench>): void {
  fact(
    'a checkpoint changes neither head nor floor nor records, and a tail may start from it',
    async ({ backend }) => {
      const log = await grow(backend, 'k', ['set', 'patch', 'patch', 'patch']);
      const offered = [checkpointOf(log[1]!), checkpointOf(log[2]!)];
      for (const checkpoint of offered) await backend.checkpoint('k', checkpoint);
      for (let at = 1; at <= 4; at++) {
        const due = offered.filter((checkpoint) => checkpoint.version <= at);
        assertWholeTail(await readWhole(backend, 'k', { at }), log, at, due);
      }
      like(await backend.read('k'), { head: headOf(log[3]!), floor: 1 });
      assertRecords(await all(backend.range('k')), log, 1, 4);
    },
  );

  fact('a tail after a head never starts from a checkpoint', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set', 'patch', 'patch']);
    for (const each of log) await backend.checkpoint('k', checkpointOf(each));
    const tail = await readWhole(backend, 'k', { after: headOf(log[0]!) });
    assert.equal(tail.checkpoint ?? tail.base, undefined);
    assertRecords(tail.records, log, 2, 3);
  });

  fact('a checkpoint under another id is ignored', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set', 'patch', 'patch']);
    for (const each of log) await backend.checkpoint('k', { ...checkpointOf(each), id: 'of another' });
    assertWholeTail(await readWhole(backend, 'k'), log, 3);
    assertRecords(await all(backend.range('k')), log, 1, 3);
  });

  fact(
    'a checkpoint beyond the head is ignored, and stays so when the log gets there',
    async ({ backend }) => {
      const log = await grow(backend, 'k', ['set', 'patch', 'patch']);
      await backend.checkpoint('k', checkpointOf(record(4)));
      assertWholeTail(await readWhole(backend, 'k'), log, 3);
      const grown = await grow(backend, 'k', ['patch', 'patch'], log);
      assertWholeTail(await readWhole(backend, 'k'), grown, 5);
    },
  );

  fact('a checkpoint of no log makes none', async ({ backend }) => {
    await backend.checkpoint('absent', checkpointOf(record(1)));
    like(await backend.read('absent'), { head: null, floor: 0, records: [] });
    assert.deepEqual(await all(backend.range('absent')), []);
  });

  fact('checkpoints without end do not keep a log from being read', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set', ...Array(40).fill('patch')]);
    const offered = log.map((each) => checkpointOf(each));
    for (const each of offered) await backend.checkpoint('k', each);
    for (let at = 1; at <= 41; at++) assertWholeTail(await readWhole(backend, 'k', { at }), log, at, offered);
  });
}
