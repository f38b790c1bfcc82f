/** Where two databases say the same thing differently. Of both the document is text in the column `d.document`. */
import type { Json } from 'dgents-core';
import type { DocumentPath } from './conditions.js';
import { joined, type Sql, sql, trusted } from './sql.js';

/** The kinds of value that have an order of their own. */
export type Ordered = 'number' | 'string';

export interface Dialect {
  readonly placeholder: (position: number) => string;
  /** How `false` is written. */
  readonly no: string;
  /** The expression that an index over a plain path is made of. */
  indexed(path: DocumentPath): string;
  /** Whether a log is there: not expired, and with a version. */
  alive(): Sql;
  /** `a` is not `b`, where one that is missing is a value too. */
  differs(a: Sql, b: Sql): Sql;
  /** Whether anything is there but `undefined`. */
  exists(path: DocumentPath): Sql;
  /** Whether what is there is one of these; at least one is given. */
  equal(path: DocumentPath, documents: readonly Json[]): Sql;
  /** Whether what is there is of the kind of `value`, and in this relation to it. */
  compare(path: DocumentPath, is: '<' | '<=' | '>' | '>=', value: string | number): Sql;
  /** Whether what is there is of this kind. */
  isA(path: DocumentPath, kind: Ordered): Sql;
  /** What is there, as this kind; only where it is one. As a string it is null where nothing is there. */
  as(path: DocumentPath, kind: Ordered): Sql;
  /** The text of the document that is there, as it was written; null where there is none. */
  text(path: DocumentPath): Sql;
  /** The beginning of what is there, a string: so many characters of it. */
  startsWith(path: DocumentPath, prefix: string): Sql;
  /** Whether this is what the database says of a document that nests deeper than it reads. */
  isTooDeep(error: unknown): boolean;
}

/** Names that can stand in a statement as they are: an index over the same path is found then. */
const PLAIN = /^[$]{0,2}[A-Za-z_][A-Za-z0-9_]{0,62}$/;

const UNDEFINED = trusted(`'{"$undefined":true}'`);

/** Whether a path can stand in the text of a statement. */
export function isPlainPath(path: DocumentPath): boolean {
  return path.every((part) => typeof part === 'number' || PLAIN.test(part));
}

/** Of a piece without parameters. */
function textOf(piece: Sql): string {
  return piece.render(() => '?').text;
}

/** `$."address"."city"[0]`, in the language of both databases. */
function jsonPath(path: DocumentPath): string {
  return `$${path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${JSON.stringify(part)}`)).join('')}`;
}

function sqlitePath(path: DocumentPath): Sql {
  return isPlainPath(path) ? trusted(`'${jsonPath(path)}'`) : sql`${jsonPath(path)}`;
}

/** SQLite takes a whole number by the digits of its text. Those of the double that would be bound can be others. */
function sqliteNumber(value: number): number | bigint {
  const isWide = Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 2 ** 63;
  return isWide ? BigInt(String(value)) : value;
}

/** A list of parameters, for `IN`. */
function listed(values: readonly unknown[]): Sql {
  return joined(
    values.map((value) => sql`${value}`),
    ', ',
  );
}

export const sqliteDialect: Dialect = {
  placeholder: () => '?',
  no: '0',
  indexed: (path) => `json_extract(document, ${textOf(sqlitePath(path))})`,
  alive: () => sql`(h.version > 0 AND (h.expires_at IS NULL OR h.expires_at > ${Date.now()}))`,
  differs: (a, b) => sql`${a} IS NOT ${b}`,
  exists(path) {
    return sql`coalesce(${this.text(path)}, ${UNDEFINED}) <> ${UNDEFINED}`;
  },
  equal(path, documents) {
    const type = sql`json_type(d.document, ${sqlitePath(path)})`;
    // What is extracted of an object is its text, and of true it is 1: so the type is asked for too.
    const among = (types: string, values: readonly unknown[]) =>
      values.length === 0
        ? []
        : [sql`(${type} IN (${trusted(types)}) AND ${this.as(path, 'string')} IN (${listed(values)}))`];
    const objects = documents.filter((each) => typeof each === 'object' && each !== null);
    const literals = documents.filter((each) => typeof each === 'boolean' || each === null);
    const tests = [
      ...among("'integer', 'real'", documents.filter((each) => typeof each === 'number').map(sqliteNumber)),
      ...among(
        "'text'",
        documents.filter((each) => typeof each === 'string'),
      ),
      ...among(
        "'object'",
        Array.from(objects, (each) => JSON.stringify(each)),
      ),
      ...(literals.length === 0 ? [] : [sql`${type} IN (${listed(literals.map(String))})`]),
    ];
    return sql`(${joined(tests, ' OR ')})`;
  },
  isA: (path, kind) =>
    kind === 'number'
      ? sql`json_type(d.document, ${sqlitePath(path)}) IN ('integer', 'real')`
      : sql`json_type(d.document, ${sqlitePath(path)}) IS 'text'`,
  as: (path) => sql`json_extract(d.document, ${sqlitePath(path)})`,
  compare(path, is, value) {
    const kind = typeof value as Ordered;
    const bound = typeof value === 'number' ? sqliteNumber(value) : value;
    return sql`(${this.isA(path, kind)} AND ${this.as(path, kind)} ${trusted(is)} ${bound})`;
  },
  text: (path) => sql`(d.document -> ${sqlitePath(path)})`,
  startsWith(path, prefix) {
    const found = this.as(path, 'string');
    return sql`(${this.isA(path, 'string')} AND substr(${found}, 1, ${[...prefix].length}) = ${prefix})`;
  },
  isTooDeep: (error) => String((error as Error | undefined)?.message).includes('malformed JSON'),
};

/** Strict, so that names lead into objects only and positions into arrays only; of `#>` and `->` neither is true. */
function postgresFound(document: string, path: DocumentPath): Sql {
  const text = `strict ${jsonPath(path)}`;
  const literal = isPlainPath(path) ? trusted(`'${text}'`) : sql`${text}::text::jsonpath`;
  return sql`jsonb_path_query_first(${trusted(document)}::jsonb, ${literal}, '{}', true)`;
}

const jsonb = (path: DocumentPath) => postgresFound('d.document', path);

/** Of `json`, which keeps the text as it is, where `jsonb` would sort keys. */
function postgresSteps(path: DocumentPath): Sql {
  return joined(
    path.map((part) => {
      if (typeof part === 'number') return trusted(` -> ${part}`);
      return isPlainPath([part]) ? trusted(` -> '${part}'`) : sql` -> ${part}::text`;
    }),
    '',
  );
}

export const postgresDialect: Dialect = {
  placeholder: (position) => `$${position}`,
  no: 'false',
  indexed: (path) => textOf(postgresFound('document', path)),
  alive: () =>
    trusted(
      '(h.version > 0 AND (h.expires_at IS NULL OR h.expires_at > (extract(epoch FROM clock_timestamp()) * 1000)::float8))',
    ),
  differs: (a, b) => sql`${a} IS DISTINCT FROM ${b}`,
  exists: (path) => sql`coalesce(${jsonb(path)}, ${UNDEFINED}::jsonb) <> ${UNDEFINED}::jsonb`,
  equal(path, documents) {
    const [first, ...more] = Array.from(documents, (each) => JSON.stringify(each));
    return more.length === 0
      ? sql`${jsonb(path)} = ${first}::jsonb`
      : sql`${jsonb(path)} = ANY(${[first, ...more]}::text[]::jsonb[])`;
  },
  isA: (path, kind) => sql`jsonb_typeof(${jsonb(path)}) = ${kind}::text`,
  as: (path, kind) =>
    kind === 'string'
      ? sql`((${jsonb(path)} #>> '{}') COLLATE "C")`
      : sql`(CASE WHEN jsonb_typeof(${jsonb(path)}) = 'number' THEN ${jsonb(path)}::numeric END)`,
  compare(path, is, value) {
    const [found, other] =
      typeof value === 'string'
        ? [this.as(path, 'string'), sql`${value}::text`]
        : // Not cast: so an index over the path is found, and nothing fails on what is no number.
          [jsonb(path), sql`${String(value)}::jsonb`];
    return sql`(${this.isA(path, typeof value as Ordered)} AND ${found} ${trusted(is)} ${other})`;
  },
  text: (path) => sql`((d.document::json${postgresSteps(path)})::text COLLATE "C")`,
  startsWith(path, prefix) {
    return sql`(${this.isA(path, 'string')} AND starts_with(${this.as(path, 'string')}, ${prefix}::text))`;
  },
  isTooDeep: () => false,
};
