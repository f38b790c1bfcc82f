import type {
  Append,
  Backend,
  BackendCapabilities,
  Checkpoint,
  CommitOptions,
  CommitResult,
  KeyEntry,
  KeysOptions,
  LogRecord,
  LogTail,
  RangeOptions,
  ReadOptions,
  Version,
} from '../../../backend.js';
import { checkCommit } from '../../../backend-parts/checks.js';
import { AgentClosedError } from '../../../errors.js';
import { all } from '../../support/records.js';
import { copyOf } from '../through.js';
import type { ToyFile } from './toy-file.js';

/** The port around a {@link ToyFile}, which all handles of a process share. */
export class ToyBackend implements Backend {
  readonly name = 'toy';
  readonly capabilities: BackendCapabilities;
  #closed: Promise<void> | undefined;

  constructor(
    readonly file: ToyFile,
    sharing: BackendCapabilities['sharing'],
    readonly release: () => Promise<void>,
  ) {
    this.capabilities = capabilitiesFor(sharing);
  }

  async ready(): Promise<BackendCapabilities> {
    this.#assertOpen();
    return this.capabilities;
  }

  async read(key: string, options?: ReadOptions): Promise<LogTail> {
    this.#assertOpen(key);
    return this.file.look(() => this.file.memory.read(key, options), options?.timeoutMs);
  }

  async commit(appends: readonly Append[], options: CommitOptions = {}): Promise<readonly CommitResult[]> {
    this.#assertOpen(appends[0]?.key);
    checkCommit(this, appends, options);
    const own = appends.map(plainAppend);
    return this.file.change(async () => {
      const results = await this.file.memory.commit(own, options);
      const commit = own.filter((_, i) => {
        const result = results[i];
        return result?.ok && !result.replayed;
      });
      if (commit.length > 0) await this.file.keep({ commit });
      return this.file.answer(own, results);
    }, options.timeoutMs);
  }

  async checkpoint(key: string, checkpoint: Checkpoint): Promise<void> {
    this.#assertOpen(key);
    const own = plainCheckpoint(checkpoint);
    await this.file.change(async () => {
      await this.file.memory.checkpoint(key, own);
      await this.file.keep({ key, checkpoint: own });
    });
  }

  async *range(key: string, options?: RangeOptions): AsyncGenerator<LogRecord> {
    this.#assertOpen(key);
    yield* await this.file.look(() => all(this.file.memory.range(key, options)));
  }

  async trim(key: string, base: Checkpoint): Promise<void> {
    this.#assertOpen(key);
    const own = plainCheckpoint(base);
    await this.file.change(async () => {
      await this.file.memory.trim(key, own);
      await this.file.keep({ key, trim: own });
    });
  }

  async *keys(prefix?: string, options?: KeysOptions): AsyncGenerator<KeyEntry> {
    this.#assertOpen();
    yield* await this.file.look(() => all(this.file.memory.keys(prefix, options)));
  }

  async find(key: string, ids: readonly string[]): Promise<ReadonlyMap<string, Version>> {
    this.#assertOpen(key);
    return this.file.look(() => this.file.memory.find(key, ids));
  }

  close(): Promise<void> {
    this.#closed ??= this.file.idle().then(this.release);
    return this.#closed;
  }

  #assertOpen(key?: string): void {
    if (this.#closed !== undefined) throw new AgentClosedError('this toy backend was closed', { key });
  }
}

function plainAppend({ key, expected, records }: Append): Append {
  return JSON.parse(JSON.stringify({ key, expected, records: records.map(withoutDocument) }));
}

function plainCheckpoint(checkpoint: Checkpoint): Checkpoint {
  return JSON.parse(JSON.stringify(withoutDocument(checkpoint)));
}

function withoutDocument<T extends LogRecord | Checkpoint>(stored: T): T {
  const { document: _, ...rest } = copyOf(stored);
  return rest as T;
}

function capabilitiesFor(sharing: BackendCapabilities['sharing']): BackendCapabilities {
  return {
    durability: 'process',
    sharing,
    atomicity: 'store',
    feed: false,
    watch: false,
    ttl: false,
    orderedKeys: true,
    values: false,
    materializes: false,
    idempotencyRecords: Number.POSITIVE_INFINITY,
    limits: { keyBytes: 1_024, recordBytes: 2 ** 22, recordsPerAppend: 1_000, appendsPerCommit: 1_000 },
  };
}
