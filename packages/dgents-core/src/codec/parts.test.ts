import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { classes, hostileKeys, Point } from '../../test/codec-values.js';
import { Codec } from './codec.js';
import { escapeKey, isPlainKey, unescapeKey } from './keys.js';
import { jsonBytes } from './measure.js';
import { formatPath, IN_MAP } from './path.js';

const codec = new Codec({ classes });

describe('keys', () => {
  const anyKey = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...hostileKeys));

  test('escaping is undone exactly, so no two keys meet', () => {
    fc.assert(fc.property(anyKey, (key) => expect(unescapeKey(escapeKey(key))).toBe(key)));
  });

  test('an escaped key is neither a tag nor __proto__', () => {
    fc.assert(
      fc.property(anyKey, (key) =>
        expect(escapeKey(key)).not.toMatch(/^(?:\$(?!\$|__proto__$)|__proto__$)/s),
      ),
    );
  });

  test('a plain key has no U+0000 and no lone surrogate', () => {
    fc.assert(fc.property(anyKey, (key) => expect(isPlainKey(key)).toBe(!/\0|[\ud800-\udfff]/u.test(key))));
    for (const key of ['a\0', '\ud800', `${'x'.repeat(30)}\0`, `${'x'.repeat(30)}\udfff`])
      expect(isPlainKey(key)).toBe(false);
    for (const key of ['', '😀', '\uffff', '\ue000', 'x'.repeat(30)]) expect(isPlainKey(key)).toBe(true);
  });
});

describe('paths', () => {
  test.each([
    [[], '$'],
    [['users', 3, 'callback'], '$.users[3].callback'],
    [['two words', '', '3', 'a-b'], '$["two words"][""]["3"]["a-b"]'],
    [['m', IN_MAP, 2, 'value'], '$.m<Map>[2].value'],
  ])('%j reads %s', (path, text) => {
    expect(formatPath(path)).toBe(text);
  });
});

describe('measure', () => {
  const long = (text: string) => text.repeat(20);

  test.each([
    '', 'é', '😀', '\ud800', '\udc00\ud800', '\n\t\b\f\r', '\u0001\u001f\u007f', '"\\', '\u2028', 'plain', '漢字',
  ])('strings like %j, short and long', (text) => {
    for (const sample of [text, long(text), `${long('x')}${text}`, { [text]: [text], [long(text)]: null }]) {
      expect(jsonBytes(sample as never)).toBe(Buffer.byteLength(JSON.stringify(sample)));
    }
  }); // biome-ignore format: a list

  test('numbers of every size', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.maxSafeInteger(), fc.integer()),
        (n) => {
          expect(jsonBytes(n)).toBe(JSON.stringify(n).length);
        },
      ),
    );
    for (const n of [0, 9, 10, 99, 100, 1e15, 1e15 - 1, 999999999999999, 1e20, 1e21, -1, -10, 1e-7]) {
      expect(jsonBytes(n)).toBe(JSON.stringify(n).length);
    }
  });

  test('any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (json) => {
        expect(jsonBytes(json as never)).toBe(Buffer.byteLength(JSON.stringify(json)));
      }),
    );
  });
});

describe('the frozen view', () => {
  const plain = () => ({ a: [{ b: 1 }], n: Object.assign(Object.create(null), { c: [2] }) });

  test('plain objects and arrays are frozen in place, all the way down', () => {
    const value = plain();
    const frozen = codec.freeze(value);
    expect(frozen).toBe(value);
    for (const object of [value, value.a, value.a[0], value.n, value.n.c])
      expect(Object.isFrozen(object)).toBe(true);
    expect(codec.freeze(value)).toBe(value);
  });

  test('what freezing cannot protect is another one each time', () => {
    const make = () => ({
      plain: plain(),
      date: new Date(0),
      map: new Map([[1, plain()]]),
      set: new Set([new Date(1)]),
      bytes: new Uint8Array([1]),
      url: new URL('http://x/'),
      regexp: /a/g,
      error: new Error('m'),
      point: new Point(1, { x: 1 }),
      list: [1, [new Date(0)]],
    });
    const value = make();
    const [one, two] = [codec.freeze(value), codec.freeze(value)];
    for (const key of ['date', 'map', 'set', 'bytes', 'url', 'regexp', 'error', 'point'] as const) {
      expect(one[key]).not.toBe(two[key]);
      expect(one[key]).not.toBe(value[key]);
    }
    one.date.setTime(9);
    one.map.clear();
    one.set.clear();
    one.bytes[0] = 9;
    one.regexp.lastIndex = 9;
    one.point.x = 9;
    (one.list[1] as Date[])[0]!.setTime(9);
    const expected = { ...make(), error: value.error };
    expect(codec.equal(value, expected)).toBe(true);
    expect(codec.equal(codec.freeze(value), expected)).toBe(true);
  });

  test('the containers around it are rebuilt and frozen, plain siblings are shared', () => {
    const value = { plain: plain(), inner: { when: new Date(0), list: [1] } };
    const one = codec.freeze(value);
    expect(one).not.toBe(value);
    expect(Object.isFrozen(one)).toBe(true);
    expect(Object.isFrozen(one.inner)).toBe(true);
    expect(one.plain).toBe(codec.freeze(value).plain);
    expect(one.inner.list).toBe(value.inner.list);
    expect(Object.isFrozen(value.inner)).toBe(false);
    expect(Object.isFrozen(codec.freeze(new Map([[1, plain()]])).get(1))).toBe(true);
  });

  test('a clone of a frozen value can be changed', () => {
    const value = codec.clone(codec.freeze(plain()));
    value.a[0]!.b = 2;
    value.a.push({ b: 3 });
    expect(value.a).toEqual([{ b: 2 }, { b: 3 }]);
  });
});

describe('kinds', () => {
  test('leaves compare by what is stored of them', () => {
    expect(codec.sameLeaf(new Date(NaN), new Date(NaN))).toBe(true);
    expect(codec.sameLeaf(new Date(1), new Date(2))).toBe(false);
    expect(codec.sameLeaf(/a/g, /a/g)).toBe(true);
    expect(codec.sameLeaf(/a/g, Object.assign(/a/g, { lastIndex: 1 }))).toBe(false);
    expect(codec.sameLeaf(new Uint8Array(2), new Int8Array(2))).toBe(false);
    expect(codec.sameLeaf(new Float64Array([NaN]), new Float64Array([NaN]))).toBe(true);
    expect(codec.sameLeaf(new URL('http://a'), new URL('http://a/'))).toBe(true);
    expect(codec.sameLeaf(new Date(0), /a/)).toBe(false);
  });

  test('primitives that need a tag', () => {
    for (const value of [undefined, -0, NaN, Infinity, 1n, '\0', '\ud800'])
      expect(codec.needsTag(value)).toBe(true);
    for (const value of [null, 0, 1.5, true, '', '😀']) expect(codec.needsTag(value)).toBe(false);
  });

  test.each([
    [{}, 'object'], [Object.create(null), 'null-object'], [[undefined], 'array'], [new Array(1), 'sparse'],
    [new Map(), 'map'], [new Set(), 'set'], [new Date(), 'date'], [/a/, 'regexp'], [new URL('a:b'), 'url'],
    [Buffer.alloc(1), 'bytes'], [new Error(), 'error'], [new Point(1, 2), 'class'], [() => 1, 'unstorable'],
    [new WeakMap(), 'unstorable'],
  ])('%p is of kind %s', (value, kind) => {
    expect(codec.kindOf(value)).toBe(kind);
  }); // biome-ignore format: a table

  test('order of keys, of Map entries and of Set members is part of a value', () => {
    expect(codec.equal({ a: 1, b: 2 }, { b: 2, a: 1 })).toBe(false);
    expect(codec.equal(new Set([1, 2]), new Set([2, 1]))).toBe(false);
    expect(codec.equal(0, -0)).toBe(false);
    expect(codec.equal(new Array(1), [undefined])).toBe(false);
  });

  test('errors alike but for their class differ', () => {
    const bare = (error: Error) => Object.defineProperty(error, 'stack', { value: '' });
    expect(codec.equal(bare(new TypeError('m')), bare(new TypeError('m')))).toBe(true);
    expect(codec.equal(bare(new TypeError('m')), bare(new RangeError('m')))).toBe(false);
  });
});
