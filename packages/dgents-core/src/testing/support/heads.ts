import type { Head } from '../../backend.js';

/** What the port says of a head, for comparing: a backend may tell more, and its token is its own affair. */
export function bare(head: Head | null): Head | null {
  if (head === null) return null;
  const { version, id, at, deleted } = head;
  return { version, id, at, deleted };
}
