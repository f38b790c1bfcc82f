import { resolve } from 'node:path';
import {
  type Append,
  type Backend,
  type BackendCallOptions,
  type BackendCapabilities,
  type BackendKeysOptions,
  type Checkpoint,
  type CommitOptions,
  type CommitResult,
  checkCommit,
  checkLimit,
  checkRead,
  claiming,
  decide,
  EmbeddedDatabase,
  type Endable,
  type FeedEntry,
  type FeedOptions,
  type Head,
  headChanges,
  iterable,
  type KeyEntry,
  type LogRecord,
  type LogTail,
  outcomeUnknown,
  PolledIterator,
  type Position,
  type RangeOptions,
  type ReadOptions,
  StateCorruptionError,
  StorageTimeoutError,
  settle,
  type Version,
  WorkFailedError,
} from 'dgents-core';
import type { SqliteDatabase } from '../drivers.js';
import type { DocumentStore } from '../query/documents.js';
import { Bell } from '../shared/bell.js';
import { keyOfText, textOfKey, textRangeOf } from '../shared/key-text.js';
import { type Tables, tablesOf } from '../shared/names.js';
import { headOfRow, valuesOf } from '../shared/rows.js';
import { inTransaction, openSqlite, patiently, type Sqlite } from './connection.js';
import { documentsIn } from './documents.js';
import { FeedReader } from './feed.js';
import { EndedByWork, joined } from './joined.js';
import { setUp } from './set-up.js';
import { type Draft, draftOf, SqliteLog } from './sqlite-log.js';
import { prepared, type Statements } from './statements.js';

export interface SqliteBackendOptions {
  /** The file, made where there is none, or `:memory:`. Not with `database`. */
  readonly path?: string;
  /** A connection of better-sqlite3 that stays yours: it is not closed here, nor are its settings changed. */
  readonly database?: SqliteDatabase;
  /** What the names of the tables begin with; `dgents` unless told. Letters, digits and underscores. */
  readonly table?: string;
  /**
   * What an acknowledged commit survives: `power` (default) sets `synchronous = FULL`, `process` sets NORMAL, which
   * may lose the last commits to a power cut, and none to the end of a process.
   */
  readonly durability?: 'power' | 'process';
  /** Make the tables, and bring them up to this release (default). `false`: they have to be there; see `sqliteDdl`. */
  readonly autoSetup?: boolean;
  /** Keep the current document of each state in a table of its own, for queries: O(state) more per commit. */
  readonly materialize?: boolean;
  /** How long a write waits for other processes, in milliseconds; 10,000 unless told. */
  readonly busyTimeoutMs?: number;
  /** How often feeds and watches look for what other processes wrote, in milliseconds; 50 unless told. */
  readonly pollMs?: number;
}

/** An open database and what belongs to it. */
interface Open {
  readonly sqlite: Sqlite;
  readonly sql: Statements;
  readonly storeId: string;
}

const PAGE = 256;
/** How many logs whose time has run out a commit clears away, at most. */
const PURGE_BITE = 8;
/** How many appends with a time to live pass between two such bites. */
const PURGE_EVERY = 16;

/** Rings when a log has grown, for every handle of this process. */
const bell = new Bell();

export class SqliteBackend implements Backend {
  readonly name = 'sqlite';
  readonly capabilities: BackendCapabilities;
  readonly #tables: Tables;
  readonly #location: string;
  readonly #pollMs: number;
  readonly #database: EmbeddedDatabase<Open>;
  readonly #live = new Set<Endable>();
  #expiring = 0;

  constructor(options: SqliteBackendOptions) {
    const {
      database,
      table = 'dgents',
      durability = 'power',
      autoSetup = true,
      materialize = false,
    } = options;
    const { busyTimeoutMs = 10_000, pollMs = 50 } = options;
    const given = database?.name ?? options.path;
    if (given === undefined || (database !== undefined && options.path !== undefined)) {
      throw new TypeError('Which database? Give { path } or { database }, one of them.');
    }
    if (/^(sqlite|file):/i.test(given)) {
      throw new TypeError(`path is a file, such as './state.db', not the URL ${JSON.stringify(given)}.`);
    }
    if (durability !== 'power' && durability !== 'process') {
      throw new TypeError(`durability is 'power' or 'process', not ${JSON.stringify(durability)}.`);
    }
    const path = given === ':memory:' || given === '' ? ':memory:' : resolve(given);
    const inMemory = database?.memory ?? path === ':memory:';
    this.#tables = tablesOf(table);
    this.#location = path;
    this.#pollMs = pollMs;
    const opening = { path, busyTimeoutMs, autoSetup, durability: inMemory ? ('none' as const) : durability };
    this.#database = new EmbeddedDatabase<Open>({
      location: path,
      open: async () => {
        const sqlite = (database as Sqlite | undefined) ?? (await openSqlite(opening));
        const storeId = await setUp(sqlite, this.#tables, opening);
        return { sqlite, storeId, sql: prepared(sqlite, this.#tables) };
      },
      transaction: ({ sqlite }, work) => inTransaction(sqlite, opening, work),
      close: ({ sqlite }) => database ?? sqlite.close(),
    });
    this.capabilities = claiming({
      durability: inMemory ? 'none' : database === undefined ? durability : durabilityOf(database),
      sharing: inMemory ? 'process' : 'host',
      atomicity: 'store',
      feed: 'global',
      watch: true,
      ttl: true,
      joins: true,
      orderedKeys: true,
      materializes: materialize,
      idempotencyRecords: Number.POSITIVE_INFINITY,
      limits: { keyBytes: 4_096, recordBytes: 2 ** 28, recordsPerAppend: 10_000, appendsPerCommit: 10_000 },
    });
  }

  ready(options: BackendCallOptions = {}): Promise<BackendCapabilities> {
    return this.#look('', options, () => this.capabilities);
  }

  async read(key: string, options: ReadOptions = {}): Promise<LogTail> {
    checkRead(options);
    const unchanged = options.after && this.#unchanged(key, options.after, options.signal);
    if (unchanged !== undefined) return unchanged;
    return this.#look(key, options, ({ sql }) => {
      const log = SqliteLog.find(key, sql, this.#location);
      if (log !== undefined) return log.read(options);
      return { head: null, floor: 0, since: options.after ? 'diverged' : 'same', records: [], more: false };
    });
  }

  async commit(appends: readonly Append[], options: CommitOptions = {}): Promise<CommitResult[]> {
    checkCommit(this, appends, options);
    const drafts = appends.map(draftOf);
    const { within } = options;
    const write = ({ sqlite, sql }: Open) => {
      const written = this.#append(drafts, options, sql);
      if (within !== undefined && written.some(isNew)) this.#join(sqlite, sql, within, appends);
      this.#purge(drafts, sql);
      return written;
    };
    const how = { alone: within !== undefined };
    const results = await this.#write(appends[0]?.key ?? '', options, appends[0], write, how);
    for (const [i, result] of results.entries()) {
      if (isNew(result)) bell.ring(this.#placeOf(appends[i]!.key));
    }
    bell.ring(this.#location);
    return results;
  }

  #append(drafts: readonly Draft[], options: CommitOptions, sql: Statements): CommitResult[] {
    const [only] = drafts;
    const followed = drafts.length === 1 && only !== undefined && SqliteLog.follow(only, sql);
    if (followed) return [{ ok: true, head: followed, replayed: false }];
    const log = (key: string) => SqliteLog.find(key, sql, this.#location);
    return decide(drafts, options, log, (draft, found) => SqliteLog.append(found, draft, sql));
  }

  /** @throws WorkFailedError where nothing is written; OutcomeUnknownError where the work has committed it by itself */
  #join(
    sqlite: Sqlite,
    sql: Statements,
    within: NonNullable<CommitOptions['within']>,
    [first]: readonly Append[],
  ): void {
    try {
      joined(sqlite, within);
    } catch (error) {
      const { key, records, expected } = first!;
      const { id, version } = records[0]!;
      const isThere = () => SqliteLog.find(key, sql, this.#location)?.at(version)?.id === id;
      if (!(error instanceof EndedByWork)) throw error;
      if (!isThere()) throw new WorkFailedError(error.cause, { key });
      throw outcomeUnknown(key, { operationId: id, ...(expected && { expected }) }, error.cause);
    }
  }

  checkpoint(key: string, checkpoint: Checkpoint, options: BackendCallOptions = {}): Promise<void> {
    const values = valuesOf(checkpoint);
    return this.#write(key, options, undefined, ({ sql }) =>
      SqliteLog.find(key, sql, this.#location)?.checkpoint(checkpoint, values),
    );
  }

  trim(key: string, base: Checkpoint, options: BackendCallOptions = {}): Promise<void> {
    const values = valuesOf(base);
    return this.#write(key, options, undefined, ({ sql }) =>
      SqliteLog.find(key, sql, this.#location)?.trim(base, values),
    );
  }

  async *range(key: string, options: RangeOptions = {}): AsyncGenerator<LogRecord> {
    checkLimit(options);
    let { from = 1, to = Number.POSITIVE_INFINITY, limit = Number.POSITIVE_INFINITY } = options;
    const reverse = options.reverse ?? false;
    for (let resumed = false; limit > 0; resumed = true) {
      const page = await this.#look(key, options, ({ sql }) => {
        const log = SqliteLog.find(key, sql, this.#location);
        if (log === undefined) return [];
        if (resumed && !reverse && from < log.oldest && from <= to) throw log.compacted(from);
        return log.range({ from, to, reverse }, Math.min(limit, PAGE));
      });
      yield* page;
      const last = page.at(-1);
      if (last === undefined || page.length < Math.min(limit, PAGE)) return;
      limit -= page.length;
      if (reverse) to = last.version - 1;
      else from = last.version + 1;
    }
  }

  async *keys(prefix = '', options: BackendKeysOptions = {}): AsyncGenerator<KeyEntry> {
    checkLimit(options);
    const { from, below } = textRangeOf(prefix);
    let after = options.after === undefined ? '' : textOfKey(options.after);
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    while (left > 0) {
      const rows = await this.#look('', options, ({ sql }) => sql.keys.all(after, from, Date.now(), PAGE));
      for (const row of rows) {
        after = row.key;
        const key = keyOfText(row.key);
        if (below !== undefined && byteOrder(row.key, below) >= 0) return;
        if (!key.startsWith(prefix)) continue;
        yield options.heads ? { key, head: headOfRow(row) } : { key };
        if (--left <= 0) return;
      }
      if (rows.length < PAGE) return;
    }
  }

  find(
    key: string,
    ids: readonly string[],
    options: BackendCallOptions = {},
  ): Promise<ReadonlyMap<string, Version>> {
    return this.#look(key, options, ({ sql }) => {
      const log = SqliteLog.find(key, sql, this.#location);
      const found = new Map<string, Version>();
      if (log === undefined) return found;
      for (const { id, version } of sql.find.all(textOfKey(key), JSON.stringify(ids.map(textOfKey)))) {
        found.set(keyOfText(id), Math.max(version, found.get(keyOfText(id)) ?? 0));
      }
      return found;
    });
  }

  feed(after?: Position, options: FeedOptions = {}): AsyncIterable<FeedEntry> {
    return iterable(() => {
      checkLimit(options);
      const reader = new FeedReader(`${this.#tables.prefix}_log`, this.#location, after);
      const look = () => this.#look('', {}, (open) => reader.next(open));
      return this.#polled(look, this.#location, options);
    });
  }

  watch(key: string, options: BackendCallOptions = {}): AsyncIterable<Head> {
    return iterable(() => {
      const headNow = () => this.#look(key, {}, ({ sql }) => SqliteLog.find(key, sql, this.#location)?.head);
      return this.#polled(headChanges(headNow), this.#placeOf(key), options);
    });
  }

  /** The documents of the current states, for queries over their fields. */
  get documents(): DocumentStore {
    return documentsIn({
      tables: this.#tables,
      materialized: this.capabilities.materializes,
      look: (options, work) => this.#look('', options, ({ sqlite }) => work(sqlite)),
      write: (options, work) => this.#write('', options, undefined, ({ sqlite }) => work(sqlite)),
      put: (key, state, options) =>
        this.#write(key, options, undefined, ({ sql }) =>
          SqliteLog.find(key, sql, this.#location)?.materialize(state),
        ),
    });
  }

  /**
   * Lets SQLite look through the whole file for damage (`PRAGMA integrity_check`): seconds for a gigabyte.
   *
   * @throws StateCorruptionError with what it found
   */
  async verify(options: BackendCallOptions = {}): Promise<void> {
    await this.#look('', options, ({ sqlite }) => {
      const found = sqlite.pragma('integrity_check') as { integrity_check: string }[];
      if (found[0]?.integrity_check === 'ok') return;
      const said = found.map((row) => row.integrity_check).join('; ');
      throw new StateCorruptionError(`${this.#location} is damaged: ${said}`, { location: this.#location });
    });
  }

  /**
   * Clears away logs whose time has run out: nobody sees them any more, but they take room. Done a few at a time by
   * writes with a time to live; this is for what nobody writes to. The rows of their heads stay.
   *
   * @param options with `limit`: at most so many, 1,000 unless told
   * @returns how many
   */
  purgeExpired({ limit = 1_000, ...options }: BackendCallOptions & { limit?: number } = {}): Promise<number> {
    return this.#write('', options, undefined, ({ sql }) => SqliteLog.eraseExpired(limit, sql));
  }

  async close(): Promise<void> {
    for (const iterator of this.#live) iterator.end();
    await this.#database.close();
  }

  /** What most reads find out, in one statement and without waiting: that the head has not moved. */
  #unchanged(
    key: string,
    { version, id, at, deleted }: Head,
    signal: AbortSignal | undefined,
  ): LogTail | undefined {
    const open = signal === undefined ? this.#database.current : undefined;
    if (open === undefined) return undefined;
    try {
      const floor = open.sql.unmoved.get(textOfKey(key), version, textOfKey(id), at, deleted ? 1 : 0);
      if (floor === undefined) return undefined;
      const head = Object.freeze({ version, id, at, deleted });
      return { head, floor, since: 'same', records: [], more: false };
    } catch {
      return undefined; // Whatever it is, whoever looks closely meets it again, and waits or says it.
    }
  }

  /** One look at one moment of the database. */
  #look<T>(key: string, options: BackendCallOptions, work: (open: Open) => T): Promise<T> {
    return settle(key, options, () =>
      this.#database.use(key, (open) =>
        patiently(options.timeoutMs ?? Number.POSITIVE_INFINITY, this.#location, () => snapshot(open, work)),
      ),
    );
  }

  /** @param append the first one, when it is a commit: what a write in doubt is called by */
  #write<T>(
    key: string,
    options: BackendCallOptions,
    append: Append | undefined,
    change: (open: Open) => T,
    how?: { readonly alone: boolean },
  ): Promise<T> {
    const operationId = append?.records[0]?.id;
    const doubt =
      operationId === undefined
        ? undefined
        : { operationId, ...(append?.expected && { expected: append.expected }) };
    return settle(
      key,
      options,
      (call) => {
        const made = (open: Open) => {
          if (!call.over) {
            call.sent = true;
            return change(open);
          }
          // Its caller was told that nothing was written.
          throw new StorageTimeoutError('The deadline has passed.', {
            key,
            timeoutMs: options.timeoutMs ?? 0,
          });
        };
        return this.#database.write(key, made, operationId, how);
      },
      doubt,
    );
  }

  /** Clears logs away whose time has run out, a few at a time, so that no commit waits long. */
  #purge(drafts: readonly Append[], sql: Statements): void {
    for (const { ttlMs } of drafts) if (ttlMs !== undefined) this.#expiring++;
    if (this.#expiring < PURGE_EVERY) return;
    this.#expiring = 0;
    SqliteLog.eraseExpired(PURGE_BITE, sql);
  }

  #placeOf(key: string): string {
    return `${this.#location}\n${key}`;
  }

  #polled<T>(
    look: () => Promise<readonly T[]>,
    place: string,
    { signal, limit, follow }: FeedOptions,
  ): PolledIterator<T> {
    const cleanUp = bell.listen(place, () => iterator.wake());
    const iterator: PolledIterator<T> = new PolledIterator(look, {
      among: this.#live,
      pollMs: this.#pollMs,
      cleanUp,
      limit,
      signal,
      isOver: () => follow === false,
    });
    return iterator;
  }
}

function isNew(result: CommitResult): boolean {
  return result.ok && !result.replayed;
}

function snapshot<T>(open: Open, work: (open: Open) => T): T {
  if (open.sqlite.inTransaction) return work(open);
  open.sql.begin.run();
  try {
    return work(open);
  } finally {
    open.sql.end.run();
  }
}

/** The order of UTF-8 bytes: that of code points. */
function byteOrder(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function durabilityOf(database: SqliteDatabase): 'power' | 'process' {
  const synchronous = Number(database.pragma('synchronous', { simple: true }));
  const journal = String(database.pragma('journal_mode', { simple: true }));
  return synchronous >= 2 && journal !== 'off' && journal !== 'memory' ? 'power' : 'process';
}
