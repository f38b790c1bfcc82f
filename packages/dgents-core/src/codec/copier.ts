/** The way in: checks a value and copies it in one walk, so that nobody else holds any part of what is kept. */
import { type Bytes, bytesOf, copyBytes } from './bytes.js';
import { describe } from './describe.js';
import { define, putTogether, takeApart } from './error-parts.js';
import { isEscaped, isPlainKey, isPlainString } from './keys.js';
import { isIndex, kindOf } from './kinds.js';
import { IN_MAP, IN_SET } from './path.js';
import { Oversize, Refusal } from './refusal.js';
import { LEVELS, type Rules } from './rules.js';
import { sameBytes } from './same.js';
import { EXOTIC, TAGGED, type Traits } from './traits.js';
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
    const { maxDepth, classes } = this.rules;
    if (depth >= maxDepth) throw new Refusal(`nested deeper than ${maxDepth} levels (maxDepth)`);
    const kind = kindOf(source, classes);
    switch (kind) {
      case 'object':
        return this.copyFields(source as Fields, depth, false);
      case 'array':
      case 'sparse':
        return this.copyArray(source as unknown[], depth);
    }
    this.traits |= kind === 'map' || kind === 'set' ? TAGGED : TAGGED | EXOTIC;
    this.weigh(10, null);
    switch (kind) {
      case 'null-object':
        return this.copyFields(source as Fields, depth, true);
      case 'map':
        return this.copyMap(bare(source) as Map<unknown, unknown>, depth);
      case 'set':
        return this.copySet(bare(source) as Set<unknown>, depth);
      case 'error':
        return this.copyError(source as Error, depth);
      case 'class':
        return this.copyInstance(source, depth);
      case 'date':
        return new Date(Date.prototype.getTime.call(bare(source)));
      case 'url':
        return this.copyUrl(bare(source) as URL);
      case 'regexp':
        return this.copyRegExp(source as RegExp);
      case 'bytes':
        return this.copyBytes(source as Bytes);
      case 'unstorable':
        throw new Refusal(describe(source));
    }
  }

  private copyFields(source: Fields, depth: number, bareProto: boolean): Fields {
    const names = Object.getOwnPropertyNames(source);
    if (Object.getOwnPropertySymbols(source).length !== 0) throw new Refusal('a symbol as key');
    const step = (bareProto ? 1 : 0) + (this.checkKeys(source, names) ? LEVELS.plain : LEVELS.keyed);
    const target: Fields = bareProto ? Object.assign(Object.create(null), source) : { ...source };
    let count = 0;
    let key = '';
    try {
      for (key in target) {
        if (!hasOwn.call(target, key)) continue;
        count++;
        const value = target[key];
        if (typeof value === 'string') {
          if (!isPlainString(value)) this.traits |= TAGGED;
          this.bytes += value.length + 2;
        } else if (typeof value === 'object' && value !== null) {
          const copied = this.copyObject(value, depth + step);
          if (key === '__proto__') define(target, key, copied);
          else target[key] = copied;
        } else {
          if (value === undefined) assertNoSetter(source, key);
          this.copy(value, depth);
        }
      }
    } catch (error) {
      throw Refusal.at(error, source, key);
    }
    if (count !== names.length) throw hidden(source, names);
    this.weigh(1, null);
    return target;
  }

  /** Whether all keys can stand in a document. */
  private checkKeys(source: object, names: readonly string[]): boolean {
    let plain = true;
    for (let i = 0; i < names.length; i++) {
      const key = names[i]!;
      if (lookupGetter.call(source, key) !== undefined) throw accessor(source, key);
      if (isEscaped(key)) this.traits |= TAGGED;
      if (!isPlainKey(key)) plain = false;
      this.bytes += key.length + 4;
    }
    if (!plain) this.traits |= TAGGED;
    return plain;
  }

  private copyArray(source: readonly unknown[], depth: number): unknown[] {
    const { length } = source;
    const keys = Object.keys(source);
    if (Object.getOwnPropertySymbols(source).length !== 0) throw new Refusal('a symbol as key');
    // Indices come first and in order, so with nothing missing and nothing extra the last key is the last index.
    if (keys.length !== length || (length > 0 && keys[length - 1] !== String(length - 1))) {
      return this.copySparse(source, keys, depth);
    }
    const target: unknown[] = slice.call(source);
    let i = 0;
    try {
      for (; i < length; i++) {
        const value = target[i];
        if (lookupGetter.call(source, i) !== undefined) throw new Refusal('an accessor');
        if (typeof value === 'object' && value !== null)
          target[i] = this.copyObject(value, depth + LEVELS.plain);
        else if (typeof value === 'number') {
          if (isOddNumber(value)) this.traits |= TAGGED;
        } else {
          if (value === undefined) assertNoSetter(source, i);
          this.copy(value, depth);
        }
      }
    } catch (error) {
      throw Refusal.at(error, source, i);
    }
    return this.weigh(1 + length, target);
  }

  private copySparse(source: readonly unknown[], keys: readonly string[], depth: number): unknown[] {
    const extra = keys.find((key) => !isIndex(key));
    if (extra !== undefined) throw Refusal.at(new Refusal('an extra property of an array'), source, extra);
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
      return putTogether({ name, slots, fields: this.copyFields(fields, depth + LEVELS.error, false) });
    } catch (error) {
      throw Refusal.at(error, source);
    }
  }

  private copyInstance(source: object, depth: number): object {
    const { classes } = this.rules;
    try {
      const fields = classes.fieldsOf(source);
      if (fields !== source && kindOf(fields, classes) !== 'object') {
        throw new Refusal('its encode returned something that is not a plain object');
      }
      return classes.revive(
        classes.nameOf(source),
        this.copyFields(fields as Fields, depth + LEVELS.class, false),
      );
    } catch (error) {
      throw Refusal.at(error, source);
    }
  }

  private copyUrl(source: URL): URL {
    return new URL(this.weigh(source.href.length, source.href));
  }

  private copyRegExp(source: RegExp): RegExp {
    if (Reflect.ownKeys(source).length !== 1) throw new Refusal('an extra property of a RegExp');
    const { lastIndex } = source;
    if (!Number.isSafeInteger(lastIndex) || lastIndex < 0 || Object.is(lastIndex, -0)) {
      throw new Refusal('a RegExp whose lastIndex is not an index');
    }
    const target = new RegExp(this.weigh(source.source.length, source.source), source.flags);
    target.lastIndex = lastIndex;
    return target;
  }

  private copyBytes(source: Bytes): Bytes {
    // Four characters of base64 for three bytes; weighed before the memory is taken.
    this.weigh(Math.ceil(bytesOf(source).length / 3) * 4, null);
    const target = copyBytes(source);
    if (!sameBytes(source, target)) throw new Refusal('an extra property of a typed array');
    return target;
  }
}

type Fields = Record<string, unknown>;

/** Numbers that JSON cannot hold: NaN, the infinities and -0. */
export function isOddNumber(value: number): boolean {
  return value - value !== 0 || (value === 0 && 1 / value < 0);
}

/** For built-in objects that have no own properties by themselves. */
function bare(value: object): object {
  const [extra] = Reflect.ownKeys(value);
  if (extra === undefined) return value;
  if (typeof extra === 'symbol') throw new Refusal('a symbol as key');
  throw Refusal.at(new Refusal('an extra property of a built-in object'), value, extra);
}

/** A property with a setter alone reads as undefined; only its descriptor tells. */
function assertNoSetter(source: object, key: PropertyKey): void {
  if (Object.getOwnPropertyDescriptor(source, key)?.set !== undefined) throw new Refusal('an accessor');
}

function accessor(source: object, key: string): Refusal {
  return Refusal.at(new Refusal('an accessor'), source, key);
}

function hidden(source: object, names: readonly string[]): Refusal {
  const name = names.find((key) => !Object.prototype.propertyIsEnumerable.call(source, key)) ?? '';
  return Refusal.at(new Refusal('a property that is not enumerable'), source, name);
}
