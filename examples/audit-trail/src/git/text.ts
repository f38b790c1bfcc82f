/** Names in git are bytes. Here they are strings, and none of their bytes is lost. */
import { isUtf8 } from 'node:buffer';

/**
 * UTF-8 where it is; a byte that fits into no character becomes U+DC00 + its value, half of a surrogate pair, which no
 * valid UTF-8 leads to. So two names that differ stay two names (PEP 383 does the same).
 */
export function textOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  let out = '';
  for (let i = 0; i < bytes.length; ) {
    const length = characterAt(bytes, i);
    out +=
      length === 0 ? String.fromCharCode(0xdc00 + (bytes[i] ?? 0)) : bytes.toString('utf8', i, i + length);
    i += Math.max(1, length);
  }
  return out;
}

/** How many bytes the character takes that begins there; 0 for a byte that begins none. */
function characterAt(bytes: Buffer, start: number): number {
  const first = bytes[start] ?? 0;
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const character = bytes.subarray(start, start + length);
  return isUtf8(character) ? character.length : 0;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\t': '\\t',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
};

/**
 * A name as a terminal may show it: as it is, or in double quotes with escapes, as git does. Control characters never reach
 * a terminal: a name could otherwise colour it, clear it or rename its window.
 */
export function shown(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
  const special = /["\\\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/u;
  if (!special.test(name)) return name;
  return `"${Array.from(name, (character) => (special.test(character) ? escaped(character) : character)).join('')}"`;
}

function escaped(character: string): string {
  const code = character.charCodeAt(0);
  if (code >= 0xdc80 && code <= 0xdcff) return `\\${(code - 0xdc00).toString(8)}`; // a byte of its own
  return ESCAPES[character] ?? `\\u${code.toString(16).padStart(4, '0')}`;
}
