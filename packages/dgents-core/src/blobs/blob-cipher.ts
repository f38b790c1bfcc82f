/**
 * Blobs that nobody can read without a key. Nothing in it is random: the same bytes and key make the same blob, so that a
 * store keeps them once, and what they are called there is the SHA-256 of the encrypted, which says nothing of the bytes.
 *
 *     seal (32 bytes) | ciphertext | tag (16)     seal = HMAC-SHA-256(first derived key, bytes)
 *
 * Each is encrypted with a key of its own, HMAC-SHA-256(second derived key, seal): one that has another seal shares none.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, type KeyObject } from 'node:crypto';
import { StateCorruptionError } from '../errors.js';
import { type EncryptionKey, keyring } from '../transforms/encryption-keys.js';

const SEAL_BYTES = 32;
const TAG_BYTES = 16;
/** By how much an encrypted blob is longer. */
export const SEALED_BYTES = SEAL_BYTES + TAG_BYTES;
/** Each key encrypts exactly one text, so that a nonce has nothing to tell apart. */
const NONCE = Buffer.alloc(12);
/** Changed when the layout does. */
const DOMAIN = 'dgents blob a256gcm 1';

interface Derived {
  readonly sealing: Buffer;
  readonly encrypting: Buffer;
}

export class BlobCipher {
  /** The id of the key that encrypts. */
  readonly writing: string;
  private readonly keys: ReadonlyMap<string, Derived>;

  /** @throws TypeError or RangeError for keys that are none */
  constructor(keys: readonly EncryptionKey[]) {
    const ring = [...keyring(keys, 'blobs')];
    this.keys = new Map(ring.map(([id, key]) => [id, derived(key)]));
    this.writing = (keys[0] as EncryptionKey).id;
  }

  /** The bytes as they lie in the store. */
  seal(bytes: Uint8Array): Buffer {
    const { sealing, encrypting } = this.keys.get(this.writing) as Derived;
    const seal = mac(sealing, bytes);
    const cipher = createCipheriv('aes-256-gcm', mac(encrypting, seal), NONCE, { authTagLength: TAG_BYTES });
    return Buffer.concat([seal, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
  }

  /**
   * @param owner the state that refers to it
   * @throws StateCorruptionError for a key that was not given, and for what was not sealed with this one
   */
  open(keyId: string, sealed: Uint8Array, address: string, owner: string): Buffer {
    const derived = this.keys.get(keyId);
    if (derived === undefined) throw keyMissing(keyId, address, owner);
    const end = sealed.length - TAG_BYTES;
    try {
      const key = mac(derived.encrypting, sealed.subarray(0, SEAL_BYTES));
      const decipher = createDecipheriv('aes-256-gcm', key, NONCE, { authTagLength: TAG_BYTES });
      decipher.setAuthTag(sealed.subarray(end));
      return Buffer.concat([decipher.update(sealed.subarray(SEAL_BYTES, end)), decipher.final()]);
    } catch (cause) {
      throw new StateCorruptionError(
        `The blob ${address} that "${owner}" refers to does not decrypt with the key "${keyId}": that id stands for another ` +
          'key now. The state was left as it is.',
        { key: owner, location: address, cause },
      );
    }
  }
}

export function keyMissing(keyId: string, address: string, owner: string): StateCorruptionError {
  return new StateCorruptionError(
    `The blob ${address} that "${owner}" refers to is encrypted with the key "${keyId}", which was not given. ` +
      'Give it too, behind the first of `blobs.keys`. The state was left as it is.',
    { key: owner, location: address },
  );
}

function derived(key: KeyObject): Derived {
  const of = (use: string): Buffer => Buffer.from(hkdfSync('sha256', key, '', `${DOMAIN} ${use}`, 32));
  return { sealing: of('seal'), encrypting: of('key') };
}

function mac(key: Buffer, bytes: Uint8Array): Buffer {
  return createHmac('sha256', key).update(bytes).digest();
}
