import type { Append, Checkpoint, CommitResult, Head, LogRecord } from '../backend.js';
import { decide } from '../backend-parts/answers.js';
import { byCodePoint } from '../backend-parts/code-point-order.js';
import { MemoryLog } from './memory-log.js';

/** Told of every log that has grown. Runs within the commit: it may only note it and settle promises. */
export type Listener = (log: MemoryLog) => void;

/** How many appends with a time to live may pass before expired logs that nobody asks for are looked for. */
const MIN_SWEEP_INTERVAL = 1_024;

/** The logs themselves, which several backends of one process may share. Everything in it happens at once. */
export class MemoryStore {
  readonly values: boolean;
  readonly clock: () => number;
  /** Marks the feed positions of this store, so that those of an earlier one are not taken for its own. */
  readonly birth: string;
  readonly #logs = new Map<string, MemoryLog>();
  /** By key; those under `undefined` hear of all keys. */
  readonly #listeners = new Map<string | undefined, Set<Listener>>();
  #sequence = 0;
  #sortedKeys: readonly string[] | undefined;
  #expiringAppends = 0;

  constructor(values: boolean, clock: () => number) {
    this.values = values;
    this.clock = clock;
    this.birth = Math.trunc(clock()).toString(36);
  }

  /** The place of the newest record in the feed; 0 before the first. */
  get sequence(): number {
    return this.#sequence;
  }

  /** The log of a key, unless its time has run out. */
  log(key: string): MemoryLog | undefined {
    const log = this.#logs.get(key);
    if (log?.expiresAt === undefined || log.expiresAt > this.clock()) return log;
    this.#remove(log);
    return undefined;
  }

  logs(): Iterable<MemoryLog> {
    return this.#logs.values();
  }

  /** All keys by code point. An array that is replaced, never changed, when a key comes or goes. */
  sortedKeys(): readonly string[] {
    this.#sortedKeys ??= [...this.#logs.keys()].sort(byCodePoint);
    return this.#sortedKeys;
  }

  commit(given: readonly Append[], atomic: boolean): CommitResult[] {
    // Texts are made before anything is written: a getter may throw.
    const appends = this.values ? given : given.map(withTexts);
    return decide(
      appends,
      { atomic },
      (key) => this.log(key),
      (append, log) => this.#write(append, log),
    );
  }

  checkpoint(key: string, checkpoint: Checkpoint): void {
    this.log(key)?.checkpoint(this.values ? checkpoint : checkpointText(checkpoint));
  }

  trim(key: string, base: Checkpoint): void {
    this.log(key)?.trim(this.values ? base : checkpointText(base));
  }

  /** Listens to one key, or to all; returns how to stop. */
  listen(key: string | undefined, listener: Listener): () => void {
    const peers = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, peers.add(listener));
    return () => {
      peers.delete(listener);
      if (peers.size === 0 && this.#listeners.get(key) === peers) this.#listeners.delete(key);
    };
  }

  #write({ key, records, ttlMs, keepTtl }: Append, known: MemoryLog | undefined): Head {
    const log = known ?? new MemoryLog(key, records, this.#sequence + 1);
    if (known !== undefined) log.append(records, this.#sequence + 1);
    // Also one that is known may have been swept away since, if its time ran out within this very commit.
    if (this.#logs.get(key) !== log) {
      this.#logs.set(key, log);
      this.#sortedKeys = undefined;
    }
    this.#sequence += records.length;
    if (ttlMs !== undefined) this.#expire(log, ttlMs);
    else if (keepTtl !== true) log.expiresAt = undefined;
    if (this.#listeners.size > 0) this.#tell(log);
    return log.head;
  }

  #tell(log: MemoryLog): void {
    for (const listener of this.#listeners.get(log.key) ?? []) listener(log);
    for (const listener of this.#listeners.get(undefined) ?? []) listener(log);
  }

  #expire(log: MemoryLog, ttlMs: number): void {
    log.expiresAt = this.clock() + ttlMs;
    if (++this.#expiringAppends < Math.max(MIN_SWEEP_INTERVAL, this.#logs.size)) return;
    this.#expiringAppends = 0;
    // Deleting from a Map while walking it is well defined.
    for (const key of this.#logs.keys()) this.log(key);
  }

  #remove(log: MemoryLog): void {
    this.#logs.delete(log.key);
    this.#sortedKeys = undefined;
  }
}

function withTexts(append: Append): Append {
  return { ...append, records: append.records.map(recordText) };
}

/** A frozen copy without the document, as a store on disk would give it back. `data` is read once. */
function recordText(record: LogRecord): LogRecord {
  return Object.freeze({ ...checkpointText(record), kind: record.kind });
}

function checkpointText<T extends LogRecord | Checkpoint>({ version, id, at, data, codec, schema, meta }: T) {
  return Object.freeze({
    version,
    id,
    at,
    data: data as T['data'],
    ...(codec !== undefined && { codec }),
    ...(schema !== undefined && { schema }),
    ...(meta !== undefined && { meta: deepFrozen(structuredClone(meta)) }),
  });
}

/** A copy that is handed out again and again must not be changed by anyone who gets it. */
function deepFrozen<T>(json: T): T {
  if (typeof json !== 'object' || json === null) return json;
  for (const inner of Object.values(json)) deepFrozen(inner);
  return Object.freeze(json);
}
