import type { Contract } from '../backend-contract.js';
import { all, appendOf, commitOne, grow, headOf, record } from './records.js';

/** Each is a log of its own, on every file system, in every collation. */
const HOSTILE_KEYS = [
  ' ',
  '.',
  '..',
  '../x',
  'a/b',
  'a_b',
  'a%b',
  'a\\b',
  '/etc/passwd',
  'con',
  'NUL',
  'x\u0000y',
  'x',
  'x\n',
  'x ',
  'caf\u00e9',
  'cafe\u0301',
  'CASE',
  'Case',
  'case',
  '\u{1f600}',
  '\u{1f600}\u{1f600}',
  '\uffff',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  `'; drop table logs; --`,
  '"quoted"',
  '%',
  '_',
  '*',
  '{tag}',
  'é'.repeat(150),
  `${'é'.repeat(149)}xx`,
];

const text = (items: readonly { key: string }[]) => items.map(({ key }) => key).sort();

export function describeKeys({ backend, facts }: Contract): void {
  const write = async (...keys: string[]) => {
    for (const key of keys) await grow(backend(), key, ['set']);
  };
  const keys = async (prefix?: string) => text(await all(backend().keys(prefix)));

  describe('keys', () => {
    test('an empty store has none', async () => {
      expect(await keys()).toEqual([]);
      expect(await keys('a')).toEqual([]);
    });

    test('hostile keys are logs of their own and come back as they are', async () => {
      for (const key of HOSTILE_KEYS) {
        await commitOne(backend(), appendOf(key, null, record(1, 'set', { data: JSON.stringify(key) })));
      }
      expect(await keys()).toEqual([...HOSTILE_KEYS].sort());
      for (const key of HOSTILE_KEYS) {
        const { records } = await backend().read(key);
        expect(records.map(({ data }) => JSON.parse(data))).toEqual([key]);
        expect(await keys(key)).toEqual(HOSTILE_KEYS.filter((other) => other.startsWith(key)).sort());
      }
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    });

    test('a key that comes is listed from then on', async () => {
      await write('a', 'c');
      expect(await keys()).toEqual(['a', 'c']);
      await write('b');
      expect(await keys()).toEqual(['a', 'b', 'c']);
    });

    test('a prefix is exact: its neighbours, wildcards and other cases do not match', async () => {
      await write('user:1', 'user:10', 'user:2', 'user', 'user;', 'User:1', 'user%', 'user_1', 'userX1');
      expect(await keys('user:')).toEqual(['user:1', 'user:10', 'user:2']);
      expect(await keys('user:1')).toEqual(['user:1', 'user:10']);
      expect(await keys('user_')).toEqual(['user_1']);
      expect(await keys('user%')).toEqual(['user%']);
      expect(await keys('%')).toEqual([]);
      expect(await keys('')).toHaveLength(9);
    });

    test('a key is there with its first record and stays when it is deleted and trimmed', async () => {
      const log = await grow(backend(), 'k', ['set', 'tombstone']);
      expect(await all(backend().keys('', { heads: true }))).toEqual([
        { key: 'k', head: (await backend().read('k')).head },
      ]);
      await backend().trim('k', { ...headOf(log[1]!), data: null });
      expect(await keys()).toEqual(['k']);
    });

    test('heads are given when they are asked for', async () => {
      const [one] = await grow(backend(), 'one', ['set']);
      const [, two] = await grow(backend(), 'two', ['set', 'patch']);
      const heads = new Map(
        (await all(backend().keys('', { heads: true }))).map(({ key, head }) => [key, head]),
      );
      expect(heads.get('one')).toMatchObject(headOf(one!));
      expect(heads.get('two')).toMatchObject(headOf(two!));
      expect(await all(backend().keys('one'))).toEqual([{ key: 'one' }]);
    });

    test('pages resume after a key, and join to the whole', async () => {
      const written = Array.from({ length: 23 }, (_, i) => `p:${i}`);
      await write('a', 'z', ...written);
      const found: string[] = [];
      for (let pages = 0; pages < 10; pages++) {
        const last = found.at(-1);
        const page = await all(
          backend().keys('p:', { limit: 5, ...(last !== undefined && { after: last }) }),
        );
        if (page.length === 0) break;
        expect(page.length).toBeLessThanOrEqual(5);
        found.push(...page.map(({ key }) => key));
      }
      expect(found.sort()).toEqual(written.sort());
      expect(await all(backend().keys('p:', { limit: 0 }))).toEqual([]);
    });

    if (facts.orderedKeys) {
      test('keys come in the order of their code points', async () => {
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
        await write(...ordered.toReversed());
        const found = await all(backend().keys());
        expect(found.map(({ key }) => key)).toEqual(ordered);
        const rest = await all(backend().keys('a', { after: 'a\uffff' }));
        expect(rest).toEqual([{ key: 'a\u{10000}' }]);
        expect(await all(backend().keys('b', { after: 'a' }))).toEqual([{ key: 'b' }]);
        expect(await all(backend().keys('a', { after: 'b' }))).toEqual([]);
      });
    } else {
      test('an order of keys is not claimed: each listing is in the same one', async () => {
        await write('b', 'a', 'c');
        expect(await all(backend().keys())).toEqual(await all(backend().keys()));
      });
    }
  });
}
