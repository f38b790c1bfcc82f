/** Queries over the documents that a backend keeps beside its logs. */
import { createHash } from 'node:crypto';
import { type BackendCallOptions, type Codec, type StoredState, UnsupportedError } from 'dgents-core';
import { keyOfText } from '../shared/key-text.js';
import type { Tables } from '../shared/names.js';
import { Compiler, type Scope } from './compile.js';
import { type At, documentPathOf, type Path } from './conditions.js';
import { type Dialect, isPlainPath } from './dialect.js';
import type { AggregateOptions, Figure, Figures, Found, QueryOptions, Selection } from './options.js';
import type { Sql } from './sql.js';

/** What a backend that materializes gives its queries. */
export interface DocumentStore {
  readonly tables: Tables;
  readonly dialect: Dialect;
  /** @throws UnsupportedError unless the backend was opened with `materialize: true` */
  assertMaterialized(): void;
  /** The rows of one statement. */
  select<Row>(text: string, values: readonly unknown[], options: BackendCallOptions): Promise<Row[]>;
  /** Runs a statement that changes the schema. */
  define(text: string, options: BackendCallOptions): Promise<void>;
  /** Keeps the document of a state, unless its log has gone on. */
  put(key: string, state: StoredState, options: BackendCallOptions): Promise<void>;
}

/** What an agent lends its queries. */
export interface Decoding<S> {
  readonly key: string;
  readonly codec: Codec;
  stored(key: string, options: BackendCallOptions): Promise<StoredState | undefined>;
  revive(text: string, schema: number, key: string): S;
}

interface FoundRow {
  readonly key: string;
  readonly version: number | string;
  readonly at: number;
  readonly document: string;
  readonly schema: number | string | null;
}

type Rendered = ReturnType<Sql['render']>;

/** How many documents that are behind are brought up at once. */
const BITE = 100;
/** What SQLite takes. */
const MAX_PARAMETERS = 32_766;

export class DocumentQueries<S> {
  readonly #store: DocumentStore;
  readonly #agent: Decoding<S>;
  readonly #compiler: Compiler;

  constructor(store: DocumentStore, agent: Decoding<S>) {
    this.#store = store;
    this.#agent = agent;
    this.#compiler = new Compiler(store.dialect, store.tables);
  }

  async query(options: QueryOptions<S>): Promise<Found<S>[]> {
    const { scope, call } = this.#begin(options);
    const statement = this.#rendered(
      this.#compiler.query(scope, options as unknown as QueryOptions<unknown>),
    );
    await this.#bringUp(scope, call);
    const rows = await this.#select<FoundRow>(statement, call);
    return Array.from(rows, ({ key: text, version, at, document, schema }) => {
      const key = keyOfText(text);
      const state = this.#agent.revive(document, Number(schema ?? 1), key);
      return { key, state, version: Number(version), savedAt: new Date(at) };
    });
  }

  async aggregate<F extends Readonly<Record<string, Figure<S>>>, P extends Path<S>>(
    options: AggregateOptions<S, F, P>,
  ): Promise<Figures<F, At<S, P>>[]> {
    const { scope, call } = this.#begin(options);
    const statement = this.#rendered(
      this.#compiler.aggregate(scope, options as unknown as Parameters<Compiler['aggregate']>[1]),
    );
    await this.#bringUp(scope, call);
    const rows = await this.#select<Record<string, unknown>>(statement, call);
    const names = Object.keys(options.figures);
    return Array.from(rows, (row) => {
      const figures = names.map((name, i) => [name, row[`f${i}`] === null ? null : Number(row[`f${i}`])]);
      const { grouped } = row;
      const group =
        options.groupBy === undefined
          ? []
          : [['group', typeof grouped === 'string' ? this.#agent.codec.read(grouped).value : undefined]];
      return Object.fromEntries([...group, ...figures]) as Figures<F, At<S, P>>;
    });
  }

  /** Makes an index over a field, so that `=`, `in` and comparisons of it need not look at every state. */
  async createIndex(path: Path<S>, call: BackendCallOptions): Promise<void> {
    this.#store.assertMaterialized();
    const statement = documentIndexDdl(this.#store, path as unknown as Path<unknown>);
    await this.#told(this.#store.define(statement, call));
  }

  #begin({ keys, timeoutMs, signal }: Selection<S>): { scope: Scope; call: BackendCallOptions } {
    this.#store.assertMaterialized();
    const scope = keys === undefined ? { key: this.#agent.key } : { prefix: keys };
    return { scope, call: { ...(timeoutMs !== undefined && { timeoutMs }), ...(signal && { signal }) } };
  }

  /** Documents of states that were written by a process that keeps none are made now, in one pass over the keys. */
  async #bringUp(scope: Scope, call: BackendCallOptions): Promise<void> {
    let after = '';
    for (;;) {
      const statement = this.#rendered(this.#compiler.stale(scope, after, BITE));
      const rows = await this.#select<{ key: string }>(statement, call);
      for (const { key: text } of rows) {
        const key = keyOfText(text);
        const state = await this.#agent.stored(key, call);
        if (state !== undefined) await this.#store.put(key, state, call);
        after = text;
      }
      if (rows.length < BITE) return;
    }
  }

  #rendered(statement: Sql): Rendered {
    const rendered = statement.render(this.#store.dialect.placeholder);
    if (rendered.values.length <= MAX_PARAMETERS) return rendered;
    throw new RangeError(
      `A query has at most ${MAX_PARAMETERS} values and parts of paths in all, not ${rendered.values.length}: ask in several.`,
    );
  }

  #select<Row>({ text, values }: Rendered, call: BackendCallOptions): Promise<Row[]> {
    return this.#told(this.#store.select<Row>(text, values, call));
  }

  /** The database has no words of its own for what is wrong. */
  async #told<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (cause) {
      if (!this.#store.dialect.isTooDeep(cause)) throw cause;
      throw new UnsupportedError(
        'SQLite looks into states of at most 1,000 levels, and one of those in question nests deeper: keep states with a larger `maxDepth` in another store, or under a prefix whose fields nobody asks about.',
        { cause },
      );
    }
  }
}

/**
 * The statement that {@link SQLAgent.createIndex} runs, for those who run it by hand.
 *
 * @throws RangeError when the path has other than letters, digits and underscores: it would be part of the statement
 */
export function documentIndexDdl(
  { tables, dialect }: Pick<DocumentStore, 'tables' | 'dialect'>,
  path: Path<unknown>,
): string {
  const found = documentPathOf(path);
  if (!isPlainPath(found)) {
    throw new RangeError('An index is made over fields whose names are letters, digits and underscores.');
  }
  const indexed = dialect.indexed(found);
  const name = createHash('sha256').update(indexed).digest('hex').slice(0, 8);
  return `CREATE INDEX IF NOT EXISTS "${tables.prefix}_by_${name}" ON ${tables.documents} (${indexed})`;
}

/** Of a backend that was not told to keep documents. */
export function notMaterialized(): UnsupportedError {
  return new UnsupportedError(
    'Queries over fields need the current document of each state: open the backend with `materialize: true`, or the URL with `?materialize=true`.',
  );
}
