/**
 * The names of the tags. An object of the document with exactly one key, and that key one of these, is a tagged
 * value; docs/formats/codec.md has the table with an example of each. Frozen: a name is never given another meaning.
 */
export const TAGS = [
  '$undefined',
  '$number',
  '$bigint',
  '$string',
  '$date',
  '$regexp',
  '$url',
  '$map',
  '$set',
  '$bytes',
  '$sparse',
  '$error',
  '$null',
  '$object',
  '$class',
] as const;

export type Tag = (typeof TAGS)[number];

const known: ReadonlySet<string> = new Set(TAGS);

/** The tag that an object of a document is; undefined for every other object. */
export function tagOf(source: object): Tag | undefined {
  const keys = Object.keys(source);
  const [first] = keys;
  return keys.length === 1 && known.has(first!) ? (first as Tag) : undefined;
}
