import type { ClassRegistry } from './classes.js';

/** What the walks of one codec share. */
export interface Rules {
  readonly maxDepth: number;
  readonly maxBytes: number;
  readonly classes: ClassRegistry;
  /** Keys met before that stand in a document as they are. States use few different ones, again and again. */
  readonly plainKeys: Set<string>;
  /** What the trait EXOTIC stands for, as far as it is part of a value that this codec made and holds privately. */
  readonly exotic: WeakSet<object>;
}

/** Bounded, since keys can be data: ids of users, say. */
const MOST_KEYS = 1024;
const LONGEST_KEY = 64;

export function rememberKey(plainKeys: Set<string>, key: string): void {
  if (plainKeys.size < MOST_KEYS && key.length <= LONGEST_KEY) plainKeys.add(key);
}

/**
 * How many levels of the *document* stand between a container and what is in it: `{"$map":[[k,v]]}` is three. Depth is
 * counted in these, so that what was stored can always be read, and never overflows `JSON.stringify`.
 */
export const LEVELS = { plain: 1, null: 2, set: 2, error: 2, class: 2, map: 3, keyed: 3, sparse: 4 } as const;
