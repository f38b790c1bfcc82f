import { setMaxListeners } from 'node:events';
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
  outcomeUnknown,
  PolledIterator,
  type Position,
  type RangeOptions,
  type ReadOptions,
  settle,
  UnsupportedError,
  type Version,
} from 'dgents-core';
import { checkedOptions, isOnCluster, type RedisBackendOptions } from './backend-options.js';
import type { Client } from './client.js';
import { type CommitHow, type Draft, draftOf, send } from './commits.js';
import { Confirmations } from './confirmations.js';
import { Connection } from './connection.js';
import { DeclaredDurability } from './declared-durability.js';
import { redisError, wasNotWritten, withoutArguments } from './errors.js';
import { FeedReader } from './feed.js';
import { FeedStreams } from './feed-streams.js';
import { Hearing } from './hearing.js';
import { lineOfPoint, markOf } from './lines.js';
import { listed } from './listing.js';
import { Names } from './names.js';
import { headNow, rangeOf, tailOf, versionsOf } from './reading.js';
import { Script } from './scripts.js';
import { textOfKey } from './texts.js';
import { CHECKPOINT, TRIM } from './upkeep.lua.js';

/** For what hints may miss. */
const HEARING_POLL_MS = 1_000;

/** How long one look of a watch or a feed may take. */
const LOOK_MS = 5_000;

const checkpointing = new Script(CHECKPOINT);
const trimming = new Script(TRIM);

/** A Redis or Valkey server, without modules: one list for each log, one script for each commit. */
export class RedisBackend implements Backend {
  readonly name = 'redis';
  /** What the server promised when it was asked last. */
  readonly capabilities: BackendCapabilities;
  readonly #connection: Connection;
  readonly #names: Names;
  readonly #how: CommitHow;
  readonly #confirmations: Confirmations;
  readonly #hearing: Hearing;
  readonly #streams: FeedStreams;
  readonly #pollMs: number;
  readonly #live = new Set<Endable>();
  readonly #durability: DeclaredDurability;
  readonly #underWay = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  /** Waits as a commit does; there with `waitReplicas` or `waitAof` only. */
  readonly confirm?: (key: string, options?: BackendCallOptions) => Promise<void>;

  /** Every record of every append in a stable order; there with `feed: true` only. */
  readonly feed?: (after?: Position, options?: FeedOptions) => AsyncIterable<FeedEntry>;

  /**
   * Connects when it is first used.
   *
   * @throws TypeError unless it is said where; UnsupportedError for a name that cannot be one, or what a Cluster cannot do
   */
  constructor(given: RedisBackendOptions) {
    const options = checkedOptions(given);
    this.#connection = new Connection(options);
    this.#names = new Names(options.prefix, options.hashTag);
    this.#confirmations = new Confirmations(options, this.#connection);
    this.#durability = new DeclaredDurability(this.#connection, this.#confirmations.disks);
    this.#hearing = new Hearing(this.#connection, this.#names);
    this.#pollMs = options.pollMs ?? 100;
    const isOne = !isOnCluster(options) || options.hashTag !== undefined;
    this.#streams = new FeedStreams(this.#connection, this.#names, isOne);
    if (this.#confirmations.isAsked) this.confirm = (key, more) => this.#confirm(key, more);
    if (options.feed) this.feed = (after, more) => this.#feed(after, more);
    this.#how = {
      names: this.#names,
      channelsOf: (client) => this.#connection.channels(this.#names, client),
      location: this.#connection.location,
      keepsTtl: options.expiry === 'absolute',
      feedOf: options.feed ? (client, log) => this.#streams.of(client, log) : undefined,
    };
    const claimed = claiming({
      durability: 'unknown',
      sharing: 'network',
      atomicity: isOne ? 'store' : 'key',
      feed: options.feed ? (isOne ? 'global' : 'partitioned') : false,
      watch: true,
      ttl: true,
      orderedKeys: true,
      idempotencyRecords: Number.POSITIVE_INFINITY,
      limits: { keyBytes: 1_000, recordBytes: 2 ** 27, recordsPerAppend: 5_000, appendsPerCommit: 1_000 },
    });
    const durability = this.#durability;
    this.capabilities = Object.freeze({
      ...claimed,
      get durability() {
        return durability.now;
      },
    });
  }

  /** Connects, and asks the server what a commit survives there: until then that is `unknown`. */
  ready(options: BackendCallOptions = {}): Promise<BackendCapabilities> {
    return this.#call('', options, async (client) => {
      await this.#confirmations.check(client);
      if (this.feed === undefined) await this.#assertNoFeed(client);
      await this.#durability.ask(client);
      return this.capabilities;
    });
  }

  /** @throws UnsupportedError where others keep a feed: what is written without it would be missing there */
  async #assertNoFeed(client: Client): Promise<void> {
    const mark = this.#names.feedMark(this.capabilities.atomicity === 'store');
    if (Number(await client.call('exists', mark)) === 0) return; // A client may give numbers as texts.
    throw new UnsupportedError(
      'This store keeps a feed, in which what is written here would be missing: open it with { feed: true }, or ?feed=true.',
    );
  }

  async read(key: string, options: ReadOptions = {}): Promise<LogTail> {
    checkRead(options);
    return this.#call(key, options, (client) =>
      tailOf(client, this.#names.log(key), options, this.#where(key)),
    );
  }

  async commit(appends: readonly Append[], options: CommitOptions = {}): Promise<readonly CommitResult[]> {
    checkCommit(this, appends, options);
    if (appends.length === 0) return this.#call('', options, async () => []);
    const drafts = appends.map((append) => draftOf(append, this.#how));
    if (appends.length === 1 || options.atomic) return this.#send(drafts, options);
    const settled = await Promise.allSettled(drafts.map((draft) => this.#send([draft], options)));
    const results = settled.map((each) =>
      each.status === 'fulfilled' ? { ...each, value: each.value[0] as CommitResult } : each,
    );
    const failed = results.find((each) => each.status === 'rejected');
    if (failed !== undefined) throw failureOfAll(appends, results, failed.reason);
    return results.map((each) => (each as PromiseFulfilledResult<CommitResult>).value);
  }

  checkpoint(key: string, checkpoint: Checkpoint, options: BackendCallOptions = {}): Promise<void> {
    return this.#keep(checkpointing, key, checkpoint, options);
  }

  trim(key: string, base: Checkpoint, options: BackendCallOptions = {}): Promise<void> {
    return this.#keep(trimming, key, base, options);
  }

  async *range(key: string, options: RangeOptions = {}): AsyncGenerator<LogRecord> {
    checkLimit(options);
    yield* rangeOf(this.#names.log(key), options, (work) => this.#call(key, options, work), this.#where(key));
  }

  async *keys(prefix = '', options: BackendKeysOptions = {}): AsyncGenerator<KeyEntry> {
    checkLimit(options);
    const ask = <T>(work: (client: Client) => Promise<T>) => this.#call('', options, work);
    yield* listed(prefix, options, this.#names, ask, this.#connection);
  }

  find(
    key: string,
    ids: readonly string[],
    options: BackendCallOptions = {},
  ): Promise<ReadonlyMap<string, Version>> {
    const until = endOf(options);
    return this.#call(key, options, async (client) => {
      const { losses } = this.#connection;
      const found = await versionsOf(client, this.#names.log(key), ids);
      // Who finds the id of an operation takes it for acknowledged.
      if (found.size > 0 && this.#confirmations.isAsked) {
        await this.#confirmations.waitFor(client, this.#names.log(key), losses, until);
      }
      return found;
    });
  }

  #confirm(key: string, options: BackendCallOptions = {}): Promise<void> {
    const until = endOf(options);
    return this.#call(key, options, (client) =>
      this.#confirmations.waitFor(client, this.#names.log(key), this.#connection.losses, until),
    );
  }

  watch(key: string, options: BackendCallOptions = {}): AsyncIterable<Head> {
    return iterable(() => {
      const log = this.#names.log(key);
      return this.#polled(key, options, (bound) =>
        headChanges(() => this.#call(key, bound, (client) => headNow(client, log, this.#where(key)))),
      );
    });
  }

  /** The channel on which the server tells of each commit to a key: what it wrote, its version, its id and when. */
  async channelOf(key: string, options: BackendCallOptions = {}): Promise<string> {
    return this.#call(key, options, async (client) => this.#how.channelsOf(client) + textOfKey(key));
  }

  #feed(after: Position | undefined, options: FeedOptions = {}): AsyncIterable<FeedEntry> {
    return iterable(() => {
      checkLimit(options);
      return this.#polled(undefined, options, (bound) => {
        const ask = <T>(work: (client: Client) => Promise<T>) => this.#call('', bound, work);
        const tags = () => this.#streams.tags(ask);
        const reader = new FeedReader(this.#names, ask, this.#connection.location, tags, after);
        return () => reader.next();
      });
    });
  }

  /** @param looking how it looks, with a bound for each call: in time, and by the end of the iteration */
  #polled<T>(
    key: string | undefined,
    { signal, limit, follow }: FeedOptions,
    looking: (bound: BackendCallOptions) => () => Promise<readonly T[]>,
  ): PolledIterator<T> {
    const hearing = this.#hearing;
    const pollMs = this.#pollMs;
    const ended = new AbortController();
    // A feed in many streams asks for all of them at once.
    setMaxListeners(0, ended.signal);
    const look = looking({ timeoutMs: LOOK_MS, signal: ended.signal });
    const stop = hearing.hear(key, () => iterator.wake());
    const iterator: PolledIterator<T> = new PolledIterator(look, {
      among: this.#live,
      get pollMs() {
        return hearing.hears(key) ? Math.max(HEARING_POLL_MS, pollMs) : pollMs;
      },
      cleanUp: () => {
        stop();
        ended.abort();
      },
      limit,
      signal,
      isOver: () => follow === false,
    });
    return iterator;
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    for (const iterator of this.#live) iterator.end();
    await Promise.allSettled(this.#underWay);
    await this.#hearing.close();
    await this.#connection.close();
  }

  #where(key: string) {
    return { key, location: this.#connection.location };
  }

  #send(drafts: readonly Draft[], options: CommitOptions): Promise<CommitResult[]> {
    const { append } = drafts[0] as Draft;
    const { expected } = append;
    const doubt = {
      operationId: (append.records[0] as LogRecord).id,
      ...(expected !== null && { expected }),
    };
    const until = endOf(options);
    const work = async (client: Client, call: Call) => {
      if (this.#confirmations.isAsked) await this.#confirmations.check(client);
      while (this.#durability.isOld) await this.#durability.renew(client);
      if (call.over) return []; // Nobody waits for it any more: nothing is sent.
      call.sent = true;
      const { losses, cuts } = this.#connection;
      const isSentOnce = () => this.#connection.cuts === cuts;
      let isMade = false;
      try {
        const results = await send(client, drafts, options.atomic === true, this.#how, isSentOnce);
        isMade = results.some(({ ok }) => ok);
        // Behind another connection the stream of the feed may not be noted.
        if (!isSentOnce()) await this.#how.feedOf?.(client, this.#names.log(append.key));
        await this.#waitFor(client, drafts, results, losses, until);
        if (isMade) await this.#durability.assertKept(client);
        return results;
      } catch (error) {
        // Of what was sent again by the driver only the last sending is known to be refused.
        if (!isMade && wasNotWritten(error) && isSentOnce()) throw error;
        throw outcomeUnknown(append.key, doubt, withoutArguments(error));
      }
    };
    return this.#call(append.key, options, work, doubt);
  }

  /** What is acknowledged is confirmed, also what was there already. */
  async #waitFor(
    client: Client,
    drafts: readonly Draft[],
    results: readonly CommitResult[],
    losses: number,
    until: number,
  ): Promise<void> {
    if (!this.#confirmations.isAsked || !results.some(({ ok }) => ok)) return;
    const replayed = drafts.find((_, i) => {
      const result = results[i];
      return result?.ok && result.replayed;
    });
    if (replayed === undefined) return this.#confirmations.wait(client, losses, until);
    await this.#confirmations.waitFor(client, this.#names.log(replayed.append.key), losses, until);
  }

  async #keep(script: Script, key: string, point: Checkpoint, options: BackendCallOptions): Promise<void> {
    const values = [point.version, markOf(point), lineOfPoint(point)];
    await this.#call(key, options, (client) => script.run(client, [this.#names.log(key)], values));
  }

  /** Runs one call: refused after close, waited for by it, bounded by its deadline; keeps the process alive meanwhile. */
  #call<T>(
    key: string,
    options: BackendCallOptions,
    work: (client: Client, call: Call) => Promise<T>,
    doubt?: Parameters<typeof settle>[3],
  ): Promise<T> {
    if (this.#closing !== undefined)
      return Promise.reject(new AgentClosedError('This store was closed.', { key }));
    const connection = this.#connection;
    const release = connection.hold();
    const done = settle(
      key,
      options,
      async (call) => {
        try {
          const client = connection.now ?? (await connection.ready(options.timeoutMs));
          if (call.over) return undefined as T; // Nobody waits for it any more: nothing is sent.
          connection.gather(client);
          return await work(client, call);
        } catch (error) {
          throw redisError(error, connection.location, key === '' ? undefined : key);
        }
      },
      doubt,
    );
    this.#underWay.add(done);
    const over = () => {
      this.#underWay.delete(done);
      release();
    };
    done.then(over, over);
    return done;
  }
}

/** When a call's time is over, by `performance.now()`. */
function endOf({ timeoutMs = Number.POSITIVE_INFINITY }: BackendCallOptions): number {
  return performance.now() + timeoutMs;
}
