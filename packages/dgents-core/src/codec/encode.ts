/** Value → document. What needs no tag is the document already and is returned as it is, whole or in part. */
import { type Bytes, encodeBytes } from './bytes.js';
import type { ClassRegistry } from './classes.js';
import { define, SLOT_NAMES, takeApart } from './error-parts.js';
import type { Json } from './json.js';
import { escapeKey, isEscaped, isPlainKey, isPlainString } from './keys.js';
import { kindOf } from './kinds.js';
import { isOddNumber } from './primitives.js';
import { HARD_MAX_DEPTH, Refusal } from './refusal.js';

const hasOwn = Object.prototype.hasOwnProperty;

type Fields = Record<string, unknown>;

export class Encoder {
  constructor(private readonly classes: ClassRegistry) {}

  encode(value: unknown, depth: number): Json {
    switch (typeof value) {
      case 'string':
        return isPlainString(value) ? value : { $string: encodeString(value) };
      case 'number':
        return isOddNumber(value) ? { $number: Object.is(value, -0) ? '-0' : String(value) } : value;
      case 'boolean':
        return value;
      case 'undefined':
        return { $undefined: true };
      case 'bigint':
        return { $bigint: String(value) };
      case 'object':
        return value === null ? null : this.encodeObject(value, depth);
      default:
        throw new Refusal('not a value that this codec has checked');
    }
  }

  private encodeObject(value: object, depth: number): Json {
    if (depth > HARD_MAX_DEPTH) throw new Refusal(`nested deeper than ${HARD_MAX_DEPTH} levels`);
    switch (kindOf(value, this.classes)) {
      case 'object':
        return this.encodeFields(value as Fields, depth);
      case 'array':
        return this.encodeArray(value as unknown[], depth);
      case 'null-object':
        return { $null: this.encodeFields({ ...value } as Fields, depth + 1) };
      case 'sparse':
        return { $sparse: [(value as unknown[]).length, this.encodeElements(value as unknown[], depth + 1)] };
      case 'map':
        return {
          $map: Array.from(value as Map<unknown, unknown>, (entry) => this.encodePair(entry, depth + 1)),
        };
      case 'set':
        return { $set: Array.from(value as Set<unknown>, (member) => this.encode(member, depth + 1)) };
      case 'date':
        return { $date: Number.isNaN((value as Date).getTime()) ? null : (value as Date).toISOString() };
      case 'regexp':
        return { $regexp: [(value as RegExp).source, (value as RegExp).flags, (value as RegExp).lastIndex] };
      case 'url':
        return { $url: (value as URL).href };
      case 'bytes':
        return { $bytes: encodeBytes(value as Bytes) };
      case 'error':
        return { $error: this.encodeError(value as Error, depth + 1) };
      case 'class':
        return {
          $class: [
            this.classes.nameOf(value),
            this.encodeFields({ ...this.classes.fieldsOf(value) } as Fields, depth + 1),
          ],
        };
      case 'unstorable':
        throw new Refusal('not a value that this codec has checked');
    }
  }

  private encodeFields(source: Fields, depth: number): Json {
    let target: Record<string, Json> | undefined;
    for (const key in source) {
      if (!hasOwn.call(source, key)) continue;
      if (isEscaped(key) || !isPlainKey(key)) return this.encodeEscaped(source, depth);
      const value = source[key];
      const encoded = this.encode(value, depth + 1);
      if (encoded !== value) {
        target ??= { ...source } as Record<string, Json>;
        target[key] = encoded;
      }
    }
    return target ?? (source as Record<string, Json>);
  }

  private encodeEscaped(source: Fields, depth: number): Json {
    const keys = Object.keys(source);
    if (!keys.every(isPlainKey)) {
      return { $object: keys.map((key) => [this.encode(key, depth), this.encode(source[key], depth + 1)]) };
    }
    const target: Record<string, Json> = {};
    for (const key of keys) define(target, escapeKey(key), this.encode(source[key], depth + 1));
    return target;
  }

  private encodeArray(source: readonly unknown[], depth: number): Json {
    let target: Json[] | undefined;
    for (let i = 0; i < source.length; i++) {
      const value = source[i];
      const encoded = this.encode(value, depth + 1);
      if (encoded !== value) {
        target ??= source.slice() as Json[];
        target[i] = encoded;
      }
    }
    return target ?? (source as readonly Json[]);
  }

  private encodeElements(source: readonly unknown[], depth: number): Json {
    return Object.keys(source).map((key) => [Number(key), this.encode(source[Number(key)], depth + 1)]);
  }

  private encodePair([key, value]: [unknown, unknown], depth: number): Json {
    return [this.encode(key, depth + 1), this.encode(value, depth + 1)];
  }

  private encodeError(error: Error, depth: number): Json {
    const { name, slots, fields } = takeApart(error);
    const target: Record<string, Json> = { name };
    for (const slot of SLOT_NAMES) {
      if (Object.hasOwn(slots, slot)) target[slot] = this.encode(slots[slot], depth + 1);
    }
    if (Object.keys(fields).length > 0) target.fields = this.encodeFields(fields, depth + 1);
    return target;
  }
}

/** The text between the quotes of its JSON form, which is ASCII where the string itself cannot be stored. */
function encodeString(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}
