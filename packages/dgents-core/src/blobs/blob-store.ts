/** Where large bytes lie outside of the logs, each under the hash of what it is. */

import type { EncryptionKey } from '../transforms/encryption-keys.js';

/** The SHA-256 of the bytes, in 64 lower-case hexadecimal digits. */
export type BlobAddress = string;

export interface BlobEntry {
  readonly address: BlobAddress;
  readonly byteLength: number;
  /** When it was last put, in milliseconds since the epoch, by the clock of the store. */
  readonly putAt: number;
}

/**
 * The port for stores of blobs. What it is given under an address never changes, so it may be kept and cached anywhere; what
 * it returns is checked by the reader. What it throws becomes a `StorageUnavailableError`, unless it is typed.
 */
export interface BlobStore {
  /**
   * Keeps the bytes, unless they are there: then they count as put anew, so that they are as young as what refers to them.
   * What is there under the address and is something else was altered, and is replaced.
   * Resolves when they are as safe as the store can make them.
   */
  put(address: BlobAddress, bytes: Uint8Array): Promise<void>;
  /**
   * The bytes, or undefined where there are none.
   * @param byteLength how many it should be: of one that is longer, one byte more is enough to tell
   */
  get(address: BlobAddress, byteLength: number): Promise<Uint8Array | undefined>;
  /** All that are kept, in any order. */
  list(): AsyncIterable<BlobEntry>;
  /**
   * Removes a blob, unless it was put at this time or later: also when that happens at this very moment.
   * @returns whether it was removed
   */
  remove(address: BlobAddress, putBefore: number): Promise<boolean>;
}

export interface BlobOptions {
  readonly store: BlobStore;
  /** Bytes of at least this length lie in the store; 65,536 unless told. */
  readonly threshold?: number;
  /**
   * Encrypts each of them (AES-256-GCM): the first key does, all of them decrypt, under the rules of `encrypt`. Its address
   * is the SHA-256 of what lies in the store then. Needed beside `encrypt`.
   */
  readonly keys?: readonly EncryptionKey[];
}
