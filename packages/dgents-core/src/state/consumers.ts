/**
 * Who reads logs behind their writers, and what of them must stay until they have: the reading half of the registry that
 * `dgents-stream` writes. What is trimmed asks here first.
 *
 *     $consumers   invoices ──▶ checkpoint "totals"       newest meta: { position: '…' }   reads the feed
 *                  mailer   ──▶ checkpoint "mailer:at"    newest meta: { version: 41 }     reads the stream "orders"
 *
 * What a consumer has done is told by the meta of the newest version of its checkpoint, and nowhere else: a checkpoint that
 * is written in one commit with what it stands for is never ahead of it.
 */
import type { Backend, FeedEntry, Meta, Version } from '../backend.js';
import { DgentsError, StorageTimeoutError } from '../errors.js';
import { type Call, monotonicMs, remainingMs } from './deadlines.js';
import type { Engine } from './engine.js';
import { ABSENT } from './replica.js';

/** The address of the registry: a `Map` of {@link Consumer} by name. */
export const CONSUMERS_KEY = '$consumers';

/** Reads the feed of the store. The newest meta of its checkpoint has `position`, of the last entry that it has done. */
export interface FeedConsumer {
  readonly kind: 'feed';
  /** The key whose newest meta tells where it is; needed by nobody but itself, and never held back for it. */
  readonly checkpoint: string;
  /** Its events lie under keys with one of these prefixes; it may need all of the store unless told. */
  readonly prefixes?: readonly string[];
}

/** Reads one stream. The newest meta of its checkpoint has `version`, of the last event that it has done. */
export interface StreamConsumer {
  readonly kind: 'stream';
  readonly stream: string;
  readonly checkpoint: string;
}

export type Consumer = FeedConsumer | StreamConsumer;

/** What of a log is still needed, and by whom. */
export interface Needed {
  /** The oldest version that somebody has not done yet: what lies before it may go. */
  readonly version: Version;
  /** The name of the slowest consumer. */
  readonly by: string;
}

/** The registry has no schema, no migrations and no transforms. */
const PLAIN = {};

/**
 * The oldest version of a log that a registered consumer still needs; undefined where nobody needs any. One that has no
 * checkpoint yet, or a position that the store does not know, has to begin at the beginning: it needs all of them.
 *
 * One read where nothing is registered. For a consumer of the feed, what follows its position is read up to the first
 * entry of this log; none of it where it has caught up.
 * @throws StorageTimeoutError when the feed behind a consumer could not be looked through in time
 */
export async function neededFrom(engine: Engine, key: string, call: Call): Promise<Needed | undefined> {
  const registered = await registry(engine, call);
  let needed: Needed | undefined;
  for (const [by, consumer] of registered) {
    if (!isFor(consumer, key)) continue;
    const version = await nextOf(engine.backend, consumer, key, call);
    if (version !== undefined && version < (needed?.version ?? Infinity)) needed = { version, by };
  }
  return needed;
}

async function registry(engine: Engine, call: Call): Promise<ReadonlyMap<string, Consumer>> {
  const cell = engine.cell(engine.define(PLAIN), CONSUMERS_KEY);
  try {
    await cell.refresh(call);
  } catch (error) {
    // A store of a single log has no place for it.
    if (DgentsError.is(error, 'DGENTS_INVALID_KEY')) return new Map();
    throw error;
  }
  const { value } = cell.snapshot;
  return value === ABSENT ? new Map() : (value as ReadonlyMap<string, Consumer>);
}

/** A consumer writes its own checkpoint, and does not wait for itself. The feed has none of the keys of dgents. */
function isFor(consumer: Consumer, key: string): boolean {
  if (consumer.kind === 'stream') return consumer.stream === key;
  if (consumer.checkpoint === key || key.startsWith('$')) return false;
  return consumer.prefixes?.some((prefix) => key.startsWith(prefix)) ?? true;
}

/** What a consumer has to be given next of a log; undefined: nothing that is there. */
async function nextOf(
  backend: Backend,
  consumer: Consumer,
  key: string,
  call: Call,
): Promise<Version | undefined> {
  const meta = await newestMeta(backend, consumer.checkpoint, call);
  if (consumer.kind === 'stream') {
    const done = meta?.['version'];
    return typeof done === 'number' ? done + 1 : 1;
  }
  const position = meta?.['position'];
  if (typeof position !== 'string') return 1;
  try {
    const entry = await firstAfter(backend, position, key, call);
    if (entry === undefined) return undefined;
    return 'record' in entry ? entry.record.version : entry.trimmed.to + 1;
  } catch (error) {
    // The store has never given this position: it is another one than the consumer read, who begins anew.
    if (error instanceof RangeError) return 1;
    throw error;
  }
}

async function newestMeta(backend: Backend, key: string, call: Call): Promise<Meta | undefined> {
  for await (const { meta } of backend.range(key, {
    reverse: true,
    limit: 1,
    timeoutMs: remainingMs(call),
  })) {
    return meta;
  }
  const { head } = await backend.read(key, { limit: 1, timeoutMs: remainingMs(call) });
  if (head === null) return undefined;
  // It is trimmed to its newest version.
  const { base } = await backend.read(key, { at: head.version, limit: 1, timeoutMs: remainingMs(call) });
  return base?.meta;
}

/** The first entry of a log behind a position; undefined where all that is there was looked through. */
async function firstAfter(
  backend: Backend,
  position: string,
  key: string,
  call: Call,
): Promise<FeedEntry | undefined> {
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(), remainingMs(call));
  const { signal } = ending;
  try {
    const entries = backend.feed?.(position, { follow: false, signal }) ?? [];
    for await (const entry of entries) if (entry.key === key) return entry;
  } finally {
    clearTimeout(timer);
  }
  if (!signal.aborted && monotonicMs() < call.deadline) return undefined;
  throw new StorageTimeoutError(
    `What the consumers of the feed still need of "${key}" could not be found out within ${call.timeoutMs} ms: they are far behind.`,
    { timeoutMs: call.timeoutMs, key },
  );
}
