import assert from 'node:assert/strict';
import type { Append, Backend, Head } from '../../backend.js';
import type { BackendBench } from '../backend-bench.js';
import { like, rejects } from '../support/assertions.js';
import { OVER_MS, SHORT_MS, SOME_MS } from '../support/expiry.js';
import { all, appendOf, checkpointOf, commitOne, plain, record } from '../support/records.js';
import { backendSuite } from './suite.js';

/** A life that outlasts any test. */
const LONG_MS = 3_600_000;
const DAY_MS = 24 * 3_600_000;

export const ttl = backendSuite(
  'ttl',
  ['capabilities', 'values', 'keys', 'history', 'versions', 'operations', 'retention'],
  (fact, { claims, advance }) => {
    const lasting = 'a log without a time to live is there after days, months and years';
    if (advance === undefined) fact.untested(lasting, 'the subject has no hook `advance` to move its clock');
    else {
      fact(lasting, async ({ backend, pass }) => {
        await live(backend, 'k');
        for (const days of [1, 31, 366, 3_660]) {
          await pass(days * DAY_MS);
          await assertThere(backend, 'k', 1);
        }
      });
    }

    if (!claims.ttl) {
      fact('a time to live is not claimed: it is refused with UnsupportedError', async ({ backend }) => {
        const mortal = { ...appendOf('k', null, record(1)), ttlMs: LONG_MS };
        await rejects(backend.commit([mortal]), 'DGENTS_UNSUPPORTED');
      });

      fact('a commit that is refused for its time to live has written nothing', async ({ backend }) => {
        const good = appendOf('good', null, record(1));
        const mortal = { ...appendOf('k', null, record(1)), ttlMs: LONG_MS };
        await backend.commit([good, mortal]).catch(() => undefined);
        for (const key of ['good', 'k']) assert.equal((await backend.read(key)).head, null, key);
      });
      return;
    }

    fact(
      'a log whose time has run out is gone: nothing of it can be read, listed or found',
      async (bench) => {
        const { backend, pass } = bench;
        const mortal = mortalAppend('k', null, 1, SHORT_MS);
        await commitOne(backend, mortal);
        await pass(OVER_MS);
        for (const handle of [backend, await bench.open()]) {
          like(await handle.read('k'), { head: null, floor: 0, records: [], more: false });
          assert.deepEqual(await all(handle.range('k')), []);
          assert.deepEqual(await all(handle.keys('', { heads: true })), []);
          assert.deepEqual(await all(handle.keys()), []);
          const found = await handle.find?.('k', [mortal.records[0]!.id]);
          if (found !== undefined) assert.equal(found.size, 0);
        }
      },
    );

    fact('what was read before the end is not there after it', async (bench) => {
      const { backend, pass } = bench;
      const mortal = mortalAppend('k', null, 1, SHORT_MS);
      const handles = [backend, await bench.open()];
      await commitOne(backend, mortal);
      const looks = (handle: Backend) => [
        handle.read('k'),
        handle.read('k', { limit: 0 }),
        handle.read('k', { at: 1 }),
        all(handle.range('k')),
        handle.find?.('k', [mortal.records[0]!.id]),
      ];
      for (const handle of handles) await Promise.all(looks(handle));
      await pass(OVER_MS);
      for (const handle of handles) {
        const [tail, head, past, ranged, found] = await Promise.all(looks(handle));
        for (const each of [tail, head, past]) like(each, { head: null, floor: 0, records: [], more: false });
        assert.deepEqual(ranged, []);
        if (found instanceof Map) assert.equal(found.size, 0);
      }
    });

    fact('what was listed before the end is not listed after it', async (bench) => {
      const { backend, pass } = bench;
      const handles = [backend, await bench.open()];
      await live(backend, 'k', SHORT_MS);
      const looks = (handle: Backend) => [
        all(handle.keys()),
        all(handle.keys('k')),
        all(handle.keys('', { heads: true })),
        all(handle.keys('', { limit: 1 })),
      ];
      for (const handle of handles) await Promise.all(looks(handle));
      await pass(OVER_MS);
      for (const handle of handles) assert.deepEqual((await Promise.all(looks(handle))).flat(), []);
    });

    fact('what is gone takes no place in a listing with a limit', async ({ backend, pass }) => {
      for (const key of ['a', 'b', 'd']) await live(backend, key, SHORT_MS);
      for (const key of ['c', 'e']) await live(backend, key);
      await pass(OVER_MS);
      const [first, ...others] = await all(backend.keys('', { limit: 1 }));
      assert.ok(first !== undefined, 'a listing with a limit of 1 gives none of two keys');
      assert.deepEqual(others, []);
      const page = await all(backend.keys('', { limit: 2 }));
      assert.deepEqual(page.map(({ key }) => key).sort(), ['c', 'e']);
    });

    fact(
      'numbering begins anew after the end, and who saw the log before is told',
      async ({ backend, pass }) => {
        const seen = await live(backend, 'k', SHORT_MS);
        await pass(OVER_MS);
        like(await backend.read('k', { after: seen }), { head: null, since: 'diverged', records: [] });
        like(await commitOne(backend, mortalAppend('k', null, 1)), {
          ok: true,
          replayed: false,
          head: { version: 1 },
        });
        like(await backend.read('k', { after: seen }), { head: { version: 1 }, since: 'diverged' });
        like(await commitOne(backend, mortalAppend('k', seen, 2)), { ok: false });
      },
    );

    fact('an append after the end conflicts with null', async ({ backend, pass }) => {
      const seen = await live(backend, 'k', SHORT_MS);
      await pass(OVER_MS);
      like(await commitOne(backend, mortalAppend('k', seen, 2)), { ok: false, head: null });
      assert.equal((await backend.read('k')).head, null);
    });

    fact('a log lives until its time is over', async ({ backend, pass }) => {
      await live(backend, 'k', LONG_MS);
      await pass(OVER_MS);
      await assertThere(backend, 'k', 1);
    });

    fact('an append sets the time to live anew: longer', async ({ backend, pass }) => {
      const first = await live(backend, 'k', SOME_MS);
      await commitOne(backend, mortalAppend('k', first, 2, LONG_MS));
      await pass(SOME_MS + OVER_MS);
      await assertThere(backend, 'k', 2);
    });

    fact('an append sets the time to live anew: shorter', async ({ backend, pass }) => {
      const first = await live(backend, 'k', LONG_MS);
      await commitOne(backend, mortalAppend('k', first, 2, SHORT_MS));
      await pass(OVER_MS);
      assert.equal((await backend.read('k')).head, null);
    });

    fact(
      'an append that keeps the time to live leaves it as it is, and none where there is none',
      async (bench) => {
        const { backend, pass } = bench;
        const mortal = await live(backend, 'mortal', SOME_MS);
        const lasting = await live(backend, 'lasting');
        await commitOne(backend, { ...mortalAppend('mortal', mortal, 2), keepTtl: true });
        await commitOne(backend, { ...mortalAppend('lasting', lasting, 2), keepTtl: true });
        await pass(SOME_MS + OVER_MS);
        assert.equal((await backend.read('mortal')).head, null);
        await assertThere(backend, 'lasting', 2);
      },
    );

    fact('an append without a time to live takes it back', async ({ backend, pass }) => {
      const first = await live(backend, 'k', SOME_MS);
      await commitOne(backend, mortalAppend('k', first, 2));
      await pass(SOME_MS + OVER_MS);
      await assertThere(backend, 'k', 2);
    });

    fact('an append that conflicts changes no time to live', async ({ backend, pass }) => {
      const lasting = await live(backend, 'lasting');
      const stale: Head = { ...lasting, id: 'of another' };
      like(await commitOne(backend, mortalAppend('lasting', stale, 2, SHORT_MS)), { ok: false });
      await live(backend, 'mortal', SHORT_MS);
      // In time or late, it must not keep the log alive.
      like(await commitOne(backend, mortalAppend('mortal', stale, 2)), { ok: false });
      await pass(OVER_MS);
      await assertThere(backend, 'lasting', 1);
      assert.equal((await backend.read('mortal')).head, null);
    });

    fact('an append that is sent again changes no time to live', async ({ backend, pass }) => {
      const mortal = mortalAppend('lasting', null, 1, SOME_MS);
      const { head } = await commitOne(backend, mortal);
      like(await commitOne(backend, mortalAppend('lasting', head, 2)), { ok: true });
      await commitOne(backend, mortal);
      const lasting = mortalAppend('mortal', null, 1);
      const first = await commitOne(backend, lasting);
      await commitOne(backend, mortalAppend('mortal', first.head, 2, SHORT_MS));
      // In time or late, it must not keep the log alive.
      like(await commitOne(backend, lasting), { replayed: true });
      await pass(SOME_MS + OVER_MS);
      await assertThere(backend, 'lasting', 2);
      assert.equal((await backend.read('mortal')).head, null);
    });

    if (claims.atomicity === 'store') {
      fact('an atomic commit that is refused changes no time to live', async ({ backend, pass }) => {
        const lasting = await live(backend, 'lasting');
        await live(backend, 'taken');
        const refused = [mortalAppend('lasting', lasting, 2, SHORT_MS), mortalAppend('taken', null, 1)];
        const results = await backend.commit(refused, { atomic: true });
        // That it is refused whole is told by the facts of `atomicity`.
        if (results.some(({ ok }) => ok)) return;
        await pass(OVER_MS);
        await assertThere(backend, 'lasting', 1);
      });
    }

    fact('a time to live of months or years is not over at once', async ({ backend, pass }) => {
      const days = [25, 50, 366, 3_660];
      for (const each of days) await live(backend, `${each} days`, each * DAY_MS);
      await pass(OVER_MS);
      for (const each of days) await assertThere(backend, `${each} days`, 1);
    });

    fact('the end of one log leaves its neighbours alone, also those of the same commit', async (bench) => {
      const { backend, pass } = bench;
      await backend.commit([
        mortalAppend('k', null, 1, SHORT_MS),
        mortalAppend('k1', null, 1),
        mortalAppend('k2', null, 1, LONG_MS),
      ]);
      await live(backend, 'k/3');
      await pass(OVER_MS);
      assert.equal((await backend.read('k')).head, null);
      const listed = (await all(backend.keys())).map(({ key }) => key);
      assert.deepEqual(listed.sort(), ['k/3', 'k1', 'k2']);
      for (const key of listed) await assertThere(backend, key, 1);
    });

    fact('a checkpoint or a trim does not prolong a life', async ({ backend, pass }) => {
      for (const offer of ['checkpoint', 'trim'] as const) {
        const records = [record(1), record(2)];
        await commitOne(backend, { ...appendOf(offer, null, ...records), ttlMs: SHORT_MS });
        await backend[offer](offer, checkpointOf(records[1]!));
      }
      await pass(OVER_MS);
      for (const key of ['checkpoint', 'trim']) assert.equal((await backend.read(key)).head, null, key);
    });

    fact('a checkpoint or a trim that comes after the end brings nothing back', async ({ backend, pass }) => {
      const first = record(1);
      await commitOne(backend, { ...appendOf('k', null, first, record(2)), ttlMs: SHORT_MS });
      await pass(OVER_MS);
      await backend.checkpoint('k', checkpointOf(first));
      await backend.trim('k', checkpointOf(first));
      like(await backend.read('k'), { head: null, floor: 0, records: [] });
      assert.deepEqual(await all(backend.keys()), []);
    });

    fact(
      'nothing of a log that is over shows in the one that begins in its place',
      async ({ backend, pass }) => {
        const before = [record(1), record(2), record(3)];
        const over = { ...appendOf('k', null, ...before), ttlMs: SHORT_MS };
        await commitOne(backend, over);
        await backend.checkpoint('k', checkpointOf(before[1]!));
        await pass(OVER_MS);
        const after = [record(1), record(2)];
        like(await commitOne(backend, appendOf('k', null, ...after)), { ok: true });
        const tail = await backend.read('k');
        like(tail, { head: { version: 2, id: after[1]!.id }, floor: 1 });
        assert.equal(tail.checkpoint ?? tail.base, undefined, 'a checkpoint outlived its log');
        assert.deepEqual((await all(backend.range('k'))).map(plain), after.map(plain));
        const found = await backend.find?.(
          'k',
          before.map(({ id }) => id),
        );
        if (found !== undefined) assert.equal(found.size, 0);
        // Without a time of its own: the old one's must not end it.
        await pass(OVER_MS);
        await assertThere(backend, 'k', 2);
      },
    );
  },
);

function mortalAppend(key: string, expected: Head | null, version: number, ttlMs?: number): Append {
  const append = appendOf(key, expected, record(version));
  return ttlMs === undefined ? append : { ...append, ttlMs };
}

/** A log of one record. Its head is that of the answer: a read might come too late. */
async function live(backend: BackendBench['backend'], key: string, ttlMs?: number): Promise<Head> {
  const { ok, head } = await commitOne(backend, mortalAppend(key, null, 1, ttlMs));
  assert.ok(ok && head !== null, 'a first append to a place of its own is accepted');
  return head;
}

async function assertThere(backend: Backend, key: string, version: number): Promise<void> {
  assert.equal((await backend.read(key)).head?.version, version, `${key} is at version ${version}`);
}
