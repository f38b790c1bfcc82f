/**
 * Bytes by what they are: an event or a value holds the reference, a blob store the bytes.
 *
 *     { type: 'uploaded', photo: { sha256: '9f86d0…', bytes: 48213, type: 'image/png' } }
 *                                         └──▶ blob store: 9f86d0… ──▶ the bytes
 */
import { createHash } from 'node:crypto';
import { StateCorruptionError, StateNotFoundError } from 'dgents-core';
import type { BlobStore } from 'dgents-core/blobs';

/** Plain JSON, to be kept in events, values and states. */
export interface BlobReference {
  /** In 64 lower-case hexadecimal digits: the address in the store. */
  readonly sha256: string;
  readonly bytes: number;
  /** Of the content: `image/png`. */
  readonly type?: string;
}

/**
 * Keeps the bytes. Resolves when they are as safe as the store can make them: store the reference after that. The same
 * bytes are kept once, however often they are put.
 */
export async function putBlob(store: BlobStore, bytes: Uint8Array, type?: string): Promise<BlobReference> {
  if (!(bytes instanceof Uint8Array)) throw new TypeError('putBlob takes a Uint8Array or Buffer.');
  if (type !== undefined && typeof type !== 'string')
    throw new TypeError('The type of a blob is a text: "image/png".');
  // Whoever gave them may change them meanwhile.
  const own = Uint8Array.from(bytes);
  const sha256 = hashOf(own);
  await store.put(sha256, own);
  return { sha256, bytes: own.byteLength, ...(type === undefined ? {} : { type }) };
}

/**
 * The bytes of a reference, checked.
 * @throws StateNotFoundError where the store has none; StateCorruptionError where they are others
 */
export async function getBlob(store: BlobStore, { sha256, bytes }: BlobReference): Promise<Uint8Array> {
  if (!/^[0-9a-f]{64}$/.test(sha256) || !Number.isSafeInteger(bytes) || bytes < 0) {
    throw new TypeError('A reference to a blob is { sha256, bytes }, as putBlob() gives it.');
  }
  const found = await store.get(sha256, bytes);
  if (found === undefined) {
    throw new StateNotFoundError(
      `The blob store has no ${sha256}: it was removed, or this is another store.`,
    );
  }
  if (found.byteLength === bytes && hashOf(found) === sha256) return found;
  throw new StateCorruptionError(`The blob ${sha256} is damaged: its bytes are not those that were put.`);
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
