import { constants } from 'node:buffer';
import type { Backend, LogRecord } from '../backend.js';
import type { Json } from '../codec/json.js';
import { StateCorruptionError, StateNotFoundError, UnsupportedError } from '../errors.js';
import type { TextPlace, Transform } from '../transforms/transform.js';
import { Wrapping } from '../transforms/wrapping.js';
import type { BlobAddress, BlobStore } from './blob-store.js';
import { addressesIn, addressesInPatch } from './blob-tag.js';

export interface CollectOptions {
  readonly blobs: BlobStore;
  /** **All** stores whose states refer to these blobs: `store.backend` of each. What only a forgotten one needs is lost. */
  readonly backends: readonly Backend[];
  /** To read what is stored under a key, where it was compressed or encrypted: as its agent has them, `[]` for a plain log. */
  readonly transforms?: (key: string) => readonly Transform[] | undefined;
  /**
   * Blobs that were put less than this ago stay, in milliseconds: the record that refers to one is written after it. An hour
   * unless told; more than any write takes, and than the clocks of the hosts differ.
   */
  readonly graceMs?: number;
  /** One of the stores holds no state at all, and that is so: without this it is taken for a wrong path. */
  readonly allowEmpty?: boolean;
  /** Remove nothing, and tell what would go. */
  readonly dryRun?: boolean;
  /** Milliseconds since the epoch, by the clock of the blob store. `Date.now` unless told. */
  readonly clock?: () => number;
}

export interface Collected {
  /** Blobs that are referred to, or young. */
  readonly kept: number;
  readonly removed: readonly BlobAddress[];
  /** What the removed ones weighed. */
  readonly removedBytes: number;
}

const GRACE_MS = 60 * 60 * 1000;

/**
 * Removes the blobs that no version kept by any of these stores refers to: all records, bases and checkpoints are read, and
 * what is not marked goes. May run beside writers, in any process.
 *
 * @throws whatever keeps a log from being read, before anything is removed: what it refers to is not known then;
 *   StateNotFoundError where blobs would go and one of the stores holds no state
 */
export async function collectGarbage(options: CollectOptions): Promise<Collected> {
  const { blobs, backends, transforms, graceMs = GRACE_MS, dryRun = false, clock = Date.now } = options;
  let empty: Backend | undefined;
  if (!Array.isArray(backends) || backends.length === 0) {
    throw new TypeError('collectGarbage takes `backends`, all that refer to the blobs: [store.backend].');
  }
  if (!(graceMs >= 0)) throw new RangeError('graceMs is 0 or more.');
  const putBefore = clock() - graceMs;
  const marked = new Set<BlobAddress>();
  for (const backend of backends) {
    let isEmpty = true;
    for await (const { key } of backend.keys('')) {
      isEmpty = false;
      await mark(backend, key, new Wrapping(transforms?.(key)), marked).catch((error) => advise(error, key));
    }
    if (isEmpty) empty ??= backend;
  }
  const removed: BlobAddress[] = [];
  let removedBytes = 0;
  let kept = 0;
  for await (const { address, byteLength, putAt } of blobs.list()) {
    const goes = !marked.has(address) && putAt < putBefore;
    if (goes && empty !== undefined && options.allowEmpty !== true) throw wrongPlace(empty);
    if (goes && (dryRun || (await blobs.remove(address, putBefore)))) {
      removed.push(address);
      removedBytes += byteLength;
    } else kept += 1;
  }
  return { kept, removed, removedBytes };
}

/** What an agent would be told does not help here. */
function advise(error: unknown, key: string): never {
  const advice = (message: string): string =>
    `${message} Nothing was removed. collectGarbage takes \`transforms: (key) => [ … ]\`, which gives for "${key}" what its ` +
    'agent has, and [] for a log that is stored as it is.';
  if (error instanceof UnsupportedError)
    throw new UnsupportedError(advice(error.message), { key, cause: error });
  if (error instanceof StateCorruptionError) {
    const location = error.location === undefined ? {} : { location: error.location };
    throw new StateCorruptionError(advice(error.message), { key, ...location, cause: error });
  }
  throw error;
}

function wrongPlace({ name }: Backend): StateNotFoundError {
  return new StateNotFoundError(
    `The ${name} store holds no state, but there are blobs that nothing refers to. Nothing was removed. If this is the ` +
      'right place, and empty, give collectGarbage `allowEmpty: true`.',
  );
}

/** Marks again what a trim moved meanwhile: the base may then be all that refers to a blob. */
async function mark(
  backend: Backend,
  key: string,
  wrapping: Wrapping,
  marked: Set<BlobAddress>,
): Promise<void> {
  for (;;) {
    const { head, floor } = await backend.read(key, { limit: 1 });
    if (head === null) return;
    const isTrimmed = async (): Promise<boolean> => {
      const now = await backend.read(key, { limit: 1 });
      return now.floor !== floor || (now.head?.version ?? 0) < head.version;
    };
    try {
      await markLog(backend, key, head.version, floor, wrapping, marked);
      if (!(await isTrimmed())) return;
    } catch (error) {
      // What was trimmed while it was read cannot be found, or does not go together.
      if (!(await isTrimmed())) throw error;
    }
  }
}

async function markLog(
  backend: Backend,
  key: string,
  newest: number,
  floor: number,
  wrapping: Wrapping,
  marked: Set<BlobAddress>,
): Promise<void> {
  const add = (given: Omit<LogRecord, 'kind'>, kind: TextPlace['kind'], after?: string): void => {
    const text = wrapping.textOf(key, given, kind, after, constants.MAX_LENGTH);
    const json = text === undefined ? (given.document as Json) : parsed(text, key);
    const found = kind === 'patch' ? addressesInPatch(json, key) : addressesIn(json, key);
    for (const address of found) marked.add(address);
  };
  let after = await markStarts(backend, key, newest, floor, add);
  for await (const record of backend.range(key)) {
    if (record.kind !== 'tombstone') add(record, record.kind, after);
    after = record.id;
  }
}

/** Every checkpoint and the base, from the newest back: a read as of the version before one starts from the next. */
async function markStarts(
  backend: Backend,
  key: string,
  newest: number,
  floor: number,
  add: (given: Omit<LogRecord, 'kind'>, kind: 'checkpoint') => void,
): Promise<string | undefined> {
  let base: string | undefined;
  for (let at = newest; at >= Math.max(1, floor); ) {
    const tail = await backend.read(key, { at, limit: 1 });
    const start = tail.checkpoint ?? tail.base;
    if (start !== undefined && start.data !== null) add({ ...start, data: start.data }, 'checkpoint');
    if (tail.base !== undefined) base = tail.base.id;
    at = (start?.version ?? tail.records[0]?.version ?? 1) - 1;
  }
  return base;
}

function parsed(text: string, key: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new StateCorruptionError(`What is stored of "${key}" is no JSON. It was left as it is.`, {
      key,
      cause,
    });
  }
}
