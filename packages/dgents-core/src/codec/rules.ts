import type { ClassRegistry } from './classes.js';

/** What the walks of one codec share. */
export interface Rules {
  readonly maxDepth: number;
  readonly maxBytes: number;
  readonly classes: ClassRegistry;
}

/**
 * How many levels of the *document* stand between a container and what is in it: `{"$map":[[k,v]]}` is three. Depth is
 * counted in these, so that what was stored can always be read, and never overflows `JSON.stringify`.
 */
export const LEVELS = { plain: 1, null: 2, set: 2, error: 2, class: 2, map: 3, keyed: 3, sparse: 4 } as const;
