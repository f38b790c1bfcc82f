/**
 * JSON Patch (RFC 6902) as logs hold it: the four operations that dgents writes, over encoded documents.
 *
 * A log can be replayed by any JSON Patch library; `add`, `remove`, `replace` and `move` are all that occurs.
 */
import type { Json } from '../codec/codec.js';

export type PatchOp =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: Json }
  | { readonly op: 'remove'; readonly path: string }
  | { readonly op: 'move'; readonly from: string; readonly path: string };

/** A JSON Pointer (RFC 6901) from the segments of an encoded document. */
export function formatPointer(segments: readonly (string | number)[]): string {
  let pointer = '';
  for (const segment of segments) {
    pointer += typeof segment === 'number' ? `/${segment}` : `/${escapeSegment(segment)}`;
  }
  return pointer;
}

function escapeSegment(segment: string): string {
  if (!segment.includes('~') && !segment.includes('/')) return segment;
  return segment.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** The segments of a JSON Pointer. */
export function parsePointer(pointer: string): string[] {
  if (pointer === '') return [];
  const segments = pointer.slice(1).split('/');
  if (!pointer.includes('~')) return segments;
  return segments.map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}
