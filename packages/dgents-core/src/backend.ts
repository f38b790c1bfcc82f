/**
 * The port: what a store has to do so that every dgents agent works on it.
 *
 * A backend keeps *logs*. A key addresses one append-only sequence of records, numbered 1, 2, 3 … and never
 * renumbered or reused, not even across a deletion. It knows nothing of states, schemas, codecs or retries; an
 * agent knows nothing of files or SQL. Policy lives above this port, mechanism below it.
 *
 *     key "user:42"   1 set ── 2 patch ── 3 patch ── 4 tombstone ── 5 set      head = version 5 and the id of its operation
 *                                └ checkpoint at 3                             load = the newest starting point + what follows
 *
 * A *starting point* is anything that holds a whole state: a checkpoint, the base of a trimmed log, a `set` or a
 * `tombstone`. What a read returns begins at one of them (or at version 1).
 *
 * ## What every backend owes
 *
 * 1. **Compare-and-set.** An append is accepted only if version *and* id of the head are the expected ones. The id
 *    matters wherever numbering can restart: expiry, failover, a restored backup.
 * 2. **All or nothing.** The records of one append become visible and durable together. After a crash an append is
 *    there whole or not at all.
 * 3. **Acknowledged is durable**, to the degree that `capabilities.durability` declares. Nothing that was not
 *    acknowledged, other than the append in flight, may appear.
 * 4. **A conflict is a result; only failure and doubt are thrown.** A `DgentsError` other than
 *    `OutcomeUnknownError` and `StorageTimeoutError` thrown by `commit` says that *nothing was written*, nor will be:
 *    also out of time or aborted. Anything else thrown says "not known", and the engine will find out by reading.
 * 5. **Nothing is silently changed.** `data` comes back as the same text. Damage is `StateCorruptionError`; the
 *    damaged bytes are kept.
 * 6. **Every call settles** within `timeoutMs` and rejects with a typed error.
 * 7. **What was given is the writer's again** once the call has settled (except a `document` that a backend with the
 *    capability `values` keeps), and what was returned is the reader's: changing either changes nothing stored, or is
 *    refused because it is frozen.
 *
 * Mistakes in a call are found before anything is written: `checkCommit`, `checkRead` and `checkLimit` find them, the
 * same way for every backend.
 *
 * `dgents-core/testing` is the kit that checks all of this.
 */
/** A version of one log: 1, 2, 3 …; 0 stands for "nothing there". */
export type Version = number;

/**
 * Plain JSON that travels beside a record: at most 4 KB of text, 32 levels deep, without a name `__proto__`. It comes
 * back as it was given, its names in their order.
 */
export type Meta = Readonly<Record<string, unknown>>;

/** The newest record of a log, as the compare-and-set sees it. */
export interface Head {
  readonly version: Version;
  /** The id of the operation that wrote this version. */
  readonly id: string;
  /** Milliseconds since the epoch, by the writer's clock, never less than the record's before. For people. */
  readonly at: number;
  /** Whether this version is a tombstone: the state was deleted. */
  readonly deleted: boolean;
  /** The backend's own ETag, if it has one: handed back unread with `expected` and `after`. */
  readonly token?: string;
}

/** `set`: the whole state; `patch`: RFC 6902 against the version before; `event`: a user's; `tombstone`: deleted. */
export type RecordKind = 'set' | 'patch' | 'event' | 'tombstone';

/** One change: one version. */
export interface LogRecord {
  readonly version: Version;
  readonly kind: RecordKind;
  readonly at: number;
  /** The id of the operation; unique per operation, so records of one append may share or differ in it. */
  readonly id: string;
  /**
   * One line of JSON text; `null` (the four characters) for a tombstone. May be a getter that computes the text when
   * it is first asked for: a backend that stores text reads it once.
   */
  readonly data: string;
  /**
   * The same document as a frozen-by-convention JavaScript value, when the writer has it at hand. A backend with
   * the capability `values` may keep this instead of `data`, and must then never change it. Others ignore it.
   */
  readonly document?: unknown;
  /** How `data` is wrapped (compressed, encrypted); absent for plain JSON text. */
  readonly codec?: string;
  /** The schema version that wrote the state: a whole number, maybe a large one (some write a date). */
  readonly schema?: number;
  readonly meta?: Meta;
}

/** The whole state at some version: a cache beside the log, or the base of a trimmed one. */
export interface Checkpoint {
  readonly version: Version;
  /** The id of the record at this version. */
  readonly id: string;
  readonly at: number;
  /** One line of JSON text; null: deleted at this version. */
  readonly data: string | null;
  /** See {@link LogRecord.document}. */
  readonly document?: unknown;
  readonly codec?: string;
  readonly schema?: number;
  readonly meta?: Meta;
}

/** What a read returns. */
export interface LogTail {
  /** The newest record, or null when the key has no log. Also with `at`, this is the head of the whole log. */
  readonly head: Head | null;
  /** The oldest version whose state is kept: 1, the base's version once trimmed, 0 when there is no log. */
  readonly floor: Version;
  /**
   * How the log relates to `after`: `same` (its id is the log's id at that version, `records` follow it directly),
   * `trimmed` (that version is no longer kept, the tail is whole), `diverged` (another id is there, or the log is
   * shorter or gone: the store went back in time, the tail is whole). Without `after`: `same`.
   */
  readonly since: 'same' | 'trimmed' | 'diverged';
  /** The base of a trimmed log, when the tail starts there. */
  readonly base?: Checkpoint;
  /** The checkpoint that the tail starts from. At most one of `base` and `checkpoint` is given. */
  readonly checkpoint?: Checkpoint;
  /**
   * What follows the starting point (or `after`), oldest first and without gaps. With neither base nor checkpoint,
   * the first one is a `set` or `tombstone`, or version 1.
   */
  readonly records: readonly LogRecord[];
  /** Whether `limit` (or the backend's own page size) left records out; go on with `after` the last one returned. */
  readonly more: boolean;
}

/** One atomic change of one log. */
export interface Append {
  readonly key: string;
  /** The head this append follows; null: there is no log. */
  readonly expected: Head | null;
  /** At least one; numbered from `expected.version + 1` on. The head's id will be that of the last one. */
  readonly records: readonly LogRecord[];
  /**
   * Time to live of the whole log from now on, in milliseconds; only where `capabilities.ttl`. Without it the log stays:
   * an append takes back whatever time to live was set before, so that nothing acknowledged vanishes unasked. A conflict
   * and a replay change none.
   */
  readonly ttlMs?: number;
  /**
   * Leaves the time to live as it is, whatever that is; only without `ttlMs`, and behind a head. Said of a change that is
   * not a use of the state, such as a migration. A store whose logs live for ever ignores it.
   */
  readonly keepTtl?: boolean;
  /** The whole state after this append as one line of JSON text; given where `capabilities.materializes`, else ignored. */
  readonly document?: string;
}

/**
 * `replayed`: this very append had happened before. It is recognised by the first record's id directly after
 * `expected` and the last record's id at its own version; anything else there is a conflict. The head of a replay is
 * the one that the append made, also when others have followed: a writer must not overwrite what it never saw.
 */
export type CommitResult =
  | { readonly ok: true; readonly head: Head; readonly replayed: boolean }
  | { readonly ok: false; readonly head: Head | null };

/** An opaque place in a feed. It stays valid when what stood there is trimmed away, erased or expired. */
export type Position = string;

/**
 * One entry of the feed: a record, or the note that a stretch of a log was trimmed away. The note says where the stretch
 * ends (`to`, the base's version); `from` is the oldest version that the reader may be missing, 1 where the store does
 * not know better. A log whose time to live ran out leaves the feed without a note.
 */
export type FeedEntry =
  | { readonly position: Position; readonly key: string; readonly record: LogRecord }
  | {
      readonly position: Position;
      readonly key: string;
      readonly trimmed: { readonly from: Version; readonly to: Version };
    };

/** Given to every call: how long it may take, and how it can be told to stop. */
export interface CallOptions {
  /**
   * What remains of the caller's deadline, in milliseconds. A backend hands it down to its driver. For an iteration it
   * bounds each step; a `feed` or `watch` waits for what is yet to come without limit.
   */
  readonly timeoutMs?: number;
  /** Aborting stops this caller's waiting, and nobody else's; it does not take back what was sent. */
  readonly signal?: AbortSignal;
}

/** What survives: nothing, the end of the process, a power cut, or it cannot be found out. */
export type Durability = 'none' | 'process' | 'power' | 'unknown';

/** What a backend can do. Users see it, the engine obeys it, the kit verifies it. */
export interface BackendCapabilities {
  /**
   * What an acknowledged commit survives. Where another server can take over, a getter may tell anew: less is refused by
   * whoever requires more, from the next call on.
   */
  readonly durability: Durability;
  /** Who can open the same logs: this process, this host, or anyone on the network. */
  readonly sharing: 'process' | 'host' | 'network';
  /** Whether one `commit` with `atomic` may span keys. */
  readonly atomicity: 'key' | 'store';
  /**
   * One stable order over the store, one per partition, or no feed. A key lies in one partition; how partitions are
   * interleaved may differ from reader to reader.
   */
  readonly feed: 'global' | 'partitioned' | false;
  /** Whether `watch` gives hints; without it the engine polls. */
  readonly watch: boolean;
  /** Whether `ttlMs` is honoured, and logs can therefore vanish by age. */
  readonly ttl: boolean;
  /** Whether `keys` come in the order of their code points. */
  readonly orderedKeys: boolean;
  /** Whether documents are kept as values, so that text need never be made. */
  readonly values: boolean;
  /** Whether the current document is kept beside the log, for queries. */
  readonly materializes: boolean;
  /**
   * Whether `commit` takes {@link CommitOptions.within}, work of the caller's in its transaction; false unless said. What
   * that work is given as its client is the backend's own: those of `dgents-sql` give the `Database` of better-sqlite3, or
   * of Postgres something with `query(text, values)`.
   */
  readonly joins?: boolean;
  /** How many of the newest operation ids can be looked up: 100 at least; Infinity where all that are kept can be. */
  readonly idempotencyRecords: number;
  readonly limits: BackendLimits;
}

/** The engine refuses what exceeds these before any I/O. Every backend takes as much as is said here at least. */
export interface BackendLimits {
  /** Longest key, in UTF-8 bytes: 255 or more. */
  readonly keyBytes: number;
  /** Longest `data` of one record, in UTF-8 bytes: a megabyte (2^20) or more. */
  readonly recordBytes: number;
  /** 100 or more. */
  readonly recordsPerAppend: number;
  /** 100 or more. */
  readonly appendsPerCommit: number;
}

export interface ReadOptions extends CallOptions {
  /** Only what came after this head; it is looked up by version and id, and `since` says what was found. */
  readonly after?: Head;
  /** Read as if the log ended at this version, 1 or later and not before `after`. Below the floor: `LogCompactedError`. */
  readonly at?: Version;
  /** At most so many records; Infinity is no limit, here and wherever there is one. */
  readonly limit?: number;
}

export interface CommitOptions extends CallOptions {
  /** All appends or none. Across keys only where `capabilities.atomicity` is `store`. */
  readonly atomic?: boolean;
  /**
   * Work of the caller's in the same transaction, so that what it writes and the appends happen together or not at all.
   * Only with `atomic`, at least one append, and where `capabilities.joins`.
   *
   * It runs once the appends were found to fit and were written, before the transaction commits, and is given the
   * client of that transaction, which is of no use afterwards. Where an append conflicts it is not run, or rolled back;
   * where all of them are replays it is not run, since its effects are there already. A backend may run it again, after
   * rolling back what it did, where the database asks for that (a deadlock); and never while an earlier sending of the
   * same appends can still be made.
   *
   * When it throws, rejects, or leaves the transaction in a state that cannot be committed, everything is rolled back and
   * `commit` rejects with `WorkFailedError`, of which the `cause` is what it threw: nothing was written, for certain. When
   * it does not come to its end within `timeoutMs`, everything is rolled back too, and `commit` rejects like that, with a
   * `StorageTimeoutError` for a cause, or as for any timeout.
   */
  readonly within?: (client: unknown) => void | Promise<void>;
}

export interface RangeOptions extends CallOptions {
  /** First version, inclusive; the oldest kept unless told. */
  readonly from?: Version;
  /** Last version, inclusive; the head unless told. */
  readonly to?: Version;
  /** Newest first. */
  readonly reverse?: boolean;
  readonly limit?: number;
}

export interface KeysOptions extends CallOptions {
  /** Resume: only keys that come later in this backend's order than this one. */
  readonly after?: string;
  readonly limit?: number;
  /**
   * Give heads too. Keys whose head is a tombstone are listed either way: they keep their numbering. A log that is too
   * damaged to tell its head is listed without one: it must not hide the others.
   */
  readonly heads?: boolean;
}

/** A key that has a log; with `heads`, its head. */
export interface KeyEntry {
  readonly key: string;
  readonly head?: Head;
}

export interface FeedOptions extends CallOptions {
  readonly limit?: number;
  /**
   * `false`: ends once everything has been given that was committed when the iteration began, instead of waiting for what
   * is yet to come. Who was given all of it and found nothing knows that there is nothing.
   */
  readonly follow?: boolean;
}

/** A store of logs. See the top of this file for what it owes. */
export interface Backend {
  /** For people: `memory`, `file`, `postgres` … */
  readonly name: string;
  /** What can be promised before {@link ready}; `unknown` where only the server can tell. */
  readonly capabilities: BackendCapabilities;

  /** Sets up what is needed (lazily called, idempotent, safe when ten processes start at once) and finds out the rest. */
  ready(options?: CallOptions): Promise<BackendCapabilities>;

  /** The head, a starting point and what follows it; see {@link LogTail}. A key without a log is `head: null`. */
  read(key: string, options?: ReadOptions): Promise<LogTail>;

  /**
   * Appends, each to its own log, each key at most once. One result per append, in order. Not `atomic`: each stands
   * by itself, and one that conflicts does not disturb the others. What is wrong whatever the store holds (a key
   * twice, records not numbered after `expected`, none at all) is a TypeError or RangeError before anything is
   * written.
   */
  commit(appends: readonly Append[], options?: CommitOptions): Promise<readonly CommitResult[]>;

  /**
   * Offers the whole state at a version. A cache: it may be kept, replaced or ignored, and one whose id is not the
   * log's id at that version must be ignored; so must one at or below the floor of a trimmed log, which could bring back
   * what was erased. Never changes head, floor or records.
   */
  checkpoint(key: string, checkpoint: Checkpoint, options?: CallOptions): Promise<void>;

  /**
   * Records in order, without gaps, as far as they are kept (a trimmed log begins after its base). A snapshot is not
   * promised: what is appended meanwhile may or may not appear at the end. Where what comes
   * next was trimmed away meanwhile, `reverse` ends, and the other direction rejects with `LogCompactedError`.
   * While it is open, no other call of the handle waits for it; once it is left, it holds nothing.
   */
  range(key: string, options?: RangeOptions): AsyncIterable<LogRecord>;

  /**
   * Makes `base` the oldest version kept. The floor moves atomically; deleting what lies before may lag, but none of
   * it is returned any more. A base whose id is not the log's at that version is a no-op, and so is one at or below
   * the floor. With `data: null` the version is a tombstone: this is how content is erased for good.
   */
  trim(key: string, base: Checkpoint, options?: CallOptions): Promise<void>;

  /**
   * Every key with a log whose text starts with exactly `prefix`, tombstones included. A snapshot is not promised: keys
   * that come or go meanwhile may or may not be listed, and all others are, once.
   */
  keys(prefix?: string, options?: KeysOptions): AsyncIterable<KeyEntry>;

  /**
   * The versions at which these operation ids are kept (any one, where records share an id); ids that are not found
   * are absent from the map. Without this method the engine scans back at most `idempotencyRecords` records.
   */
  find?(key: string, ids: readonly string[], options?: CallOptions): Promise<ReadonlyMap<string, Version>>;

  /**
   * Resolves once what the log holds at the call is as safe as an acknowledged commit; rejects when that is not so in time.
   * Only where a record can be read before it is that safe: the engine asks before it takes an append whose answer was lost,
   * and which it finds, for acknowledged. `find` and a replay give only what is that safe.
   */
  confirm?(key: string, options?: CallOptions): Promise<void>;

  /**
   * Every record of every append after a position, in a stable order, and then new ones as they come, until `signal`
   * aborts (which ends it quietly), `limit` is reached or, with `follow: false`, all that was there was given. None is lost
   * on a slow reader. A position that this store never gave, such as one beyond its end, is a RangeError.
   */
  feed?(after?: Position, options?: FeedOptions): AsyncIterable<FeedEntry>;

  /**
   * A hint each time the head may have moved, by whichever append of a commit and also to a lower version, until `signal`
   * aborts (which ends it quietly). May coalesce, may repeat; loss is covered by the engine's polling.
   */
  watch?(key: string, options?: CallOptions): AsyncIterable<Head>;

  /**
   * Idempotent; waits for what was accepted, but not for an iteration that nobody reads on. Clients and pools handed in
   * by the caller stay open.
   */
  close(): Promise<void>;
}
