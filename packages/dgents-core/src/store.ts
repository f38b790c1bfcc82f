/** One store, any number of agents. */

import { inspect } from 'node:util';
import type {
  Backend,
  BackendCapabilities,
  FeedEntry,
  FeedOptions,
  Head,
  Position,
  Version,
} from './backend.js';
import type { BlobOptions } from './blobs/blob-store.js';
import type { CallOptions, Capabilities, LoadOptions, Versioned } from './data-agent.js';
import { StateCorruptionError, UnsupportedError } from './errors.js';
import { checkKey } from './keys.js';
import { type OpenOperation, told, toldEach } from './observe/operations.js';
import { checkOptions } from './option-names.js';
import type { StateDefinition } from './schema/define-state.js';
import type { Opening } from './schema/opening.js';
import { type AgentOptions, StateAgent } from './state/agent.js';
import { AGENT_OPTIONS, ENGINE_OPTIONS } from './state/agent-option-names.js';
import { checkLimit, checkTime } from './state/arguments.js';
import { type Call, remainingMs } from './state/deadlines.js';
import { Engine, type EngineOptions } from './state/engine.js';
import { eraseLog } from './state/erase.js';
import { fork } from './state/fork.js';
import { stepwise } from './state/steps.js';
import { transact } from './state/transact.js';
import type { Transform } from './transforms/transform.js';

export interface StoreOptions extends EngineOptions {}

export interface ForkOptions extends CallOptions {
  /** Those of the agents of both states, where they have any: what is encrypted is bound to its address. */
  readonly transforms?: readonly Transform[] | undefined;
  /**
   * Reads the blobs of the version and puts them anew, encrypted with the first of these keys where there are keys. Without
   * it both states refer to the same blobs.
   */
  readonly blobs?: BlobOptions | undefined;
}

export interface KeysOptions extends CallOptions {
  /** Resume after this key. */
  readonly after?: string;
  readonly limit?: number;
  /** List deleted states too. */
  readonly deleted?: boolean;
}

export interface TransactOptions extends CallOptions {
  /**
   * Work of yours in the same transaction of the database, such as a row of a table of your own: what it writes and the
   * states change together or not at all. It is given the client of that transaction, once the states were found
   * unchanged and were written, and must use no other connection, nor keep that one. `dgents-sql` has `onSqlite` and
   * `onPostgres`, which give it its type.
   *
   * It may run several times: whatever it did before is rolled back then. What it throws, or rejects with, rolls all of
   * it back and is what the call rejects with. Where it does not end in time, nothing is written either.
   *
   * Only where `capabilities.joins`.
   */
  readonly within?: (client: unknown) => unknown;
}

/** What a key of a store is known by. */
export interface StoredKey {
  readonly key: string;
  readonly version: number;
  readonly savedAt: Date;
  readonly deleted: boolean;
}

/** An agent of this store, whatever its state; a wrapper around one is none, and its `key` may be undefined. */
export interface AnyAgent {
  readonly key: string;
  load(options?: LoadOptions): Promise<unknown>;
}

/** What an agent holds, or one that is opened with this definition. */
export type StateOf<A> = A extends { load(options?: LoadOptions): Promise<infer S> }
  ? S
  : A extends StateDefinition<infer S>
    ? S
    : never;

/** The states of some agents, in their order. */
export type States<A extends readonly AnyAgent[]> = { [I in keyof A]: StateOf<A[I]> };
/** What {@link Store.transact} gives: each agent's state after it, in their order. */
export type Results<A extends readonly AnyAgent[]> = { [I in keyof A]: Versioned<StateOf<A[I]>> };

/** Without the document that may travel with a record: it can be the state itself. */
function asText(entry: FeedEntry): FeedEntry {
  if (!('record' in entry) || entry.record.document === undefined) return entry;
  const { version, kind, at, id, data, codec, schema, meta } = entry.record;
  const optional = {
    ...(codec === undefined ? {} : { codec }),
    ...(schema === undefined ? {} : { schema }),
    ...(meta === undefined ? {} : { meta: structuredClone(meta) }),
  };
  return { position: entry.position, key: entry.key, record: { version, kind, at, id, data, ...optional } };
}

function unreadable(keys: readonly string[]): StateCorruptionError {
  const shown = keys.slice(0, 5).map((one) => `"${one}"`);
  const more = keys.length > shown.length ? ` and ${keys.length - shown.length} more` : '';
  return new StateCorruptionError(
    `The others were given; ${shown.join(', ')}${more} cannot be read. Load each to see what is wrong with it.`,
    keys.length === 1 ? { key: keys[0] } : {},
  );
}

/** Agents by key over one backend. Open one per process and share it. */
export class Store implements AsyncDisposable {
  /** @internal For what works on all of a store from outside. */
  readonly engine: Engine;
  private readonly agents = new Set<WeakRef<StateAgent<never>>>();
  private readonly forgotten = new FinalizationRegistry<WeakRef<StateAgent<never>>>((ref) =>
    this.agents.delete(ref),
  );

  /** @throws TypeError, RangeError for an option that is not known, or cannot be meant */
  constructor(
    /** What the states lie in; closed with the store. */
    readonly backend: Backend,
    options: StoreOptions = {},
  ) {
    checkOptions('Store', options, ENGINE_OPTIONS);
    this.engine = new Engine(backend, options);
  }

  get capabilities(): Capabilities {
    return this.engine.capabilities;
  }

  /** Connects, sets up and finds out what can be promised. Optional: every call does it first. */
  async ready(options?: CallOptions): Promise<Capabilities> {
    await this.engine.ready(this.begin(options));
    return this.capabilities;
  }

  /**
   * A new handle of the state under this key. Cheap; nothing is read or written yet. Handles of one key with the same
   * schema, migrations, codec and transforms share what they know; each remembers for itself what it has seen.
   * @throws InvalidKeyError when the key is empty, too long or starts with `$`
   * @throws TypeError for an option that is not known
   */
  agent<S>(key: string): StateAgent<S>;
  agent<S, In = unknown>(key: string, options: Opening<AgentOptions<S>, S, In>): StateAgent<S>;
  agent<S>(key: string, options?: Opening<AgentOptions<S>, S>): StateAgent<S> {
    this.engine.assertOpen();
    checkKey(key, this.engine.port.limits);
    if (options !== undefined) checkOptions('An agent', options, AGENT_OPTIONS);
    return this.adopt(new StateAgent<S>(this.engine, key, options as AgentOptions<S> | undefined));
  }

  /** @internal An agent of another class: closed with the store, and waited for. */
  adopt<S>(agent: StateAgent<S>): StateAgent<S> {
    const ref = new WeakRef<StateAgent<never>>(agent as StateAgent<never>);
    this.agents.add(ref);
    this.forgotten.register(agent, ref);
    return agent;
  }

  /**
   * The keys that start with exactly `prefix`; in code point order where `capabilities.orderedKeys`.
   * @throws StateCorruptionError in the end, after all others were given, when some are too damaged to be listed
   */
  keys(prefix = '', options: KeysOptions = {}): AsyncGenerator<StoredKey, void, undefined> {
    return toldEach('keys', this.engine, prefix, this.list(prefix, options));
  }

  private async *list(prefix: string, options: KeysOptions): AsyncGenerator<StoredKey, void, undefined> {
    const call = this.begin(options);
    await this.engine.ready(call);
    const { after, limit = Infinity, deleted = false } = options;
    checkLimit(limit);
    let left = limit;
    const damaged: string[] = [];
    const port = { heads: true, timeoutMs: remainingMs(call), ...(after === undefined ? {} : { after }) };
    const found = this.engine.backend.keys(prefix, port)[Symbol.asyncIterator]();
    const within = <T>(step: Promise<T>): Promise<T> =>
      this.engine.within(step, this.begin(options), undefined);
    for await (const { key, head } of stepwise(found, within)) {
      if (left <= 0) return;
      if (key.startsWith('$')) continue;
      if (head === undefined) {
        damaged.push(key);
        continue;
      }
      if (head.deleted && !deleted) continue;
      left -= 1;
      yield { key, version: head.version, savedAt: new Date(head.at), deleted: head.deleted };
    }
    if (damaged.length > 0) throw unreadable(damaged);
  }

  /** Whether there is a live state under this key. */
  has(key: string, options?: CallOptions): Promise<boolean> {
    return told('has', this.engine, key, async () => {
      const head = await this.headOf(key, this.begin(options));
      return head !== null && !head.deleted;
    });
  }

  /**
   * Deletes every state under this prefix and removes the content for good; only the numbering stays. Meant for the
   * right to be forgotten: it also erases what was deleted before.
   * @returns how many states were erased, those included that had been erased before
   * @throws StateCorruptionError in the end, after all others were erased, when some are too damaged to be told apart
   */
  erase(prefix: string, options?: CallOptions): Promise<number> {
    return told('erase', this.engine, prefix, async (event) => {
      const erased = await this.eraseEach(prefix, options);
      if (event !== undefined) event.items = erased;
      return erased;
    });
  }

  private async eraseEach(prefix: string, options: CallOptions | undefined): Promise<number> {
    if (typeof prefix !== 'string' || prefix === '') {
      throw new TypeError('erase takes the prefix of the keys to erase, at least one character of it.');
    }
    let erased = 0;
    for await (const { key } of this.list(prefix, { ...options, deleted: true })) {
      await this.engine.accept(eraseLog(this.engine, key, this.begin(options)));
      erased += 1;
    }
    return erased;
  }

  /**
   * Begins a new state with what another one was: now, or at a version or time. The new log starts there; its first
   * version says in `meta.forkOf` where it came from. The document is copied as it is, whatever its schema version; what
   * is compressed or encrypted needs the `transforms` to read it, and is wrapped anew for its new address.
   * @returns the first version of the new state
   * @throws StateNotFoundError when there is nothing to fork; LogCompactedError when it is no longer kept
   * @throws StateConflictError when there is a live state under `to`
   */
  fork(from: string, to: string, at?: number | Date, options?: ForkOptions): Promise<Version> {
    return told('fork', this.engine, to, async (event) => {
      const version = await this.engine.accept(this.branch(from, to, at, options));
      if (event !== undefined) event.version = version;
      return version;
    });
  }

  private async branch(
    from: string,
    to: string,
    at?: number | Date,
    options: ForkOptions = {},
  ): Promise<Version> {
    const call = this.begin(options);
    checkKey(from, this.engine.port.limits);
    checkKey(to, this.engine.port.limits);
    if (at !== undefined) checkTime('at', at);
    await this.engine.ready(call);
    const { transforms, blobs } = options;
    const how = { ...(transforms !== undefined && { transforms }), ...(blobs !== undefined && { blobs }) };
    return fork(this.engine, from, to, at, call, how);
  }

  /**
   * Changes several states as one: all or none, also across crashes. The recipe changes its drafts in place, is
   * synchronous and may run several times.
   * @throws UnsupportedError unless `capabilities.atomicity` is `store`; for `within`, unless `capabilities.joins`
   */
  transact<const A extends readonly AnyAgent[]>(
    agents: A,
    recipe: (...drafts: States<A>) => void,
    options?: TransactOptions,
  ): Promise<Results<A>> {
    return told('transact', this.engine, undefined, (event) =>
      this.engine.accept(this.change(agents, recipe, options, event)),
    );
  }

  private async change<const A extends readonly AnyAgent[]>(
    agents: A,
    recipe: (...drafts: States<A>) => void,
    options: TransactOptions | undefined,
    event: OpenOperation | undefined,
  ): Promise<Results<A>> {
    const call = this.begin(options);
    if (new Set(agents.map(({ key }) => key)).size !== agents.length) {
      throw new TypeError('Each state takes part in a transaction once.');
    }
    const participants = agents.map((agent) => {
      if (agent instanceof StateAgent) return agent.participate(this.engine, call);
      throw new TypeError(
        'What takes part in a transaction is an agent of this store, and no wrapper around one: open a handle for it, store.agent(key).',
      );
    });
    await this.engine.ready(call);
    const results = await transact(
      this.engine,
      participants,
      recipe as (...drafts: unknown[]) => unknown,
      call,
      options?.within,
      event,
    );
    return results as Results<A>;
  }

  /**
   * Every commit of the store in a stable order, and then new ones as they come.
   * @throws UnsupportedError when `capabilities.feed` is false
   */
  feed(after?: Position, options: FeedOptions = {}): AsyncGenerator<FeedEntry, void, undefined> {
    return toldEach('feed', this.engine, undefined, this.follow(after, options));
  }

  private async *follow(
    after: Position | undefined,
    options: FeedOptions,
  ): AsyncGenerator<FeedEntry, void, undefined> {
    await this.engine.ready(this.begin(undefined));
    const { backend, port } = this.engine;
    if (backend.feed === undefined || port.feed === false) {
      throw new UnsupportedError(`The ${this.backend.name} store has no feed.`);
    }
    for await (const entry of backend.feed(after, options)) {
      if (!entry.key.startsWith('$')) yield asText(entry);
    }
  }

  /** Waits for what every agent has accepted, then closes the backend. Idempotent. */
  async close(): Promise<void> {
    const agents = [...this.agents].map((ref) => ref.deref()?.close() ?? Promise.resolve());
    await this.engine.close(agents);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** For logs: what it is, and nothing of its states. */
  [inspect.custom](): string {
    return `Store { ${this.backend.name} }`;
  }

  private begin(options: CallOptions | undefined): Call {
    this.engine.assertOpen();
    return this.engine.call(options, this.engine.timeoutMs);
  }

  private async headOf(key: string, call: Call): Promise<Head | null> {
    checkKey(key, this.engine.port.limits);
    const capabilities: Promise<BackendCapabilities> = this.engine.ready(call);
    await capabilities;
    const tail = await this.engine.within(
      this.engine.backend.read(key, { limit: 1, timeoutMs: remainingMs(call) }),
      call,
      key,
    );
    return tail.head;
  }
}
