/**
 * Keys as text that every database takes and orders the same way. Text of a database is UTF-8, and Postgres refuses
 * U+0000; a key may hold both that and half a surrogate pair. So these are escaped, by the character that comes before
 * them in the order of code points, such that different keys stay different and their order stays what it was:
 *
 *     U+0000 → U+0001 U+0001        U+0001 → U+0001 U+0002
 *     lone surrogate s → U+D7FF, then U+E000 + (s − U+D800)        U+D7FF → U+D7FF U+0001
 *
 * Everything else stays readable. Under a byte-wise collation UTF-8 has the order of code points.
 */
export function textOfKey(key: string): string {
  return SPECIAL.test(key) ? key.replace(ALL_SPECIAL, escaped) : key;
}

/** The key that {@link textOfKey} made this of. */
export function keyOfText(text: string): string {
  return MARKED.test(text) ? text.replace(ESCAPED, unescaped) : text;
}

// With the flag `u` a class of surrogates matches lone ones only.
// biome-ignore-start lint/suspicious/noControlCharactersInRegex: these are what is looked for
const SPECIAL = /[\0\u0001\ud7ff\ud800-\udfff]/u;
const ALL_SPECIAL = /[\0\u0001\ud7ff\ud800-\udfff]/gu;
const MARKED = /[\u0001\ud7ff]/;
const ESCAPED = /\u0001([\u0001\u0002])|\ud7ff([\u0001\ue000-\ue7ff])/g;
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: these are what is looked for

function escaped(character: string): string {
  const unit = character.charCodeAt(0);
  if (unit === 0) return '\u0001\u0001';
  if (unit === 1) return '\u0001\u0002';
  if (unit === 0xd7ff) return '\ud7ff\u0001';
  return `\ud7ff${String.fromCharCode(unit - 0xd800 + 0xe000)}`;
}

function unescaped(_: string, low: string | undefined, high: string | undefined): string {
  if (low !== undefined) return low === '\u0001' ? '\0' : '\u0001';
  return high === '\u0001' ? '\ud7ff' : String.fromCharCode((high as string).charCodeAt(0) - 0xe000 + 0xd800);
}

/**
 * Between which texts those of all keys with this prefix lie. A prefix that ends in the first half of a pair is cut
 * before it, so what is found has to be looked at again.
 */
export function textRangeOf(prefix: string): { readonly from: string; readonly below: string | undefined } {
  const from = textOfKey(prefix.replace(/[\ud800-\udbff]$/, ''));
  return { from, below: successor(from) };
}

/** The first text that begins differently and comes later; undefined where there is none. */
function successor(text: string): string | undefined {
  const points = [...text];
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    const code = last.codePointAt(0) as number;
    if (code === 0x10ffff) continue;
    // Text of a database has no surrogates.
    return points.join('') + String.fromCodePoint(code === 0xd7ff ? 0xe000 : code + 1);
  }
  return undefined;
}
