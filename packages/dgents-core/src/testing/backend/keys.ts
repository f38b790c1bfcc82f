import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Backend } from '../../backend.js';
import { byCodePoint } from '../../backend-parts/code-point-order.js';
import { like } from '../support/assertions.js';
import { all, appendOf, checkpointOf, commitOne, grow, headOf, record } from '../support/records.js';
import { backendSuite } from './suite.js';

/** Each is a log of its own, on every file system, in every collation. */
const HOSTILE_KEYS: Readonly<Record<string, readonly string[]>> = {
  'differ only in case': ['CASE', 'Case', 'case', 'É', 'é', 'ß', 'ss', 'İ', 'i'],
  'look the same in another normal form': ['caf\u00e9', 'cafe\u0301', '\u212b', '\u00c5', '\ufb01', 'fi'],
  'differ after a NUL': ['x', 'x\u0000', 'x\u0000y', '\u0000'],
  'differ in white space only': [' ', '  ', 'y', 'y ', ' y', 'y\n', 'y\t', '\u00a0'],
  'mean something to a file system': ['.', '..', '../x', '/etc/passwd', 'con', 'NUL', 'a\\b', '~', 'a:b'],
  'differ in a separator only': ['a/b', 'a_b', 'a-b', 'a.b', 'ab', 'a//b', 'a/b/', 'a%2fb', 'a%b', 'a+b'],
  'mean something to JavaScript': ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '0', 'null'],
  'mean something to a query': [
    `'; drop table logs; --`,
    '"quoted"',
    '%',
    '_',
    '*',
    '{tag}',
    '?',
    '[a]',
    'a$1',
  ],
  'lie beyond the first plane': ['\u{1f600}', '\u{1f600}\u{1f600}', '\uffff', '\ud7ff', '\u{10ffff}'],
  'hold half a surrogate pair': [
    ...['\ud800', '\ud801', '\udc00', '\ufffd', 'a\ud800', 'a\ud801', '\ud800a', '\udc00\ud800'],
    // Half of a pair begins the whole.
    ...['\ud83d', '\u{1f600}', 'b\ud83d', 'b\u{1f600}', 'b\u{1f601}'],
  ],
  'differ at their end only': [
    'é'.repeat(150),
    `${'é'.repeat(149)}xx`,
    'k'.repeat(300),
    `${'k'.repeat(299)}l`,
  ],
};

/** More than a page of most drivers. */
const MANY = 240;

export const keys = backendSuite('keys', ['capabilities', 'values', 'isolation'], (fact, { claims }) => {
  fact('an empty store has none', async ({ backend }) => {
    assert.deepEqual(await listed(backend), []);
    assert.deepEqual(await listed(backend, 'a'), []);
  });

  for (const [what, hostile] of Object.entries(HOSTILE_KEYS)) {
    fact(`keys that ${what} are logs of their own and come back as they are`, async ({ backend }) => {
      await assertApart(backend, await allowed(backend, hostile));
    });
  }

  fact(
    'any keys are logs of their own, and any beginning of one lists those that begin with it',
    async (bench) => {
      const key = fc
        .string({
          unit: fc.oneof(
            fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
            fc.constantFrom(...'aA_%/'),
            // Any unit of UTF-16, and the halves of pairs often.
            fc.nat(0xffff).map((unit) => String.fromCharCode(unit)),
            fc.constantFrom('\ud800', '\ud801', '\udc00', '\ufffd'),
          ),
        })
        .filter((text) => text !== '' && !text.startsWith('$'));
      const apart = fc.asyncProperty(fc.uniqueArray(key, { minLength: 1, maxLength: 6 }), async (given) => {
        const backend = await bench.elsewhere();
        await assertApart(backend, await allowed(backend, given));
        await backend.close();
      });
      await fc.assert(apart, bench.runs(12));
    },
  );

  fact('what happens to one key never shows under another', async ({ backend }) => {
    const others = ['a', 'ab', 'b', 'a:', 'A'];
    for (const key of others) await grow(backend, key, ['set', 'patch']);
    const before = await Promise.all(others.map((key) => shown(backend, key)));
    const log = await grow(backend, 'aa', ['set', 'patch', 'event', 'patch']);
    await backend.checkpoint('aa', checkpointOf(log[1]!));
    await backend.trim('aa', checkpointOf(log[2]!));
    await grow(backend, 'aa', ['tombstone'], log);
    assert.deepEqual(await Promise.all(others.map((key) => shown(backend, key))), before);
    assert.deepEqual(await listed(backend), [...others, 'aa'].sort());
  });

  fact('one operation may write to many keys: an id belongs to its log', async ({ backend }) => {
    const names = ['one', 'two', 'three'];
    const same = record(1);
    const appends = names.map((key) => appendOf(key, null, { ...same, data: JSON.stringify(key) }));
    for (const result of await backend.commit(appends)) like(result, { ok: true });
    for (const key of names) await assertHolds(backend, key, key);
  });

  fact('a checkpoint belongs to its log, also where others hold the same ids', async ({ backend }) => {
    const records = [record(1), record(2, 'patch')];
    for (const key of ['a', 'b'])
      like(await commitOne(backend, appendOf(key, null, ...records)), { ok: true });
    await backend.checkpoint('a', checkpointOf(records[1]!, '"the state of a"'));
    for (const options of [{}, { at: 2 }]) {
      const { base, checkpoint } = await backend.read('b', options);
      assert.equal(base ?? checkpoint, undefined, 'a log starts from the state of another');
    }
  });

  fact('a key that comes is listed from then on', async ({ backend }) => {
    await write(backend, 'a', 'c');
    assert.deepEqual(await listed(backend), ['a', 'c']);
    await write(backend, 'b');
    assert.deepEqual(await listed(backend), ['a', 'b', 'c']);
  });

  fact('a key that was only asked for is not listed', async ({ backend }) => {
    await backend.read('asked for');
    await all(backend.range('asked for'));
    await backend.checkpoint('offered', checkpointOf(record(1)));
    await backend.trim('trimmed', checkpointOf(record(2)));
    assert.deepEqual(await listed(backend), []);
  });

  fact('a prefix is exact: neighbours do not match', async ({ backend }) => {
    await write(backend, 'user:1', 'user:10', 'user:2', 'user', 'user;', 'user9', 'use');
    assert.deepEqual(await listed(backend, 'user:'), ['user:1', 'user:10', 'user:2']);
    assert.deepEqual(await listed(backend, 'user:1'), ['user:1', 'user:10']);
    assert.deepEqual(await listed(backend, 'user:3'), []);
    assert.equal((await listed(backend, '')).length, 7);
  });

  fact('a prefix is text: wildcards, patterns and other cases do not match', async ({ backend }) => {
    await write(backend, 'user_1', 'userX1', 'user%', 'User_1', 'user*', 'user\\', 'us', 'u[s]');
    assert.deepEqual(await listed(backend, 'user_'), ['user_1']);
    assert.deepEqual(await listed(backend, 'user%'), ['user%']);
    assert.deepEqual(await listed(backend, 'user*'), ['user*']);
    assert.deepEqual(await listed(backend, 'user\\'), ['user\\']);
    assert.deepEqual(await listed(backend, 'u[s]'), ['u[s]']);
    for (const none of ['%', '_', '*', '.', '[u]', 'USER', 'u?'])
      assert.deepEqual(await listed(backend, none), []);
  });

  fact('a key whose state was deleted stays listed, with its head', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set', 'tombstone']);
    assert.deepEqual(await listed(backend), ['k']);
    const [entry] = await all(backend.keys('', { heads: true }));
    like(entry?.head, headOf(log[1]!));
  });

  fact('heads are given when they are asked for', async ({ backend }) => {
    const [one] = await grow(backend, 'one', ['set']);
    const [, two] = await grow(backend, 'two', ['set', 'patch']);
    const entries = await all(backend.keys('', { heads: true }));
    const heads = new Map(entries.map(({ key, head }) => [key, head]));
    like(heads.get('one'), headOf(one!));
    like(heads.get('two'), headOf(two!));
    const [bare] = await all(backend.keys('one'));
    assert.equal(bare?.head, undefined);
  });

  fact('pages resume after a key, and join to the whole', async ({ backend }) => {
    const written = Array.from({ length: 23 }, (_, i) => `p:${i}`);
    await write(backend, 'a', 'z', ...written);
    const found: string[] = [];
    for (let pages = 0; pages < 10; pages++) {
      const last = found.at(-1);
      const page = await all(backend.keys('p:', { limit: 5, ...(last !== undefined && { after: last }) }));
      if (page.length === 0) break;
      assert.ok(page.length <= 5, `a page of 5 has ${page.length}`);
      found.push(...page.map(({ key }) => key));
    }
    assert.deepEqual(found.sort(), written.sort());
  });

  fact('a limit gives so many keys and no more, and 0 gives none', async ({ backend }) => {
    await write(backend, 'a', 'b', 'c');
    const counts = [0, 1, 2, 3, 100].map(async (limit) => (await all(backend.keys('', { limit }))).length);
    assert.deepEqual(await Promise.all(counts), [0, 1, 2, 3, 3]);
    assert.deepEqual(await all(backend.keys('a', { limit: 0, heads: true })), []);
  });

  fact('a limit counts those keys only that are to be listed', async ({ backend }) => {
    await write(backend, 'a1', 'a2', 'a3', 'b1', 'b2', 'c1');
    for (const [prefix, count] of [
      ['a', 3],
      ['b', 2],
      ['c', 1],
      ['d', 0],
    ] as const) {
      for (const limit of [1, 2, 3, Number.POSITIVE_INFINITY]) {
        const found = await all(backend.keys(prefix, { limit }));
        const due = Math.min(limit, count);
        assert.equal(found.length, due, `keys that begin with "${prefix}", at most ${limit} of them`);
      }
    }
  });

  fact('a listing has each key once, whatever keys come while it is read', async ({ backend, open }) => {
    const there = Array.from({ length: MANY }, (_, i) => `m${i}`);
    // Some may come in one commit.
    for (let i = 0; i < MANY; i += 100) {
      const appends = there.slice(i, i + 100).map((key) => appendOf(key, null, record(1)));
      for (const result of await backend.commit(appends)) like(result, { ok: true });
    }
    const other = await open();
    const found: string[] = [];
    for await (const { key } of backend.keys()) {
      found.push(key);
      // Before and after those that are there, in any order of keys; at first, and wherever a page may end.
      if (found.length % 40 === 1 && found.length < 2 * MANY) {
        await write(other, `a${found.length}`, `z${found.length}`);
      }
    }
    assert.equal(new Set(found).size, found.length, 'a key was listed twice');
    const missing = there.filter((key) => !found.includes(key));
    assert.deepEqual(missing, [], 'keys that were there and were not listed');
  });

  if (!claims.orderedKeys) {
    fact('an order of keys is not claimed: every listing is in the same one', async ({ backend }) => {
      await write(backend, 'b', 'a', 'c');
      assert.deepEqual(await all(backend.keys()), await all(backend.keys()));
    });
    return;
  }

  fact('keys come in the order of their code points', async ({ backend }) => {
    const ordered = [
      'A',
      'a',
      'a\u0000',
      'aA',
      'a\uffff',
      'a\u{10000}',
      'b',
      '\u00e9',
      '\ue000',
      '\u{1f600}',
    ];
    await write(backend, ...[...ordered].reverse());
    const names = async (prefix?: string, after?: string) =>
      (await all(backend.keys(prefix, after === undefined ? {} : { after }))).map(({ key }) => key);
    assert.deepEqual(await names(), ordered);
    assert.deepEqual(await names('a', 'a\uffff'), ['a\u{10000}']);
  });

  fact(
    'a listing resumes after any text in the order of keys, whether it is a key or not',
    async ({ backend }) => {
      const written = ['a', 'aa', 'b', 'ba', 'c'];
      await write(backend, ...written);
      for (const after of ['0', 'a', 'a0', 'ab', 'b', 'bz', 'c', 'd']) {
        for (const prefix of ['', 'a', 'b']) {
          const due = written.filter((key) => key.startsWith(prefix) && byCodePoint(key, after) > 0);
          const found = (await all(backend.keys(prefix, { after }))).map(({ key }) => key);
          assert.deepEqual(found, due, `the keys that begin with "${prefix}" after "${after}"`);
        }
      }
    },
  );
});

async function write(backend: Backend, ...names: string[]): Promise<void> {
  for (const key of names) await grow(backend, key, ['set']);
}

/** In an order of ours. */
async function listed(backend: Backend, prefix?: string): Promise<string[]> {
  return (await all(backend.keys(prefix))).map(({ key }) => key).sort();
}

/** Writes to each of the keys its own text, and finds each. */
async function assertApart(backend: Backend, names: readonly string[]): Promise<void> {
  for (const key of names) {
    const result = await commitOne(
      backend,
      appendOf(key, null, record(1, 'set', { data: JSON.stringify(key) })),
    );
    like(result, { ok: true }, `${JSON.stringify(key)} is a key of its own`);
  }
  assert.deepEqual(await listed(backend), [...names].sort());
  for (const key of names) {
    await assertHolds(backend, key, key);
    const due = names.filter((other) => other.startsWith(key)).sort();
    assert.deepEqual(await listed(backend, key), due, `the keys that begin with ${JSON.stringify(key)}`);
  }
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
}

async function assertHolds(backend: Backend, key: string, text: string): Promise<void> {
  const { records } = await backend.read(key);
  const texts = Array.from(records, ({ data }) => JSON.parse(data) as unknown);
  assert.deepEqual(texts, [text], `under ${JSON.stringify(key)}`);
}

async function shown(backend: Backend, key: string): Promise<unknown> {
  const { head, floor, records } = await backend.read(key);
  return [head?.version, head?.id, floor, records.map(({ id }) => id)];
}

/** Those that are not too long for this backend: how long a key may be is the matter of `limits`. */
async function allowed(backend: Backend, names: readonly string[]): Promise<string[]> {
  const { keyBytes } = (await backend.ready()).limits;
  return names.filter((key) => Buffer.byteLength(key) <= keyBytes);
}
