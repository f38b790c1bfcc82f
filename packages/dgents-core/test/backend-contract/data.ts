import type { Backend } from '../../src/backend.js';
import type { Contract } from '../backend-contract.js';
import { all, checkpointOf, grow, plain } from './records.js';

const EVERY_ESCAPE = '\\u0000\\u001f\\"\\\\\\/\\b\\f\\n\\r\\t';
const UNUSUAL = '\u2028\u2029\u007f\u0085\ufeff\ue000\uffff\u{1f600}\u{10ffff}é';
const LONE_SURROGATES = '\\ud800\\udc00\\ud83d \\udfff\\ud800';

/** JSON text that a parse and a stringify in between would change. */
const TEXTS: Record<string, string> = {
  'white space': '{ "a" : [ 1 , 2 ] }',
  'numbers in other notations': '[1.0,1e2,-0,1E-7,12345678901234567890]',
  'the order and repetition of names': '{"b":1,"a":2,"10":3,"9":4,"b":5}',
  'names that mean something to JavaScript': '{"__proto__":{"polluted":1},"constructor":2,"toString":3}',
  escapes: `"${EVERY_ESCAPE}"`,
  'characters that need no escape': `"${UNUSUAL}"`,
  'lone surrogates as escapes': `"${LONE_SURROGATES}"`,
  'quotes of other languages': `"'; drop table logs; -- \${x} %s \\\\ $1"`,
  null: 'null',
  zero: '0',
  'an empty string': '""',
  false: 'false',
  'an empty object': '{}',
};

export function describeData({ backend, facts, opened }: Contract): void {
  const stored = async (from: Backend) => (await all(from.range('k'))).map(plain);
  const again = async () => (facts.reopen ? opened().reopen!() : backend());

  describe('data', () => {
    test.each(Object.entries(TEXTS))('%s: the text comes back as it was', async (_, data) => {
      const log = await grow(backend(), 'k', [{ kind: 'set', data }]);
      await backend().checkpoint('k', checkpointOf(log[0]!, data));
      const from = await again();
      expect(await stored(from)).toEqual(log.map(plain));
      const { records, checkpoint } = await from.read('k');
      expect(checkpoint?.data ?? records[0]!.data).toBe(data);
    });

    test('a megabyte of difficult text comes back as it was, in records, checkpoints and bases', async () => {
      const unit = `${EVERY_ESCAPE}${UNUSUAL}${LONE_SURROGATES}`;
      const data = `"${unit.repeat(Math.ceil(2 ** 20 / unit.length))}"`;
      const log = await grow(backend(), 'k', [{ kind: 'set', data }, { kind: 'patch' }, { kind: 'patch' }]);
      await backend().checkpoint('k', checkpointOf(log[1]!, data));
      const first = await backend().read('k', { at: 1 });
      expect(first.records[0]!.data === data).toBe(true);
      await backend().trim('k', checkpointOf(log[1]!, data));
      const { base } = await (await again()).read('k');
      expect(base!.data === data).toBe(true);
    });

    test('lengths around powers of two come back whole', async () => {
      const sizes = [12, 13, 14, 15, 16].flatMap((power) => [2 ** power - 1, 2 ** power, 2 ** power + 1]);
      const texts = sizes.map((size) => `"${'é'.repeat(size)}"`);
      await grow(
        backend(),
        'k',
        texts.map((data) => ({ kind: 'set' as const, data })),
      );
      const found = await stored(await again());
      expect(found.map(({ data }) => data?.length)).toEqual(texts.map(({ length }) => length));
    });

    test('codec, schema and meta are kept, and absent where they were absent', async () => {
      const meta = { by: 'é\u2028"', deep: { list: [1, null, { a: false }] }, toString: 1 };
      const log = await grow(backend(), 'k', [
        { kind: 'set', codec: 'gzip', schema: 7, meta },
        { kind: 'patch', schema: 0, meta: {} },
        { kind: 'event' },
      ]);
      expect(await stored(backend())).toEqual(log.map(plain));
      const full = { ...checkpointOf(log[1]!), codec: 'c+d', schema: 1, meta };
      await backend().trim('k', full);
      await grow(backend(), 'k', [{ kind: 'set', codec: 'gzip', schema: 7, meta }], log);
      const from = await again();
      const [third, fourth] = await stored(from);
      expect(third).toEqual(plain(log[2]!));
      expect(fourth).toMatchObject({ codec: 'gzip', schema: 7, meta });
      expect(plain((await from.read('k', { at: 2 })).base!)).toEqual(plain(full));
    });

    test('ids and times are kept as they are, times that stand still included', async () => {
      const at = 1_699_999_999_999;
      const ids = ['a b', 'é\u2028', `'"`, '../x', '\u{1f600}', 'x'.repeat(200)];
      const log = await grow(
        backend(),
        'k',
        ids.map((id) => ({ kind: 'set' as const, id, at })),
      );
      expect(await stored(await again())).toEqual(log.map(plain));
    });

    test('what was returned can be changed without changing what is stored', async () => {
      await grow(backend(), 'k', ['set', 'patch']);
      const tail = await backend().read('k');
      try {
        (tail.records as unknown[]).length = 0;
      } catch {
        // Refusing is as good.
      }
      expect((await backend().read('k')).records).toHaveLength(2);
    });
  });
}
