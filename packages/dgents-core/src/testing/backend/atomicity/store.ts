/** Commits over several keys, where they are claimed to be one. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Backend } from '../../../backend.js';
import type { BackendBench } from '../../backend-bench.js';
import type { Facts } from '../../kit.js';
import { like } from '../../support/assertions.js';
import { lookingOn } from '../../support/meanwhile.js';
import { all, appendOf, commitOne, grow, headOf, record } from '../../support/records.js';

export function stateStore(fact: Facts<BackendBench>): void {
  fact('an atomic commit writes every append', async ({ backend }) => {
    const appends = [appendOf('a', null, record(1)), appendOf('b', null, record(1), record(2, 'patch'))];
    like(await backend.commit(appends, { atomic: true }), [
      { ok: true, head: { version: 1 } },
      { ok: true, head: { version: 2 } },
    ]);
    assert.deepEqual(await versionsOf(backend, 'a', 'b'), [1, 2]);
  });

  fact('one conflict keeps the whole of an atomic commit from being written', async ({ backend }) => {
    const [a] = await grow(backend, 'a', ['set']);
    await grow(backend, 'b', ['set']);
    const appends = [
      appendOf('a', a!, record(2)),
      appendOf('b', null, record(1)),
      appendOf('c', null, record(1)),
    ];
    for (const order of [appends, [...appends].reverse()]) {
      await backend.commit(order, { atomic: true });
      assert.deepEqual(await versionsOf(backend, 'a', 'b', 'c'), [1, 1, 0]);
    }
    assert.deepEqual((await all(backend.keys())).map(({ key }) => key).sort(), ['a', 'b']);
  });

  fact(
    'every append of an atomic commit that failed is told that it failed, and the actual head',
    async ({ backend }) => {
      const [a] = await grow(backend, 'a', ['set']);
      const [b] = await grow(backend, 'b', ['set']);
      const results = await backend.commit(
        [appendOf('a', a!, record(2)), appendOf('b', null, record(1)), appendOf('c', null, record(1))],
        { atomic: true },
      );
      assert.deepEqual(
        results.map(({ ok }) => ok),
        [false, false, false],
      );
      like(results[0]!.head, headOf(a!));
      like(results[1]!.head, headOf(b!));
      assert.equal(results[2]!.head, null);
    },
  );

  fact('an atomic commit that is sent again happens once', async ({ backend }) => {
    const appends = [appendOf('a', null, record(1)), appendOf('b', null, record(1))];
    await backend.commit(appends, { atomic: true });
    const again = await backend.commit(appends, { atomic: true });
    like(again, [
      { ok: true, replayed: true, head: { version: 1 } },
      { ok: true, replayed: true, head: { version: 1 } },
    ]);
    assert.deepEqual(await versionsOf(backend, 'a', 'b'), [1, 1]);
  });

  fact('an atomic commit of which a part was made before makes the rest', async ({ backend }) => {
    const again = appendOf('again', null, record(1));
    await commitOne(backend, again);
    const appends = [again, appendOf('new', null, record(1), record(2, 'patch'))];
    const results = await backend.commit(appends, { atomic: true });
    like(results, [
      { ok: true, replayed: true, head: headOf(again.records[0]!) },
      { ok: true, replayed: false, head: headOf(appends[1]!.records[1]!) },
    ]);
    assert.deepEqual(await versionsOf(backend, 'again', 'new'), [1, 2]);
  });

  fact('whoever sees one key of an atomic commit sees the others', async ({ backend, open }) => {
    const reader = await open();
    const look = async (handle: Backend): Promise<void> => {
      const [a = 0] = await versionsOf(handle, 'a');
      const [b = 0] = await versionsOf(handle, 'b');
      assert.ok(b >= a, `a is at ${a} and b, which was read later, still at ${b}`);
    };
    await lookingOn([() => look(backend), () => look(reader)], async () => {
      for (let version = 1; version <= 20; version++) await inStep(backend, version);
    });
  });

  fact('concurrent atomic commits over the same keys leave them in step', async ({ backend, open }) => {
    const attempt = async (handle: Backend, name: string): Promise<void> => {
      for (let round = 1; round <= 5; round++) {
        const [a, b] = await Promise.all([handle.read('a'), handle.read('b')]);
        const appends = [a!, b!].map(({ head }, i) =>
          appendOf('ab'[i]!, head, record((head?.version ?? 0) + 1, 'set', { data: JSON.stringify(name) })),
        );
        await handle.commit(appends, { atomic: true });
      }
    };
    const second = await open();
    await Promise.all([attempt(backend, 'x'), attempt(second, 'y'), attempt(backend, 'z')]);
    const [a, b] = await Promise.all(['a', 'b'].map((key) => all(backend.range(key))));
    assert.deepEqual(
      a!.map(({ data }) => data),
      b!.map(({ data }) => data),
    );
    assert.ok(a!.length > 0, 'somebody wins');
  });

  fact('any atomic commit is written whole or not at all', async ({ backend, runs }) => {
    let places = 0;
    const step = fc.array(fc.record({ key: fc.nat(3), stale: fc.boolean() }), { minLength: 1, maxLength: 4 });
    const whole = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (commits) => {
      const keys = ['a', 'b', 'c', 'd'].map((name) => `${++places}-${name}`);
      for (const commit of commits) await assertWhole(backend, keys, commit);
    });
    await fc.assert(whole, runs(20));
  });
}

async function assertWhole(
  backend: Backend,
  keys: readonly string[],
  commit: readonly { readonly key: number; readonly stale: boolean }[],
): Promise<void> {
  const wanted = new Map(commit.map(({ key, stale }) => [keys[key]!, stale]));
  const before = await versionsOf(backend, ...keys);
  const appends = await Promise.all(
    [...wanted].map(async ([key, stale]) => {
      const { head } = await backend.read(key);
      const expected = stale ? { version: 7, id: 'of nobody', at: 0, deleted: false } : head;
      return appendOf(key, expected, record((expected?.version ?? 0) + 1));
    }),
  );
  const results = await backend.commit(appends, { atomic: true });
  const ok = ![...wanted.values()].includes(true);
  assert.ok(
    results.every((result) => result.ok === ok),
    `all of them ${ok ? 'succeed' : 'fail'}`,
  );
  const due = keys.map((key, i) => before[i]! + (ok && wanted.has(key) ? 1 : 0));
  assert.deepEqual(await versionsOf(backend, ...keys), due);
}

async function inStep(backend: Backend, version: number): Promise<void> {
  const [a, b] = await Promise.all([backend.read('a'), backend.read('b')]);
  const appends = [appendOf('a', a!.head, record(version)), appendOf('b', b!.head, record(version))];
  await backend.commit(appends, { atomic: true });
}

/** 0 where there is no log. */
async function versionsOf(backend: Backend, ...keys: string[]): Promise<number[]> {
  return Promise.all(keys.map(async (key) => (await backend.read(key)).head?.version ?? 0));
}
