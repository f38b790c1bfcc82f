/**
 * Keys and ids as they stand in names and lines of Redis, different for different ones:
 *
 *     %  →  %25      {  →  %7B      }  →  %7D      half a surrogate pair  →  %uD800
 *
 * Braces would decide in which slot of a Cluster a log lies. UTF-8 has no halves of pairs: all would become the same. In
 * ids white space and control characters are escaped too, since a line is split at them; an empty id is `%`.
 */
// With the flag `u` a class of surrogates matches lone ones only.
const SPECIAL_IN_KEY = /[%{}\ud800-\udfff]/u;
const ALL_SPECIAL_IN_KEY = /[%{}\ud800-\udfff]/gu;
const PLAIN_ID = /^[\w.:~/+=@#-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const ALL_SPECIAL_IN_ID = /[\u0000-\u0020%\u007f-\u00a0\u2028\u2029\ud800-\udfff]/gu;
const ESCAPED = /%(?:u([0-9A-F]{4})|([0-9A-F]{2}))/g;

export function textOfKey(key: string): string {
  return SPECIAL_IN_KEY.test(key) ? key.replace(ALL_SPECIAL_IN_KEY, escaped) : key;
}

export function keyOfText(text: string): string {
  return text.includes('%') ? text.replace(ESCAPED, unescaped) : text;
}

export function textOfId(id: string): string {
  if (PLAIN_ID.test(id)) return id;
  return id === '' ? '%' : id.replace(ALL_SPECIAL_IN_ID, escaped);
}

export function idOfText(text: string): string {
  return text === '%' ? '' : keyOfText(text);
}

function escaped(character: string): string {
  const unit = character.charCodeAt(0);
  const digits = unit.toString(16).toUpperCase();
  return unit < 0x100 ? `%${digits.padStart(2, '0')}` : `%u${digits.padStart(4, '0')}`;
}

function unescaped(_: string, long: string | undefined, short: string | undefined): string {
  return String.fromCharCode(Number.parseInt((long ?? short) as string, 16));
}

/**
 * What the texts of all keys with this prefix begin with. A prefix that ends in the first half of a pair is cut before
 * it, so what is found has to be looked at again.
 */
export function textOfPrefix(prefix: string): string {
  return textOfKey(prefix.replace(/[\ud800-\udbff]$/, ''));
}

/** A text as a pattern of SCAN that matches nothing else. */
export function patternOf(text: string): string {
  return text.replace(/[*?[\]\\^-]/g, '\\$&');
}
