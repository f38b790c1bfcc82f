/** Random values of every kind, for properties: they shrink to what matters. */
import fc from 'fast-check';
import { HOSTILE_KEYS, withKeys } from './values.js';

const keys = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'c', 'id', 'role', 'content') },
  { weight: 1, arbitrary: fc.string({ maxLength: 8, unit: 'binary' }) },
  { weight: 1, arbitrary: fc.constantFrom(...HOSTILE_KEYS) },
);

const primitives = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ maxLength: 40, unit: 'binary' }),
  fc.constantFrom('x\ud800', '\0', 'é'.repeat(40)),
  fc.integer(),
  fc.double(),
  fc.constantFrom(-0, NaN, Infinity, -Infinity, 1e21, 1e-7),
  fc.boolean(),
  fc.constantFrom(null, undefined),
  fc.bigInt(),
);

const leaves = fc.oneof(
  fc.date({ noInvalidDate: false }),
  fc.constantFrom('a', 'x/y[\\n]').map((source) => Object.assign(new RegExp(source, 'g'), { lastIndex: 3 })),
  fc.webUrl().map((url) => new URL(url)),
  fc.uint8Array(),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc.uint8Array().map((bytes) => new Uint8Array(bytes).buffer),
  fc.uint8Array({ minLength: 4 }).map((bytes) => new DataView(new Uint8Array(bytes).buffer, 1, 2)),
  fc.float32Array(),
  fc.float64Array(),
  fc.int16Array(),
  fc.bigUint64Array(),
);

interface Tied {
  value: unknown;
}

const tree = fc.letrec<Tied>((tie) => {
  const value = tie('value');
  const entries = fc.uniqueArray(fc.tuple(keys, value), { maxLength: 5, selector: ([key]) => key });
  const list = fc.array(value, { maxLength: 6 });
  const message = fc.record({
    role: fc.constantFrom('user', 'assistant'),
    content: fc.string(),
    meta: value,
  });
  return {
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      primitives,
      leaves,
      entries.map((pairs) => withKeys(pairs)),
      entries.map((pairs) => withKeys(pairs, null)),
      list,
      fc.array(message, { maxLength: 8 }),
      fc.tuple(list, fc.nat(20)).map(([items, gap]) => {
        const sparse: unknown[] = [];
        sparse.length = gap;
        return sparse.concat(items);
      }),
      fc.array(fc.tuple(value, value), { maxLength: 4 }).map((pairs) => new Map(pairs)),
      list.map((members) => new Set(members)),
      fc
        .tuple(fc.string(), value, entries)
        .map(([message, cause, fields]) => errorOf(message, cause, fields)),
      list.map((errors) => new AggregateError(errors)),
    ),
  };
});

function errorOf(message: string, cause: unknown, fields: readonly [string, unknown][]): Error {
  const own = withKeys(fields.filter(([key]) => key !== 'message' && key !== 'cause' && key !== 'stack'));
  const error = new RangeError(message, { cause });
  // Made when it is first asked for, of the error as it is then; a runner's way to make it may not bear an own `toString`.
  void error.stack;
  return Object.defineProperties(error, Object.getOwnPropertyDescriptors(own));
}

/** Anything that may be a state. */
export const anyState: fc.Arbitrary<unknown> = tree.value.filter((value) => value !== undefined);
