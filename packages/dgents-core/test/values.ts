/** Values of every kind the codec stores. */
import fc from 'fast-check';

export class Point {
  constructor(
    public x: unknown,
    public y: unknown,
  ) {}
}

export class Secret {
  #inner: unknown;
  constructor(inner: unknown) {
    this.#inner = inner;
  }
  get inner(): unknown {
    return this.#inner;
  }
}

export const classes = [
  { name: 'point', type: Point },
  {
    name: 'secret',
    type: Secret,
    encode: (secret: Secret) => ({ inner: secret.inner }),
    decode: (fields: Record<string, unknown>) => new Secret(fields.inner),
  },
];

const keys = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'c', 'role', 'content', 'id') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '0',
      '1',
      '10',
      '007',
      '4294967294',
      '4294967295',
      '-1',
      '',
      'a/b',
      'm~n',
      '~1',
      'ü',
      '"',
      '\n',
      '😀',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '$',
      '$a',
      '$$a',
      '$map',
      '$set',
      '__proto__',
      '$__proto__',
      'constructor',
      'length',
    ),
  },
);
const oddKeys = fc.constantFrom('\0', 'a\0b', '\ud800');

const primitive = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(0, 1, 2, -1, true, false, null, '', 'a', 'b') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      -0,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      undefined,
      10n,
      -5n,
      1.5,
      1e21,
      5e-324,
    ),
  },
  { weight: 2, arbitrary: fc.string({ maxLength: 50, unit: 'binary' }) },
  { weight: 1, arbitrary: fc.constantFrom('\0', '\ud800', 'a"b\\', 'é'.repeat(40), '\u2028') },
);

const leaf = fc.oneof(
  fc.constantFrom(0, 1, Number.NaN).map((time) => new Date(time)),
  fc.constantFrom('a', 'b+').map((source) => new RegExp(source, 'g')),
  fc.constant(null).map(() => new URL('https://a.example/b')),
  fc.uint8Array({ maxLength: 6 }),
  fc.float32Array({ maxLength: 3 }),
  fc.constant(null).map(() => Buffer.from('hello')),
);

function objectOf(entries: readonly (readonly [string, unknown])[], target: object = {}): object {
  for (const [key, value] of entries) {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  }
  return target;
}

export interface Space {
  /** Dates, bytes, class instances …: what a draft cannot guard. */
  readonly exotic: boolean;
}

/** Any value; a new one each time, so that nothing is shared by accident. */
export function anyValue({ exotic }: Space): fc.Arbitrary<unknown> {
  return fc.letrec<{ value: unknown; object: object; message: object; list: unknown[] }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, depthIdentifier: 'value' },
      { weight: 4, arbitrary: primitive },
      { weight: 3, arbitrary: tie('object') },
      { weight: 3, arbitrary: tie('list') },
      {
        weight: 1,
        arbitrary: fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 5 }).map((e) => new Map(e)),
      },
      {
        weight: 1,
        arbitrary: fc.array(fc.tuple(keys, tie('value')), { maxLength: 8 }).map((e) => new Map(e)),
      },
      { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 6 }).map((e) => new Set(e)) },
      ...(exotic
        ? [
            { weight: 1, arbitrary: leaf },
            {
              weight: 1,
              arbitrary: fc
                .array(fc.tuple(keys, tie('value')), { maxLength: 4 })
                .map((e) => objectOf(e, Object.create(null))),
            },
            { weight: 1, arbitrary: fc.tuple(tie('value'), tie('value')).map(([x, y]) => new Point(x, y)) },
            { weight: 1, arbitrary: tie('value').map((inner) => new Secret(inner)) },
            {
              weight: 1,
              arbitrary: fc
                .tuple(fc.string(), tie('value'))
                .map(([message, cause]) => new TypeError(message, { cause })),
            },
            {
              weight: 1,
              arbitrary: fc.array(tie('value'), { minLength: 2, maxLength: 6 }).map((list) => {
                const sparse = list.slice();
                delete sparse[1];
                return sparse;
              }),
            },
          ]
        : []),
    ),
    object: fc
      .array(
        fc.tuple(fc.oneof({ weight: 20, arbitrary: keys }, { weight: 1, arbitrary: oddKeys }), tie('value')),
        {
          maxLength: 6,
        },
      )
      .map((e) => objectOf(e)),
    message: fc.record({
      role: fc.constantFrom('user', 'assistant'),
      content: fc.string({ maxLength: 60 }),
      meta: tie('value'),
    }),
    list: fc.oneof(
      fc.array(tie('value'), { maxLength: 8 }),
      fc.array(tie('message'), { maxLength: 12 }),
      fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 20 }),
    ),
  })).value;
}

/** Every object reachable from a value. */
export function objectsIn(value: unknown, found = new Set<object>()): Set<object> {
  if (!isContainer(value) || found.has(value)) return found;
  found.add(value);
  if (value instanceof Map) {
    for (const [key, inner] of value) {
      objectsIn(key, found);
      objectsIn(inner, found);
    }
  } else if (value instanceof Set) for (const member of value) objectsIn(member, found);
  else if (value instanceof Secret) objectsIn(value.inner, found);
  else if (ArrayBuffer.isView(value)) return found;
  else
    for (const key of Reflect.ownKeys(value)) objectsIn((value as Record<PropertyKey, unknown>)[key], found);
  return found;
}

/** Freezes what freezing protects. */
export function deepFreeze<T>(value: T): T {
  for (const object of objectsIn(value)) if (!ArrayBuffer.isView(object)) Object.freeze(object);
  return value;
}

export function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
