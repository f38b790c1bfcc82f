import {
  AgentClosedError,
  type Append,
  type Backend,
  type BackendCallOptions,
  type BackendCapabilities,
  type BackendKeysOptions,
  type Call,
  type Checkpoint,
  type CommitOptions,
  type CommitResult,
  checkCommit,
  checkLimit,
  checkRead,
  claiming,
  type Endable,
  type FeedEntry,
  type FeedOptions,
  failureOfAll,
  type Head,
  headChanges,
  iterable,
  type KeyEntry,
  type LogRecord,
  type LogTail,
  PolledIterator,
  type Position,
  type RangeOptions,
  type ReadOptions,
  settle,
  type Version,
} from 'dgents-core';
import type { DocumentStore } from '../query/documents.js';
import { keyOfText, textOfKey } from '../shared/key-text.js';
import { type Tables, tablesOf } from '../shared/names.js';
import { valuesOf } from '../shared/rows.js';
import { CommitQueue, sendingFor } from './commit-queue.js';
import { Commits, type Draft, draftOf } from './commits.js';
import { documentsIn } from './documents.js';
import { postgresError } from './errors.js';
import type { Executor, Limits, Query } from './executor.js';
import { FeedReader } from './feed.js';
import { HEARING_POLL_MS, Hearing } from './hearing.js';
import { type KeyRow, listed } from './listing.js';
import { checkLayout, type PostgresLayout } from './postgres-schema.js';
import { paged } from './ranges.js';
import { Reading } from './reading.js';
import { Replica } from './replica.js';
import { setUp } from './set-up.js';
import { type Statements, statements } from './statements.js';
import { Upkeep } from './upkeep.js';

export interface TableOptions extends PostgresLayout {
  /** What the names of the tables begin with; `dgents` unless told. Letters, digits and underscores. */
  readonly table?: string;
  /** The schema that the tables are in; that of the connection unless told. Made where it is missing. */
  readonly schema?: string;
  /** Make the tables, and bring them up to this release (default). `false`: they have to be there; see `postgresDdl`. */
  readonly autoSetup?: boolean;
  /** Keep the current document of each state in a table of its own, for queries: O(state) more per commit. */
  readonly materialize?: boolean;
  /**
   * How often feeds and watches look for what other processes wrote, in milliseconds; 100 unless told. While a watch is
   * told of it (see `listen`), it looks once a second at most: for what the notes of others may miss.
   */
  readonly pollMs?: number;
}

const PAGE = 256;
/** How many logs whose time has run out are cleared away at a time, and after how many appends with a time to live. */
const PURGE_BITE = 8;
const PURGE_EVERY = 16;

/**
 * Keeps logs in two tables of a Postgres, however it is reached: a row of heads decides every commit, the log has a row
 * for each record.
 */
export abstract class OnPostgres implements Backend {
  abstract readonly name: string;
  capabilities: BackendCapabilities;
  readonly #executor: Executor;
  readonly #tables: Tables;
  readonly #sql: Statements;
  readonly #commits: Commits;
  readonly #queue: CommitQueue;
  readonly #reading: Reading;
  readonly #upkeep: Upkeep;
  readonly #replica: Replica | undefined;
  readonly #options: TableOptions;
  readonly #live = new Set<Endable>();
  readonly #underWay = new Set<Promise<unknown>>();
  #setUp: Promise<string> | undefined;
  #closing: Promise<void> | undefined;
  readonly #hearing: Hearing;
  #expiring = 0;

  protected constructor(
    executor: Executor,
    options: TableOptions,
    claimed: Pick<BackendCapabilities, 'durability' | 'sharing'>,
    copy?: { readonly executor: Executor; readonly onError: (error: unknown) => void },
  ) {
    checkLayout(options);
    this.#options = options;
    this.#tables = tablesOf(options.table ?? 'dgents', options.schema);
    this.#sql = statements(this.#tables);
    this.#executor = executor;
    this.#commits = new Commits(executor, this.#sql);
    this.#queue = new CommitQueue(this.#commits);
    this.#reading = new Reading(executor, this.#sql);
    this.#upkeep = new Upkeep(executor, this.#sql);
    this.#replica = copy && new Replica(copy.executor, executor, this.#sql, copy.onError);
    this.#hearing = new Hearing(executor, () => this.#ready());
    this.capabilities = claiming({
      ...claimed,
      atomicity: 'store',
      feed: 'global',
      watch: true,
      ttl: true,
      joins: true,
      orderedKeys: true,
      materializes: options.materialize ?? false,
      idempotencyRecords: Number.POSITIVE_INFINITY,
      limits: { keyBytes: 1_000, recordBytes: 2 ** 27, recordsPerAppend: 10_000, appendsPerCommit: 10_000 },
    });
  }

  ready(options: BackendCallOptions = {}): Promise<BackendCapabilities> {
    return this.#call('', options, async () => this.capabilities);
  }

  async read(key: string, options: ReadOptions = {}): Promise<LogTail> {
    checkRead(options);
    return this.#call(key, options, (limits) => this.#reading.read(key, options, limits));
  }

  async commit(appends: readonly Append[], options: CommitOptions = {}): Promise<readonly CommitResult[]> {
    checkCommit(this, appends, options);
    if (appends.length === 0) return this.#call('', options, async () => []);
    const drafts = appends.map(draftOf);
    const isOne = options.atomic && (appends.length > 1 || options.within !== undefined);
    const results = await (isOne
      ? this.#together(appends, drafts, options)
      : this.#each(appends, drafts, options));
    this.#purge(appends);
    return results;
  }

  async #together(
    appends: readonly Append[],
    drafts: readonly Draft[],
    options: CommitOptions,
  ): Promise<CommitResult[]> {
    const { key } = appends[0]!;
    const write = (limits: Limits, call: Call) =>
      this.#commits.together(drafts, { ...limits, ...sendingFor([{ call, key }]) }, options.within);
    const results = await this.#call(key, options, write, appends[0]);
    await this.#hearing.announce(appends, results);
    return results;
  }

  async #each(
    appends: readonly Append[],
    drafts: readonly Draft[],
    options: CommitOptions,
  ): Promise<CommitResult[]> {
    const settled = await Promise.allSettled(
      drafts.map((draft, i) => {
        const append = appends[i] as Append;
        return this.#call(
          append.key,
          options,
          (limits, call) => this.#queue.add(draft, call, limits.timeoutMs),
          append,
        );
      }),
    );
    const results = settled.map((each) => (each.status === 'fulfilled' ? each.value : undefined));
    await this.#hearing.announce(appends, results);
    const failed = settled.find((each) => each.status === 'rejected');
    if (failed === undefined) return results as CommitResult[];
    throw failureOfAll(appends, settled, failed.reason);
  }

  checkpoint(key: string, checkpoint: Checkpoint, options: BackendCallOptions = {}): Promise<void> {
    const values = valuesOf(checkpoint);
    return this.#call(key, options, (limits) => this.#upkeep.checkpoint(key, checkpoint, values, limits));
  }

  trim(key: string, base: Checkpoint, options: BackendCallOptions = {}): Promise<void> {
    const values = valuesOf(base);
    return this.#call(key, options, (limits) => this.#upkeep.trim(key, base, values, limits));
  }

  async *range(key: string, options: RangeOptions = {}): AsyncGenerator<LogRecord> {
    checkLimit(options);
    yield* paged(key, options, PAGE, (stretch) =>
      this.#call(key, options, (limits) => (this.#replica ?? this.#reading).range(key, stretch, limits)),
    );
  }

  async *keys(prefix = '', options: BackendKeysOptions = {}): AsyncGenerator<KeyEntry> {
    checkLimit(options);
    yield* listed(prefix, options, PAGE, (after, from) =>
      this.#call('', options, (limits) =>
        this.#executor.query<KeyRow>(this.#sql.keys, [after, from, PAGE], limits),
      ),
    );
  }

  find(
    key: string,
    ids: readonly string[],
    options: BackendCallOptions = {},
  ): Promise<ReadonlyMap<string, Version>> {
    return this.#call(key, options, async (limits) => {
      const values = [textOfKey(key), ids.map(textOfKey)];
      const rows = await this.#executor.query<{ id: string; version: number }>(
        this.#sql.find,
        values,
        limits,
      );
      return new Map(rows.map(({ id, version }) => [keyOfText(id), version]));
    });
  }

  feed(after?: Position, options: FeedOptions = {}): AsyncIterable<FeedEntry> {
    return iterable(() => {
      checkLimit(options);
      const reader = new FeedReader(this.#executor, this.#sql, after, options.follow);
      const look = () => this.#call('', {}, async (limits) => reader.next(await this.#ready(), limits));
      // What was committed may have to wait for what is still open, and nobody tells when that is over.
      return this.#polled(
        () => look,
        undefined,
        options,
        () => this.#pollMs,
        () => reader.isOver,
      );
    });
  }

  watch(key: string, options: BackendCallOptions = {}): AsyncIterable<Head> {
    return iterable(() => {
      const headNow = () => this.#call(key, {}, (limits) => this.#reading.head(key, limits));
      const pollMs = () => (this.#hearing.hears ? Math.max(HEARING_POLL_MS, this.#pollMs) : this.#pollMs);
      return this.#polled((begun) => headChanges(headNow, begun), key, options, pollMs);
    });
  }

  /** The documents of the current states, for queries over their fields. */
  get documents(): DocumentStore {
    return documentsIn({
      tables: this.#tables,
      sql: this.#sql,
      executor: this.#executor,
      materialized: this.capabilities.materializes,
      call: (key, options, work) => this.#call(key, options, work),
    });
  }

  /** For what only some of them can do. */
  protected ask<T>(
    options: BackendCallOptions,
    work: (query: Query, sql: Statements) => Promise<T>,
  ): Promise<T> {
    return this.#call('', options, (limits) =>
      work((statement, values) => this.#executor.query(statement, values, limits), this.#sql),
    );
  }

  /** Clears away logs whose time has run out: nobody sees them any more, but they take room. Returns how many. */
  purgeExpired({ limit = 1_000, ...options }: BackendCallOptions & { limit?: number } = {}): Promise<number> {
    return this.#call('', options, () => this.#commits.purge(limit));
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    for (const iterator of this.#live) iterator.end();
    await Promise.allSettled(this.#underWay);
    await this.#hearing.close();
    await this.#replica?.close();
    await this.#executor.close();
  }

  /** Runs one call: refused after close, waited for by it, set up before, bounded by its deadline. */
  #call<T>(
    key: string,
    options: BackendCallOptions,
    work: (limits: Limits, call: Call) => Promise<T>,
    append?: Append,
  ): Promise<T> {
    if (this.#closing !== undefined)
      return Promise.reject(new AgentClosedError('This store was closed.', { key }));
    const doubt = append && {
      operationId: append.records[0]!.id,
      ...(append.expected && { expected: append.expected }),
    };
    const began = performance.now();
    const { timeoutMs } = options;
    const done = settle(
      key,
      options,
      async (call) => {
        try {
          await this.#ready();
          const left =
            timeoutMs === undefined ? undefined : Math.max(1, timeoutMs - (performance.now() - began));
          return await work({ timeoutMs: left }, call);
        } catch (error) {
          throw postgresError(error, this.#executor.location, key);
        }
      },
      doubt,
    );
    this.#underWay.add(done);
    const over = () => this.#underWay.delete(done);
    done.then(over, over);
    return done;
  }

  async #ready(): Promise<string> {
    const { schema, autoSetup = true, partitions } = this.#options;
    const layout = partitions === undefined ? {} : { partitions };
    this.#setUp ??= setUp(this.#executor, this.#tables, { schema, autoSetup, ...layout });
    const settingUp = this.#setUp;
    try {
      return await settingUp;
    } catch (error) {
      if (this.#setUp === settingUp) this.#setUp = undefined;
      throw error;
    }
  }

  #purge(appends: readonly Append[]): void {
    for (const { ttlMs } of appends) if (ttlMs !== undefined) this.#expiring++;
    if (this.#expiring < PURGE_EVERY) return;
    this.#expiring = 0;
    // The commit has been made; what cannot be cleared away now is another time.
    this.#call('', {}, () => this.#commits.purge(PURGE_BITE)).catch(() => undefined);
  }

  get #pollMs(): number {
    return this.#options.pollMs ?? 100;
  }

  #polled<T>(
    lookOf: (begun: Promise<boolean>) => () => Promise<readonly T[]>,
    key: string | undefined,
    { signal, limit }: FeedOptions,
    pollMs: () => number,
    isOver?: () => boolean,
  ): PolledIterator<T> {
    const { begun, stop } = this.#hearing.hear(key, () => iterator.wake());
    const iterator: PolledIterator<T> = new PolledIterator(lookOf(begun), {
      among: this.#live,
      get pollMs() {
        return pollMs();
      },
      cleanUp: stop,
      limit,
      signal,
      isOver,
    });
    return iterator;
  }
}
