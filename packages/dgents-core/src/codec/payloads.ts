/** The payloads of tags that hold no other values, read back; and the shapes that payloads have. */
import { decodeBytes } from './bytes.js';
import type { Json } from './json.js';
import { isPlainString } from './keys.js';
import { Refusal } from './refusal.js';
import { type Tag, tagOf } from './tags.js';

export type Fields = { readonly [key: string]: Json };

const BIGINT = /^(?:0|-?[1-9]\d*)$/;

export function malformed(tag: Tag): never {
  throw new Refusal(`a malformed ${tag}`);
}

export function listOf(payload: Json, tag: Tag): readonly Json[] {
  return Array.isArray(payload) ? payload : malformed(tag);
}

export function pairOf(payload: Json, tag: Tag): readonly [Json, Json] {
  return Array.isArray(payload) && payload.length === 2 ? (payload as [Json, Json]) : malformed(tag);
}

export function isCount(value: Json): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0);
}

export function decodeNumber(payload: Json): number {
  switch (payload) {
    case '-0':
      return -0;
    case 'NaN':
      return Number.NaN;
    case 'Infinity':
      return Number.POSITIVE_INFINITY;
    case '-Infinity':
      return Number.NEGATIVE_INFINITY;
    default:
      return malformed('$number');
  }
}

export function decodeString(payload: Json): string {
  if (typeof payload !== 'string') return malformed('$string');
  const text: unknown = JSON.parse(`"${payload}"`);
  const canonical =
    typeof text === 'string' && !isPlainString(text) && JSON.stringify(text) === `"${payload}"`;
  return canonical ? text : malformed('$string');
}

export function decodeDate(payload: Json): Date {
  if (payload === null) return new Date(Number.NaN);
  const date = new Date(typeof payload === 'string' ? payload : Number.NaN);
  return !Number.isNaN(date.getTime()) && date.toISOString() === payload ? date : malformed('$date');
}

export function decodeRegExp(payload: Json): RegExp {
  if (!Array.isArray(payload) || payload.length !== 3) return malformed('$regexp');
  const [source, flags, lastIndex] = payload as readonly Json[];
  if (typeof source !== 'string' || typeof flags !== 'string' || !isCount(lastIndex!))
    return malformed('$regexp');
  const regexp = new RegExp(source, flags);
  if (regexp.source !== source || regexp.flags !== flags) return malformed('$regexp');
  regexp.lastIndex = lastIndex;
  return regexp;
}

export function decodeUrl(payload: Json): URL {
  const url = new URL(typeof payload === 'string' ? payload : '');
  return url.href === payload ? url : malformed('$url');
}

export function decodeBytesTag(payload: Json): object {
  const [name, base64] = pairOf(payload, '$bytes');
  const bytes =
    typeof name === 'string' && typeof base64 === 'string' ? decodeBytes(name, base64) : undefined;
  return bytes ?? malformed('$bytes');
}

export function decodeBigInt(payload: Json): bigint {
  return typeof payload === 'string' && BIGINT.test(payload) ? BigInt(payload) : malformed('$bigint');
}

/** The fields of something: an object, also one that has to be written as `$object`, but nothing else tagged. */
export function fieldsOf(payload: Json): Fields {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload))
    throw new Refusal('no fields');
  const tag = tagOf(payload);
  if (tag !== undefined && tag !== '$object') throw new Refusal('no fields');
  return payload as Fields;
}
