import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto';
import { StateCorruptionError } from '../errors.js';
import { type EncryptionKey, keyring } from './encryption-keys.js';
import type { TextPlace, Transform } from './transform.js';

export interface EncryptOptions {
  /** The first one encrypts; all of them decrypt. To rotate, put a new one in front. */
  readonly keys: readonly EncryptionKey[];
  /**
   * Authenticated with each record beside its address, and not stored: who reads has to give the same. For states whose
   * address does not tell them apart, as that of every `PersistentAgent` is `state`.
   */
  readonly context?: string;
  /**
   * Reads what was written without encryption too: only while a state that was kept in plain text is taken over. Whoever
   * can write to the store can pass off any text as such a one.
   */
  readonly acceptPlaintext?: boolean;
}

const PREFIX = 'a256gcm:';
/** What GCM is made for: others are hashed first, and are no better. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Changed when the layout or what is authenticated changes; the name does too, then. */
const DOMAIN = 'dgents a256gcm 1';

/**
 * Encrypts records, checkpoints and bases with AES-256-GCM, and refuses at reading whatever is not exactly what was
 * encrypted for this place: `StateCorruptionError` for what was altered, moved to another version or address, or
 * encrypted with another key, and for plain text.
 *
 *     nonce (12 random bytes) | ciphertext | tag (16 bytes)        codec "a256gcm:<key id>"
 *
 * Authenticated with it: address, kind, version, operation id, time, schema version, meta, what a patch follows, all that
 * was done before (the codec), and `context`. Not hidden: all of these but `context`, the size, and that there was a
 * change. A deletion holds nothing, and is neither encrypted nor authenticated; which history a whole state belongs to is
 * not authenticated. See docs/guide/encryption.md.
 *
 * @throws TypeError or RangeError for keys that are none; no message holds any of a key
 */
export function encrypt({ keys, context = '', acceptPlaintext = false }: EncryptOptions): Transform {
  const ring = keyring(keys, 'encrypt');
  if (typeof context !== 'string') throw new TypeError('encrypt: `context` is a text.');
  if (typeof acceptPlaintext !== 'boolean') {
    throw new TypeError('encrypt: `acceptPlaintext` is true or false.');
  }
  const writing = (keys[0] as EncryptionKey).id;
  return {
    required: !acceptPlaintext,
    encrypts: true,
    apply(bytes, applied, place) {
      const name = PREFIX + writing;
      const aad = authenticated(place, [...applied, name], context);
      return { name, bytes: sealBytes(ring.get(writing) as KeyObject, bytes, aad) };
    },
    knows: (name) => name.startsWith(PREFIX),
    undo(bytes, name, applied, place) {
      const id = name.slice(PREFIX.length);
      const key = ring.get(id);
      if (key === undefined) throw unknownKey(place, id);
      try {
        return openBytes(key, bytes, authenticated(place, [...applied, name], context));
      } catch (cause) {
        throw altered(place, id, cause);
      }
    },
  };
}

function sealBytes(key: KeyObject, plain: Uint8Array, aad: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(aad);
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Throws for anything that {@link sealBytes} did not make of this key and what is authenticated. */
function openBytes(key: KeyObject, sealed: Uint8Array, aad: Buffer): Buffer {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) throw new RangeError('too short for a nonce and a tag');
  const end = sealed.length - TAG_BYTES;
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(aad)
    .setAuthTag(sealed.subarray(end));
  return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, end)), decipher.final()]);
}

/** One text for each place: JSON, so that no two of them run together. */
function authenticated(place: TextPlace, names: readonly string[], context: string): Buffer {
  const { key, kind, version, id, at, after = null, schema = 1, meta = null } = place;
  return Buffer.from(
    JSON.stringify([DOMAIN, context, key, kind, version, id, at, after, schema, meta, names]),
  );
}

function unknownKey({ key, version }: TextPlace, id: string): StateCorruptionError {
  return new StateCorruptionError(
    `Version ${version} of "${key}" is encrypted with the key "${id}", which was not given. ` +
      'Give it too, behind the first of `keys`. What is stored was left as it is.',
    { key },
  );
}

function altered({ key, version }: TextPlace, id: string, cause: unknown): StateCorruptionError {
  return new StateCorruptionError(
    `Version ${version} of "${key}" does not decrypt with the key "${id}": it was altered, belongs to another place, ` +
      'or was encrypted with another key or context. What is stored was left as it is.',
    { key, cause },
  );
}
