/** A key of an object or an index of an array. */
export type PathSegment = string | number;

// The pseudo-segments begin with NUL so that no ordinary key reads as one of them.
/** Between a Map and the number of its entry: `$.m<Map>[2].value`, `$.m<Map>[2].key`. */
export const IN_MAP = '\0<Map>';
/** Between a Set and the number of its member: `$.s<Set>[0]`. */
export const IN_SET = '\0<Set>';

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** The readable form of a path: `$.users[3].callback`, `$["two words"]`, `$.m<Map>[2].value`; the root is `$`. */
export function formatPath(path: readonly PathSegment[]): string {
  let text = '$';
  for (const segment of path) text += formatSegment(segment);
  return text;
}

function formatSegment(segment: PathSegment): string {
  if (typeof segment === 'number') return `[${segment}]`;
  if (segment === IN_MAP || segment === IN_SET) return segment.slice(1);
  return IDENTIFIER.test(segment) ? `.${segment}` : `[${JSON.stringify(segment)}]`;
}
