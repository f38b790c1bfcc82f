/** A base without data: the content is gone for good, the numbering stays. */
import assert from 'node:assert/strict';
import type { BackendBench } from '../../backend-bench.js';
import type { Facts } from '../../kit.js';
import { like, rejects } from '../../support/assertions.js';
import { all, appendOf, checkpointOf, commitOne, grow, headOf, record } from '../../support/records.js';

export function stateErasure(fact: Facts<BackendBench>): void {
  fact('a base with data null erases the content and keeps the numbering', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set', 'patch', 'tombstone']);
    await backend.trim('k', checkpointOf(log[2]!));
    const tail = await backend.read('k');
    like(tail, { floor: 3, records: [], head: headOf(log[2]!) });
    like(tail.base, { version: 3, data: null });
    assert.deepEqual(await all(backend.range('k')), []);
    like(await commitOne(backend, appendOf('k', null, record(1))), { ok: false, head: headOf(log[2]!) });
    await grow(backend, 'k', ['set'], log);
    like((await backend.read('k')).head, { version: 4, deleted: false });
  });

  fact('nothing of what was erased can be read any more, in whatever way', async ({ backend }) => {
    const secret = 'whatever nobody may know';
    const given = { kind: 'set', data: JSON.stringify(secret), meta: { secret } } as const;
    const log = await grow(backend, 'k', [given, given, 'tombstone']);
    await backend.checkpoint('k', checkpointOf(log[1]!, JSON.stringify(secret)));
    await backend.trim('k', checkpointOf(log[2]!));
    for (const at of [1, 2]) await rejects(backend.read('k', { at }), 'DGENTS_LOG_COMPACTED', { floor: 3 });
    const seen = [
      await backend.read('k'),
      await backend.read('k', { at: 3 }),
      ...(await Promise.all(log.map((each) => backend.read('k', { after: headOf(each) })))),
      await all(backend.range('k', { from: 1, to: 99 })),
      await all(backend.range('k', { reverse: true })),
    ];
    assert.ok(!JSON.stringify(seen).includes(secret), 'what was erased is still given out');
  });

  fact(
    'what was erased is gone for other handles too, however they have read it',
    async ({ backend, open }) => {
      const other = await open();
      const secret = 'whatever nobody may know';
      const given = { kind: 'set', data: JSON.stringify(secret) } as const;
      const log = await grow(backend, 'k', [given, given, 'tombstone']);
      const looks = () =>
        Promise.allSettled([
          other.read('k', { at: 1 }),
          other.read('k', { at: 2 }),
          other.read('k', { at: 2, limit: 1 }),
          other.read('k', { at: 2, after: headOf(log[0]!) }),
          other.read('k', { after: headOf(log[0]!) }),
          all(other.range('k', { from: 1, to: 2 })),
          all(other.range('k', { from: 2, limit: 1 })),
          all(other.range('k', { to: 2, reverse: true })),
        ]);
      for (let i = 0; i < 2; i++) await looks();
      await backend.trim('k', checkpointOf(log[2]!));
      const seen = (await looks()).map((each) => (each.status === 'fulfilled' ? each.value : undefined));
      assert.ok(!JSON.stringify(seen).includes(secret), 'what was erased is still given out');
      await rejects(other.read('k', { at: 1 }), 'DGENTS_LOG_COMPACTED', { floor: 3 });
    },
  );

  fact('a key that was trimmed or erased stays listed, with its head', async ({ backend }) => {
    const erased = await grow(backend, 'erased', ['set', 'tombstone']);
    const kept = await grow(backend, 'trimmed', ['set', 'patch']);
    await backend.trim('erased', checkpointOf(erased[1]!));
    await backend.trim('trimmed', checkpointOf(kept[1]!));
    const entries = await all(backend.keys('', { heads: true }));
    const heads = new Map(entries.map(({ key, head }) => [key, head]));
    assert.equal(heads.size, 2);
    like(heads.get('erased'), headOf(erased[1]!));
    like(heads.get('trimmed'), headOf(kept[1]!));
  });

  fact('a log that was erased can live and be erased again', async ({ backend }) => {
    let log = await grow(backend, 'k', ['set', 'tombstone']);
    for (let life = 1; life <= 5; life++) {
      await backend.trim('k', checkpointOf(log.at(-1)!));
      log = await grow(backend, 'k', ['set', 'patch', 'tombstone'], log);
    }
    like(await backend.read('k'), { head: headOf(log.at(-1)!), floor: 14 });
    assert.equal(log.length, 17);
  });
}
