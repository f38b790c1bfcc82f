/** A private copy of a value that has been checked before: no checks, as fast as it gets. */
import { type Bytes, copyBytes } from './bytes.js';
import type { ClassRegistry } from './classes.js';
import { define, putTogether, takeApart } from './error-parts.js';
import { hasHoles, kindOf } from './kinds.js';
import { HARD_MAX_DEPTH, Refusal } from './refusal.js';

const hasOwn = Object.prototype.hasOwnProperty;

type Fields = Record<string, unknown>;

export class Cloner {
  constructor(private readonly classes: ClassRegistry) {}

  clone(value: unknown, depth: number): unknown {
    return typeof value === 'object' && value !== null ? this.cloneObject(value, depth) : value;
  }

  private cloneObject(source: object, depth: number): object {
    const prototype: object | null = Object.getPrototypeOf(source);
    if (prototype === Object.prototype) return this.cloneFields(source as Fields, depth);
    if (prototype === Array.prototype) return this.cloneArray(source as unknown[], depth);
    return this.cloneOther(source, depth + 1);
  }

  private cloneFields(source: Fields, depth: number): Fields {
    if (depth >= HARD_MAX_DEPTH) throw tooDeep();
    const target: Fields = {};
    for (const key in source) {
      if (!hasOwn.call(source, key)) continue;
      const value = source[key];
      const copy = typeof value === 'object' && value !== null ? this.cloneObject(value, depth + 1) : value;
      if (key === '__proto__') define(target, key, copy);
      else target[key] = copy;
    }
    return target;
  }

  private cloneArray(source: readonly unknown[], depth: number): unknown[] {
    if (depth >= HARD_MAX_DEPTH) throw tooDeep();
    const { length } = source;
    if (hasHoles(source)) return this.cloneSparse(source, depth);
    const target = source.slice();
    for (let i = 0; i < length; i++) {
      const value = target[i];
      if (typeof value === 'object' && value !== null) target[i] = this.cloneObject(value, depth + 1);
    }
    return target;
  }

  /** `slice` looks at every index below `length`, which can be four billion with one element. */
  private cloneSparse(source: readonly unknown[], depth: number): unknown[] {
    const target: unknown[] = [];
    target.length = source.length;
    for (const key of Object.keys(source)) target[Number(key)] = this.clone(source[Number(key)], depth + 1);
    return target;
  }

  private cloneOther(source: object, depth: number): object {
    if (depth >= HARD_MAX_DEPTH) throw tooDeep();
    switch (kindOf(source, this.classes)) {
      case 'null-object':
        return Object.setPrototypeOf(this.cloneFields(source as Fields, depth), null);
      case 'map': {
        const target = new Map();
        for (const [key, value] of source as Map<unknown, unknown>) {
          target.set(this.clone(key, depth), this.clone(value, depth));
        }
        return target;
      }
      case 'set': {
        const target = new Set();
        for (const member of source as Set<unknown>) target.add(this.clone(member, depth));
        return target;
      }
      case 'date':
        return new Date((source as Date).getTime());
      case 'url':
        return new URL((source as URL).href);
      case 'regexp':
        return cloneRegExp(source as RegExp);
      case 'bytes':
        return copyBytes(source as Bytes);
      case 'error': {
        const { name, slots, fields } = takeApart(source as Error);
        return putTogether({
          name,
          slots: this.cloneFields(slots, depth),
          fields: this.cloneFields(fields, depth),
        });
      }
      case 'class': {
        const fields = this.cloneFields(this.classes.fieldsOf(source) as Fields, depth);
        return this.classes.revive(this.classes.of(source), fields);
      }
      default:
        throw new Refusal('not a value that this codec has checked');
    }
  }
}

function cloneRegExp(source: RegExp): RegExp {
  const target = new RegExp(source.source, source.flags);
  target.lastIndex = source.lastIndex;
  return target;
}

function tooDeep(): Refusal {
  return new Refusal(`nested deeper than ${HARD_MAX_DEPTH} levels`);
}
