/**
 * Large bytes taken out of a document, and put back.
 *
 *     { "$bytes": ["Uint8Array", "<base64>"] }  ⇄  { "$blob": ["Uint8Array", "<sha-256>", <length>] }     bytes in the store
 *                                               ⇄  { "$blob": ["Uint8Array", "<sha-256>", <length>, "<key id>"] }  encrypted
 *
 * A user's key that starts with `$` is escaped in a document, so an object with one of these keys is always a tag.
 */
import { createHash } from 'node:crypto';
import type { Json } from '../codec/json.js';
import { DgentsError, StateCorruptionError, StateTooLargeError, StorageUnavailableError } from '../errors.js';
import { BlobCipher, keyMissing, SEALED_BYTES } from './blob-cipher.js';
import type { BlobAddress, BlobOptions, BlobStore } from './blob-store.js';
import { type BlobTag, tagsIn } from './blob-tag.js';

const DEFAULT_THRESHOLD = 65_536;
/** Enough to hide the way to a store, and few enough for its limits. */
const AT_ONCE = 8;

type Fields = Record<string, Json>;

export function addressOf(bytes: Uint8Array): BlobAddress {
  return createHash('sha256').update(bytes).digest('hex');
}

/** What has to be in a blob store before a record or checkpoint is stored that refers to it. */
const owed = new WeakMap<
  object,
  { readonly store: BlobStore; readonly bytes: ReadonlyMap<BlobAddress, Uint8Array> }
>();

/** Puts what these records refer to. Undefined where that is nothing. */
export function putBlobs(records: readonly object[]): Promise<void> | undefined {
  const puts = records.flatMap((record) => {
    const debt = owed.get(record);
    return debt === undefined
      ? []
      : Array.from(debt.bytes, ([address, bytes]) => ({ ...debt, address, bytes }));
  });
  if (puts.length === 0) return undefined;
  return inTurns(puts, ({ store, address, bytes }) => store.put(address, bytes));
}

/** @throws TypeError or RangeError */
export function assertBlobs(options: unknown): asserts options is BlobOptions {
  const { store, threshold = DEFAULT_THRESHOLD } = (options ?? {}) as Partial<BlobOptions>;
  if (typeof store?.put !== 'function' || typeof store.get !== 'function') {
    throw new TypeError('`blobs` is { store }, a blob store such as `new FileBlobStore(path)`.');
  }
  if (!Number.isSafeInteger(threshold) || threshold < 1) {
    throw new RangeError('`blobs.threshold` is a number of bytes, a whole one from 1 on.');
  }
}

/** The blobs of one definition. */
export class Blobs {
  private readonly store: BlobStore;
  private readonly threshold: number;
  /** Undefined: they lie in the store as they are. */
  private readonly cipher: BlobCipher | undefined;

  /** @throws TypeError or RangeError */
  constructor(options: BlobOptions) {
    assertBlobs(options);
    const { store, threshold = DEFAULT_THRESHOLD, keys } = options;
    this.store = store;
    this.threshold = threshold;
    this.cipher = keys === undefined ? undefined : new BlobCipher(keys);
  }

  /** Whether nothing can be read in the store without a key. */
  get encrypts(): boolean {
    return this.cipher !== undefined;
  }

  /** The document with a tag for what is large; the same one where nothing is. */
  take(document: Json): { readonly document: Json; readonly bytes: ReadonlyMap<BlobAddress, Uint8Array> } {
    const bytes = new Map<BlobAddress, Uint8Array>();
    return { document: this.without(document, bytes), bytes };
  }

  /** Remembers what has to be put before this record is stored. */
  owe(record: object, bytes: ReadonlyMap<BlobAddress, Uint8Array>): void {
    if (bytes.size > 0) owed.set(record, { store: this.store, bytes });
  }

  private without(json: Json, found: Map<BlobAddress, Uint8Array>): Json {
    const payload = payloadOf(json, '$bytes');
    if (payload === undefined) return mapped(json, (inner) => this.without(inner, found));
    const [name, base64] = payload as [string, string];
    if (typeof base64 !== 'string' || base64.length * 3 < this.threshold * 4) return json;
    const bytes = Buffer.from(base64, 'base64');
    if (bytes.length < this.threshold) return json;
    const { cipher } = this;
    const stored = cipher === undefined ? bytes : cipher.seal(bytes);
    const address = addressOf(stored);
    found.set(address, stored);
    return { $blob: [name, address, bytes.length, ...(cipher === undefined ? [] : [cipher.writing])] };
  }

  /**
   * Every blob that a document refers to, as base64.
   * @param known those that were fetched before
   * @param maxBytes what all of them may weigh in the document
   * @throws StateCorruptionError for one that is missing or altered; StateTooLargeError
   */
  async fetch(
    document: Json,
    known: ReadonlyMap<BlobAddress, string>,
    maxBytes: number,
    key: string,
  ): Promise<ReadonlyMap<BlobAddress, string>> {
    const tags = tagsIn(document, key);
    const weight = tags.reduce((sum, { byteLength }) => sum + Math.ceil(byteLength / 3) * 4, 0);
    if (weight > maxBytes) {
      throw new StateTooLargeError(
        `The blobs of "${key}" weigh ${weight} bytes as text; at most ${maxBytes} are allowed (codec option maxBytes).`,
        { bytes: weight, limitBytes: maxBytes, key },
      );
    }
    const wanted = new Map(tags.map((tag) => [tag.address, tag]));
    const fetched = new Map<BlobAddress, string>();
    await inTurns([...wanted.values()], async (tag) => {
      fetched.set(tag.address, known.get(tag.address) ?? (await this.get(tag, key)));
    });
    return fetched;
  }

  private async get(tag: BlobTag, key: string): Promise<string> {
    const { address, keyId } = tag;
    const storedLength = tag.byteLength + (keyId === undefined ? 0 : SEALED_BYTES);
    const bytes = await this.store.get(address, storedLength);
    const wrong =
      bytes === undefined
        ? 'is missing'
        : bytes.length !== storedLength || addressOf(bytes) !== address
          ? 'was altered'
          : undefined;
    if (bytes !== undefined && wrong === undefined)
      return Buffer.from(this.opened(bytes, tag, key)).toString('base64');
    throw new StateCorruptionError(
      `The blob ${address} that "${key}" refers to ${wrong}. The state was left as it is; restore the blob from a copy.`,
      { key, location: address },
    );
  }

  private opened(bytes: Uint8Array, { keyId, address }: BlobTag, key: string): Uint8Array {
    if (keyId === undefined) return bytes;
    if (this.cipher === undefined) throw keyMissing(keyId, address, key);
    return this.cipher.open(keyId, bytes, address, key);
  }
}

/** The document with everything in it, of what {@link Blobs.fetch} gave. */
export function withBlobs(document: Json, fetched: ReadonlyMap<BlobAddress, string>): Json {
  const payload = payloadOf(document, '$blob');
  if (payload === undefined) return mapped(document, (inner) => withBlobs(inner, fetched));
  const [name, address] = payload as [string, BlobAddress];
  return { $bytes: [name, fetched.get(address) as string] };
}

/** What stands under this key of an object. */
function payloadOf(json: Json, tag: '$bytes' | '$blob'): Json | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json) || !Object.hasOwn(json, tag))
    return undefined;
  return (json as Fields)[tag];
}

/** The same object where nothing in it changes. */
function mapped(json: Json, change: (inner: Json) => Json): Json {
  if (typeof json !== 'object' || json === null) return json;
  let copy: Json[] | Fields | undefined;
  for (const [name, inner] of Object.entries(json) as [string, Json][]) {
    const next = change(inner);
    if (next === inner) continue;
    copy ??= Array.isArray(json) ? [...json] : { ...(json as Fields) };
    (copy as Fields)[name] = next;
  }
  return copy ?? json;
}

/** A few at once, in order; the first failure ends it. */
async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += AT_ONCE) {
    const turn = items.slice(start, start + AT_ONCE).map(async (item) => work(item));
    await Promise.all(turn).catch(unavailable);
  }
}

function unavailable(cause: unknown): never {
  if (DgentsError.is(cause)) throw cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  throw new StorageUnavailableError(`The blob store failed: ${reason}`, { cause });
}
