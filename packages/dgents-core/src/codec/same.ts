/** Equality of the kinds that have no parts, and of bytes. */
import { isDeepStrictEqual } from 'node:util';
import { type Bytes, bytesClass, bytesOf } from './bytes.js';
import type { Kind } from './kinds.js';

/** Whether two leaves of the same kind are stored alike. */
export function sameLeaf(kind: Kind, a: object, b: object): boolean {
  switch (kind) {
    case 'date':
      return Object.is((a as Date).getTime(), (b as Date).getTime());
    case 'url':
      return (a as URL).href === (b as URL).href;
    case 'regexp':
      return String(a) === String(b) && (a as RegExp).lastIndex === (b as RegExp).lastIndex;
    case 'bytes':
      return (
        bytesClass(a as Bytes) === bytesClass(b as Bytes) && bytesOf(a as Bytes).equals(bytesOf(b as Bytes))
      );
    default:
      return false;
  }
}

/** The keys of a long typed array are as many strings; beyond this the comparison below is far cheaper. */
const FEW_BYTES = 64;

/** Whether nothing but the bytes makes up `source`, of which `copy` is a copy of the bytes. */
export function sameBytes(source: Bytes, copy: Bytes): boolean {
  if (Object.getOwnPropertySymbols(source).length !== 0) return false;
  // Compares own enumerable properties beside the elements without listing those. NaNs make it say no: then we list.
  if (source.byteLength > FEW_BYTES && isDeepStrictEqual(source, copy)) return true;
  const elements = ArrayBuffer.isView(source) ? ((source as Partial<Uint8Array>).length ?? 0) : 0;
  return Object.keys(source).length === elements;
}
