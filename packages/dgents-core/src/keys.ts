/** Addresses: what a key may be, and how to build one from parts. */
import type { BackendLimits } from './backend.js';
import { InvalidKeyError } from './errors.js';

/**
 * @throws TypeError when it is not a string
 * @throws InvalidKeyError when it is empty, too long, or belongs to dgents
 */
export function checkKey(key: string, { keyBytes }: BackendLimits): void {
  if (typeof key !== 'string') throw new TypeError(`A key is a string, not ${typeof key}.`);
  if (key === '') throw new InvalidKeyError('A key has at least one character.', { key });
  if (key.startsWith('$')) {
    throw new InvalidKeyError('Keys that start with "$" belong to dgents; start yours with something else.', {
      key,
    });
  }
  const bytes = Buffer.byteLength(key);
  if (bytes <= keyBytes) return;
  throw new InvalidKeyError(`The key has ${bytes} bytes; this store takes ${keyBytes}.`, {
    key: `${key.slice(0, 64)}…`,
  });
}

/**
 * A key made of parts, such that different parts never give the same key, and the key of some parts is a prefix of
 * those that continue them and of no others: `key('user', '4')` is `user:4:`, no prefix of `user:42:`. A number and
 * its text are different parts.
 */
export function key(...parts: readonly (string | number)[]): string {
  if (parts.length === 0) throw new TypeError('A key has at least one part.');
  return parts.map(escapePart).join('');
}

function escapePart(part: string | number, index: number): string {
  if (typeof part === 'number') {
    if (!Number.isFinite(part)) throw new RangeError(`${part} cannot be part of a key.`);
    return `#${Object.is(part, -0) ? 0 : part}:`;
  }
  if (typeof part !== 'string')
    throw new TypeError(`Parts of keys are strings and numbers, not ${typeof part}.`);
  const escaped = part.replaceAll('%', '%25').replaceAll(':', '%3A').replace(/^#/, '%23');
  return `${index === 0 ? escaped.replace(/^\$/, '%24') : escaped}:`;
}
