import type { Json } from './json.js';
import { HARD_MAX_DEPTH, Refusal } from './refusal.js';

const hasOwn = Object.prototype.hasOwnProperty;

/** How many bytes more than its own an ASCII character takes: none, one for a backslash, five for a \u00xx. */
const ESCAPE_BYTES = new Uint8Array(0x80).fill(5, 0, 0x20);
for (const character of '\b\t\n\f\r"\\') ESCAPE_BYTES[character.charCodeAt(0)] = 1;

/** Levels that tags may add below the deepest value. */
const SLACK = 8;

/**
 * How many bytes `JSON.stringify(document)` has in UTF-8, exactly, without building it.
 * @throws StateSerializationError when nested deeper than any document of dgents
 */
export function jsonBytes(document: Json): number {
  try {
    return measure(document, 0);
  } catch (error) {
    throw (error instanceof Refusal ? error : Refusal.of(error)).toError([], undefined);
  }
}

function measure(value: Json, depth: number): number {
  switch (typeof value) {
    case 'string':
      return stringBytes(value);
    case 'number':
      return numberBytes(value);
    case 'boolean':
      return value ? 4 : 5;
  }
  if (value === null) return 4;
  if (depth > HARD_MAX_DEPTH + SLACK) throw new Refusal(`nested deeper than ${HARD_MAX_DEPTH} levels`);
  return Array.isArray(value)
    ? arrayBytes(value, depth)
    : objectBytes(value as { [key: string]: Json }, depth);
}

function arrayBytes(value: readonly Json[], depth: number): number {
  const { length } = value;
  let bytes = length === 0 ? 2 : length + 1;
  for (let i = 0; i < length; i++) bytes += measure(value[i]!, depth + 1);
  return bytes;
}

function objectBytes(value: { readonly [key: string]: Json }, depth: number): number {
  let bytes = 1;
  for (const key in value) {
    if (hasOwn.call(value, key)) bytes += 2 + stringBytes(key) + measure(value[key]!, depth + 1);
  }
  return bytes === 1 ? 2 : bytes;
}

function numberBytes(value: number): number {
  if (Number.isInteger(value) && value >= 0 && value < 1e15) return digits(value);
  return String(value).length;
}

function digits(value: number): number {
  let count = 1;
  for (let bound = 10; value >= bound; bound *= 10) count++;
  return count;
}

/** A loop over the characters beats every combination of calls into the engine, at all lengths. */
function stringBytes(text: string): number {
  const { length } = text;
  let bytes = length + 2;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) bytes += ESCAPE_BYTES[code]!;
    else if (code < 0x800) bytes += 1;
    else if (code < 0xd800 || code > 0xdfff) bytes += 2;
    else if (isPairAt(text, i)) {
      bytes += 2; // Two units become four bytes.
      i++;
    } else bytes += 5; // A lone surrogate is written as \udxxx.
  }
  return bytes;
}

function isPairAt(text: string, i: number): boolean {
  const low = text.charCodeAt(i + 1);
  return text.charCodeAt(i) < 0xdc00 && low >= 0xdc00 && low <= 0xdfff;
}
