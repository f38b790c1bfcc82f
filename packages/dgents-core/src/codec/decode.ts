/**
 * Document → value. Accepts exactly what the encoder writes: a document that could also be written otherwise would
 * make patches miss, since they address the document by the paths the encoder gives. What holds no tag is the value
 * already and is returned as it is, whole or in part.
 */

import { migrateFields } from './classes.js';
import { Cloner } from './clone.js';
import { define, putTogether, SLOT_NAMES } from './error-parts.js';
import { errorClasses } from './intrinsics.js';
import type { Json } from './json.js';
import { isEscaped, isEscapedForm, isPlainKey, isPlainString, unescapeKey } from './keys.js';
import { IN_MAP, IN_SET } from './path.js';
import {
  decodeBigInt,
  decodeBytesTag,
  decodeDate,
  decodeNumber,
  decodeRegExp,
  decodeString,
  decodeUrl,
  type Fields,
  fieldsOf,
  isCount,
  listOf,
  malformed,
  pairOf,
} from './payloads.js';
import { isOddNumber } from './primitives.js';
import { Refusal } from './refusal.js';
import { LEVELS, type Rules } from './rules.js';
import { type Tag, tagOf } from './tags.js';
import { EXOTIC, KEYED_BY_OBJECTS, OUTDATED, TAGGED, type Traits } from './traits.js';

const hasOwn = Object.prototype.hasOwnProperty;
const DOLLAR = 36;
const MAX_LENGTH = 0xffffffff;

type ExoticTag = Exclude<Tag, '$undefined' | '$number' | '$bigint' | '$string' | '$map' | '$set' | '$object'>;

/** Used once: it keeps what the walk has found out. */
export class Decoder {
  traits: Traits = 0;

  constructor(private readonly rules: Rules) {}

  decode(document: Json, depth: number): unknown {
    switch (typeof document) {
      case 'string':
        if (!isPlainString(document)) throw new Refusal('a string that has to be written as $string');
        return document;
      case 'number':
        if (isOddNumber(document)) throw new Refusal('a number that has to be written as $number');
        return document;
      case 'object':
        if (document === null) return document;
        return Array.isArray(document)
          ? this.decodeArray(document, depth)
          : this.decodeObject(document as Fields, depth);
      default:
        return document;
    }
  }

  private decodeArray(source: readonly Json[], depth: number): unknown {
    this.assertDepth(depth);
    let target: unknown[] | undefined;
    let i = 0;
    try {
      for (; i < source.length; i++) {
        const inner = source[i]!;
        const decoded = this.decode(inner, depth + 1);
        if (decoded !== inner) {
          target ??= source.slice();
          target[i] = decoded;
        }
      }
    } catch (error) {
      throw Refusal.at(error, source, i);
    }
    return target ?? source;
  }

  private decodeObject(source: Fields, depth: number): unknown {
    let target: Record<string, unknown> | undefined;
    let key = '';
    try {
      for (key in source) {
        if (!hasOwn.call(source, key)) continue;
        if (key.charCodeAt(0) === DOLLAR || key === '__proto__') break;
        if (!isPlainKey(key)) throw new Refusal('a key that has to be written as $object');
        const inner = source[key]!;
        const decoded = this.decode(inner, depth + 1);
        if (decoded !== inner) {
          target ??= { ...source };
          target[key] = decoded;
        }
      }
    } catch (error) {
      throw Refusal.at(error, source, key);
    }
    if (isEscaped(key) && hasOwn.call(source, key)) {
      // The shape of the keys decides, before any of them is unescaped: nothing can be read twice.
      const tag = tagOf(source);
      this.traits |= TAGGED;
      return tag === undefined ? this.decodeEscaped(source, depth) : this.decodeTag(tag, source[tag]!, depth);
    }
    this.assertDepth(depth);
    return target ?? source;
  }

  private assertDepth(depth: number): void {
    if (depth >= this.rules.maxDepth)
      throw new Refusal(`nested deeper than ${this.rules.maxDepth} levels (maxDepth)`);
  }

  private decodeEscaped(source: Fields, depth: number): unknown {
    this.assertDepth(depth);
    const target: Record<string, unknown> = {};
    for (const key of Object.keys(source)) {
      if (key === '__proto__') throw new Refusal('a key that has to be written as $__proto__');
      if (key.charCodeAt(0) === DOLLAR && !isEscapedForm(key)) throw new Refusal(`an unknown tag ${key}`);
      if (!isPlainKey(key)) throw new Refusal('a key that has to be written as $object');
      try {
        define(target, unescapeKey(key), this.decode(source[key]!, depth + 1));
      } catch (error) {
        throw Refusal.at(error, source, unescapeKey(key));
      }
    }
    return target;
  }

  private decodeTag(tag: Tag, payload: Json, depth: number): unknown {
    switch (tag) {
      case '$undefined':
        return payload === true ? undefined : malformed(tag);
      case '$number':
        return decodeNumber(payload);
      case '$bigint':
        return decodeBigInt(payload);
      case '$string':
        return decodeString(payload);
    }
    this.assertDepth(depth);
    switch (tag) {
      case '$map':
        return this.decodeMap(payload, depth + LEVELS.map);
      case '$set':
        return this.decodeSet(payload, depth + LEVELS.set);
      case '$object':
        return this.decodeKeyed(payload, depth + LEVELS.keyed);
    }
    this.traits |= EXOTIC;
    const value = this.decodeExotic(tag, payload, depth);
    this.rules.exotic.add(value);
    return value;
  }

  private decodeExotic(tag: ExoticTag, payload: Json, depth: number): object {
    switch (tag) {
      case '$date':
        return decodeDate(payload);
      case '$regexp':
        return decodeRegExp(payload);
      case '$url':
        return decodeUrl(payload);
      case '$bytes':
        return decodeBytesTag(payload);
      case '$sparse':
        return this.decodeSparse(payload, depth + LEVELS.sparse);
      case '$error':
        return this.decodeError(payload, depth + LEVELS.error);
      case '$null':
        return Object.assign(Object.create(null), this.decodeObject(fieldsOf(payload), depth + 1));
      case '$class':
        return this.decodeInstance(payload, depth + LEVELS.class);
    }
  }

  private decodeMap(payload: Json, depth: number): unknown {
    const target = new Map<unknown, unknown>();
    for (const [index, entry] of listOf(payload, '$map').entries()) {
      const [key, value] = pairOf(entry, '$map');
      try {
        const decodedKey = this.decode(key, depth);
        if (typeof decodedKey === 'object' && decodedKey !== null) this.traits |= KEYED_BY_OBJECTS;
        target.set(decodedKey, this.decode(value, depth));
      } catch (error) {
        throw Refusal.at(error, target, IN_MAP, index);
      }
    }
    return target.size === (payload as Json[]).length ? target : malformed('$map');
  }

  private decodeSet(payload: Json, depth: number): unknown {
    const target = new Set<unknown>();
    for (const [index, member] of listOf(payload, '$set').entries()) {
      try {
        target.add(this.decode(member, depth));
      } catch (error) {
        throw Refusal.at(error, target, IN_SET, index);
      }
    }
    return target.size === (payload as Json[]).length ? target : malformed('$set');
  }

  private decodeKeyed(payload: Json, depth: number): Record<string, unknown> {
    const target: Record<string, unknown> = {};
    let plain = true;
    for (const entry of listOf(payload, '$object')) {
      const [rawKey, value] = pairOf(entry, '$object');
      const key = this.decode(rawKey, depth);
      if (typeof key !== 'string' || Object.hasOwn(target, key)) return malformed('$object');
      plain &&= isPlainKey(key);
      try {
        define(target, key, this.decode(value, depth));
      } catch (error) {
        throw Refusal.at(error, target, key);
      }
    }
    return plain ? malformed('$object') : target;
  }

  private decodeSparse(payload: Json, depth: number): unknown[] {
    const [length, elements] = pairOf(payload, '$sparse');
    if (typeof length !== 'number' || !isCount(length) || length > MAX_LENGTH) return malformed('$sparse');
    const target: unknown[] = [];
    target.length = length;
    let next = 0;
    const list = listOf(elements, '$sparse');
    for (const element of list) {
      const [index, value] = pairOf(element, '$sparse');
      if (typeof index !== 'number' || !isCount(index) || index < next || index >= length)
        return malformed('$sparse');
      next = index + 1;
      try {
        target[index] = this.decode(value, depth);
      } catch (error) {
        throw Refusal.at(error, target, index);
      }
    }
    return list.length < length ? target : malformed('$sparse');
  }

  private decodeError(payload: Json, depth: number): object {
    if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return malformed('$error');
    const { name, fields, ...rest } = payload as Fields;
    if (typeof name !== 'string' || !errorClasses.has(name)) return malformed('$error');
    const slots: Record<string, unknown> = {};
    for (const slot of Object.keys(rest)) {
      if (!SLOT_NAMES.includes(slot)) return malformed('$error');
      try {
        slots[slot] = this.decode(rest[slot]!, depth);
      } catch (error) {
        throw Refusal.at(error, slots, slot);
      }
    }
    return putTogether({
      name,
      slots,
      fields:
        fields === undefined ? {} : (this.decodeObject(fieldsOf(fields), depth) as Record<string, unknown>),
    });
  }

  private decodeInstance(payload: Json, depth: number): object {
    const [name, fields] = pairOf(payload, '$class');
    if (typeof name !== 'string') return malformed('$class');
    const { classes } = this.rules;
    const found = classes.find(name);
    if (found === undefined) {
      throw new Refusal(`an instance of class ${JSON.stringify(name)}, which is not listed in \`classes\``);
    }
    const { entry, version } = found;
    const decoded = this.decodeObject(fieldsOf(fields), depth) as Record<string, unknown>;
    const outdated = version !== entry.version;
    if (entry.fields !== undefined && !outdated) return classes.revive(entry, decoded);
    // A copy, because `decode` may keep and change what it is given, and the document may be shared.
    const own = new Cloner(classes).clone(decoded, depth) as Record<string, unknown>;
    if (!outdated) return classes.revive(entry, own);
    this.traits |= OUTDATED;
    return classes.revive(entry, migrateFields(entry, own, version));
  }
}
