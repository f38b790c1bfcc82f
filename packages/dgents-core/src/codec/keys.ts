/**
 * How the keys of an object are written in a document: a key that starts with `$` gets one more, because one-key
 * objects whose key starts with a single `$` are tags; `__proto__` is written `$__proto__`, because JSON Patch
 * libraries rightly refuse to touch `/__proto__`. Both ways are exact inverses of each other.
 */
const DOLLAR = 36;

/** The key as it stands in a document. */
export function escapeKey(key: string): string {
  return key.charCodeAt(0) === DOLLAR || key === '__proto__' ? `$${key}` : key;
}

/** The key as the user wrote it; the inverse of {@link escapeKey}. */
export function unescapeKey(key: string): string {
  return key.charCodeAt(0) === DOLLAR ? key.slice(1) : key;
}

/** Whether {@link escapeKey} would change it. */
export function isEscaped(key: string): boolean {
  return key.charCodeAt(0) === DOLLAR || key === '__proto__';
}

/** Whether a key that starts with `$` in a document is an escaped one, and not a tag or a mistake. */
export function isEscapedForm(key: string): boolean {
  return key.charCodeAt(1) === DOLLAR || key === '$__proto__';
}

/** Whether the key can stand in a document: no U+0000 and no lone surrogate, which Postgres' jsonb refuses. */
export function isPlainKey(key: string): boolean {
  const { length } = key;
  if (length > 24) return isPlainString(key);
  for (let i = 0; i < length; i++) {
    // One comparison finds both U+0000 and everything from the surrogates on; the rest is settled exactly.
    if (((key.charCodeAt(i) - 1) & 0xffff) >= 0xd7ff) return isPlainString(key);
  }
  return true;
}

/** ES2024, in every supported Node, not yet in the library of our TypeScript target. */
interface WellFormed {
  isWellFormed(): boolean;
}

/** Whether the string can stand in a document as it is. */
export function isPlainString(text: string): boolean {
  return !text.includes('\0') && (text as unknown as WellFormed).isWellFormed();
}
