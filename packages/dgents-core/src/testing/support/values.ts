/** Values of every kind that a state may hold, and of those that it may not. */

/** A kind of value, with values of it. Made anew each time, so that nothing can be handed back by reference. */
export interface Kind {
  readonly name: string;
  readonly make: () => readonly unknown[];
}

/** An object with these own keys, `__proto__` included. */
export function withKeys(
  entries: readonly (readonly [string, unknown])[],
  prototype: object | null = Object.prototype,
): Record<string, unknown> {
  const target: Record<string, unknown> = Object.create(prototype);
  for (const [key, value] of entries) {
    Object.defineProperty(target, key, { value, writable: true, configurable: true, enumerable: true });
  }
  return target;
}

/** Names that something on the way may take for its own. */
export const HOSTILE_KEYS: readonly string[] = [
  '', '$', '$$', '$map', '$$map', '$undefined', '$object', '$date', '__proto__', '$__proto__', '$$__proto__', 'constructor',
  'prototype', 'toString', 'valueOf', 'hasOwnProperty', 'toJSON', 'then', 'length', '0', '10', '007', '-1', '4294967295',
  'a/b', 'm~n', '~1', 'a.b', 'a\0b', '\ud800', '\udc00x', 'é', 'e\u0301', '😀', '"', '\\', '\n', '\u2028',
]; // biome-ignore format: a list

function sparse(length: number, entries: Readonly<Record<number, unknown>>): unknown[] {
  const list: unknown[] = [];
  list.length = length;
  return Object.assign(list, entries);
}

function bufferOf(...bytes: number[]): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

function entriesOf(keys: readonly string[]): [string, unknown][] {
  return keys.map((key, i) => [key, i]);
}

const shared = { n: 1 };

/** The table: what is in it comes back exactly, from every agent. */
export const KINDS: readonly Kind[] = [
  { name: 'falsy states', make: () => [null, 0, '', false] },
  { name: 'empty objects and arrays', make: () => [{}, [], [[]], { a: {} }] },
  {
    name: 'plain JSON',
    make: () => [{ a: [1, 'x', true, null, { b: 1.5 }], c: 'é' }, 'text', 42, true, [1e21, 5e-324]],
  },
  { name: 'undefined in objects and arrays', make: () => [{ a: undefined }, [undefined, 1, undefined]] },
  { name: '-0, NaN and the infinities', make: () => [-0, [-0, 0], NaN, Infinity, { n: -Infinity }] },
  { name: 'bigints', make: () => [0n, -1n, 2n ** 64n, { n: 10n ** 40n }] },
  {
    name: 'strings with U+0000, lone surrogates and line separators',
    make: () => ['\0', 'a\0"b\\', '\ud800', 'x\udc00y', '😀', '\u2028\u2029', '\\u0000', 'e\u0301', '\ufeff'],
  },
  {
    name: 'Dates, invalid ones too',
    make: () => [new Date(0), new Date(8.64e15), new Date(-1), new Date(NaN)],
  },
  {
    name: 'RegExps with their lastIndex',
    make: () => [/a\/b[/]/giy, Object.assign(/x/g, { lastIndex: 3 }), /(?:)/, /\n/dsu],
  },
  { name: 'URLs', make: () => [new URL('https://user@x.example:8080/a%20b?q=1#h'), new URL('data:,x')] },
  {
    name: 'Maps with any keys',
    make: () => [
      new Map(),
      new Map<unknown, unknown>([['k', 1], [1, 'n'], [NaN, undefined], [{ a: 1 }, new Map([[null, [1n]]])]]),
      new Map<unknown, unknown>([['__proto__', 1], ['$map', 2], [new Date(5), 3], [-1n, 4]]),
    ], // biome-ignore format: rows
  },
  {
    name: 'Sets of anything',
    make: () => [
      new Set(),
      new Set([1, '1', NaN, undefined, null]),
      new Set([{ a: 1 }, { a: 1 }, new Set([[]])]),
    ],
  },
  {
    name: 'ArrayBuffers and DataViews',
    make: () => [bufferOf(), bufferOf(1, 2, 255), new DataView(bufferOf(1, 2, 3, 4), 1, 2)],
  },
  {
    name: 'typed arrays of every type',
    make: () => [
      ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array].map(
        (type) => type.from([0, 1, 200, -1]),
      ),
      Float32Array.from([1.5, -0, NaN, Infinity]),
      Float64Array.from([0.1, -0, NaN, -Infinity, 5e-324]),
      BigInt64Array.from([0n, -1n, 2n ** 62n]),
      BigUint64Array.from([0n, 2n ** 64n - 1n]),
      new Uint16Array(bufferOf(1, 2, 3, 4, 5, 6), 2, 1),
      new Uint8Array(),
    ],
  },
  {
    name: 'Buffers',
    make: () => [Buffer.from('héy'), Buffer.alloc(0), Buffer.from('abcdef').subarray(2, 4)],
  },
  {
    name: 'arrays with holes',
    make: () => [sparse(3, { 0: 1, 2: undefined }), sparse(5, {}), sparse(1_000_000, { 999999: { x: 1 } })],
  },
  {
    name: 'Errors with cause and fields of their own',
    make: () => [
      new Error('m'),
      Object.assign(new TypeError('m', { cause: new RangeError('c', { cause: 1n }) }), { code: 'E', at: new Date(0) }),
      new AggregateError([new SyntaxError('x'), 'y'], 'both'),
      new Error(),
    ], // biome-ignore format: rows
  },
  {
    name: 'objects without a prototype',
    make: () => [
      withKeys([], null),
      withKeys([['a', 1], ['__proto__', 2], ['$a', { b: withKeys([['c', undefined]], null) }]], null),
    ], // biome-ignore format: rows
  },
  {
    name: 'hostile keys',
    make: () => [
      withKeys(entriesOf(HOSTILE_KEYS)),
      withKeys(entriesOf([...HOSTILE_KEYS].reverse())),
      ...['__proto__', 'constructor', 'toString', '$map', '$$', '$undefined', '\0'].flatMap((key) => [
        withKeys([[key, true]]),
        withKeys([[key, withKeys([[key, [null]]])], ['a', 1]]),
      ]),
    ], // biome-ignore format: rows
  },
  {
    name: 'keys in their order',
    make: () => [
      { b: 1, a: 2, c: 3 },
      { c: 3, a: 2, b: 1 },
      { z: 0, 10: 1, 9: 2 },
      { a: 2, b: 1 },
    ],
  },
  {
    name: 'what looks like a tag of a format',
    make: () => [
      { $date: null },
      { $map: [['a', 1]] },
      { $undefined: true },
      { $$map: 1 },
      { $number: 'NaN' },
    ],
  },
  { name: 'references that are shared, written out', make: () => [{ a: shared, b: [shared, shared] }] },
];

/** A value that cannot be kept. */
export interface Unstorable {
  readonly name: string;
  readonly make: () => unknown;
  /** How the path of what is wrong ends. */
  readonly path: string;
}

class Unregistered {
  readonly a = 1;
}

function cyclic(): unknown {
  const state = { a: { list: [0] as unknown[] } };
  state.a.list.push(state.a);
  return state;
}

export const UNSTORABLE: readonly Unstorable[] = [
  { name: 'a function', make: () => ({ users: [0, { callback() {} }] }), path: '.users[1].callback' },
  { name: 'a class', make: () => ({ a: Unregistered }), path: '.a' },
  { name: 'toJSON', make: () => ({ a: { toJSON: () => 1 } }), path: '.a.toJSON' },
  { name: 'a symbol', make: () => ({ 'two words': Symbol('s') }), path: '["two words"]' },
  { name: 'a symbol as key', make: () => ({ a: { [Symbol('s')]: 1 } }), path: '.a' },
  { name: 'a cycle', make: cyclic, path: '.a.list[1]' },
  { name: 'a getter', make: () => ({ a: { get b() { return 1; } } }), path: '.a.b' }, // biome-ignore format: one line
  { name: 'a setter', make: () => ({ set b(_value: number) {} }), path: '.b' },
  {
    name: 'a hidden property',
    make: () => ({ a: Object.defineProperty({}, 'h', { value: 1 }) }),
    path: '.a.h',
  },
  { name: 'an extra property of an array', make: () => ({ a: Object.assign([1], { x: 1 }) }), path: '.a.x' },
  {
    name: 'an extra property of a Map',
    make: () => ({ m: Object.assign(new Map(), { x: 1 }) }),
    path: '.m.x',
  },
  { name: 'an instance of an unregistered class', make: () => ({ a: [new Unregistered()] }), path: '.a[0]' },
  { name: 'an unknown prototype', make: () => ({ a: Object.create({ b: 1 }) }), path: '.a' },
  { name: 'a promise', make: () => ({ p: Promise.resolve(1) }), path: '.p' },
  { name: 'a WeakMap', make: () => ({ w: new WeakMap() }), path: '.w' },
  { name: 'a boxed number', make: () => ({ n: Object(1) }), path: '.n' },
];
