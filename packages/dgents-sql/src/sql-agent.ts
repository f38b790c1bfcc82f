import {
  type AgentOptions,
  type Backend,
  BackendAgent,
  type CallOptions,
  Codec,
  type EngineOptions,
  type Opening,
} from 'dgents-core';
import type { At, Path } from './query/conditions.js';
import { DocumentQueries } from './query/documents.js';
import type { AggregateOptions, Figure, Figures, Found, QueryOptions } from './query/options.js';
import { backendOf, type SqlBackend } from './urls.js';

function hasDocuments(backend: Backend): backend is SqlBackend {
  return 'documents' in backend;
}

export interface SQLAgentOptions<S> extends AgentOptions<S>, EngineOptions {
  /**
   * The database: `sqlite:./state.db`, `postgres://user@host/database`, `pglite:./state`; with `?materialize=true` for
   * queries over fields. Opened for this agent, and closed with it. Not with `backend`.
   */
  readonly url?: string;
  /**
   * One that stays yours: agents that share it share its connections, and closing them leaves it open. Of a store of
   * this package too: `store.backend`.
   */
  readonly backend?: Backend;
  /** The address of the state in the database; `state` unless told. */
  readonly key?: string;
}

const OWN_OPTIONS: readonly (keyof SQLAgentOptions<unknown>)[] = ['url', 'backend', 'key'];

/**
 * A state in SQLite, Postgres or PGlite, and queries over this and its neighbours.
 *
 * Versions of the past by time and number are `timeline`, `history` and `read({ at })`: their bounds become bounds of
 * the statement. Fields of current states are `query` and `aggregate`.
 */
export class SQLAgent<S, In = unknown> extends BackendAgent<S> {
  readonly #queries: DocumentQueries<S>;

  /**
   * @throws TypeError unless one of `url` and `backend` is given; UnsupportedError for another kind of URL
   */
  constructor(options: Opening<SQLAgentOptions<S>, S, In>);
  constructor(options: SQLAgentOptions<S>) {
    const { url, backend, key, ...rest } = options;
    if ((url === undefined) === (backend === undefined)) {
      throw new TypeError(
        "Which database? Give SQLAgent a url such as 'sqlite:./state.db', or a backend, one of them.",
      );
    }
    const used = backend ?? backendOf(url as string);
    if (!hasDocuments(used)) {
      throw new TypeError(
        'SQLAgent takes a SqliteBackend, PostgresBackend or PgliteBackend, such as `store.backend`.',
      );
    }
    super(used, rest as AgentOptions<S> & EngineOptions, {
      key,
      shared: backend !== undefined,
      ownOptions: OWN_OPTIONS,
    });
    this.#queries = new DocumentQueries(used.documents, {
      key: this.key,
      codec: options.codec instanceof Codec ? options.codec : new Codec(options.codec),
      stored: (of, call) => this.stored(of, call),
      revive: (text, schema, of) => this.revive(text, schema, of),
    });
  }

  /**
   * Current states that meet conditions on their fields, version and time: of this agent, or with `keys` of all whose
   * key begins so. Each is decoded, migrated and validated like one that is loaded; a copy. One statement sees one
   * moment of the database.
   *
   * Needs `materialize: true`. States that were written without it are brought up first, once; looking for them costs
   * one pass over the keys that are asked about.
   *
   * @throws UnsupportedError without `materialize`; TypeError or RangeError for a condition that makes no sense, before
   *   anything is sent; StateValidationError and MigrationError for a state that this agent cannot read
   */
  query(options: QueryOptions<S> = {}): Promise<Found<S>[]> {
    return this.#asked(options, () => this.#queries.query(options));
  }

  /**
   * Figures over the current states that meet conditions: how many, and of the numbers in a field the sum, mean,
   * smallest and largest; for all of them or for each value of a field. Conditions are those of {@link query}; numbers
   * are finite ones.
   *
   * @throws the same
   */
  aggregate<const F extends Readonly<Record<string, Figure<S>>>, const P extends Path<S> = never>(
    options: AggregateOptions<S, F, P>,
  ): Promise<Figures<F, At<S, P>>[]> {
    return this.#asked(options, () => this.#queries.aggregate(options));
  }

  /**
   * Makes an index over a field, for `=`, `in` and, in Postgres, comparisons of numbers: a query over many keys no
   * longer looks at every state. Does nothing where it is there. The table is locked for writers meanwhile. From then
   * on values at the path have to be shorter than 2,600 bytes in Postgres, and in SQLite states have at most 1,000
   * levels.
   *
   * @throws UnsupportedError without `materialize`; RangeError for a path of other than letters, digits and underscores
   */
  createIndex(path: Path<S>, options: CallOptions = {}): Promise<void> {
    return this.#asked(options, () => this.#queries.createIndex(path, options));
  }

  /** Refused after close, and with the tables set up. */
  async #asked<T>(options: CallOptions, work: () => Promise<T>): Promise<T> {
    const { timeoutMs, signal } = options;
    await this.ready({ ...(timeoutMs !== undefined && { timeoutMs }), ...(signal && { signal }) });
    return work();
  }
}
