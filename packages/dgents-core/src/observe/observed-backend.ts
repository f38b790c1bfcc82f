/** A backend that tells of every call: what the engine holds in place of the one it was given. */
import { tracingChannel } from 'node:diagnostics_channel';
import type {
  Append,
  Backend,
  BackendCapabilities,
  CallOptions,
  Checkpoint,
  CommitOptions,
  CommitResult,
  KeyEntry,
  KeysOptions,
  LogRecord,
  LogTail,
  RangeOptions,
  ReadOptions,
} from '../backend.js';
import { BACKEND_CHANNEL, type BackendCallName, type BackendEvent } from './events.js';
import { type Open, observe, observeEach } from './observe.js';
import { recordBytes, textBytes } from './weights.js';

const calls = tracingChannel<BackendEvent, BackendEvent>(BACKEND_CHANNEL);

type OpenCall = Open<BackendEvent>;

/** Hands every call on as it came. What a backend leaves out is left out here. */
export class ObservedBackend implements Backend {
  readonly find?: NonNullable<Backend['find']>;
  readonly confirm?: NonNullable<Backend['confirm']>;
  readonly feed?: NonNullable<Backend['feed']>;
  readonly watch?: NonNullable<Backend['watch']>;

  constructor(private readonly inner: Backend) {
    const all = inner as Required<Backend>;
    if (inner.find !== undefined) {
      this.find = (key, ids, options) => this.once('find', key, () => all.find(key, ids, options));
    }
    if (inner.confirm !== undefined) {
      this.confirm = (key, options) => this.once('confirm', key, () => all.confirm(key, options));
    }
    if (inner.feed !== undefined) {
      this.feed = (after, options) => this.each('feed', undefined, all.feed(after, options), countOne);
    }
    if (inner.watch !== undefined) {
      this.watch = (key, options) => this.each('watch', key, all.watch(key, options), countOne);
    }
  }

  get name(): string {
    return this.inner.name;
  }

  get capabilities(): BackendCapabilities {
    return this.inner.capabilities;
  }

  ready(options?: CallOptions): Promise<BackendCapabilities> {
    return this.once('ready', undefined, () => this.inner.ready(options));
  }

  read(key: string, options?: ReadOptions): Promise<LogTail> {
    if (!calls.hasSubscribers) return this.inner.read(key, options);
    return observe(calls, this.event('read', key), () => this.inner.read(key, options), noteTail);
  }

  commit(appends: readonly Append[], options?: CommitOptions): Promise<readonly CommitResult[]> {
    if (!calls.hasSubscribers) return this.inner.commit(appends, options);
    const event = this.event('commit', appends.length === 1 ? appends[0]?.key : undefined);
    event.appends = appends.length;
    event.records = 0;
    event.bytes = 0;
    for (const { records } of appends) {
      event.records += records.length;
      for (const record of records) event.bytes += recordBytes(record);
    }
    return observe(calls, event, () => this.inner.commit(appends, options), noteResults);
  }

  checkpoint(key: string, checkpoint: Checkpoint, options?: CallOptions): Promise<void> {
    if (!calls.hasSubscribers) return this.inner.checkpoint(key, checkpoint, options);
    const event = this.about('checkpoint', key, checkpoint);
    return observe(calls, event, () => this.inner.checkpoint(key, checkpoint, options));
  }

  trim(key: string, base: Checkpoint, options?: CallOptions): Promise<void> {
    if (!calls.hasSubscribers) return this.inner.trim(key, base, options);
    return observe(calls, this.about('trim', key, base), () => this.inner.trim(key, base, options));
  }

  range(key: string, options?: RangeOptions): AsyncIterable<LogRecord> {
    return this.each('range', key, this.inner.range(key, options), noteRecord);
  }

  keys(prefix?: string, options?: KeysOptions): AsyncIterable<KeyEntry> {
    return this.each('keys', prefix, this.inner.keys(prefix, options), countOne);
  }

  close(): Promise<void> {
    return this.once('close', undefined, () => this.inner.close());
  }

  private once<T>(call: BackendCallName, key: string | undefined, work: () => Promise<T>): Promise<T> {
    return calls.hasSubscribers ? observe(calls, this.event(call, key), work) : work();
  }

  private event(call: BackendCallName, key?: string): OpenCall {
    return { call, backend: this.inner.name, key };
  }

  private about(call: BackendCallName, key: string, state: Checkpoint): OpenCall {
    const event = this.event(call, key);
    event.version = state.version;
    if (!this.inner.capabilities.values && state.data !== null) event.bytes = Buffer.byteLength(state.data);
    return event;
  }

  private each<T>(
    call: BackendCallName,
    key: string | undefined,
    items: AsyncIterable<T>,
    note: (event: OpenCall, item: T) => void,
  ): AsyncIterable<T> {
    if (!calls.hasSubscribers) return items;
    const event = this.event(call, key);
    event.records = 0;
    return observeEach(calls, event, items, note);
  }
}

function noteTail(event: OpenCall, { head, base, checkpoint, records }: LogTail): void {
  if (head !== null) event.version = head.version;
  event.records = records.length;
  const start = checkpoint ?? base;
  const bytes = textBytes(start === undefined ? records : [start, ...records]);
  if (bytes !== undefined) event.bytes = bytes;
}

function noteResults(event: OpenCall, results: readonly CommitResult[]): void {
  event.conflicts = results.filter(({ ok }) => !ok).length;
  event.replayed = results.filter((result) => result.ok && result.replayed).length;
  if (results.length === 1 && results[0]?.head) event.version = results[0].head.version;
}

function noteRecord(event: OpenCall, record: LogRecord): void {
  countOne(event);
  const bytes = textBytes([record]);
  if (bytes !== undefined) event.bytes = (event.bytes ?? 0) + bytes;
}

function countOne(event: OpenCall): void {
  event.records = (event.records ?? 0) + 1;
}
