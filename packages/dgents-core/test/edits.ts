/** Values of every kind the codec stores, and edits of them like those an agent makes. */
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

/** An endless supply of small decisions, all of them given in advance. */
export class Choices {
  private position = 0;
  constructor(
    private readonly numbers: readonly number[],
    private readonly values: readonly unknown[],
  ) {}

  below(bound: number): number {
    if (bound < 1 || this.numbers.length === 0) return 0;
    const number = this.numbers[this.position % this.numbers.length]!;
    this.position += 1;
    return (number + this.position) % bound;
  }

  value(): unknown {
    return this.values[this.below(this.values.length)];
  }

  key(): string {
    return ['a', 'b', 'new', '5', '$x', '__proto__', 'id', 'a/b~c', '\0'][this.below(9)]!;
  }
}

/** Decisions for a few edits. */
export function anyChoices(space: Space): fc.Arbitrary<() => Choices> {
  return fc
    .tuple(
      fc.array(fc.nat(1000), { minLength: 8, maxLength: 40 }),
      fc.array(anyValue(space), { minLength: 3, maxLength: 3 }),
    )
    .map(
      ([numbers, values]) =>
        () =>
          new Choices(numbers, values),
    );
}

/** Changes what is inside `root`, which has to be a container, also a draft; `raw` gives what may be written. */
export function edit(root: object, choices: Choices, raw: (value: unknown) => unknown): void {
  const target = pick(root, choices);
  if (Array.isArray(target)) editList(target, choices, raw);
  else if (target instanceof Map) editMap(target, choices, raw);
  else if (target instanceof Set) editSet(target, choices, raw);
  else if (target instanceof Date) target.setTime(choices.below(5));
  else if (target instanceof Uint8Array) target.fill(choices.below(3));
  else if (hasFields(target)) editFields(target as Record<string, unknown>, choices, raw);
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function hasFields(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || prototype === Point.prototype;
}

/** Walks down a while. */
function pick(root: object, choices: Choices): object {
  let target = root;
  for (let level = 0; level < 5; level += 1) {
    const inner = (
      target instanceof Map
        ? [...target.values()]
        : target instanceof Set
          ? [...target]
          : Object.values(target)
    ).filter(isContainer);
    if (inner.length === 0 || choices.below(4) === 0) return target;
    target = inner[choices.below(inner.length)]!;
  }
  return target;
}

function editList(list: unknown[], choices: Choices, raw: (value: unknown) => unknown): void {
  const at = choices.below(list.length);
  switch (choices.below(14)) {
    case 0:
    case 1:
      list.push(raw(choices.value()));
      break;
    case 2:
      list.unshift(raw(choices.value()));
      break;
    case 3:
      list.splice(at, 0, raw(choices.value()), raw(choices.value()));
      break;
    case 4:
      list.splice(at, 1 + choices.below(2));
      break;
    case 5:
      if (list.length > 0) list[at] = raw(choices.value());
      break;
    case 6:
      list.unshift(...list.splice(at, 1));
      break;
    case 7:
      list.push(...list.splice(at, 1));
      break;
    case 8:
      list.reverse();
      break;
    case 9:
      list.push(raw(choices.value()));
      list.shift();
      break;
    case 10: {
      const kept = list.filter((_, index) => (index + at) % 3 !== 0);
      list.length = 0;
      list.push(...kept);
      break;
    }
    case 11: {
      const other = choices.below(list.length);
      if (list.length > 1) [list[at], list[other]] = [list[other], list[at]];
      break;
    }
    case 12:
      list.sort((a, b) => (String(typeof a) < String(typeof b) ? -1 : 1));
      break;
    case 13:
      list.splice(choices.below(list.length), 0, ...list.splice(at, 3));
      break;
  }
}

function editMap(map: Map<unknown, unknown>, choices: Choices, raw: (value: unknown) => unknown): void {
  const key = [...map.keys()][choices.below(map.size)];
  switch (choices.below(6)) {
    case 0:
      map.set(choices.key(), raw(choices.value()));
      break;
    case 1:
      if (map.size > 0) map.set(key, raw(choices.value()));
      break;
    case 2:
      map.delete(key);
      break;
    case 3: {
      const value = map.get(key);
      if (map.delete(key)) map.set(key, value);
      break;
    }
    case 4:
      map.delete(key);
      map.set(choices.key(), 1);
      map.set(choices.key(), raw(choices.value()));
      break;
    case 5:
      if (choices.below(3) === 0) map.clear();
      else map.set(choices.below(4), 'n');
  }
}

function editSet(set: Set<unknown>, choices: Choices, raw: (value: unknown) => unknown): void {
  const member = [...set][choices.below(set.size)];
  switch (choices.below(4)) {
    case 0:
      set.add(raw(choices.value()));
      break;
    case 1:
      set.delete(member);
      break;
    case 2:
      if (set.delete(member)) set.add(member);
      break;
    case 3:
      set.delete(member);
      set.add(choices.key());
  }
}

function editFields(
  fields: Record<string, unknown>,
  choices: Choices,
  raw: (value: unknown) => unknown,
): void {
  if (Object.isFrozen(fields)) return;
  const names = Object.keys(fields);
  const name = names[choices.below(names.length)] ?? 'first';
  switch (choices.below(5)) {
    case 0:
    case 1:
      fields[name === '__proto__' ? 'proto' : name] = raw(choices.value());
      break;
    case 2: {
      const key = choices.key();
      fields[key === '__proto__' ? 'proto' : key] = raw(choices.value());
      break;
    }
    case 3:
      delete fields[name];
      break;
    case 4: {
      if (name === '__proto__') break;
      const value = fields[name];
      delete fields[name];
      fields[name] = value;
    }
  }
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
