/** Random states, and random questions about them that are likely to find something. */
import fc from 'fast-check';
import type { Comparable, Condition } from '../src/query/conditions.js';
import type { Figure } from '../src/query/options.js';
import { at, isInYears, isPlain, type ModelAggregate, type ModelQuery } from './query-model.js';

/** States, and what they have in common: without that hardly any two would be equal, or near each other. */
export interface PlaceSpec {
  readonly common: readonly unknown[];
  readonly states: readonly StateSpec[];
}

export interface StateSpec {
  /** Of the fields that most have, which of the common values. */
  readonly fields: Readonly<Record<string, Choice>> | undefined;
  /** The rest of it, or all. */
  readonly own: unknown;
  /** What its key ends in. */
  readonly suffix: string;
  readonly saves: number;
  /** Whether the last save is one of a process that keeps no documents. */
  readonly isBehind: boolean;
  readonly isDeleted: boolean;
}

/** Chooses among what there is: the first, the second … of it, from the beginning again after the last. */
type Choice = number;

interface PathSpec {
  readonly state: Choice;
  /** One of those that most have. */
  readonly field: string | undefined;
  readonly steps: readonly Choice[];
  /** A step too far, or one of the wrong kind. */
  readonly beyond: string | number | undefined;
  /** Another path altogether, which leads somewhere by chance only. */
  readonly instead: readonly (string | number)[] | undefined;
}

type ConditionSpec =
  | {
      readonly path: PathSpec;
      readonly is: string;
      readonly values: readonly { readonly actual: Choice | undefined; readonly other: Comparable }[];
    }
  | { readonly any: readonly ConditionSpec[] }
  | { readonly not: ConditionSpec };

export interface QuerySpec {
  readonly where: readonly ConditionSpec[];
  readonly version: { readonly from?: number; readonly to?: number } | undefined;
  readonly savedAt: readonly [from: Choice | undefined, to: Choice | undefined];
  readonly limit: number | undefined;
  readonly orderBy: readonly { readonly path: PathSpec; readonly descending?: boolean }[];
  readonly after: Choice | undefined;
  readonly figures: readonly { readonly name: string; readonly of: string; readonly path: PathSpec }[];
  readonly groupBy: PathSpec | undefined;
}

const NAMES = [
  ...['a', 'b', '', '0', '1', '-1', 'null', 'NULL', 'true', 'length', 'a.b', 'a b', 'ab'.repeat(70)],
  ...['$', '$a', '$$a', '$date', '$number', '__proto__', '$__proto__', 'constructor', 'toString'],
  ...['a"b', "a'b", "') OR 1=1 --", 'a\\b', '\\', '\\"', '[0]', '$[0]', '*', '#', 'a,b', '{', '}', '{}', '"'],
  ...['é', 'e\u0301', '😀', '\n', '\t', '\u0001', '\u007f', '\u2028', '\ufeff', '\uffff'],
];

const SMALL = [0, -0, 1, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const WIDE = [
  2 ** 53,
  2 ** 53 + 2,
  2 ** 60,
  2 ** 62 + 2 ** 10,
  2 ** 63 - 2 ** 10,
  2 ** 63,
  -(2 ** 63),
  2 ** 64,
];

const NUMBERS = [
  ...SMALL,
  ...WIDE,
  ...[0.1, 0.3, 0.1 + 0.2, 5.5, 9, 10, 36, 1e-7, 5e-324, 1e21, -1e21, 1e300, 123456789.125],
  ...[2 ** 31, 2 ** 32],
];

const TEXTS = [
  ...[
    '',
    'a',
    'A',
    'ab',
    'b',
    '😀a',
    '0',
    '36',
    '9',
    'null',
    'true',
    'é',
    'e\u0301',
    'ß',
    '😀',
    '\uffff',
    '\ud7ff',
  ],
  ...["'", '"', '\\', '%', '_', 'a%', '\u0001', '\n', '[]', '{}', '{"$date":"2020-01-01T00:00:00.000Z"}'],
  ...[
    '2020-01-01T00:00:00.000Z',
    '{"$number":"-0"}',
    '{"$undefined":true}',
    'a\0',
    '\0',
    '\ud800',
    'a\udc00',
  ],
];

const DATES = [
  ...[0, 1, -1, 1e12, 1.5e12, Number.NaN, 8.64e15, -8.64e15, 253_402_300_799_999, 253_402_300_800_000],
  ...[-62_167_219_200_000, -62_167_219_200_001, -62_200_000_000_000],
].map((time) => new Date(time));

const name = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...NAMES) },
  fc.string({ unit: 'binary', maxLength: 6 }),
);

const comparable: fc.Arbitrary<Comparable> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...NUMBERS) },
  { weight: 4, arbitrary: fc.constantFrom(...TEXTS) },
  { weight: 2, arbitrary: fc.constantFrom(true, false, null) },
  { weight: 2, arbitrary: fc.constantFrom(...DATES) },
  { weight: 1, arbitrary: fc.constantFrom(0n, 1n, -36n, 10n ** 30n) },
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.string({ unit: 'binary' }),
  fc.date(),
);

const odd: fc.Arbitrary<unknown> = fc.oneof(
  fc.constant(undefined),
  fc.constantFrom(...[/a/g, new Uint8Array([1]), new URL('https://a.b/'), new Map(), new Set([1])]),
  comparable.map((value) => new Map([['a', value]])),
  comparable.map((value) => Object.assign(Object.create(null), { a: value })),
  comparable.map((value) => ({ a: value, 'b\0': 1 })),
  comparable.map((value) => ({ a: value, '\ud800': 1 })),
  comparable.map((value) => Object.assign(new Array(3), { 1: value })),
);

const fields = (value: fc.Arbitrary<unknown>) =>
  fc
    .uniqueArray(fc.tuple(name.filter(isPlain), value), { selector: ([key]) => key, maxLength: 4 })
    .map((entries) => Object.fromEntries(entries));

const tree = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    { weight: 6, arbitrary: comparable },
    { weight: 1, arbitrary: odd },
    { weight: 3, arbitrary: fields(tie('value')) },
    { weight: 2, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
  ),
})).value;

const choice = fc.nat({ max: 30 });
const maybe = <T>(arbitrary: fc.Arbitrary<T>, freq = 5) => fc.option(arbitrary, { nil: undefined, freq });
const rarely = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

const FIELDS = ['a', 'b', 'null'];

const stateSpec: fc.Arbitrary<StateSpec> = fc.oneof(
  { weight: 9, arbitrary: stateOf(fc.dictionary(fc.constantFrom(...FIELDS), choice), fields(tree)) },
  {
    weight: 1,
    arbitrary: stateOf(
      fc.constant(undefined),
      tree.filter((root) => root !== undefined),
    ),
  },
);

function stateOf(
  common: fc.Arbitrary<StateSpec['fields']>,
  own: fc.Arbitrary<unknown>,
): fc.Arbitrary<StateSpec> {
  return fc.record({
    fields: common,
    own,
    suffix: fc.constantFrom(
      '',
      'a',
      '\0',
      '\u0001',
      '\ud7ff',
      '\ud800',
      '\ue000',
      '\uffff',
      '😀',
      '%',
      "'",
      '$',
    ),
    saves: fc.integer({ min: 1, max: 2 }),
    isBehind: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    isDeleted: fc.integer({ min: 0, max: 11 }).map((n) => n === 0),
  });
}

/** Mostly values of one kind. */
const commonValues = fc
  .constantFrom<fc.Arbitrary<unknown>>(
    fc.constantFrom(...NUMBERS, null, true),
    fc.constantFrom(...SMALL, undefined, '0', false),
    fc.constantFrom(...WIDE),
    fc.constantFrom(...TEXTS, 0, null),
    fc.constantFrom(...DATES, '2020-01-01T00:00:00.000Z', undefined),
    comparable,
    tree,
  )
  .chain((kind) => fc.array(kind, { minLength: 3, maxLength: 8, size: 'max' }));

export const placeSpec: fc.Arbitrary<PlaceSpec> = fc.record({
  common: commonValues,
  states: fc.array(stateSpec, { minLength: 2, maxLength: 12, size: 'max' }),
});

export function stateValue({ fields, own }: StateSpec, common: readonly unknown[]): unknown {
  if (fields === undefined) return own;
  const chosenOnes = Object.entries(fields).map(([field, index]) => [field, chosen(index, common)]);
  return { ...Object.fromEntries(chosenOnes), ...(own as object) };
}

const pathSpec: fc.Arbitrary<PathSpec> = fc.record({
  state: choice,
  field: maybe(fc.constantFrom(...FIELDS), 2),
  steps: fc.array(choice, { minLength: 1, maxLength: 4 }),
  beyond: rarely(fc.constantFrom('a', '0', '-1', '1', 0, 1)),
  instead: rarely(
    fc.array(fc.oneof(name.filter(isPlain), fc.nat({ max: 2 })), { minLength: 1, maxLength: 3 }),
  ),
});

const OPERATORS = ['=', '=', '!=', 'in', '<', '<=', '>', '>=', 'startsWith', 'exists'];

const conditionSpec = fc.letrec<{ condition: ConditionSpec }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    {
      weight: 6,
      arbitrary: fc.record({
        path: pathSpec,
        is: fc.constantFrom(...OPERATORS),
        values: fc.array(fc.record({ actual: maybe(choice, 3), other: comparable }), {
          minLength: 1,
          maxLength: 4,
        }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ any: fc.array(tie('condition'), { maxLength: 3 }) }) },
    { weight: 1, arbitrary: fc.record({ not: tie('condition') }) },
  ),
})).condition;

export const querySpec: fc.Arbitrary<QuerySpec> = fc.record({
  where: fc.oneof(
    { weight: 3, arbitrary: fc.tuple(conditionSpec) },
    fc.constant([]),
    fc.array(conditionSpec, { maxLength: 3 }),
  ),
  version: rarely(fc.record({ from: fc.nat({ max: 3 }), to: fc.nat({ max: 4 }) }, { requiredKeys: [] })),
  savedAt: fc.tuple(rarely(choice), rarely(choice)),
  limit: rarely(fc.nat({ max: 8 })),
  orderBy: fc.array(fc.record({ path: pathSpec, descending: fc.boolean() }, { requiredKeys: ['path'] }), {
    maxLength: 3,
  }),
  after: rarely(choice),
  figures: fc.uniqueArray(
    fc.record({
      name: name.filter((each) => each !== 'group'),
      of: fc.constantFrom('count', 'sum', 'avg', 'min', 'max'),
      path: pathSpec,
    }),
    { selector: (figure) => figure.name, minLength: 1, maxLength: 4 },
  ),
  groupBy: maybe(pathSpec),
});

/** What there is to ask about. */
interface Known {
  readonly values: readonly unknown[];
  readonly keys: readonly string[];
  readonly times: readonly Date[];
}

type Path = readonly [string | number, ...(string | number)[]];

export function queryOf(spec: QuerySpec, known: Known): ModelQuery {
  const orderBy = spec.orderBy.map(({ path, ...rest }) => ({ path: pathOf(path, known), ...rest }));
  const after = spec.after === undefined ? undefined : chosen(spec.after, known.keys);
  return {
    ...selectionOf(spec, known),
    ...(orderBy.length > 0 ? { orderBy } : after !== undefined && { after }),
  };
}

export function aggregateOf(spec: QuerySpec, known: Known): ModelAggregate {
  const figures = spec.figures.map(({ name, of, path }): [string, Figure<unknown>] => [
    name,
    of === 'count' ? of : ([of, pathOf(path, known)] as Figure<unknown>),
  ]);
  return {
    ...selectionOf(spec, known),
    figures: Object.fromEntries(figures),
    ...(spec.groupBy && { groupBy: pathOf(spec.groupBy, known) }),
  };
}

function selectionOf({ where, version, savedAt: [from, to], limit }: QuerySpec, known: Known): ModelQuery {
  return {
    where: where.map((each) => conditionOf(each, known)),
    ...(version !== undefined && { version }),
    savedAt: {
      ...(from !== undefined && { from: chosen(from, known.times) as Date }),
      ...(to !== undefined && { to: chosen(to, known.times) as Date }),
    },
    ...(limit !== undefined && { limit }),
  };
}

function chosen<T>(index: Choice, all: readonly T[]): T | undefined {
  return all[index % Math.max(1, all.length)];
}

/** One that leads somewhere, where there is somewhere to go. */
function pathOf({ state, field, steps, beyond, instead }: PathSpec, { values }: Known): Path {
  if (field !== undefined) return beyond === undefined ? [field] : [field, beyond];
  const path: (string | number)[] = [];
  let found = chosen(state, values);
  for (const step of steps) {
    if (instead !== undefined || typeof found !== 'object' || found === null) break;
    const next = Array.isArray(found) ? chosen(step, [...found.keys()]) : chosen(step, Object.keys(found));
    if (next === undefined || (typeof next === 'string' && !isPlain(next))) break;
    path.push(next);
    found = (found as Record<string | number, unknown>)[next];
  }
  if (beyond !== undefined) path.push(beyond);
  const [first, ...more] = path.length > 0 ? path : (instead ?? ['a']);
  return [first as string | number, ...more];
}

function conditionOf(spec: ConditionSpec, known: Known): Condition<unknown> {
  if ('any' in spec) return { any: spec.any.map((each) => conditionOf(each, known)) };
  if ('not' in spec) return { not: conditionOf(spec.not, known) };
  const path = pathOf(spec.path, known);
  const values = spec.values.map(({ actual, other }) => {
    const found = actual === undefined ? undefined : at(chosen(actual, known.values), path);
    return isComparable(found) ? found : other;
  });
  const [first] = values as [Comparable];
  if (spec.is === 'exists') return [path, 'exists', values.length % 2 === 0];
  if (spec.is === 'in') return [path, 'in', values];
  if (spec.is === 'startsWith')
    return [
      path,
      'startsWith',
      typeof first === 'string' && isPlain(first) ? [...first].slice(0, 2).join('') : '',
    ];
  if (spec.is === '=' || spec.is === '!=') return [path, spec.is, first];
  return [path, spec.is as '<', hasOrder(first) ? first : 5];
}

function isComparable(value: unknown): value is Comparable {
  return value !== undefined && (typeof value !== 'object' || value === null || value instanceof Date);
}

function hasOrder(value: Comparable): value is string | number | Date {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value === 'string') return isPlain(value);
  return value instanceof Date && isInYears(value);
}
