/** What may be asked of the fields of a state, and what it is checked for before anything is sent. */
import { Codec, escapeKey, type Json } from 'dgents-core';
import type { At, Path } from './paths.js';

export type { At, Field, Path, PathTo } from './paths.js';

/** What a field can be compared with; a Date with stored Dates. */
export type Comparable = string | number | boolean | bigint | null | Date;

/**
 * One condition. A field that is not there, or is undefined, satisfies none but `['x', 'exists', false]`. `<`, `<=`, `>`
 * and `>=` hold among numbers, among strings (by code points), and among Dates, never between two kinds; a Date that is
 * compared with is of the years 0 to 9999.
 */
export type Condition<S> =
  | (unknown extends S ? Comparing<Path<S>, unknown> : ConditionAt<S, Path<S>>)
  /** At least one of them. */
  | { readonly any: readonly Condition<S>[] }
  | { readonly not: Condition<S> };

type ConditionAt<S, P> = P extends unknown ? Comparing<P, At<S, P>> : never;

/** What can be asked of a field, by what its type lets be there. */
type Comparing<P, V> =
  | readonly [path: P, is: '=' | '!=', value: Within<V, Comparable>]
  | readonly [path: P, is: '<' | '<=' | '>' | '>=', value: Widened<Within<V, string | number | Date>>]
  | readonly [path: P, is: 'in', values: readonly Within<V, Comparable>[]]
  | readonly [path: P, is: 'startsWith', prefix: Widened<Within<V, string>>]
  | readonly [path: P, is: 'exists', there: boolean];

/** Those of a kind that may be there: all, where nothing is known of what is. */
type Within<V, Kind> = unknown extends V ? Kind : Extract<V, Kind>;

/** An order is one of all strings and all numbers, also where there are only some. */
type Widened<V> = V extends string ? string : V extends number ? number : V;

/** As it lies in a document: escaped names, and positions. */
export type DocumentPath = readonly (string | number)[];

/** A condition that was checked. */
export type Test =
  | { readonly kind: 'all' | 'any'; readonly tests: readonly Test[] }
  | { readonly kind: 'not'; readonly test: Test }
  | { readonly kind: 'exists'; readonly path: DocumentPath }
  /** Holds one of these documents. */
  | { readonly kind: 'equal'; readonly path: DocumentPath; readonly documents: readonly Json[] }
  | {
      readonly kind: 'compare';
      readonly path: DocumentPath;
      readonly is: Comparison;
      readonly value: string | number;
    }
  | { readonly kind: 'startsWith'; readonly path: DocumentPath; readonly prefix: string };

const MAX_CONDITIONS = 1_000;
const MAX_VALUES = 1_000;
const MAX_DEPTH = 20;
/** The databases count positions in 32 bits. */
const MAX_POSITION = 2 ** 31 - 1;
const COMPARISONS = ['<', '<=', '>', '>='] as const;
type Comparison = (typeof COMPARISONS)[number];
const codec = new Codec();
const NOT_PLAIN = /[\0\ud800-\udfff]/u;

/**
 * @throws TypeError or RangeError that says which condition is wrong
 */
export function testOf(where: readonly Condition<unknown>[] | undefined): Test {
  if (where !== undefined && !Array.isArray(where)) {
    throw new TypeError("`where` is an array of conditions: `[['city', '=', 'Berlin']]`.");
  }
  return new Check().all('all', where ?? [], 0);
}

/** Of all conditions of one query. The same one may stand in it many times, so they are counted as they are met. */
class Check {
  #met = 0;

  all(kind: 'all' | 'any', conditions: readonly unknown[], depth: number): Test {
    if (!Array.isArray(conditions)) throw new TypeError(`\`${kind}\` takes an array of conditions.`);
    return { kind, tests: Array.from(conditions, (each) => this.#one(each, depth + 1)) };
  }

  #one(condition: unknown, depth: number): Test {
    this.#met++;
    if (this.#met > MAX_CONDITIONS || depth > MAX_DEPTH) {
      throw new RangeError(`A query has at most ${MAX_CONDITIONS} conditions, ${MAX_DEPTH} deep.`);
    }
    if (Array.isArray(condition)) return comparison(condition);
    const { any, not, ...others } = (condition ?? {}) as { any?: unknown[]; not?: unknown };
    if (Object.keys(others).length === 0 && (any === undefined) !== (not === undefined)) {
      if (any !== undefined) return this.all('any', any, depth);
      return { kind: 'not', test: this.#one(not, depth + 1) };
    }
    throw new TypeError(
      `A condition is [path, operator, value], { any: […] } or { not: … }, not ${shown(condition)}.`,
    );
  }
}

function comparison([at, is, value, ...more]: readonly unknown[]): Test {
  const path = documentPathOf(at);
  if (more.length > 0) throw new TypeError(`A condition has three parts; ${shown(at)} has more.`);
  switch (is) {
    case '=':
      return { kind: 'equal', path, documents: documentsOf(value) };
    case '!=': {
      const equal: Test = { kind: 'equal', path, documents: documentsOf(value) };
      return {
        kind: 'all',
        tests: [
          { kind: 'exists', path },
          { kind: 'not', test: equal },
        ],
      };
    }
    case 'in':
      if (!Array.isArray(value) || value.length > MAX_VALUES) {
        throw new RangeError(`"in" takes an array of at most ${MAX_VALUES} values.`);
      }
      return { kind: 'equal', path, documents: Array.from(value, documentsOf).flat() };
    case 'startsWith':
      if (typeof value !== 'string') throw new TypeError('"startsWith" takes a string.');
      return { kind: 'startsWith', path, prefix: plain(value) };
    case 'exists': {
      if (typeof value !== 'boolean') throw new TypeError('"exists" takes true or false.');
      const exists: Test = { kind: 'exists', path };
      return value ? exists : { kind: 'not', test: exists };
    }
    default:
      if (COMPARISONS.includes(is as Comparison)) return compared(path, is as Comparison, value);
      throw new TypeError(
        `There is no operator ${shown(is)}; there are = != < <= > >= in startsWith exists.`,
      );
  }
}

function compared(path: DocumentPath, is: Comparison, value: unknown): Test {
  if (typeof value === 'string') return { kind: 'compare', path, is, value: plain(value) };
  if (typeof value === 'number' && Number.isFinite(value))
    return { kind: 'any', tests: numbers(path, is, value) };
  if (value instanceof Date) return { kind: 'any', tests: dates([...path, '$date'], is, value) };
  throw new TypeError(`< <= > and >= compare with a finite number, a string or a Date, not ${shown(value)}.`);
}

/** Numbers that JSON has no place for are not among those of the database. */
function numbers(path: DocumentPath, is: Comparison, value: number): Test[] {
  const isBelow = is === '<' || is === '<=';
  const isZeroIn = is === '<' ? 0 < value : is === '<=' ? 0 <= value : is === '>' ? 0 > value : 0 >= value;
  const documents = [
    isBelow ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY,
    ...(isZeroIn ? [-0] : []),
  ];
  return [
    { kind: 'compare', path, is, value },
    { kind: 'equal', path, documents: documents.map((each) => codec.encode(each)) },
  ];
}

/** A Date lies one level deeper, as text that sorts by time, but for the signs of years of more than four digits. */
function dates(path: DocumentPath, is: Comparison, value: Date): Test[] {
  const text = Number.isNaN(value.getTime()) ? '' : value.toISOString();
  if (text.length !== 24) throw new RangeError('Dates are compared from the year 0 to the year 9999.');
  const order: Test = { kind: 'compare', path, is, value: text };
  if (is === '>' || is === '>=') return [order, { kind: 'startsWith', path, prefix: '+' }];
  const unsigned: Test = { kind: 'compare', path, is: '>=', value: '0' };
  return [
    { kind: 'all', tests: [unsigned, order] },
    { kind: 'startsWith', path, prefix: '-' },
  ];
}

/** Others are stored as objects, which have no order. */
function plain(text: string): string {
  if (!NOT_PLAIN.test(text)) return text;
  throw new RangeError('Strings with U+0000 or half a surrogate pair can only be compared by =, != and in.');
}

/** The documents of a value: 0 is equal to -0, which is another document. */
function documentsOf(value: unknown): Json[] {
  const isComparable = ['string', 'number', 'boolean', 'bigint'].includes(typeof value);
  if (value === 0) return [0, codec.encode(-0)];
  if (isComparable || value === null || value instanceof Date) return [codec.encode(value)];
  throw new TypeError(
    `A field is compared with a string, number, boolean, bigint, Date or null, not ${shown(value)}.`,
  );
}

/**
 * @throws TypeError or RangeError
 */
export function documentPathOf(path: unknown): DocumentPath {
  const parts: readonly unknown[] = Array.isArray(path) ? path : [path];
  if (parts.length === 0 || parts.length > MAX_DEPTH) {
    throw new RangeError(`A path has 1 to ${MAX_DEPTH} parts, not ${parts.length}.`);
  }
  return parts.map((part) => {
    if (typeof part === 'string') return escapeKey(named(part));
    if (Number.isInteger(part) && (part as number) >= 0 && (part as number) <= MAX_POSITION)
      return part as number;
    throw new TypeError(`A path is made of names of fields and positions in arrays, not ${shown(part)}.`);
  });
}

/** An object with such a name is stored in another form, where no path leads. */
function named(name: string): string {
  if (!NOT_PLAIN.test(name)) return name;
  throw new RangeError(
    `No path leads to names with U+0000 or half a surrogate pair, such as ${shown(name)}.`,
  );
}

function shown(value: unknown): string {
  try {
    return String(JSON.stringify(value)).slice(0, 60);
  } catch {
    return typeof value;
  }
}
