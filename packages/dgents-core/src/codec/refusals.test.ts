import { Readable } from 'node:stream';
import vm from 'node:vm';
import { describe, expect, jest, test } from '@jest/globals';
import { classes, Point, withKeys } from '../../test/codec-values.js';
import { StateCorruptionError, StateSerializationError, StateTooLargeError } from '../errors.js';
import { Codec } from './codec.js';
import { jsonBytes } from './measure.js';

// Thousands of runs: on a busy machine they take their time.
jest.setTimeout(60_000);

const codec = new Codec({ classes });

function refusal(value: unknown, using = codec): StateSerializationError {
  try {
    using.copy(value, { key: 'k' });
  } catch (error) {
    expect(error).toBeInstanceOf(StateSerializationError);
    expect((error as StateSerializationError).key).toBe('k');
    return error as StateSerializationError;
  }
  throw new TypeError('accepted');
}

class Unknown {}
class Sub extends Point {}
class List extends Array {}
function argumentsOf(..._values: unknown[]): IArguments {
  // biome-ignore lint/complexity/noArguments: that is what is tested.
  return arguments;
}
const hidden = Object.defineProperty({ a: 1 }, 'h', { value: 1, enumerable: false });
const trap = new Proxy({ a: 1 }, { ownKeys: () => { throw new RangeError('no'); } }); // biome-ignore format: one line
const revoked = Proxy.revocable({}, {});
revoked.revoke();

const refused: [string, unknown, string, RegExp][] = [
  ['a function', { users: [0, 1, 2, { callback() {} }] }, '$.users[3].callback', /a function/],
  ['a class', { a: Unknown }, '$.a', /a function/],
  ['toJSON as a function', { toJSON: () => 1 }, '$.toJSON', /a function/],
  ['a symbol', { 'two words': Symbol('s') }, '$["two words"]', /a symbol/],
  ['a symbol as key', { a: { [Symbol('s')]: 1 } }, '$.a', /a symbol as key/],
  ['a getter', { a: { get b() { return 1; } } }, '$.a.b', /an accessor/], // biome-ignore format: one line
  ['a setter', { set b(_value: number) {} }, '$.b', /an accessor/],
  [
    'a getter in an array',
    Object.defineProperty([1, 2], 1, { get: () => 1, enumerable: true }),
    '$[1]',
    /an accessor/,
  ],
  [
    'a setter in an array',
    Object.defineProperty([1, 2], 1, { set() {}, enumerable: true }),
    '$[1]',
    /an accessor/,
  ],
  ['a hidden property', { a: hidden }, '$.a.h', /not enumerable/],
  [
    'a hidden property of an instance',
    Object.defineProperty(new Point(1, 2), 'h', { value: 1 }),
    '$.h',
    /not enumerable/,
  ],
  ['an extra of an array', { a: Object.assign([1], { x: 1 }) }, '$.a.x', /extra property/],
  ['an extra of a long array', Object.assign(new Array(500).fill(0), { x: 1 }), '$.x', /extra property/],
  ['an extra of a sparse array', Object.assign(new Array(3), { x: 1 }), '$.x', /extra property/],
  ['a symbol on an array', Object.assign([1], { [Symbol('s')]: 1 }), '$', /a symbol as key/],
  [
    'a symbol on a long array',
    Object.assign(new Array(500).fill(0), { [Symbol('s')]: 1 }),
    '$',
    /a symbol as key/,
  ],
  ['a match of a RegExp', /a/.exec('a'), '$.index', /extra property/],
  ['an extra of a Map', Object.assign(new Map(), { x: 1 }), '$.x', /extra property/],
  ['an extra of a Set', Object.assign(new Set(), { x: 1 }), '$.x', /extra property/],
  ['an extra of a Date', Object.assign(new Date(), { x: 1 }), '$.x', /extra property/],
  ['an extra of a RegExp', Object.assign(/a/, { x: 1 }), '$', /extra property/],
  ['a strange lastIndex', Object.assign(/a/, { lastIndex: -1 }), '$', /lastIndex/],
  ['an extra of a typed array', Object.assign(new Uint8Array(2), { x: 1 }), '$', /extra property/],
  ['an extra of a long typed array', Object.assign(new Uint8Array(999), { x: 1 }), '$', /extra property/],
  ['an extra of an ArrayBuffer', Object.assign(new ArrayBuffer(2), { x: 1 }), '$.x', /extra property/],
  [
    'a hidden property of an Error',
    Object.defineProperty(new Error(), 'h', { value: 1 }),
    '$',
    /not enumerable/,
  ],
  ['a function in an Error', Object.assign(new Error(), { a: { f() {} } }), '$.a.f', /a function/],
  ['a function as cause', new Error('m', { cause: [() => 1] }), '$.cause[0]', /a function/],
  ['a value of a Map', { m: new Map<number, unknown>([[1, 1], [2, () => 1]]) }, '$.m<Map>[1].value', /a function/], // biome-ignore format: one line
  ['a key of a Map', { m: new Map([[() => 1, 1]]) }, '$.m<Map>[0].key', /a function/],
  ['a member of a Set', new Set([1, Symbol('s')]), '$<Set>[1]', /a symbol/],
  ['an element of a sparse array', Object.assign(new Array(3), { 1: () => 1 }), '$[1]', /a function/],
  ['an unregistered class', { a: new Unknown() }, '$.a', /instance of Unknown/],
  ['a subclass of a registered class', new Sub(1, 2), '$', /instance of Sub/],
  ['a subclass of Array', new List(), '$', /instance of List/],
  ['a subclass of Error', new (class Mine extends Error {})(), '$', /instance of Mine/],
  ['an unknown prototype', Object.create({ a: 1 }), '$', /prototype/],
  [
    'a prototype that names a foreign Object',
    Object.create({ constructor: vm.runInNewContext('Object') }),
    '$',
    /./,
  ],
  ['a mere prototype of Map', Object.create(Map.prototype), '$', /./],
  ['a mere prototype of URL', Object.create(URL.prototype), '$', /./],
  ['an array in disguise', Object.setPrototypeOf([], Object.prototype), '$', /./],
  ['a boxed number', { n: Object(1) }, '$.n', /boxed/],
  ['a boxed string', Object('x'), '$', /boxed/],
  ['arguments', argumentsOf(1), '$', /symbol|enumerable/],
  ['Math', { Math }, '$.Math', /./],
  ['a WeakMap', new WeakMap(), '$', /weak/],
  ['a WeakSet', new WeakSet(), '$', /weak/],
  ['a WeakRef', new WeakRef({}), '$', /WeakRef/],
  ['a Promise', { p: Promise.resolve(1) }, '$.p', /await/],
  ['a stream', new Readable(), '$', /Readable/],
  ['a generator', (function* g() {})(), '$', /generator/],
  ['a SharedArrayBuffer', new SharedArrayBuffer(1), '$', /SharedArrayBuffer/],
  ['a view of shared memory', new Uint8Array(new SharedArrayBuffer(1)), '$', /SharedArrayBuffer/],
  ['a Proxy whose trap throws', { a: trap }, '$.a', /threw/],
  ['a revoked Proxy', { a: revoked.proxy }, '$.a', /threw/],
];

describe('what is refused', () => {
  test.each(refused)('%s, with its path', (_name, value, path, reason) => {
    const error = refusal(value);
    expect(error.path).toBe(path);
    expect(error.message).toMatch(reason);
  });

  test('a cycle, with the way to where it closes', () => {
    const state = { a: { list: [0] as unknown[] } };
    state.a.list.push(state.a);
    const error = refusal(state);
    expect(error.path).toBe('$.a.list[1]');
    expect(error.message).toMatch(/a cycle, it leads back to \$\.a$/);
    const map = new Map<string, unknown>();
    map.set('me', map);
    expect(refusal(map).path).toBe('$<Map>[0].value');
    const point = new Point(1, {});
    point.y = { point };
    expect(refusal(point).message).toMatch(/\$\.y\.point: a cycle, it leads back to \$$/);
  });

  test('a hook of a class that throws or returns something else', () => {
    class A {}
    const using = (hooks: object) => new Codec({ classes: [{ name: 'A', type: A, ...hooks }] });
    const cause = new RangeError('hook');
    const throwing = refusal({ a: new A() }, using({ encode: () => { throw cause; } })); // biome-ignore format: one line
    expect(throwing.cause).toBe(cause);
    expect(throwing.path).toBe('$.a');
    expect(refusal(new A(), using({ encode: () => [] })).message).toMatch(/plain object/);
    expect(refusal(new A(), using({ decode: () => ({}) })).path).toBe('$');
  });

  test('a value that looks like a plain object is one, Proxy or not', () => {
    expect(codec.copy(new Proxy({ a: [1] }, {})).value).toEqual({ a: [1] });
    expect(codec.copy(new Proxy([1, 2], {})).value).toEqual([1, 2]);
  });
});

describe('classes', () => {
  class A {}
  test.each([
    [
      'twice the same name',
      [
        { name: 'A', type: A },
        { name: 'A', type: Point },
      ],
    ],
    [
      'twice the same class',
      [
        { name: 'A', type: A },
        { name: 'B', type: A },
      ],
    ],
    ['no name', [{ name: '', type: A }]],
    ['a built-in class', [{ name: 'M', type: Map }]],
    ['a subclass of a built-in class without both hooks', [{ name: 'L', type: List, encode: () => ({}) }]],
  ])('%s cannot be registered', (_name, list) => {
    expect(() => new Codec({ classes: list })).toThrow(TypeError);
  });

  test('the constructor does not run when an instance comes back', () => {
    let runs = 0;
    class Counting {
      a = 1;
      constructor() {
        runs++;
      }
    }
    const counting = new Codec({ classes: [{ name: 'C', type: Counting }] });
    const back = counting.read('{"$class":["C",{"a":2}]}').value;
    expect(back).toBeInstanceOf(Counting);
    expect(back).toEqual(Object.assign(new Counting(), { a: 2 }));
    expect(runs).toBe(1);
  });
});

describe('hostile data', () => {
  const corrupt = [
    '{"$nonsense":1}', '{"$":1}', '{"$map":1}', '{"$map":[[1]]}', '{"$map":[[1,1],[1,2]]}', '{"$set":[1,1]}',
    '{"$date":"2020"}', '{"$date":0}', '{"$undefined":false}', '{"$number":"1"}', '{"$bigint":"0x1"}', '{"$bigint":"-0"}',
    '{"$bigint":1}', '{"$string":"plain"}', '{"$string":"\\""}', '{"$regexp":["(","",0]}', '{"$regexp":["a","xx",0]}',
    '{"$regexp":["a","g",-1]}', '{"$url":"nope"}', '{"$url":"HTTP://x"}', '{"$bytes":["Uint8Array","!"]}',
    '{"$bytes":["Function",""]}', '{"$bytes":["Float32Array","AQ=="]}', '{"$bytes":["constructor","AQ=="]}',
    '{"$sparse":[1,[[0,1]]]}', '{"$sparse":[2,[[5,1]]]}', '{"$sparse":[-1,[]]}', '{"$sparse":[3,[[1,1],[0,1]]]}',
    '{"$error":{"name":"Function"}}', '{"$error":{"name":"Error","toString":1}}', '{"$error":{"name":"constructor"}}',
    '{"$error":[]}', '{"$null":1}', '{"$null":{"$map":[]}}', '{"$object":[["a",1]]}', '{"$object":[]}',
    '{"$object":[[{"$string":"\\\\u0000"},1],[{"$string":"\\\\u0000"},2]]}', '{"$class":["Nobody",{}]}',
    '{"$class":["constructor",{}]}', '{"$class":["Point"]}', '{"$class":["Point",{"$set":[]}]}', '{"a":1,"$b":2}', '{"$map":[],"a":1}', '{"$undefined":true,"$$a":1}',
    '{"__proto__":{"polluted":1}}', '{"a":1,"__proto__":{"polluted":1}}', '"\\u0000"', '"\\ud800"', '{"\\u0000":1}', '-0',
    '1e999', '{', '',
  ]; // biome-ignore format: a list

  test.each(corrupt)('%s is not what the codec writes', (text) => {
    expect(() => codec.read(text, { key: 'k' })).toThrow(StateCorruptionError);
    expect(({} as { polluted?: unknown }).polluted).toBe(undefined);
  });

  test('corruption names the key and the place', () => {
    expect(() => codec.read('{"a":[{"$map":1}]}', { key: 'k' })).toThrow(/at \$\.a\[0\]: a malformed \$map/);
    expect(() => codec.read('{', { key: 'k' })).toThrow(
      expect.objectContaining({ key: 'k', cause: expect.anything() }),
    );
  });

  test('parse keeps __proto__ as an own key', () => {
    const parsed = codec.parse('{"__proto__":{"polluted":1}}') as object;
    expect(Object.keys(parsed)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
  });

  test('a key __proto__ with an object inside goes through everything as a key', () => {
    const value = withKeys([['__proto__', { polluted: { deep: new Date(0) } }]]);
    const back = codec.read(codec.stringify(codec.encode(codec.copy(value).value))).value;
    for (const object of [
      codec.copy(value).value,
      codec.clone(value),
      back,
      codec.freeze(codec.clone(value)),
    ]) {
      expect(Object.keys(object as object)).toEqual(['__proto__']);
      expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
    }
    expect(({} as { polluted?: unknown }).polluted).toBe(undefined);
  });

  test('an Object.prototype that others have polluted changes nothing', () => {
    (Object.prototype as unknown as { dirt: object }).dirt = { deep: [1] };
    try {
      const value = { a: 1, b: { c: undefined } };
      const { value: copy } = codec.copy(value);
      const document = codec.encode(copy);
      expect(Object.keys(copy as object)).toEqual(['a', 'b']);
      expect(codec.stringify(document)).toBe('{"a":1,"b":{"c":{"$undefined":true}}}');
      expect(jsonBytes(document)).toBe(37);
      expect(codec.equal(codec.decode(document).value, codec.clone(copy))).toBe(true);
    } finally {
      Reflect.deleteProperty(Object.prototype, 'dirt');
    }
  });
});

const nested = (levels: number, wrap: (inner: unknown) => unknown, core: unknown = 1) => {
  let value = core;
  for (let i = 0; i < levels; i++) value = wrap(value);
  return value;
};

describe('bombs', () => {
  const wraps: [string, (inner: unknown) => unknown][] = [
    ['arrays', (inner) => [inner]],
    ['objects', (inner) => ({ inner })],
    ['Maps', (inner) => new Map([[1, inner]])],
    ['Sets', (inner) => new Set([inner])],
    ['null-prototype objects', (inner) => withKeys([['inner', inner]], null)],
    ['sparse arrays', (inner) => Object.assign(new Array(2), { 1: inner })],
    ['odd keys', (inner) => ({ '\0': inner })],
    ['instances', (inner) => new Point(1, inner)],
    [
      'fields of errors',
      (inner) => Object.defineProperty(Object.assign(new Error(''), { inner }), 'stack', { value: '' }),
    ],
    ['causes', (cause) => Object.defineProperty(new Error('', { cause }), 'stack', { value: '' })],
  ];

  test.each(wraps)('100,000 nested %s are a typed error in every function', (name, wrap) => {
    const levels = name === 'causes' || name === 'fields of errors' ? 5_000 : 100_000;
    const deep = nested(levels, wrap);
    const other = nested(levels, wrap, 2);
    expect(() => codec.copy(deep)).toThrow(StateSerializationError);
    expect(() => codec.clone(deep)).toThrow(StateSerializationError);
    expect(() => codec.encode(deep)).toThrow(StateSerializationError);
    expect(() => codec.freeze(deep)).toThrow(StateSerializationError);
    expect(() => codec.equal(deep, other)).toThrow(StateSerializationError);
  });

  test.each(wraps.slice(0, 2))(
    'a document of 100,000 nested %s is a typed error in every function',
    (_name, wrap) => {
      const deep = nested(100_000, wrap) as never;
      expect(() => codec.decode(deep)).toThrow(StateCorruptionError);
      expect(() => codec.stringify(deep)).toThrow(StateSerializationError);
      expect(() => jsonBytes(deep)).toThrow(StateSerializationError);
    },
  );

  test('text of 100,000 brackets is a typed error', () => {
    expect(() => codec.read('['.repeat(1e5) + ']'.repeat(1e5))).toThrow(StateCorruptionError);
    expect(() => codec.read('{"a":'.repeat(1e5) + '1}'.padEnd(1e5 + 1, '}'))).toThrow(StateCorruptionError);
    expect(() => codec.read(`${'{"$set":['.repeat(1e5)}1${']}'.repeat(1e5)}`)).toThrow(StateCorruptionError);
  });

  test.each(wraps)('as deep as can be, nested %s go through everything', (_name, wrap) => {
    const deepest = new Codec({ classes, maxDepth: 2000 });
    const fits = (levels: number) => {
      try {
        deepest.copy(nested(levels, wrap, undefined));
        return true;
      } catch {
        return false;
      }
    };
    let levels = 0;
    for (let step = 1024; step >= 1; step /= 2) if (fits(levels + step)) levels += step;
    expect(levels).toBeGreaterThanOrEqual(499);
    const { value } = deepest.copy(nested(levels, wrap, undefined));
    const document = deepest.encode(value);
    const text = deepest.stringify(document);
    expect(jsonBytes(document)).toBe(Buffer.byteLength(text));
    expect(deepest.equal(deepest.read(text).value, deepest.clone(value))).toBe(true);
    expect(deepest.equal(deepest.freeze(value), value)).toBe(true);
  });

  test('depth counts from the place in a larger state', () => {
    const shallow = new Codec({ maxDepth: 3 });
    expect(shallow.copy([[[1]]]).value).toEqual([[[1]]]);
    expect(() => shallow.copy([[[[1]]]])).toThrow(/deeper than 3/);
    expect(() => shallow.copy([[[1]]], { depth: 1 })).toThrow(/deeper than 3/);
    expect(() => shallow.read('[[[[1]]]]')).toThrow(StateCorruptionError);
  });

  test('shared references that double 24 times are refused before they take memory', () => {
    let bomb: unknown = ['x'];
    for (let i = 0; i < 24; i++) bomb = { a: bomb, b: bomb };
    const before = process.memoryUsage().rss;
    expect(() => codec.copy(bomb)).toThrow(StateTooLargeError);
    expect(process.memoryUsage().rss - before).toBeLessThan(3 * codec.maxBytes);
  });

  test('what is too large is refused, with what it weighs at least', () => {
    const small = new Codec({ maxBytes: 1000 });
    for (const value of [
      'x'.repeat(1001),
      new Uint8Array(1000),
      new Array(600).fill(1),
      { ['k'.repeat(1000)]: 1 },
    ]) {
      expect(() => small.copy({ value }, { key: 'k' })).toThrow(
        expect.objectContaining({ code: 'DGENTS_STATE_TOO_LARGE', limitBytes: 1000, key: 'k' }),
      );
    }
    expect(() => small.parse('"'.padEnd(1001, 'x'))).toThrow(StateTooLargeError);
    expect(() => small.parse(`"${'é'.repeat(600)}"`)).toThrow(StateTooLargeError);
  });

  test('what weighs exactly the limit is accepted', () => {
    for (const value of [
      'x'.repeat(998),
      new Array(10).fill(''),
      { a: { b: [1, 2] }, c: 'é' },
      [[], {}, [null]],
      {},
    ]) {
      const exact = new Codec({ maxBytes: jsonBytes(value as never) });
      expect(exact.copy(value).value).toEqual(value);
      expect(exact.parse(JSON.stringify(value))).toEqual(value);
    }
  });

  test.each([0, 1.5, 2001, NaN])('maxDepth %p is out of range', (maxDepth) => {
    expect(() => new Codec({ maxDepth })).toThrow(RangeError);
  });
});
