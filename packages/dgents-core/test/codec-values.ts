/** What the tests of the codec share: values of every kind, and an account of a value that owes the codec nothing. */
import fc from 'fast-check';
import type { ClassCodec } from '../src/codec/codec.js';

export class Point {
  constructor(
    public x: number,
    public y: unknown,
  ) {}
}

/** Keeps its state where no property shows it, as classes with `#private` fields do. */
export class Money {
  readonly #cents: bigint;
  constructor(cents: bigint) {
    this.#cents = cents;
  }
  get cents(): bigint {
    return this.#cents;
  }
}

export const classes: ClassCodec[] = [
  { name: 'Point', type: Point },
  {
    name: 'Money',
    type: Money,
    encode: (money: Money) => ({ cents: money.cents }),
    decode: (fields) => new Money(fields.cents as bigint),
  },
];

/** An object with these own keys, `__proto__` included. */
export function withKeys(
  entries: readonly (readonly [string, unknown])[],
  prototype: object | null = Object.prototype,
) {
  const target: Record<string, unknown> = Object.create(prototype);
  for (const [key, value] of entries) {
    Object.defineProperty(target, key, { value, writable: true, configurable: true, enumerable: true });
  }
  return target;
}

/** Everything that can be told about a value, as text: equal texts, equal values. */
export function account(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value);
  if (value instanceof Money) return `Money ${value.cents}`;
  const type = Object.getPrototypeOf(value)?.constructor?.name ?? 'null';
  return `${type}${inside(value)}{${Reflect.ownKeys(value)
    .filter((key) => typeof key !== 'symbol' && key !== 'length')
    .sort(errorKeysFirst(value))
    .map((key) => {
      const { value: inner, enumerable } = Object.getOwnPropertyDescriptor(value, key)!;
      return `${JSON.stringify(key)}${enumerable ? '' : '?'}:${account(inner)}`;
    })
    .join()}}`;
}

/** The built-in properties of an error have no order that anybody chose. */
function errorKeysFirst(value: object): (a: unknown, b: unknown) => number {
  const hidden = (key: unknown) => !Object.prototype.propertyIsEnumerable.call(value, key as string);
  return (a, b) =>
    value instanceof Error
      ? Number(hidden(b)) - Number(hidden(a)) || (hidden(a) ? (String(a) < String(b) ? -1 : 1) : 0)
      : 0;
}

function inside(value: object): string {
  if (value instanceof Map) return `(${[...value].map(([k, v]) => `${account(k)}=>${account(v)}`).join()})`;
  if (value instanceof Set) return `(${[...value].map(account).join()})`;
  if (value instanceof Date) return `(${value.getTime()})`;
  if (value instanceof RegExp) return `(${value})`;
  if (value instanceof URL) return `(${value.href})`;
  if (value instanceof DataView)
    return `(${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')})`;
  if (value instanceof ArrayBuffer) return `(${Buffer.from(value).toString('hex')})`;
  return Array.isArray(value) ? `(${value.length})` : '';
}

export const hostileKeys = [
  '', '$', '$$', '$map', '$$map', '$undefined', '$object', '__proto__', '$__proto__', '$$__proto__', 'constructor',
  'toString', 'hasOwnProperty', 'toJSON', 'length', '0', 'a\0b', '\ud800', '\udc00x', 'é', '😀', '"', '\\', '\u2028',
]; // biome-ignore format: a list

const strings = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(...hostileKeys, 'x\ud800', '\0'),
);
const keys = fc.oneof({ weight: 3, arbitrary: fc.string({ maxLength: 8 }) }, fc.constantFrom(...hostileKeys));

const primitives = fc.oneof(
  strings,
  fc.integer(),
  fc.double(),
  fc.constantFrom(-0, NaN, Infinity, -Infinity, 1e21, 1e-7),
  fc.boolean(),
  fc.constantFrom(null, undefined),
  fc.bigInt(),
);

const leaves = fc.oneof(
  fc.date({ noInvalidDate: false }),
  fc
    .constantFrom(/a/, /x\/y[\n]/dgimsuy, /(?:)/)
    .map((regexp) => Object.assign(new RegExp(regexp), { lastIndex: 3 })),
  fc.webUrl().map((url) => new URL(url)),
  fc.uint8Array(),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc.uint8Array().map((bytes) => new Uint8Array(bytes).buffer),
  fc.uint8Array({ minLength: 4 }).map((bytes) => new DataView(new Uint8Array(bytes).buffer, 1, 2)),
  fc.float32Array(),
  fc.float64Array(),
  fc.int16Array(),
  fc.bigUint64Array(),
  fc.bigInt().map((cents) => new Money(cents)),
);

/** Plain JSON in which nothing needs a tag. */
export const plainJson = fc
  .jsonValue()
  .map((value): unknown => JSON.parse(JSON.stringify(value)))
  .filter((value) => !/\\u0000|\\ud[89a-f]|"\$|"__proto__/.test(JSON.stringify(value)));

/** Everything the codec stores. */
export const anyValue: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => {
  const entries = fc.uniqueArray(fc.tuple(keys, tie('value')), { maxLength: 5, selector: ([key]) => key });
  const list = fc.array(tie('value'), { maxLength: 5 });
  return {
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      primitives,
      leaves,
      entries.map((pairs) => withKeys(pairs)),
      entries.map((pairs) => withKeys(pairs, null)),
      list,
      fc.tuple(list, fc.nat(20)).map(([items, gap]) => {
        const sparse: unknown[] = [];
        sparse.length = gap;
        return sparse.concat(items);
      }),
      fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }).map((pairs) => new Map(pairs)),
      list.map((members) => new Set(members)),
      fc
        .tuple(fc.string(), tie('value'), entries)
        .map(([message, cause, fields]) =>
          Object.defineProperties(
            new RangeError(message, { cause }),
            Object.getOwnPropertyDescriptors(
              withKeys(fields.filter(([key]) => key !== 'message' && key !== 'cause')),
            ),
          ),
        ),
      list.map((errors) => new AggregateError(errors)),
      fc.tuple(fc.integer(), tie('value')).map(([x, y]) => new Point(x, y)),
    ),
  };
}).value;
