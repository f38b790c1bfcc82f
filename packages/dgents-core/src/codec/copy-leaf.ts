/** Copies of what has no parts. */
import { type Bytes, bytesClass, bytesOf, copyBytes } from './bytes.js';
import { bare, hasExtras } from './extras.js';
import { Refusal } from './refusal.js';

export function copyUrl(source: URL): URL {
  const target = new URL(source.href);
  if (target.href !== source.href) throw new Refusal('a URL that reads differently when it is parsed again');
  return target;
}

export function copyRegExp(source: RegExp): RegExp {
  if (Reflect.ownKeys(source).length !== 1) throw new Refusal('an extra property of a RegExp');
  const { lastIndex } = source;
  if (!Number.isSafeInteger(lastIndex) || lastIndex < 0 || Object.is(lastIndex, -0)) {
    throw new Refusal('a RegExp whose lastIndex is not an index');
  }
  const target = new RegExp(source.source, source.flags);
  target.lastIndex = lastIndex;
  return target;
}

/** Four characters of base64 for three bytes. */
export function base64Length(source: Bytes): number {
  return Math.ceil(bytesOf(source).length / 3) * 4;
}

export function copyOwnBytes(source: Bytes): Bytes {
  if (!ArrayBuffer.isView(source) || bytesClass(source) === 'DataView')
    return copyBytes(bare(source) as Bytes);
  const target = copyBytes(source);
  if (hasExtras(source as Uint8Array, target as Uint8Array)) {
    throw new Refusal('an extra property of a typed array');
  }
  return target;
}
