/** Values under keys, with versions to compare and no history. */
import {
  type AgentOptions,
  type CallOptions,
  DgentsError,
  type Head,
  type StateAgent,
  type Store,
  type Version,
} from 'dgents-core';
import { checkOptions, type OptionNames } from 'dgents-core/folding';
import { assertInlineBytes, checkMaxInlineBytes } from '../blobs/inline-bytes.js';
import { type Conflict, conflictAsValue } from '../log/conflict-as-value.js';
import { CALL } from '../stream/option-names.js';

export interface KeyValueOptions<V>
  extends Pick<
    AgentOptions<V>,
    | 'schema'
    | 'schemaVersion'
    | 'migrations'
    | 'codec'
    | 'transforms'
    | 'blobs'
    | 'timeoutMs'
    | 'requireDurability'
    | 'ttlMs'
  > {
  /**
   * The longest `Uint8Array`, or other buffer, that a value may hold; 65,536 bytes unless told, and any with `blobs`, which
   * keep them elsewhere. Larger ones belong into a blob store: `putBlob`.
   */
  readonly maxInlineBytes?: number;
}

/** A value as it was when it was read. */
export interface ValueEntry<V> {
  readonly key: string;
  /** Yours: changing it changes nothing stored. */
  readonly value: V;
  /** 1, 2, 3 …; goes on after a deletion. Give it as `ifVersion`. */
  readonly version: Version;
  /** Says more than the version: also where numbering can begin anew. */
  readonly head: Head;
  readonly updatedAt: Date;
}

/** What has to be there: a version, what was read, or nothing at all. */
export type IfVersion = Version | 'absent' | Pick<ValueEntry<unknown>, 'head'>;

export interface PutOptions extends CallOptions {
  /** Put only if this is what is there; whatever it is unless told. */
  readonly ifVersion?: IfVersion;
  /** Makes the put happen once: a repeated one changes nothing and gives the version of the first. */
  readonly operationId?: string;
  /** Let it vanish so many milliseconds from now; only where `capabilities.ttl`. */
  readonly ttlMs?: number;
}

export interface RemoveOptions extends CallOptions {
  /** Delete only if this is what is there. */
  readonly ifVersion?: Exclude<IfVersion, 'absent'>;
}

export interface EntriesOptions extends CallOptions {
  /** Only keys that start with exactly this. */
  readonly prefix?: string;
  /** Resume after this key. */
  readonly after?: string;
  readonly limit?: number;
}

export interface PutResult {
  readonly version: Version;
}

const OPTIONS: OptionNames<KeyValueOptions<unknown>> = {
  ...{ schema: true, schemaVersion: true, migrations: true, codec: true, transforms: true, blobs: true },
  ...{ timeoutMs: true, requireDurability: true, ttlMs: true, maxInlineBytes: true },
};
const CREATE: OptionNames<Omit<PutOptions, 'ifVersion'>> = { operationId: true, ttlMs: true, ...CALL };
const PUT: OptionNames<PutOptions> = { ifVersion: true, ...CREATE };
const REMOVE: OptionNames<RemoveOptions> = { ifVersion: true, ...CALL };
const ENTRIES: OptionNames<EntriesOptions> = { prefix: true, after: true, limit: true, ...CALL };

/** Values that are read together when many are. */
const TOGETHER = 16;

/** The newest is what is kept; the minute in which a lost answer is looked for is kept on top. */
const NEWEST = { versions: 1 };

/**
 * The key-value facet of a store: current values, each written as a whole. No history is promised; where one is wanted,
 * `store.agent(key)` has it. Any number of these may be opened over one store, with prefixes to tell their keys apart.
 */
export class KeyValue<V = unknown> {
  private readonly options: AgentOptions<V>;
  private readonly maxInlineBytes: number;

  /** @param store stays open; closing it closes this */
  constructor(
    private readonly store: Store,
    given: KeyValueOptions<V> = {},
  ) {
    checkOptions('KeyValue', given, OPTIONS);
    const { maxInlineBytes, ...options } = given;
    this.options = { ...options, retain: NEWEST };
    this.maxInlineBytes = checkMaxInlineBytes(maxInlineBytes ?? (options.blobs && Infinity));
  }

  /** Undefined: there is none. */
  async get(key: string, options: CallOptions = {}): Promise<ValueEntry<V> | undefined> {
    checkOptions('get', options, CALL);
    try {
      const { state: value, version, head, savedAt } = await this.agent(key).read(options);
      // What was read is there: a live state has a head.
      return { key, value, version, head: head as Head, updatedAt: savedAt as Date };
    } catch (error) {
      if (DgentsError.is(error, 'DGENTS_STATE_NOT_FOUND')) return undefined;
      throw error;
    }
  }

  /**
   * Puts a value, whatever was there, or only over what `ifVersion` says. It is taken at the call.
   * @throws StateConflictError where something else is there
   * @throws StateValidationError, StateSerializationError, StateTooLargeError, InvalidKeyError before anything is sent
   * @throws OutcomeUnknownError when the answer was lost and could not be found out within the deadline
   */
  async put(key: string, value: V, options: PutOptions = {}): Promise<PutResult> {
    checkOptions('put', options, PUT);
    const { ifVersion, ...call } = options;
    const agent = this.agent(key);
    assertInlineBytes(value, this.maxInlineBytes, 'value', key);
    const expected = ifVersion === undefined ? 'any' : expectedOf(ifVersion);
    return { version: await agent.save(value, { ...call, expected }) };
  }

  /** Puts a value where there is none. Of any number that try at once, one does. @throws StateConflictError */
  async create(key: string, value: V, options: Omit<PutOptions, 'ifVersion'> = {}): Promise<PutResult> {
    checkOptions('create', options, CREATE);
    return this.put(key, value, { ...options, ifVersion: 'absent' });
  }

  /**
   * @returns whether there was one
   * @throws StateConflictError where something else is there than `ifVersion` says
   */
  async delete(key: string, options: RemoveOptions = {}): Promise<boolean> {
    checkOptions('delete', options, REMOVE);
    const { ifVersion, ...call } = options;
    const expected = ifVersion === undefined ? {} : { expected: expectedOf(ifVersion) };
    return this.agent(key).delete({ ...call, ...expected });
  }

  /** As `put`, with a conflict as a value. Everything else is thrown. */
  tryPut(
    key: string,
    value: V,
    options?: PutOptions,
  ): Promise<({ readonly ok: true } & PutResult) | Conflict> {
    return conflictAsValue(this.put(key, value, options));
  }

  /** As `create`, with a conflict as a value. Everything else is thrown. */
  tryCreate(
    key: string,
    value: V,
    options?: Omit<PutOptions, 'ifVersion'>,
  ): Promise<({ readonly ok: true } & PutResult) | Conflict> {
    return conflictAsValue(this.create(key, value, options));
  }

  /** As `delete`, with a conflict as a value. Everything else is thrown. */
  tryDelete(
    key: string,
    options?: RemoveOptions,
  ): Promise<{ readonly ok: true; readonly deleted: boolean } | Conflict> {
    return conflictAsValue(this.delete(key, options).then((deleted) => ({ deleted })));
  }

  /**
   * All values whose keys start with exactly `prefix`; in code point order where `capabilities.orderedKeys`. Each is as it
   * was when it was read, and not all of them are read at one moment.
   */
  async *entries(options: EntriesOptions = {}): AsyncGenerator<ValueEntry<V>, void, undefined> {
    checkOptions('entries', options, ENTRIES);
    const { prefix, ...listing } = options;
    const { timeoutMs, signal } = options;
    const call = {
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(signal === undefined ? {} : { signal }),
    };
    let keys: string[] = [];
    for await (const { key } of this.store.keys(prefix, listing)) {
      keys.push(key);
      if (keys.length < TOGETHER) continue;
      yield* await this.found(keys, call);
      keys = [];
    }
    yield* await this.found(keys, call);
  }

  /** Without those that were deleted meanwhile. */
  private async found(keys: readonly string[], call: CallOptions): Promise<ValueEntry<V>[]> {
    const entries = await Promise.all(keys.map((key) => this.get(key, call)));
    return entries.filter((entry) => entry !== undefined);
  }

  private agent(key: string): StateAgent<V> {
    return this.store.agent<V>(key, this.options as never);
  }
}

function expectedOf(ifVersion: IfVersion): Version | Head {
  if (ifVersion === 'absent') return 0;
  if (typeof ifVersion === 'number') return ifVersion;
  if (typeof ifVersion?.head?.id === 'string') return ifVersion.head;
  throw new TypeError("`ifVersion` is a version, an entry as get() gives it, or 'absent'.");
}
