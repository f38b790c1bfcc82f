/** Equality of the kinds that are replaced as a whole. */
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
