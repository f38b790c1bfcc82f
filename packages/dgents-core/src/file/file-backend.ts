import type {
  Append,
  Backend,
  BackendCapabilities,
  CallOptions,
  Checkpoint,
  CommitOptions,
  CommitResult,
  Head,
  KeysOptions,
  LogRecord,
  LogTail,
  RangeOptions,
  ReadOptions,
  Version,
} from '../backend.js';
import { type Call, failureOfAll, settle } from '../backend-parts/call.js';
import { checkCommit, checkLimit, checkRead } from '../backend-parts/checks.js';
import { byCodePoint } from '../backend-parts/code-point-order.js';
import { AgentClosedError, DgentsError, InvalidKeyError } from '../errors.js';
import { capabilitiesOf, KEY_BYTES } from './capabilities.js';
import { DescriptorPool } from './descriptor-pool.js';
import type { FileSystem } from './file-system.js';
import { Journal } from './journal.js';
import type { FileContext } from './journal-file.js';
import { Locations } from './locations.js';
import type { Log } from './log.js';
import { NodeFileSystem } from './node-file-system.js';
import { checkedOptions, type FileBackendOptions } from './options.js';
import { PlainJson } from './plain-json.js';
import { draftPath } from './sweep.js';

/** How many logs have an object of their own; of the others only what is known of them is kept. */
const MAX_ACTIVE = 256;

/** Of how many logs is kept what is known of them; one that is forgotten is opened again. */
const MAX_REMEMBERED = 65_536;

/**
 * Keeps each log in a file of its own: a checksummed JSON-lines journal (`docs/formats/journal.md`), or one plain JSON
 * file without history (`docs/formats/plain-json.md`).
 */
export class FileBackend implements Backend {
  readonly name = 'file';
  readonly capabilities: BackendCapabilities;
  readonly #fileSystem: FileSystem;
  readonly #pool: DescriptorPool;
  readonly #locations: Locations;
  /** What keeps the log of one key. */
  readonly #Log: new (
    context: FileContext,
    key: string,
    path: string,
    known?: unknown,
  ) => Log;
  readonly #context: FileContext;
  readonly #logs = new Map<string, Log>();
  /** What is known of logs that are not in use. */
  readonly #retired = new Map<string, unknown>();
  readonly #underWay = new Set<Promise<unknown>>();
  #prepared: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: FileBackendOptions) {
    const checked = checkedOptions(options);
    this.#fileSystem = options.fileSystem ?? new NodeFileSystem();
    this.#pool = new DescriptorPool(checked.maxOpenFiles);
    this.#locations = new Locations(this.#fileSystem, checked);
    this.#Log = checked.format === 'json' ? PlainJson : Journal;
    this.#context = {
      ...checked,
      fileSystem: this.#fileSystem,
      pool: this.#pool,
      prepareDirectory: () => this.#locations.prepare(),
      draftPath,
    };
    this.capabilities = capabilitiesOf(checked);
  }

  /**
   * Makes the directory now, and not with the first state: to find out early that it cannot be made.
   * @throws StorageUnavailableError, StorageFullError
   */
  prepare(options: CallOptions = {}): Promise<void> {
    return this.#call('', options, () => this.#locations.prepare());
  }

  ready(options: CallOptions = {}): Promise<BackendCapabilities> {
    return this.#call('', options, async () => this.capabilities);
  }

  read(key: string, options: ReadOptions = {}): Promise<LogTail> {
    return this.#call(key, options, async () => {
      checkRead(options);
      return this.#log(key).read(options);
    });
  }

  async commit(appends: readonly Append[], options: CommitOptions = {}): Promise<readonly CommitResult[]> {
    checkCommit(this, appends, options);
    const [only] = appends;
    if (only === undefined) return this.#call('', options, async () => []);
    if (appends.length === 1) return [await this.#append(only, options)];
    const results = await Promise.allSettled(appends.map((append) => this.#append(append, options)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed === undefined)
      return results.map((result) => (result as PromiseFulfilledResult<CommitResult>).value);
    throw failureOfAll(appends, results, failed.reason);
  }

  checkpoint(key: string, checkpoint: Checkpoint, options: CallOptions = {}): Promise<void> {
    return this.#call(key, options, (call) => this.#log(key).checkpoint(checkpoint, call));
  }

  async *range(key: string, options: RangeOptions = {}): AsyncGenerator<LogRecord> {
    checkLimit(options);
    let { from = 1, to = Number.POSITIVE_INFINITY, limit = Number.POSITIVE_INFINITY } = options;
    const reverse = options.reverse ?? false;
    for (let resumed = false; limit > 0; resumed = true) {
      const page = await this.#call(key, options, () =>
        this.#log(key).range({ from, to, reverse, resumed, limit }),
      );
      for (const record of page.records) {
        yield record;
        if (--limit <= 0) return;
      }
      const last = page.records[page.records.length - 1];
      if (page.done || last === undefined) return;
      if (reverse) to = last.version - 1;
      else from = last.version + 1;
    }
  }

  trim(key: string, base: Checkpoint, options: CallOptions = {}): Promise<void> {
    return this.#call(key, options, (call) => this.#log(key).trim(base, call));
  }

  async *keys(prefix = '', options: KeysOptions = {}): AsyncGenerator<{ key: string; head?: Head }> {
    checkLimit(options);
    const { after, heads = false, limit = Number.POSITIVE_INFINITY } = options;
    const all = await this.#call('', options, () => this.#locations.keys());
    const wanted = all
      .filter((key) => key.startsWith(prefix) && (after === undefined || byCodePoint(key, after) > 0))
      .sort(byCodePoint);
    let given = 0;
    for (const key of wanted) {
      if (given >= limit) return;
      const head = heads ? await this.#headOf(key, options) : undefined;
      if (head === null) continue;
      given++;
      yield head === undefined ? { key } : { key, head };
    }
  }

  /** Undefined when the log is damaged: that must not hide the others. Whoever opens it is told. */
  #headOf(key: string, options: CallOptions): Promise<Head | null | undefined> {
    return this.#call(key, options, () => this.#log(key).head()).catch((error: unknown) => {
      if (DgentsError.is(error, 'DGENTS_STATE_CORRUPTION')) return undefined;
      throw error;
    });
  }

  find(
    key: string,
    ids: readonly string[],
    options: CallOptions = {},
  ): Promise<ReadonlyMap<string, Version>> {
    return this.#call(key, options, () => this.#log(key).find(ids));
  }

  close(): Promise<void> {
    this.#closed ??= this.#finish();
    return this.#closed;
  }

  async #finish(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    await Promise.all([...this.#logs.values()].map((log) => log.close()));
    this.#logs.clear();
    this.#retired.clear();
    this.#pool.releaseIdle();
  }

  #append(append: Append, options: CommitOptions): Promise<CommitResult> {
    const { expected, records } = append;
    const operationId = (records[0] as LogRecord).id;
    return this.#call(append.key, options, (call) => this.#log(append.key).commit(append, call), {
      operationId,
      ...(expected && { expected }),
    });
  }

  /** Runs one call: refused after close, waited for by it, bounded by its deadline. */
  #call<T>(
    key: string,
    options: CallOptions,
    work: (call: Call) => Promise<T>,
    doubt?: Parameters<typeof settle>[3],
  ): Promise<T> {
    if (this.#closed !== undefined)
      return Promise.reject(new AgentClosedError('The store was closed', { key }));
    const running = settle(key, options, (call) => this.#whenReady(call, work), doubt);
    this.#underWay.add(running);
    const done = (): void => {
      this.#underWay.delete(running);
    };
    running.then(done, done);
    return running;
  }

  #whenReady<T>(call: Call, work: (call: Call) => Promise<T>): Promise<T> {
    if (this.#prepared === READY) return work(call);
    return this.#prepare().then(() => work(call));
  }

  async #prepare(): Promise<void> {
    this.#prepared ??= this.#fileSystem.prepare();
    try {
      await this.#prepared;
      this.#prepared = READY;
    } catch (error) {
      this.#prepared = undefined;
      throw error;
    }
  }

  #log(key: string): Log {
    const known = this.#logs.get(key);
    if (known !== undefined) return known;
    checkKey(key);
    const path = this.#locations.pathOf(key);
    if (path === undefined)
      throw new InvalidKeyError(`This file holds one log, whose key is "state"`, { key });
    if (this.#logs.size >= MAX_ACTIVE) this.#retireOldest();
    const log = new this.#Log(this.#context, key, path, this.#retired.get(key));
    this.#retired.delete(key);
    this.#logs.set(key, log);
    return log;
  }

  #retireOldest(): void {
    for (const [key, log] of this.#logs) {
      if (!log.canRetire) continue;
      this.#logs.delete(key);
      const known = log.retire();
      if (known !== undefined) this.#retired.set(key, known);
      break;
    }
    const [oldest] = this.#retired.size > MAX_REMEMBERED ? this.#retired.keys() : [];
    if (oldest !== undefined) this.#retired.delete(oldest);
  }
}

/** Once the file system is ready, no call waits for it any more. */
const READY = Promise.resolve();

export function fileBackend(options: FileBackendOptions): Backend {
  return new FileBackend(options);
}

function checkKey(key: string): void {
  if (key === '' || Buffer.byteLength(key) > KEY_BYTES) {
    throw new InvalidKeyError(`A key has 1 to ${KEY_BYTES} bytes`, { key });
  }
}
