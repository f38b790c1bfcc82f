/**
 * What docs/agents/sql.md promises of queries, evaluated in plain JavaScript over the values themselves: no document, no
 * SQL. Databases are compared with it.
 */
import { Codec } from 'dgents-core';
import type { Comparable, Condition, Path } from '../src/query/conditions.js';
import type { AggregateOptions, Figure, QueryOptions } from '../src/query/options.js';

export interface ModelState {
  readonly key: string;
  readonly value: unknown;
  readonly version: number;
  readonly savedAt: Date;
}

export type ModelQuery = Omit<QueryOptions<unknown>, 'keys'>;

export type ModelAggregate = Omit<
  AggregateOptions<unknown, Readonly<Record<string, Figure<unknown>>>>,
  'keys'
>;

export interface ModelRow {
  /** The text of what the group has in common; undefined where that is missing. */
  readonly group: string | undefined;
  readonly figures: ReadonlyMap<string, { readonly value: number | null; readonly within: number }>;
}

const codec = new Codec();
const NOT_PLAIN = /[\0\ud800-\udfff]/u;
const LAST_YEAR = 9999;

/** As JSON text, whose equality is that of values; 0 and -0 are equal. */
export function textOf(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(codec.encode(Object.is(value, -0) ? 0 : value));
}

export function queried(states: readonly ModelState[], query: ModelQuery): ModelState[] {
  const { orderBy = [], limit = 1_000, after } = query;
  return selected(states, query)
    .filter(({ key }) => after === undefined || byCodePoints(key, after) > 0)
    .sort((a, b) => {
      for (const { path, descending = false } of orderBy) {
        const order = inOrder(at(a.value, path), at(b.value, path), descending ? -1 : 1);
        if (order !== 0) return order;
      }
      return byCodePoints(a.key, b.key);
    })
    .slice(0, limit);
}

export function aggregated(states: readonly ModelState[], query: ModelAggregate): ModelRow[] {
  const { figures, groupBy, limit = 1_000 } = query;
  const groups = new Map<string | undefined, { of: unknown; states: ModelState[] }>();
  if (groupBy === undefined) groups.set(undefined, { of: undefined, states: [] });
  for (const state of selected(states, query)) {
    const of = groupBy && at(state.value, groupBy);
    const text = textOf(of);
    const group = groups.get(text) ?? { of, states: [] };
    group.states.push(state);
    groups.set(text, group);
  }
  return [...groups]
    .sort(([a, { of: first }], [b, { of: second }]) => {
      const missing = Number(a === undefined) - Number(b === undefined);
      return inOrder(first, second, 1) || missing || byCodePoints(a ?? '', b ?? '');
    })
    .slice(0, limit)
    .map(([group, { states: members }]) => ({
      group,
      figures: new Map(Object.entries(figures).map(([name, figure]) => [name, figureOf(figure, members)])),
    }));
}

function selected(states: readonly ModelState[], { where = [], version, savedAt }: ModelQuery): ModelState[] {
  return states.filter(
    (state) =>
      where.every((condition) => holds(condition, state.value)) &&
      state.version >= (version?.from ?? 0) &&
      state.version <= (version?.to ?? Number.POSITIVE_INFINITY) &&
      state.savedAt >= (savedAt?.from ?? new Date(0)) &&
      state.savedAt <= (savedAt?.to ?? new Date(8.64e15)),
  );
}

/** Undefined where nothing is: names lead into plain objects, positions into arrays without holes. */
export function at(state: unknown, path: Path<unknown>): unknown {
  let found = state;
  for (const part of typeof path === 'string' ? [path] : path) {
    if (typeof found !== 'object' || found === null) return undefined;
    const isWithin = Array.isArray(found)
      ? typeof part === 'number' && Object.keys(found).length === found.length
      : typeof part === 'string' && isPlainObject(found);
    if (!isWithin || !Object.hasOwn(found, part)) return undefined;
    found = (found as Record<string | number, unknown>)[part];
  }
  return found;
}

function isPlainObject(value: object): boolean {
  return (
    Object.getPrototypeOf(value) === Object.prototype &&
    Object.keys(value).every((key) => !NOT_PLAIN.test(key))
  );
}

function holds(condition: Condition<unknown>, state: unknown): boolean {
  if ('any' in condition) return condition.any.some((each) => holds(each, state));
  if ('not' in condition) return !holds(condition.not, state);
  const [path, is, wanted] = condition;
  const found = at(state, path);
  if (is === 'exists') return (found !== undefined) === wanted;
  if (found === undefined) return false;
  switch (is) {
    case '=':
      return isEqual(found, wanted);
    case '!=':
      return !isEqual(found, wanted);
    case 'in':
      return wanted.some((each) => isEqual(found, each));
    case 'startsWith':
      return isOrdered(found) && typeof found === 'string' && found.startsWith(wanted);
    default: {
      if (!isOrdered(found) || rank(found) !== rank(wanted)) return false;
      const order = inOrder(found, wanted, 1);
      return { '<': order < 0, '<=': order <= 0, '>': order > 0, '>=': order >= 0 }[is];
    }
  }
}

function isEqual(found: unknown, wanted: Comparable): boolean {
  const isComparable = typeof found !== 'object' || found === null || found instanceof Date;
  return isComparable && textOf(found) === textOf(wanted);
}

function isOrdered(value: unknown): boolean {
  return rank(value) < 3;
}

function rank(value: unknown): number {
  if (typeof value === 'number' && !Number.isNaN(value)) return 0;
  if (typeof value === 'string' && !NOT_PLAIN.test(value)) return 1;
  return value instanceof Date && !Number.isNaN(value.getTime()) ? 2 : 3;
}

/** The order of kinds stays, whichever way values are ordered. */
function inOrder(a: unknown, b: unknown, way: number): number {
  const kind = rank(a);
  if (kind !== rank(b)) return kind - rank(b);
  if (kind === 0)
    return Math.sign((a as number) < (b as number) ? -1 : Number((a as number) > (b as number))) * way;
  if (kind === 1) return byCodePoints(a as string, b as string) * way;
  return kind === 2 ? byTime(a as Date, b as Date) * way : 0;
}

/** Those before the year 0 have no order among themselves. */
function byTime(a: Date, b: Date): number {
  if (a.getUTCFullYear() < 0 && b.getUTCFullYear() < 0) return 0;
  return Math.sign(a.getTime() - b.getTime());
}

export function byCodePoints(a: string, b: string): number {
  const [first, second] = [Array.from(a), Array.from(b)];
  for (const [i, character] of first.entries()) {
    const other = second[i];
    if (other === undefined) return 1;
    if (character !== other) return (character.codePointAt(0) as number) - (other.codePointAt(0) as number);
  }
  return first.length - second.length;
}

/** Databases add in orders of their own, so the last digits may differ. */
function figureOf(
  figure: Figure<unknown>,
  states: readonly ModelState[],
): { value: number | null; within: number } {
  if (figure === 'count') return { value: states.length, within: 0 };
  const [of, path] = figure;
  const numbers = states
    .map(({ value }) => at(value, path))
    .filter((found): found is number => typeof found === 'number' && Number.isFinite(found));
  if (numbers.length === 0) return { value: null, within: 0 };
  if (of === 'min' || of === 'max') return { value: Math[of](...numbers), within: 0 };
  const sum = numbers.reduce((total, number) => total + number, 0);
  const weight = numbers.reduce((total, number) => total + Math.abs(number), 0);
  const share = of === 'avg' ? numbers.length : 1;
  return { value: sum / share, within: (weight / share) * 1e-14 + Number.MIN_VALUE };
}

/** Whether a Date can stand in a comparison. */
export function isInYears(date: Date): boolean {
  const year = date.getUTCFullYear();
  return year >= 0 && year <= LAST_YEAR;
}

export function isPlain(text: string): boolean {
  return !NOT_PLAIN.test(text);
}
