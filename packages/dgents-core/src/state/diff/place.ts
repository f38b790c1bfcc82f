/** From a place in the document to the place in the user's state, for error messages. */
import type { PathSegment } from '../../codec/codec.js';
import { unescapeKey } from '../../codec/keys.js';
import { IN_MAP, IN_SET } from '../../codec/path.js';
import type { Segment } from './patch-writer.js';

/** `['m', '$map', 3, 1, '$$a']` is `m<Map>[3].value.$a` to the user. */
export function valuePath(pointer: readonly Segment[]): PathSegment[] {
  const path: PathSegment[] = [];
  for (let i = 0; i < pointer.length; i += 1) {
    const segment = pointer[i] as Segment;
    switch (segment) {
      case '$map':
        path.push(IN_MAP);
        if (i + 1 < pointer.length) path.push(pointer[i + 1] as Segment);
        if (i + 2 < pointer.length) path.push(pointer[i + 2] === 0 ? 'key' : 'value');
        i += 2;
        break;
      case '$set':
        path.push(IN_SET);
        break;
      case '$class':
        i += 1; // The fields are the second part of the tag.
        break;
      case '$null':
        break;
      default:
        path.push(typeof segment === 'number' ? segment : unescapeKey(segment));
    }
  }
  return path;
}
