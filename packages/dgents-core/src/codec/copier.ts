/** The way in: checks a value and copies it in one walk, so that nobody else holds any part of what is kept. */
import type { Bytes } from './bytes.js';
import { base64Length, copyOwnBytes, copyRegExp, copyUrl } from './copy-leaf.js';
import { describe } from './describe.js';
import { define, putTogether, takeApart } from './error-parts.js';
import { assertNoSetter, bare, extraOfArray, hasExtras, hidden } from './extras.js';
import { isEscaped, isPlainKey, isPlainString } from './keys.js';
import { hasHoles, isIndex, type Kind, kindOf } from './kinds.js';
import { IN_MAP, IN_SET } from './path.js';
import { isOddNumber } from './primitives.js';
import { Oversize, Refusal } from './refusal.js';
import { LEVELS, type Rules, rememberKey } from './rules.js';
import { EXOTIC, KEYED_BY_OBJECTS, TAGGED, type Traits } from './traits.js';
import { weigh } from './weigh.js';

/** Up to here a walk copies without asking how much is to come; a bomb of shared references has doubled by then. */
const PAUSE_BYTES = 1 << 20;

const lookupGetter = (Object.prototype as { __lookupGetter__?(key: PropertyKey): unknown }).__lookupGetter__!;
const hasOwn = Object.prototype.hasOwnProperty;
const { slice } = Array.prototype;

/** Used once: it keeps what the walk has found out. */
export class Copier {
  traits: Traits = 0;
  /** A lower bound of what the value weighs as JSON text, in bytes. */
  private bytes = 0;
  private pauseBytes: number;

  constructor(
    private readonly rules: Rules,
    private readonly root: unknown,
  ) {
    this.pauseBytes = Math.min(PAUSE_BYTES, rules.maxBytes);
  }

  copy(value: unknown, depth: number): unknown {
    switch (typeof value) {
      case 'object':
        if (value === null) return this.weigh(4, null);
        return this.copyObject(value, depth);
      case 'string':
        if (!isPlainString(value)) this.traits |= TAGGED;
        return this.weigh(value.length + 2, value);
      case 'number':
        if (isOddNumber(value)) this.traits |= TAGGED;
        return this.weigh(1, value);
      case 'boolean':
        return this.weigh(4, value);
      case 'undefined':
      case 'bigint':
        this.traits |= TAGGED;
        return this.weigh(18, value);
      case 'symbol':
        throw new Refusal('a symbol');
      default:
        throw new Refusal('a function');
    }
  }

  private weigh<T>(bytes: number, value: T): T {
    this.bytes += bytes;
    if (this.bytes > this.pauseBytes) this.lookAhead();
    return value;
  }

  /**
   * The value is large, or a small one in which much is shared and would be written out again and again. Finding out
   * takes a walk that keeps nothing, so a bomb is refused before it has taken memory.
   */
  private lookAhead(): void {
    const { maxBytes } = this.rules;
    if (this.bytes <= maxBytes) weigh(this.root, this.rules);
    else throw new Oversize(this.bytes);
    this.pauseBytes = maxBytes;
  }

  private copyObject(source: object, depth: number): unknown {
    this.assertDepth(depth);
    const prototype: object | null = Object.getPrototypeOf(source);
    if (Array.isArray(source)) {
      if (prototype === Array.prototype) return this.copyArray(source, depth);
    } else if (prototype === Object.prototype) return this.copyFields(source as Fields, depth, false);
    return this.copyOther(source, kindOf(source, this.rules.classes), depth);
  }

  private assertDepth(depth: number): void {
    const { maxDepth } = this.rules;
    if (depth >= maxDepth) throw new Refusal(`nested deeper than ${maxDepth} levels (maxDepth)`);
  }

  private copyOther(source: object, kind: Kind, depth: number): unknown {
    switch (kind) {
      case 'object':
        return this.copyFields(source as Fields, depth, false);
      case 'array':
      case 'sparse':
        return this.copyArray(source as unknown[], depth);
    }
    this.traits |= TAGGED;
    this.weigh(10, null);
    switch (kind) {
      case 'map':
        return this.copyMap(bare(source) as Map<unknown, unknown>, depth);
      case 'set':
        return this.copySet(bare(source) as Set<unknown>, depth);
    }
    this.traits |= EXOTIC;
    const copy = this.copyExotic(source, kind, depth);
    this.rules.exotic.add(copy);
    return copy;
  }

  private copyExotic(
    source: object,
    kind: Exclude<Kind, 'object' | 'array' | 'sparse' | 'map' | 'set'>,
    depth: number,
  ): object {
    switch (kind) {
      case 'null-object':
        this.assertDepth(depth + 1);
        return this.copyFields(source as Fields, depth + 1, true);
      case 'error':
        return this.copyError(source as Error, depth);
      case 'class':
        return this.copyInstance(source, depth);
      case 'date':
        return new Date(Date.prototype.getTime.call(bare(source)));
      case 'url':
        return copyUrl(bare(source) as URL);
      case 'regexp':
        return copyRegExp(source as RegExp);
      case 'bytes':
        // Weighed before the memory is taken.
        this.weigh(base64Length(source as Bytes), null);
        return copyOwnBytes(source as Bytes);
      case 'unstorable':
        throw new Refusal(describe(source));
    }
  }

  /**
   * `step` is how many levels of the document the object takes. Only its keys can tell: when one of them cannot stand
   * in a document, the walk begins again with the longer form.
   */
  private copyFields(source: Fields, depth: number, bare: boolean, step: number = LEVELS.plain): Fields {
    const { plainKeys } = this.rules;
    const bytesBefore = this.bytes;
    if (Object.getOwnPropertySymbols(source).length !== 0) throw new Refusal('a symbol as key');
    const target: Fields = bare ? Object.create(null) : {};
    let count = 0;
    let key = '';
    try {
      for (key in source) {
        if (!hasOwn.call(source, key)) continue;
        count++;
        if (lookupGetter.call(source, key) !== undefined) throw new Refusal('an accessor');
        if (!plainKeys.has(key) && !this.checkKey(key) && step !== LEVELS.keyed) {
          this.bytes = bytesBefore;
          return this.copyFields(source, depth, bare, LEVELS.keyed);
        }
        this.bytes += key.length + 4;
        let value = source[key];
        if (typeof value === 'string') {
          if (!isPlainString(value)) this.traits |= TAGGED;
          this.bytes += value.length + 2;
        } else if (typeof value === 'number') {
          if (isOddNumber(value)) this.traits |= TAGGED;
          this.bytes++;
        } else if (typeof value === 'object' && value !== null) value = this.copyObject(value, depth + step);
        else this.copyRest(value, source, key);
        if (key === '__proto__') define(target, key, value);
        else target[key] = value;
      }
    } catch (error) {
      throw Refusal.at(error, source, key);
    }
    if (count !== Object.getOwnPropertyNames(source).length) throw hidden(source);
    if (this.bytes > this.pauseBytes) this.lookAhead();
    return target;
  }

  /** Whether the key can stand in a document; remembers the usual ones, which need nothing at all. */
  private checkKey(key: string): boolean {
    const plain = isPlainKey(key);
    if (!plain || isEscaped(key)) this.traits |= TAGGED;
    else rememberKey(this.rules.plainKeys, key);
    return plain;
  }

  /** The primitives that are seldom seen, and what is none. */
  private copyRest(value: unknown, source: object, key: PropertyKey): void {
    if (value === undefined) assertNoSetter(source, key);
    this.copy(value, 0);
  }

  private copyArray(source: readonly unknown[], depth: number): unknown[] {
    if (hasHoles(source)) return this.copySparse(source, Object.keys(source), depth);
    const target: unknown[] = slice.call(source);
    const { length } = target;
    if (hasExtras(source, target)) throw extraOfArray(source, Object.keys(source));
    let i = 0;
    try {
      for (; i < length; i++) {
        if (lookupGetter.call(source, i) !== undefined) throw new Refusal('an accessor');
        const value = target[i];
        if (typeof value === 'number') {
          if (isOddNumber(value)) this.traits |= TAGGED;
          this.bytes++;
        } else if (typeof value === 'string') {
          if (!isPlainString(value)) this.traits |= TAGGED;
          this.bytes += value.length + 2;
        } else if (typeof value === 'object' && value !== null) {
          target[i] = this.copyObject(value, depth + LEVELS.plain);
        } else this.copyRest(value, source, i);
      }
    } catch (error) {
      throw Refusal.at(error, source, i);
    }
    return this.weigh(1 + length, target);
  }

  private copySparse(source: readonly unknown[], keys: readonly string[], depth: number): unknown[] {
    if (Object.getOwnPropertySymbols(source).length !== 0 || !keys.every(isIndex))
      throw extraOfArray(source, keys);
    this.traits |= TAGGED | EXOTIC;
    const target: unknown[] = [];
    target.length = source.length;
    for (const key of keys) {
      const index = Number(key);
      try {
        if (lookupGetter.call(source, index) !== undefined) throw new Refusal('an accessor');
        if (source[index] === undefined) assertNoSetter(source, index);
        target[index] = this.weigh(4, this.copy(source[index], depth + LEVELS.sparse));
      } catch (error) {
        throw Refusal.at(error, source, index);
      }
    }
    return target;
  }

  private copyMap(source: Map<unknown, unknown>, depth: number): Map<unknown, unknown> {
    const target = new Map<unknown, unknown>();
    let index = 0;
    let side = 'key';
    try {
      for (const [key, value] of Map.prototype.entries.call(source)) {
        side = 'key';
        const keyCopy = this.copy(key, depth + LEVELS.map);
        if (typeof keyCopy === 'object' && keyCopy !== null) this.traits |= KEYED_BY_OBJECTS;
        side = 'value';
        target.set(keyCopy, this.weigh(3, this.copy(value, depth + LEVELS.map)));
        index++;
      }
    } catch (error) {
      throw Refusal.at(error, source, IN_MAP, index, side);
    }
    return target;
  }

  private copySet(source: Set<unknown>, depth: number): Set<unknown> {
    const target = new Set<unknown>();
    let index = 0;
    try {
      for (const member of Set.prototype.values.call(source)) {
        target.add(this.weigh(1, this.copy(member, depth + LEVELS.set)));
        index++;
      }
    } catch (error) {
      throw Refusal.at(error, source, IN_SET, index);
    }
    return target;
  }

  private copyError(source: Error, depth: number): Error {
    const { name, slots, fields } = takeApart(source);
    let slot = '';
    try {
      for (slot in slots) slots[slot] = this.copy(slots[slot], depth + LEVELS.error);
    } catch (error) {
      throw Refusal.at(error, source, slot === 'ownName' ? 'name' : slot);
    }
    try {
      if (Object.keys(fields).length > 0) this.assertDepth(depth + LEVELS.error);
      return putTogether({ name, slots, fields: this.copyFields(fields, depth + LEVELS.error, false) });
    } catch (error) {
      throw Refusal.at(error, source);
    }
  }

  private copyInstance(source: object, depth: number): object {
    const { classes } = this.rules;
    let fields: object = source;
    try {
      this.assertDepth(depth + LEVELS.class);
      classes.of(source).fields?.assertPlain(source);
      fields = classes.fieldsOf(source);
      if (fields !== source && kindOf(fields, classes) !== 'object') {
        throw new Refusal('its encode returned something that is not a plain object');
      }
      return classes.revive(
        classes.of(source),
        this.copyFields(fields as Fields, depth + LEVELS.class, false),
      );
    } catch (error) {
      // Without a hook the instance is its own fields, and has been noted as such.
      throw Refusal.at(error, fields === source ? {} : source);
    }
  }
}

type Fields = Record<string, unknown>;
