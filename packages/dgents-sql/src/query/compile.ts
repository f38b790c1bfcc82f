/** From what was asked to statements, in either dialect. Everything is checked here, before anything is sent. */
import { textOfKey, textRangeOf } from '../shared/key-text.js';
import type { Tables } from '../shared/names.js';
import { type DocumentPath, documentPathOf, type Test, testOf } from './conditions.js';
import type { Dialect } from './dialect.js';
import type { AggregateOptions, Figure, QueryOptions, Selection } from './options.js';
import { balanced, joined, type Sql, sql, trusted } from './sql.js';

const MAX_FIGURES = 50;
const MAX_ORDERS = 20;
const DEFAULT_LIMIT = 1_000;

/** Which logs: one, or those whose key begins with a prefix. */
export type Scope = { readonly key: string } | { readonly prefix: string };

export class Compiler {
  readonly #dialect: Dialect;
  readonly #heads: Sql;
  readonly #documents: Sql;

  constructor(dialect: Dialect, tables: Tables) {
    this.#dialect = dialect;
    this.#heads = trusted(tables.heads);
    this.#documents = trusted(tables.documents);
  }

  /** Rows of key, version, at, document and schema. */
  query(scope: Scope, options: QueryOptions<unknown>): Sql {
    const { orderBy = [], after } = options;
    if (!Array.isArray(orderBy) || orderBy.length > MAX_ORDERS) {
      throw new TypeError(`\`orderBy\` is an array of at most ${MAX_ORDERS}: \`[{ path: 'city' }]\`.`);
    }
    if (after !== undefined && orderBy.length > 0) {
      throw new TypeError(
        '`after` goes on by key, so it does not go with `orderBy`: ask for more with `limit`.',
      );
    }
    const order = orderBy.flatMap(({ path, descending = false }) => {
      return this.#order(documentPathOf(path), descending);
    });
    const rest = after === undefined ? [] : [sql`h.key > ${textOfKey(keyOf(after, 'after'))}`];
    return sql`SELECT h.key, h.version, h.at, d.document, d.schema ${this.#from(scope, options, rest)}
      ORDER BY ${joined([...order, sql`h.key`], ', ')} LIMIT ${limitOf(options.limit)}`;
  }

  /** One row for each group: its document as `grouped`, and the figures as `f0`, `f1` … */
  aggregate(
    scope: Scope,
    options: AggregateOptions<unknown, Readonly<Record<string, Figure<unknown>>>>,
  ): Sql {
    const figures = Object.values(options.figures ?? {});
    if (Object.hasOwn(options.figures ?? {}, 'group')) {
      throw new TypeError('`group` is the name of the group itself: call the figure something else.');
    }
    if (figures.length === 0 || figures.length > MAX_FIGURES) {
      throw new RangeError(`Which figures? 1 to ${MAX_FIGURES} of them: { people: 'count' }.`);
    }
    const names = figures.map((_, i) => trusted(`f${i}`));
    const columns = figures.map((figure, i) => sql`${this.#figure(figure)} AS ${names[i]}`);
    const from = this.#from(scope, options, []);
    const limit = limitOf(options.limit);
    if (options.groupBy === undefined) return sql`SELECT ${joined(columns, ', ')} ${from} LIMIT ${limit}`;
    // Grouped by its position: the same expression with parameters is another expression.
    const groups = sql`SELECT ${joined([sql`${this.#group(documentPathOf(options.groupBy))} AS document`, ...columns], ', ')} ${from} GROUP BY 1`;
    const order = [
      ...this.#order([], false),
      sql`CASE WHEN d.document IS NULL THEN 1 ELSE 0 END`,
      sql`d.document`,
    ];
    return sql`SELECT d.document AS grouped, ${joined(names, ', ')} FROM (${groups}) d ORDER BY ${joined(order, ', ')} LIMIT ${limit}`;
  }

  /** What states have in common: -0 counts as 0, and undefined as missing. */
  #group(path: DocumentPath): Sql {
    const text = this.#dialect.text(path);
    return sql`CASE ${text} WHEN '{"$number":"-0"}' THEN '0' WHEN '{"$undefined":true}' THEN NULL ELSE ${text} END`;
  }

  /** Keys, as text, of logs whose newest version no document stands for: others wrote them, or it was turned on later. */
  stale(scope: Scope, after: string, limit: number): Sql {
    const differs = this.#dialect.differs(sql`d.version`, sql`h.version`);
    return sql`SELECT h.key FROM ${this.#heads} h LEFT JOIN ${this.#documents} d ON d.key = h.key
      WHERE ${this.#scope(scope)} AND ${this.#dialect.alive()} AND ${differs} AND h.deleted = ${trusted(this.#dialect.no)}
        AND h.key > ${after} ORDER BY h.key LIMIT ${limit}`;
  }

  #from(scope: Scope, options: Selection<unknown>, more: readonly Sql[]): Sql {
    const conditions = [
      this.#scope(scope),
      this.#dialect.alive(),
      sql`d.document IS NOT NULL`,
      ...bounds('version', options.version, versionOf),
      ...bounds('at', options.savedAt, timeOf),
      this.#test(testOf(options.where)),
      ...more,
    ];
    return sql`FROM ${this.#heads} h JOIN ${this.#documents} d ON d.key = h.key AND d.version = h.version
      WHERE ${joined(conditions, ' AND ')}`;
  }

  #scope(scope: Scope): Sql {
    if ('key' in scope) return sql`h.key = ${textOfKey(scope.key)}`;
    const prefix = keyOf(scope.prefix, 'keys');
    if (/[\ud800-\udbff]$/.test(prefix)) {
      throw new RangeError('A prefix of keys does not end within a surrogate pair.');
    }
    const { from, below } = textRangeOf(prefix);
    const end = below === undefined ? [] : [sql`h.key < ${below}`];
    // Keys that begin with "$" are not of users.
    return joined([sql`h.key >= ${from}`, ...end, sql`(h.key < '$' OR h.key >= '%')`], ' AND ');
  }

  #test(test: Test): Sql {
    const dialect = this.#dialect;
    switch (test.kind) {
      case 'all':
        return test.tests.length === 0 ? trusted('1 = 1') : balanced(this.#tests(test.tests), ' AND ');
      case 'any':
        return test.tests.length === 0 ? trusted('1 = 0') : balanced(this.#tests(test.tests), ' OR ');
      case 'not':
        // Of a field that is missing nothing is known to SQL; here it satisfies nothing.
        return sql`(NOT coalesce(${this.#test(test.test)}, false))`;
      case 'exists':
        return sql`(${dialect.exists(test.path)})`;
      case 'equal':
        return test.documents.length === 0
          ? trusted('1 = 0')
          : sql`(${dialect.equal(test.path, test.documents)})`;
      case 'compare':
        return dialect.compare(test.path, test.is, test.value);
      case 'startsWith':
        return dialect.startsWith(test.path, test.prefix);
    }
  }

  #tests(tests: readonly Test[]): Sql[] {
    return tests.map((test) => this.#test(test));
  }

  #figure(figure: Figure<unknown>): Sql {
    if (figure === 'count') return sql`count(*)`;
    const [of, path, ...more] = Array.isArray(figure) ? (figure as readonly unknown[]) : [];
    if (more.length > 0 || !['sum', 'avg', 'min', 'max'].includes(of as string)) {
      throw new TypeError(
        `A figure is 'count' or [sum, avg, min or max, path], not ${JSON.stringify(figure)}.`,
      );
    }
    return sql`${trusted(of as string)}(${this.#number(documentPathOf(path))} + 0.0)`;
  }

  /** A finite number; null for what is none. */
  #number(path: DocumentPath): Sql {
    const { isA, as } = this.#dialect;
    return sql`CASE WHEN ${isA(path, 'number')} THEN ${as(path, 'number')} WHEN ${this.#odd(path)} = '-0' THEN 0 END`;
  }

  /** The name of a number that JSON has no place for; null for anything else. */
  #odd(path: DocumentPath): Sql {
    return this.#dialect.as([...path, '$number'], 'string');
  }

  /** Numbers, strings, Dates, all else; within each by value. */
  #order(path: DocumentPath, descending: boolean): Sql[] {
    const { isA, as } = this.#dialect;
    const [isNumber, isString] = [isA(path, 'number'), isA(path, 'string')];
    const odd = this.#odd(path);
    const date = as([...path, '$date'], 'string');
    const kind = sql`CASE WHEN ${isNumber} OR ${odd} <> 'NaN' THEN 0 WHEN ${isString} THEN 1 WHEN ${date} IS NOT NULL THEN 2 ELSE 3 END`;
    // Infinities, and years of more than four digits: their sign comes first, and '+' < '-' < '0'.
    const side = sql`CASE WHEN ${odd} = 'Infinity' OR ${date} < '-' THEN 1 WHEN ${odd} = '-Infinity' OR ${date} < '0' THEN -1 ELSE 0 END`;
    const time = sql`CASE WHEN ${date} < '-' OR ${date} >= '0' THEN ${date} END`;
    const values = [
      side,
      this.#number(path),
      sql`CASE WHEN ${isString} THEN ${as(path, 'string')} END`,
      time,
    ];
    return [kind, ...values.map((value) => sql`${value}${trusted(descending ? ' DESC' : '')}`)];
  }
}

function bounds<T>(
  name: 'version' | 'at',
  given: { readonly from?: T; readonly to?: T } | undefined,
  asNumber: (value: T) => number,
): Sql[] {
  const column = trusted(`h.${name}`);
  return [
    ...(given?.from === undefined ? [] : [sql`${column} >= ${asNumber(given.from)}`]),
    ...(given?.to === undefined ? [] : [sql`${column} <= ${asNumber(given.to)}`]),
  ];
}

function versionOf(version: number): number {
  if (Number.isSafeInteger(version)) return version;
  throw new RangeError(`A bound of \`version\` is a whole number, not ${String(version)}.`);
}

function timeOf(time: Date): number {
  if (time instanceof Date && !Number.isNaN(time.getTime())) return time.getTime();
  throw new TypeError('A bound of `savedAt` is a valid Date.');
}

function keyOf(text: string, name: 'keys' | 'after'): string {
  if (typeof text === 'string') return text;
  throw new TypeError(`\`${name}\` is a string, the beginning of keys or a key.`);
}

function limitOf(limit = DEFAULT_LIMIT): number {
  if (Number.isSafeInteger(limit) && limit >= 0) return limit;
  throw new RangeError(`limit is a whole number from 0 on, not ${String(limit)}.`);
}
