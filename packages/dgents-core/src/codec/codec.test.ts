import vm from 'node:vm';
import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { account, anyValue, classes, Money, Point, plainJson, withKeys } from '../../test/codec-values.js';
import { StateCorruptionError } from '../errors.js';
import { Codec } from './codec.js';
import { jsonBytes } from './measure.js';
import { EXOTIC, TAGGED } from './traits.js';

// Thousands of runs: on a busy machine they take their time.
jest.setTimeout(60_000);

const codec = new Codec({ classes });

/** Value → text → value. */
function through(value: unknown): { document: unknown; text: string; back: unknown } {
  const document = codec.encode(codec.copy(value).value);
  const text = codec.stringify(document);
  return { document, text, back: codec.read(text).value };
}

const sticky = Object.assign(/a\/b/giy, { lastIndex: 2 });
const withoutStack = (error: Error) => {
  Reflect.deleteProperty(error, 'stack');
  return error;
};

/** The table of docs/formats/codec.md. It is frozen: what is stored today has to be read for ever. */
const table: [string, unknown, unknown][] = [
  ['null', null, null],
  ['plain JSON', { a: [1, 'x', true, null, { b: 1.5 }] }, { a: [1, 'x', true, null, { b: 1.5 }] }],
  ['undefined', { a: undefined, b: [undefined] }, { a: { $undefined: true }, b: [{ $undefined: true }] }],
  ['-0', -0, { $number: '-0' }],
  ['NaN', NaN, { $number: 'NaN' }],
  ['Infinity', [Infinity, -Infinity], [{ $number: 'Infinity' }, { $number: '-Infinity' }]],
  ['a bigint', -123n, { $bigint: '-123' }],
  ['a string with U+0000', 'a\0"b', { $string: 'a\\u0000\\"b' }],
  ['a string with a lone surrogate', '\ud800', { $string: '\\ud800' }],
  ['a Date', new Date(0), { $date: '1970-01-01T00:00:00.000Z' }],
  ['an invalid Date', new Date(NaN), { $date: null }],
  ['a far Date', new Date(8.64e15), { $date: '+275760-09-13T00:00:00.000Z' }],
  ['a RegExp', sticky, { $regexp: ['a\\/b', 'giy', 2] }],
  ['a URL', new URL('https://x.y/z?q=1#h'), { $url: 'https://x.y/z?q=1#h' }],
  ['a Map', new Map<unknown, unknown>([['k', 1], [{ a: 1 }, undefined]]), { $map: [['k', 1], [{ a: 1 }, { $undefined: true }]] }], // biome-ignore format: a row
  ['a Set', new Set([1, NaN]), { $set: [1, { $number: 'NaN' }] }],
  ['an ArrayBuffer', new Uint8Array([1, 2, 3]).buffer, { $bytes: ['ArrayBuffer', 'AQID'] }],
  ['a DataView', new DataView(new Uint8Array([1, 2, 3]).buffer, 1, 2), { $bytes: ['DataView', 'AgM='] }],
  ['a Buffer', Buffer.from('hey'), { $bytes: ['Buffer', 'aGV5'] }],
  [
    'a Uint8Array on part of a buffer',
    new Uint8Array(new ArrayBuffer(9), 3, 2),
    { $bytes: ['Uint8Array', 'AAA='] },
  ],
  ['a Float32Array', new Float32Array([1]), { $bytes: ['Float32Array', 'AACAPw=='] }],
  ['a BigInt64Array', new BigInt64Array([-1n]), { $bytes: ['BigInt64Array', '//////////8='] }],
  // biome-ignore lint/suspicious/noSparseArray: that is what is tested.
  ['a sparse array', [1, , undefined], { $sparse: [3, [[0, 1], [2, { $undefined: true }]]] }], // biome-ignore format: a row
  ['an Error', withoutStack(new Error('m')), { $error: { name: 'Error', message: 'm' } }],
  [
    'an Error with everything',
    Object.assign(withoutStack(new TypeError('m', { cause: 1n })), { code: 'E' }),
    { $error: { name: 'TypeError', message: 'm', cause: { $bigint: '1' }, fields: { code: 'E' } } },
  ],
  [
    'an AggregateError',
    withoutStack(new AggregateError([1], 'm')),
    { $error: { name: 'AggregateError', message: 'm', errors: [1] } },
  ],
  ['a null-prototype object', withKeys([['$a', 1]], null), { $null: { $$a: 1 } }],
  ['a key that starts with $', { $date: null }, { $$date: null }],
  ['the key __proto__', withKeys([['__proto__', 1]]), withKeys([['$__proto__', 1]])],
  ['the key $__proto__', withKeys([['$__proto__', 1]]), { $$__proto__: 1 }],
  ['a key with U+0000', { 'a\0': 1, $b: 2 }, { $object: [[{ $string: 'a\\u0000' }, 1], ['$b', 2]] }], // biome-ignore format: a row
  [
    'an instance of a registered class',
    new Point(1, undefined),
    { $class: ['Point', { x: 1, y: { $undefined: true } }] },
  ],
  ['an instance with private fields', new Money(5n), { $class: ['Money', { cents: { $bigint: '5' } }] }],
];

describe('every kind of value', () => {
  test.each(table)('%s is stored as the table says', (_name, value, document) => {
    expect(account(through(value).document)).toBe(account(document));
  });

  test.each(table)('%s comes back as it was', (_name, value) => {
    expect(account(through(value).back)).toBe(account(value));
  });

  test.each(table)('%s is copied and cloned exactly', (_name, value) => {
    const { value: copy } = codec.copy(value);
    expect(account(copy)).toBe(account(value));
    expect(account(codec.clone(copy))).toBe(account(value));
  });

  test('every native error comes back as an instance of its class', () => {
    for (const type of [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError]) {
      const back = through(new type('m')).back;
      expect(back).toBeInstanceOf(type);
      expect(Object.getPrototypeOf(back)).toBe(type.prototype);
    }
  });

  test('an error keeps its stack, an own name, and having no message', () => {
    const error = new Error();
    Object.defineProperty(error, 'name', { value: 'Special', configurable: true, writable: true });
    const back = through(error).back as Error;
    expect(back.stack).toBe(error.stack);
    expect(back.name).toBe('Special');
    expect(Object.keys(back)).toEqual([]);
    expect(Object.hasOwn(back, 'message')).toBe(false);
  });

  test('values of another realm are accepted and become ours', () => {
    const foreign: unknown = vm.runInNewContext(
      '({ o: { a: [1, [2]] }, m: new Map([[1, new Date(5)]]), s: new Set([1]), r: /x/g, e: new RangeError("r"), b: new Float64Array([1.5]), a: new ArrayBuffer(2) })',
    );
    const { value } = codec.copy(foreign) as { value: Record<string, unknown> };
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(value.e).toBeInstanceOf(RangeError);
    expect(value.m).toBeInstanceOf(Map);
    expect(through(foreign).text).toMatch(/"m":\{"\$map":\[\[1,\{"\$date"/);
    expect(codec.equal(through(foreign).back, value)).toBe(true);
  });

  test('a null-prototype object of another realm stays one', () => {
    expect(Object.getPrototypeOf(codec.copy(vm.runInNewContext('Object.create(null)')).value)).toBe(null);
  });

  test('shared references are written out', () => {
    const shared = { n: 1 };
    const { value } = codec.copy({ a: shared, b: shared }) as { value: { a: object; b: object } };
    expect(value.a).not.toBe(value.b);
  });

  test('an array of four billion with one element is cheap', () => {
    const sparse: unknown[] = [];
    sparse[4_000_000_000] = { x: 1 };
    const { value } = codec.copy(sparse);
    expect(codec.encode(value)).toEqual({ $sparse: [4_000_000_001, [[4_000_000_000, { x: 1 }]]] });
    expect(codec.equal(through(sparse).back, codec.clone(value))).toBe(true);
    expect((codec.freeze(value) as unknown[]).length).toBe(4_000_000_001);
  });
});

describe('over the whole space of values', () => {
  const check = (law: (value: unknown) => void) => fc.assert(fc.property(anyValue, law), { numRuns: 500 });

  test('text gives back what went in', () =>
    check((value) => expect(account(through(value).back)).toBe(account(value))));

  test('copy and clone are equal to the original', () =>
    check((value) => {
      const { value: copy } = codec.copy(value);
      expect(account(copy)).toBe(account(value));
      expect(account(codec.clone(copy))).toBe(account(value));
      expect(codec.equal(copy, value)).toBe(true);
    }));

  test('copy, clone and the way through text share no object with the original', () =>
    check((value) => {
      const mine = new Set<object>();
      collect(value, mine);
      const { value: copy } = codec.copy(value);
      for (const other of [copy, codec.clone(value), through(value).back]) {
        const theirs = new Set<object>();
        collect(other, theirs);
        for (const object of theirs) expect(mine.has(object)).toBe(false);
      }
    }));

  test('the text can be cast to jsonb and holds no bare __proto__', () =>
    check((value) => {
      const { text, document } = through(value);
      expect(text).not.toMatch(/(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/);
      expect(text).not.toMatch(/"__proto__":/);
      expect(text.includes('\n')).toBe(false);
      expect(account(JSON.parse(text))).toBe(account(document));
    }));

  test('traits say whether a tag is needed, on the way in as on the way out', () =>
    check((value) => {
      const { value: copy, traits } = codec.copy(value);
      const document = codec.encode(copy);
      expect((traits & TAGGED) === 0).toBe(document === copy);
      const back = codec.decode(document);
      expect(back.traits).toBe(traits);
      if ((traits & TAGGED) === 0) expect(back.value).toBe(document);
    }));

  test('jsonBytes is the length of the text', () =>
    check((value) => {
      const { document, text } = through(value);
      expect(jsonBytes(document as never)).toBe(Buffer.byteLength(text));
    }));

  test('equal agrees with an account of both values', () =>
    fc.assert(
      fc.property(anyValue, anyValue, (a, b) => {
        expect(codec.equal(a, b)).toBe(account(a) === account(b));
      }),
      { numRuns: 500 },
    ));

  test('frozen views are equal to the value, twice', () =>
    check((value) => {
      const { value: copy } = codec.copy(value);
      expect(account(codec.freeze(copy))).toBe(account(value));
      expect(account(codec.freeze(copy))).toBe(account(value));
      expect(account(codec.clone(copy))).toBe(account(value));
    }));

  test('plain JSON is its own document and its own value', () =>
    fc.assert(
      fc.property(plainJson, (json) => {
        const { value, traits } = codec.copy(json);
        expect(traits).toBe(0);
        expect(codec.encode(value)).toBe(value);
        expect(codec.decode(value as never).value).toBe(value);
      }),
    ));

  test('nothing but what encode writes is decoded', () =>
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...tags), (payload, tag) => {
        const document = { [tag]: payload } as never;
        try {
          expect(account(codec.encode(codec.decode(document).value))).toBe(account(document));
        } catch (error) {
          if (!(error instanceof StateCorruptionError)) throw error;
        }
      }),
      { numRuns: 2000 },
    ));
});

const tags = [
  '$undefined', '$number', '$bigint', '$string', '$date', '$regexp', '$url', '$map', '$set', '$bytes', '$sparse',
  '$error', '$null', '$object', '$class', '$nonsense', '$$map', '$__proto__', '$',
]; // biome-ignore format: a list

describe('sharing', () => {
  test('only what holds a tag is rebuilt', () => {
    const plain = { deep: [1, 2] };
    const value = { plain, when: new Date(0) };
    const document = codec.encode(value) as unknown as typeof value;
    expect(document.plain).toBe(plain);
    expect((codec.decode(document as never).value as typeof value).plain).toBe(plain);
    expect(value.when).toBeInstanceOf(Date);
  });

  test('is frozen all the way down also beside what it shares with a value that was frozen before', () => {
    const isFrozen = (inner: unknown): boolean =>
      typeof inner !== 'object' ||
      inner === null ||
      (Object.isFrozen(inner) && Object.values(inner).every(isFrozen));
    const list = fc.array(fc.jsonValue(), { maxLength: 5 });
    fc.assert(
      fc.property(list, list, fc.nat(5), fc.nat(5), fc.boolean(), (from, more, cut, at, whole) => {
        const known = codec.copy({ list: from, other: from }).value as { list: unknown[]; other: unknown };
        const shared = [...known.list];
        shared.splice(at, cut, ...(codec.copy(more).value as unknown[]));
        const next = { list: shared, other: whole ? known.other : known.list, added: codec.copy(more).value };
        const before = JSON.stringify(next);
        codec.freeze(known);
        const frozen = codec.freeze(next, known);
        expect(frozen).toBe(next);
        expect(isFrozen(frozen)).toBe(true);
        expect(JSON.stringify(frozen)).toBe(before);
      }),
    );
  });

  test('what is known and was not frozen is not relied upon', () => {
    const known = codec.copy({ a: { n: 1 } }).value as { a: { n: number } };
    const next = codec.freeze({ a: known.a }, known);
    expect(Object.isFrozen(next.a)).toBe(true);
  });

  test('nothing is decoded twice', () => {
    for (const value of [
      { $map: [['a', 1]] },
      { $$date: null },
      { x: { $undefined: true }, y: { $number: 'NaN' } },
    ]) {
      expect(account(through(value).back)).toBe(account(value));
      expect(account(through(through(value).document).back)).toBe(account(through(value).document));
    }
  });

  test('Maps and Sets need tags but can be drafted; Dates cannot', () => {
    expect(codec.copy({ m: new Map() }).traits).toBe(TAGGED);
    expect(codec.copy({ m: new Map([[1, new Date()]]) }).traits).toBe(TAGGED | EXOTIC);
  });

  test('a copy at the edge of a larger state reports the place in it', () => {
    const options = { path: ['users', 3], depth: 2, key: 'k' };
    expect(() => codec.copy({ cb() {} }, options)).toThrow(
      expect.objectContaining({ path: '$.users[3].cb', key: 'k' }),
    );
  });
});

function collect(value: unknown, into: Set<object>): void {
  if (typeof value !== 'object' || value === null) return;
  into.add(value);
  if (ArrayBuffer.isView(value)) into.add(value.buffer);
  if (value instanceof Map) for (const pair of value) for (const inner of pair) collect(inner, into);
  if (value instanceof Set) for (const inner of value) collect(inner, into);
  for (const key of Object.getOwnPropertyNames(value)) collect((value as Record<string, unknown>)[key], into);
}
