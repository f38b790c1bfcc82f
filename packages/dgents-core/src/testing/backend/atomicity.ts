import assert from 'node:assert/strict';
import type { Backend, Head, LogRecord } from '../../backend.js';
import { like, rejects } from '../support/assertions.js';
import { lookingOn } from '../support/meanwhile.js';
import { all, appendOf, assertRecords, commitOne, grow, headOf, record } from '../support/records.js';
import { stateJoins } from './atomicity/joins.js';
import { stateStore } from './atomicity/store.js';
import { backendSuite } from './suite.js';

const PRESUMED = [
  'capabilities',
  'values',
  'isolation',
  'keys',
  'history',
  'versions',
  'operations',
] as const;

export const atomicity = backendSuite('atomicity', PRESUMED, (fact, { claims }) => {
  fact('the records of one append become visible together', async ({ backend, open }) => {
    const reader = await open();
    const seen = new Set<number>();
    const look = async (handle: Backend): Promise<void> => {
      seen.add(((await handle.read('k')).head?.version ?? 0) % 3);
      seen.add((await all(handle.range('k'))).length % 3);
    };
    await lookingOn([() => look(backend), () => look(reader)], async () => {
      let last: Head | null = null;
      for (let version = 1; version <= 30; version += 3) {
        const records = [record(version), record(version + 1, 'patch'), record(version + 2, 'event')];
        last = (await commitOne(backend, appendOf('k', last, ...records))).head;
      }
    });
    assert.deepEqual([...seen], [0]);
  });

  fact('an append that conflicts writes none of its records', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set', 'patch']);
    const late = appendOf('k', log[0]!, record(2), record(3), record(4));
    like(await commitOne(backend, late), { ok: false });
    assertRecords(await all(backend.range('k')), log, 1, 2);
  });

  fact('an append with a text that cannot be made is written whole or not at all', async ({ backend }) => {
    const { data: _, ...rest } = record(2, 'patch');
    const broken = Object.defineProperty(rest, 'data', {
      get: () => {
        throw new RangeError('this text cannot be made');
      },
      enumerable: true,
    }) as LogRecord;
    const append = appendOf('k', null, record(1), broken, record(3));
    const before = appendOf('before', null, record(1));
    // A backend that keeps values may never ask for the text.
    const made = await backend.commit([before, append]).then(
      (results) => results[1]!.ok,
      () => false,
    );
    assert.equal((await backend.read('k', { limit: 0 })).head?.version ?? 0, made ? 3 : 0);
    // Each stands by itself: what came before it may be there, whole.
    const { head } = await backend.read('before');
    if (head === null) await grow(backend, 'before', ['set', 'patch']);
    else await grow(backend, 'before', ['patch'], before.records);
  });

  fact('one append may be asked to be atomic everywhere', async ({ backend }) => {
    const append = appendOf('k', null, record(1), record(2));
    like(await backend.commit([append], { atomic: true }), [{ ok: true, head: { version: 2 } }]);
    const late = appendOf('k', null, record(1));
    like(await backend.commit([late], { atomic: true }), [{ ok: false, head: { version: 2 } }]);
    assert.equal((await backend.commit([], { atomic: true })).length, 0);
  });

  fact('the appends of one commit stand by themselves unless they are asked not to', async ({ backend }) => {
    const [taken] = await grow(backend, 'taken', ['set']);
    const names = ['a', 'taken', 'b'];
    const results = await backend.commit(names.map((key) => appendOf(key, null, record(1))));
    assert.deepEqual(
      results.map(({ ok }) => ok),
      [true, false, true],
    );
    like(results[1]!.head, headOf(taken!));
    for (const key of ['a', 'b']) like((await backend.read(key)).head, { version: 1 });
  });

  fact('what is new and what is sent again may come in one commit', async ({ backend }) => {
    const again = appendOf('again', null, record(1));
    await commitOne(backend, again);
    const [taken] = await grow(backend, 'taken', ['set']);
    const given = [appendOf('new', null, record(1)), again, appendOf('taken', null, record(1))];
    const results = await backend.commit(given);
    like(results, [
      { ok: true, replayed: false },
      { ok: true, replayed: true, head: headOf(again.records[0]!) },
      { ok: false, head: headOf(taken!) },
    ]);
    assert.equal((await all(backend.range('again'))).length, 1);
  });

  fact(
    'an append that goes on from one that was made is another one, and conflicts whole',
    async ({ backend }) => {
      const first = appendOf('k', null, record(1), record(2));
      await commitOne(backend, first);
      const longer = appendOf('k', null, ...first.records, record(3));
      like(await commitOne(backend, longer), { ok: false, head: headOf(first.records[1]!) });
      assertRecords(await all(backend.range('k')), first.records, 1, 2);
    },
  );

  fact('results come in the order of the appends', async ({ backend }) => {
    const names = ['m', 'z', 'a', 'y', 'b', 'Z', '10', '9'];
    const appends = names.map((key) => appendOf(key, null, record(1)));
    const results = await backend.commit(appends);
    assert.deepEqual(
      results.map(({ head }) => head?.id),
      appends.map(({ records }) => records[0]!.id),
    );
  });

  if (claims.joins) stateJoins(fact);

  if (claims.atomicity === 'store') {
    stateStore(fact);
    return;
  }

  fact(
    'atomicity across keys is not claimed: it is refused with UnsupportedError, and nothing is written',
    async ({ backend }) => {
      const appends = [appendOf('a', null, record(1)), appendOf('b', null, record(1))];
      await rejects(backend.commit(appends, { atomic: true }), 'DGENTS_UNSUPPORTED');
      assert.deepEqual(await all(backend.keys()), []);
    },
  );
});
