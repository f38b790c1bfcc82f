/**
 * The contract that agent developers hold: one typed, versioned state.
 *
 * A state is a log of changes. Every save and update appends one version; nothing acknowledged is lost, nothing is
 * silently changed, and every earlier version can be read again.
 *
 * ```ts
 * const agent = store.agent<Profile>('user:alice', { initial: () => ({ name: '', visits: 0 }) });
 * await agent.update((draft) => { draft.visits += 1; });
 * const profile = await agent.load();
 * ```
 *
 * ## Rules that hold for every agent and every wrapper
 *
 * 1. **What you give is taken at the call, what you get is yours.** Changing an object after `save(object)`, or during
 *    the await, changes nothing stored. `load` gives a private copy. With `frozen: true` plain objects and arrays are
 *    shared and frozen instead (a Date, Map, Set, typed array or class instance inside is copied each time, since
 *    freezing cannot protect it). The order of an object's keys is part of the state. `undefined` is not a state
 *    (TypeError); `null`, `0`, `''` and `false` are.
 * 2. **`save` compares.** A handle that has loaded or saved may only replace what it saw; an absent state that it saw
 *    counts as version 0. If anyone else wrote since, on this host or another, it rejects with `StateConflictError`
 *    and goes on doing so until the handle has loaded again. A handle that has seen nothing overwrites.
 *    *A handle is one line of thought*: two flows that load and save on the same handle can overwrite each other. They
 *    use `update`, or `save(next, { expected: seen })`, or a handle each (`store.agent(key)` is always a new one).
 * 3. **`update` never loses an update.** On conflict it reads again and applies the recipe again, until its deadline.
 * 4. **Versions only grow**, also across delete and re-create. Saving an equal state makes a version. Nothing is
 *    trimmed unless `retain` is given (VolatileAgent keeps 100 versions unless told otherwise).
 * 5. **Reading never writes**, and missing is not empty: a default from `initial` is never stored by a load.
 * 6. **Every call settles** within `timeoutMs` and rejects with a typed error; nothing is swallowed.
 * 7. **`close` is idempotent**, waits for what was accepted, and makes later calls reject. An open agent never keeps
 *    the process alive by itself.
 */
import type { BackendCapabilities, Head, Meta, Version } from './backend.js';

/**
 * `T` with every plain object and array in it read-only. It says nothing of what `T` is: in code about a `DataAgent<S>`
 * the compiler finds `S` by what is not frozen.
 */
export type DeepReadonly<T> = Frozen<[T][T extends unknown ? 0 : never]>;

type Frozen<T> = T extends (...args: never[]) => unknown
  ? T
  : T extends ReadonlyMap<infer K, infer V>
    ? ReadonlyMap<DeepReadonly<K>, DeepReadonly<V>>
    : T extends ReadonlySet<infer V>
      ? ReadonlySet<DeepReadonly<V>>
      : T extends Date | RegExp | URL | Error | ArrayBuffer | ArrayBufferView
        ? T
        : T extends object
          ? { readonly [P in keyof T]: DeepReadonly<T[P]> }
          : T;

/**
 * What an agent can promise: its backend's capabilities, as far as they are known. Fields read `unknown` until
 * {@link DataAgent.ready} where only the server can tell.
 */
export interface Capabilities extends BackendCapabilities {
  /** The backend's name: `memory`, `file` … */
  readonly backend: string;
  /** `immediate`: a save that lost is told at once; `deferred`: later, as in a write-behind cache. */
  readonly conflicts: 'immediate' | 'deferred';
  /** Whether a write may be weighed by {@link WriteOptions.weigh}; refused with `UnsupportedError` where not. */
  readonly weighs: boolean;
}

/** What a write would store. */
export interface Weight {
  /** The whole state after it: bytes of its JSON text in UTF-8, before any compression or encryption. */
  readonly bytes: number;
  /** The record that it appends, likewise: the change, or the state where that is smaller. */
  readonly recordBytes: number;
  /** How many versions would be kept, this one included. */
  readonly versions: number;
}

/** A state together with where it stands in its log. */
export interface Versioned<S> {
  /** Copied (or frozen) when it is first looked at: asking only for the version costs nothing. */
  readonly state: S;
  /** 0 when nothing was ever stored and the state comes from `initial`; after a deletion, that of the tombstone. */
  readonly version: Version;
  /** The head it was read at; null when nothing was ever stored. Give it, or this whole object, as `expected`. */
  readonly head: Head | null;
  /** When this version was written, by the writer's clock; null when nothing was ever stored. */
  readonly savedAt: Date | null;
  /** What the writer put beside this version. */
  readonly meta: Meta | undefined;
  readonly deleted: false;
}

/** The place in a log where the state was deleted. */
export interface Deleted {
  readonly deleted: true;
  readonly version: Version;
  readonly head: Head;
  readonly savedAt: Date;
  readonly meta: Meta | undefined;
}

/** Options of every call. */
export interface CallOptions {
  /** Settle within so many milliseconds; the agent's `timeoutMs`, 5,000 unless told, by default. */
  readonly timeoutMs?: number;
  /**
   * Rejects with `signal.reason` when aborted before anything was sent, with `OutcomeUnknownError` when a write was
   * already on its way.
   */
  readonly signal?: AbortSignal;
}

export interface LoadOptions extends CallOptions {
  /**
   * Read an earlier state: the one of this version, or the one that was current at this time by the writers' clocks.
   * Before the oldest kept: `LogCompactedError`; a version that does not exist yet: RangeError; before the first one
   * or inside a deletion: `StateNotFoundError` (an `initial` is not applied to the past).
   */
  readonly at?: Version | Date;
  /** Share and freeze plain objects and arrays instead of copying them. */
  readonly frozen?: boolean;
}

/** What a write may be compared with. */
export type Expected = Versioned<unknown> | Deleted | Head | Version | 'any';

export interface WriteOptions extends CallOptions {
  /**
   * Repeat-safe name of this operation: the same id happens once, also from another handle or process. Beyond the
   * kept window the answer is `OutcomeUnknownError`, never a guess. Repeat it with the same `expected`, if any. 1 to
   * 128 printable ASCII characters; `newOperationId()` makes ids that can be judged on trimmed logs too.
   */
  readonly operationId?: string;
  /** Plain JSON stored beside this version, at most 4 KB of text. */
  readonly meta?: Meta;
  /**
   * Let the whole log vanish so many milliseconds from now, unless written again; only where `capabilities.ttl`. A write
   * without it makes the state stay. For a time to live that every write renews, give the agent a `ttlMs`.
   */
  readonly ttlMs?: number;
  /** Leave the time to live as it is, whatever that is; instead of `ttlMs`, and of the agent's. */
  readonly keepTtl?: boolean;
  /**
   * Told what the write would store, each time it is tried and before it is sent; what it throws refuses the write. The
   * weight follows from the change: nothing is encoded for it. Synchronous, and not called for a repeated operation.
   */
  readonly weigh?: (weight: Weight) => void;
}

export interface SaveOptions extends WriteOptions {
  /**
   * Write only if this is the newest: a Versioned or Head compares version and operation id; a bare version compares
   * less (numbering restarts where logs expire or backups are restored); `0` means that there is no live state;
   * `'any'` overwrites whatever is there.
   */
  readonly expected?: Expected;
}

export interface UpdateOptions extends WriteOptions {
  /** Refuse with `StateConflictError` instead of applying the recipe to anything else than this. */
  readonly expected?: Expected;
}

export interface DeleteOptions extends SaveOptions {
  /** Remove the content of every version for good; only the numbering stays. */
  readonly erase?: boolean;
}

export interface TimelineOptions extends CallOptions {
  /** First version, or the first one written at or after this time; the oldest kept unless told. */
  readonly from?: Version | Date;
  /** Last version, or the last one written at or before this time; the newest unless told. */
  readonly to?: Version | Date;
  readonly frozen?: boolean;
}

export interface WatchOptions {
  /** Ends the iteration quietly. */
  readonly signal?: AbortSignal;
  readonly frozen?: boolean;
  /** How often to look where the store gives no hint, or in case one is lost, in milliseconds; 250 unless told. */
  readonly pollMs?: number;
}

/** One typed, versioned state. See the top of this file for the rules. */
export interface DataAgent<S> extends AsyncDisposable {
  readonly capabilities: Capabilities;

  /**
   * Connects, sets up, and finds out what can be promised. Optional to call: every other method does it first, and
   * `requireDurability` is enforced before the first write in any case.
   */
  ready(options?: CallOptions): Promise<Capabilities>;

  /**
   * The current state (or the one `at` a version or time), as a private copy.
   * @throws StateNotFoundError when there is none and the agent has no `initial`
   * @throws StateRegressionError when the store has gone back behind what this handle saw
   */
  load(options: LoadOptions & { readonly frozen: true }): Promise<DeepReadonly<S>>;
  load(options?: LoadOptions): Promise<S>;

  /** Like {@link load}, with version, time and meta; `state` is copied when it is first looked at. */
  read(options: LoadOptions & { readonly frozen: true }): Promise<Versioned<DeepReadonly<S>>>;
  read(options?: LoadOptions): Promise<Versioned<S>>;

  /**
   * Replaces the state. Taken at the call; acknowledged when it is as durable as `capabilities.durability` says. What
   * is stored is the difference, when that is smaller.
   * @returns the new version
   * @throws StateConflictError when someone else wrote since this handle last looked
   * @throws StateSerializationError, StateValidationError, StateTooLargeError before anything is sent
   * @throws OutcomeUnknownError when the answer was lost and could not be found out within the deadline
   */
  save(state: S, options?: SaveOptions): Promise<Version>;

  /**
   * Atomic read-modify-write. The recipe changes the draft in place or returns the next state, not both; it may run
   * several times, so it must be a synchronous function of the draft. Slow work belongs outside, with `read` and
   * `save(next, { expected })`. The draft, what was taken out of it and what was put into it are the state's once the
   * recipe ends: keep copies, not references. A recipe that reads a Date, bytes or a class instance of a large state
   * runs on a copy of it all; one that only writes them does not. Remove elements with `splice` or `filter`: `delete list[1]`
   * and a longer `length` leave holes in a small state and `undefined` in a large one.
   * @throws TypeError when the recipe returns a promise, or both changes the draft and returns a value
   * @throws whatever the recipe throws; nothing is stored then
   */
  update(change: (draft: S) => S | void, options?: UpdateOptions): Promise<Versioned<S>>;

  /**
   * Earlier states, newest first, the current one excluded, deletions skipped.
   * @param limit at most so many; 100 unless told; 0 is none; negative or fractional is a RangeError
   */
  history(
    limit: number | undefined,
    options: LoadOptions & { readonly frozen: true },
  ): Promise<DeepReadonly<S>[]>;
  history(limit?: number, options?: LoadOptions): Promise<S[]>;

  /**
   * Every version kept, oldest first, the current one included; each state is decoded when it is looked at.
   * @throws LogCompactedError when what comes next was trimmed away meanwhile
   */
  timeline(
    options: TimelineOptions & { readonly frozen: true },
  ): AsyncIterable<Versioned<DeepReadonly<S>> | Deleted>;
  timeline(options?: TimelineOptions): AsyncIterable<Versioned<S> | Deleted>;

  /**
   * The current state (when there is one), then newer ones as they come, whoever writes them. May skip versions in
   * between; never misses the last. Ends when the consumer stops, `signal` aborts or the agent is closed.
   */
  watch(
    options: WatchOptions & { readonly frozen: true },
  ): AsyncIterable<Versioned<DeepReadonly<S>> | Deleted>;
  watch(options?: WatchOptions): AsyncIterable<Versioned<S> | Deleted>;

  /**
   * Writes a tombstone: the state is gone, earlier versions stay readable unless `erase`. Compares as `save` does.
   * @returns whether there was a live state
   */
  delete(options?: DeleteOptions): Promise<boolean>;

  /** Waits for what was accepted; later calls reject with `AgentClosedError`. Idempotent: each call of it waits. */
  close(): Promise<void>;
}
