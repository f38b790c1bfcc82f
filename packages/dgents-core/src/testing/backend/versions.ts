import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Backend, Head, LogRecord, RecordKind } from '../../backend.js';
import { like } from '../support/assertions.js';
import { bare } from '../support/heads.js';
import { readWhole } from '../support/readings.js';
import {
  all,
  appendOf,
  assertRecords,
  assertWholeTail,
  commitOne,
  grow,
  headOf,
  record,
} from '../support/records.js';
import { backendSuite } from './suite.js';

const PRESUMED = ['capabilities', 'values', 'isolation', 'keys', 'history'] as const;

export const versions = backendSuite('versions', PRESUMED, (fact) => {
  fact('the first append expects null and becomes the head', async ({ backend }) => {
    const first = record(1);
    const result = await commitOne(backend, appendOf('k', null, first));
    like(result, { ok: true, head: headOf(first) });
    like(result.head, bare((await backend.read('k')).head));
  });

  fact('every append becomes the head, and is told so', async ({ backend }) => {
    let head: Head | null = null;
    for (const [i, kind] of (['set', 'patch', 'event', 'set', 'tombstone'] as const).entries()) {
      const next = record(i + 1, kind);
      const result = await commitOne(backend, appendOf('k', head, next));
      like(result, { ok: true, head: headOf(next) });
      head = result.head;
      like(head, bare((await backend.read('k')).head));
    }
  });

  fact('a conflict is a result with the actual head, and writes nothing', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set', 'patch']);
    const { head } = await backend.read('k');
    const stale = [
      appendOf('k', null, record(1)),
      appendOf('k', log[0]!, record(2)),
      appendOf('k', log[0]!, record(2), record(3), record(4)),
      appendOf('k', record(7), record(8)),
    ];
    for (const append of stale) like(await commitOne(backend, append), { ok: false, head: bare(head) });
    assertRecords(await all(backend.range('k')), log, 1, 2);
    await grow(backend, 'k', ['patch'], log);
  });

  fact('the id of the head is compared, not its version alone', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set', 'patch']);
    const { head } = await backend.read('k');
    const strangers = ['of another', log[0]!.id, log[1]!.id.toUpperCase(), `${log[1]!.id} `, ''];
    for (const id of strangers) {
      const append = appendOf('k', { ...headOf(log[1]!), id }, record(3));
      like(await commitOne(backend, append), { ok: false, head: bare(head) }, `after the id "${id}"`);
    }
    assertRecords(await all(backend.range('k')), log, 1, 2);
  });

  fact('the version of the head is compared, not its id alone', async ({ backend }) => {
    const same = record(1).id;
    const log = await grow(backend, 'k', [
      { kind: 'set', id: same },
      { kind: 'patch', id: same },
    ]);
    const { head } = await backend.read('k');
    for (const version of [1, 3]) {
      const append = appendOf('k', { ...headOf(log[1]!), version }, record(version + 1));
      like(await commitOne(backend, append), { ok: false, head: bare(head) }, `after version ${version}`);
    }
    assertRecords(await all(backend.range('k')), log, 1, 2);
  });

  fact('times are not compared: they are for people', async ({ backend }) => {
    const [first] = await grow(backend, 'k', ['set']);
    const { head } = await backend.read('k');
    const append = appendOf('k', { ...head!, at: first!.at + 1_000 }, record(2));
    like(await commitOne(backend, append), { ok: true, head: { version: 2 } });
  });

  fact('an append to a log that is not there conflicts with null', async ({ backend }) => {
    const late = appendOf('k', record(3), record(4));
    like(await commitOne(backend, late), { ok: false, head: null });
    assert.deepEqual(await all(backend.keys()), []);
  });

  fact(
    'who expects nothing where there is something conflicts, also when it is trying again and again',
    async ({ backend }) => {
      const log = await grow(backend, 'k', ['set']);
      for (let i = 0; i < 3; i++)
        like(await commitOne(backend, appendOf('k', null, record(1))), { ok: false });
      assertRecords(await all(backend.range('k')), log, 1, 1);
    },
  );

  fact('an append may hold records of every kind, and its head is that of the last', async ({ backend }) => {
    const records = [record(1), record(2, 'patch'), record(3, 'event'), record(4, 'tombstone')];
    const { head } = await commitOne(backend, appendOf('k', null, ...records));
    like(head, headOf(records[3]!));
    assertRecords(await all(backend.range('k')), records, 1, 4);
    const more = [record(5, 'event'), record(6), record(7, 'patch')];
    like(await commitOne(backend, appendOf('k', head, ...more)), { ok: true, head: headOf(more[2]!) });
    assertRecords(await all(backend.range('k')), [...records, ...more], 1, 7);
  });

  fact('an append that changes nothing is a version of its own', async ({ backend }) => {
    const same = { kind: 'set', data: '{"same":1}', at: 1_700_000_000_000 } as const;
    const log = await grow(backend, 'k', [same, same, { ...same, kind: 'patch', data: '[]' }, same]);
    assertRecords(await all(backend.range('k')), log, 1, 4);
    like((await backend.read('k')).head, headOf(log[3]!));
  });

  fact('an append of many records is whole', async ({ backend }) => {
    const { recordsPerAppend } = (await backend.ready()).limits;
    const many = Array.from({ length: Math.min(recordsPerAppend, 200) }, (_, i) => record(i + 1));
    like(await commitOne(backend, appendOf('k', null, ...many)), { ok: true, head: headOf(many.at(-1)!) });
    assertRecords(await all(backend.range('k')), many, 1, many.length);
  });

  fact('an empty commit has no results', async ({ backend }) => {
    assert.equal((await backend.commit([])).length, 0);
    assert.deepEqual(await all(backend.keys()), []);
  });

  fact('numbering goes on after a tombstone, which nobody may take for nothing', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set', 'tombstone']);
    like((await backend.read('k')).head, { version: 2, deleted: true });
    like(await commitOne(backend, appendOf('k', null, record(1))), { ok: false, head: headOf(log[1]!) });
    await grow(backend, 'k', ['set'], log);
    like((await backend.read('k')).head, { version: 3, deleted: false });
  });

  fact('a log that goes on after tombstones is one log, and reads as one', async ({ backend }) => {
    const kinds: RecordKind[] = [
      'set',
      'tombstone',
      'set',
      'patch',
      'tombstone',
      'tombstone',
      'event',
      'set',
      'patch',
    ];
    const log = await grow(backend, 'k', kinds);
    assertRecords(await all(backend.range('k')), log, 1, 9);
    for (let at = 1; at <= 9; at++) assertWholeTail(await readWhole(backend, 'k', { at }), log, at);
    for (const seen of log) {
      const tail = await readWhole(backend, 'k', { after: headOf(seen) });
      assert.equal(tail.since, 'same');
      assertRecords(tail.records, log, seen.version + 1, 9);
    }
  });

  fact('a log may begin with a tombstone', async ({ backend }) => {
    const log = await grow(backend, 'k', ['tombstone']);
    like(await backend.read('k'), { head: headOf(log[0]!), floor: 1 });
    const grown = await grow(backend, 'k', ['set'], log);
    assertRecords(await all(backend.range('k')), grown, 1, 2);
  });

  fact(
    'whatever is expected, an append is taken exactly when that is the head',
    async ({ backend, runs }) => {
      let logs = 0;
      const attempts = fc.array(
        fc.record({ version: fc.nat(6), stranger: fc.boolean(), count: fc.integer({ min: 1, max: 3 }) }),
        { minLength: 1, maxLength: 12 },
      );
      const compared = fc.asyncProperty(attempts, async (given) => {
        const key = `log-${++logs}`;
        const log: LogRecord[] = [];
        for (const { version, stranger, count } of given) {
          await attempt(backend, key, log, { version: Math.min(version, log.length), stranger, count });
        }
        assertRecords(await all(backend.range(key)), log, 1, log.length);
      });
      await fc.assert(compared, runs(25));
    },
  );
});

/** Appends after some version of the log, or after a stranger of that number; `log` grows if that was right. */
async function attempt(
  backend: Backend,
  key: string,
  log: LogRecord[],
  { version, stranger, count }: { version: number; stranger: boolean; count: number },
): Promise<void> {
  const seen = log[version - 1];
  const expected = seen === undefined ? null : { ...headOf(seen), ...(stranger && { id: record(1).id }) };
  const isHead = version === log.length && (expected === null || !stranger);
  // A backend that gives tokens wants to see the one of the head.
  const { head } = await backend.read(key, { limit: 0 });
  const token = isHead && head?.token !== undefined ? { token: head.token } : {};
  const records = Array.from({ length: count }, (_, i) => record(version + i + 1));
  const result = await commitOne(backend, appendOf(key, expected && { ...expected, ...token }, ...records));
  assert.equal(result.ok, isHead, `after version ${version} of ${log.length}`);
  if (result.ok) log.push(...records);
  assert.equal(result.head?.id, log.at(-1)?.id);
}
