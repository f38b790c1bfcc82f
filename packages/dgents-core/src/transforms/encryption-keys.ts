/** The keys of `encrypt` and `blobs`: checked once, and kept where no log, error or `util.inspect` shows them. */
import { createSecretKey, KeyObject } from 'node:crypto';
import { isUint8Array } from 'node:util/types';

/** A key, and what it is called in the log. */
export interface EncryptionKey {
  /**
   * Stands in plain text with each record: up to 64 letters, digits, `.`, `_` and `-`. Never give it to another key.
   */
  readonly id: string;
  /**
   * 32 random bytes: as bytes, as base64 or base64url text (white space around it is left out), or as a `KeyObject` of node:crypto. A copy is kept.
   * Not a password: those are turned into keys with a function such as scrypt first.
   */
  readonly key: Uint8Array | string | KeyObject;
}

const KEY_BYTES = 32;

export const KEY_ID = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * By id, in the order given. Messages name the place and the id of a key, never what it is.
 * @param of whose they are
 */
export function keyring(keys: unknown, of: string): ReadonlyMap<string, KeyObject> {
  if (!Array.isArray(keys) || keys.length === 0) {
    throw new TypeError(`${of}: \`keys\` is a list with at least one { id, key }; the first one encrypts.`);
  }
  const ring = new Map<string, KeyObject>();
  for (const [index, given] of keys.entries()) {
    const { id, key } = (given ?? {}) as Partial<EncryptionKey>;
    if (typeof id !== 'string' || !KEY_ID.test(id)) {
      throw new TypeError(
        `${of}: keys[${index}].id is a text of 1 to 64 letters, digits, ".", "_" and "-". It is stored with each record.`,
      );
    }
    if (ring.has(id)) {
      throw new TypeError(`${of}: two keys have the id "${id}". Each key has an id of its own.`);
    }
    ring.set(id, secretOf(key, `${of}: the key "${id}"`));
  }
  return ring;
}

/** @param named what it is called in messages */
function secretOf(key: unknown, named: string): KeyObject {
  const secret = key instanceof KeyObject ? key : bytesOf(key, named);
  const bytes = secret instanceof KeyObject ? secret.symmetricKeySize : secret.length;
  if (bytes !== KEY_BYTES) {
    throw new RangeError(
      `${named} has ${bytes ?? 'no'} bytes; AES-256 takes ${KEY_BYTES}, such as randomBytes(32).`,
    );
  }
  if (secret instanceof KeyObject) return secret;
  if (secret.every((byte) => byte === secret[0])) {
    throw new TypeError(`${named} is one byte repeated. Was it ever filled?`);
  }
  return createSecretKey(secret);
}

function bytesOf(key: unknown, named: string): Uint8Array {
  if (isUint8Array(key)) return key;
  if (typeof key === 'string') {
    const bytes = Buffer.from(key, 'base64');
    const plain = key.trim().replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '');
    if (bytes.toString('base64').replace(/=+$/, '') === plain) return bytes;
    throw new TypeError(
      `${named} is a text, but not base64. Hex is turned into bytes with Buffer.from(text, 'hex').`,
    );
  }
  const given = key === null ? 'null' : typeof key;
  throw new TypeError(`${named} must be a Uint8Array, a base64 text or a secret KeyObject; got ${given}.`);
}
