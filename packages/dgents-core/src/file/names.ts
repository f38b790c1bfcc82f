import { createHash } from 'node:crypto';
import { MAX_HEADER_BYTES } from './header.js';

/**
 * File names for keys: every key its own, on every file system, and readable where the key is simple.
 *
 *     user:42   user%3a42.jsonl        Ada    %41da.jsonl        ../x   %2e.%2fx.jsonl        con   %63on.jsonl
 *
 * Lower-case letters, digits, `-`, `_` and inner dots stand for themselves; everything else, capitals included, is
 * `%` and two hex digits for each byte of its UTF-8 (three bytes also for a lone surrogate). So names differ in more than case and
 * accents, hold nothing that a file system normalises or refuses, and never leave their directory. A name that
 * would be too long is cut, and ends in `+` and a hash of the key; the header of the file then tells the key.
 */
export function fileNameOf(key: string, suffix: string): string {
  const stem = escaped(key);
  if (stem.length <= MAX_STEM) return stem + suffix;
  const hash = createHash('sha256').update(stem).digest('hex').slice(0, HASH_DIGITS);
  return `${stem.slice(0, READABLE_STEM).replace(/%.?$/, '')}+${hash}${suffix}`;
}

/** 255 bytes are allowed nearly everywhere; this leaves room for the suffixes of drafts and torn tails. */
const MAX_STEM = 180;
const READABLE_STEM = 80;

/** 160 bits: no two keys will ever meet. */
const HASH_DIGITS = 40;

/** Names that Windows takes for devices, whatever their suffix. */
const RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:$|\.)/;

const PLAIN = /^[a-z0-9_.-]$/;

function escaped(key: string): string {
  let stem = '';
  for (const character of key) stem += PLAIN.test(character) ? character : percent(character);
  const first = stem.charCodeAt(0);
  if (first === DOT || RESERVED.test(stem)) stem = hexByte(first) + stem.slice(1);
  return stem;
}

const DOT = 46;

function percent(character: string): string {
  const code = character.codePointAt(0) as number;
  if (code < 0xd800 || code > 0xdfff) return [...Buffer.from(character)].map(hexByte).join('');
  return [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)].map(hexByte).join('');
}

function hexByte(byte: number): string {
  return `%${byte.toString(16).padStart(2, '0')}`;
}

/** A name as it says what it stands for: a key, a key that only the file itself can tell, or nothing of ours. */
export type Named = { readonly key: string } | { readonly hashed: true } | undefined;

/** What a file name stands for. */
export function keyOf(name: string, suffix: string): Named {
  if (!name.endsWith(suffix)) return undefined;
  const stem = name.slice(0, -suffix.length);
  if (/^[a-z0-9_.%-]*\+[0-9a-f]{40}$/.test(stem)) return { hashed: true };
  const key = unescaped(stem);
  return key !== undefined && fileNameOf(key, suffix) === name ? { key } : undefined;
}

function unescaped(stem: string): string | undefined {
  if (!/^(?:[a-z0-9_.-]|%[0-9a-f]{2})+$/.test(stem)) return undefined;
  const bytes = Buffer.from(
    stem.replace(/%(..)/g, (_escape, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))),
    'latin1',
  );
  // Lone surrogates are no UTF-8 to a decoder: they are cut out and put back.
  let key = '';
  let from = 0;
  for (let at = bytes.indexOf(0xed); at >= 0; at = bytes.indexOf(0xed, at + 1)) {
    if ((bytes[at + 1] ?? 0) < 0xa0) continue;
    const unit = 0xd000 | (((bytes[at + 1] as number) & 0x3f) << 6) | ((bytes[at + 2] ?? 0) & 0x3f);
    key += bytes.toString('utf8', from, at) + String.fromCharCode(unit);
    from = at + 3;
  }
  return key + bytes.toString('utf8', from);
}

/** How much of a file has to be read to know its header. */
export const HEADER_BYTES = MAX_HEADER_BYTES;
