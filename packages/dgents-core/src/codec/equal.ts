/** Whether two checked values are stored alike: key order and the order of Maps and Sets count. */
import type { ClassRegistry } from './classes.js';
import { takeApart } from './error-parts.js';
import { type Kind, kindOf } from './kinds.js';
import { HARD_MAX_DEPTH, Refusal } from './refusal.js';
import { sameLeaf } from './same.js';

type Fields = Record<string, unknown>;

export class Comparer {
  constructor(private readonly classes: ClassRegistry) {}

  equal(a: unknown, b: unknown, depth: number): boolean {
    if (Object.is(a, b)) return true;
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
    if (depth > HARD_MAX_DEPTH) throw new Refusal(`nested deeper than ${HARD_MAX_DEPTH} levels`);
    const kind = kindOf(a, this.classes);
    return kind === kindOf(b, this.classes) && this.sameObject(kind, a, b, depth + 1);
  }

  private sameObject(kind: Kind, a: object, b: object, depth: number): boolean {
    switch (kind) {
      case 'object':
      case 'null-object':
        return this.sameFields(a as Fields, b as Fields, depth);
      case 'array':
        return this.sameLists(a as unknown[], b as unknown[], depth);
      case 'sparse':
        return (
          (a as unknown[]).length === (b as unknown[]).length &&
          this.sameFields(a as Fields, b as Fields, depth)
        );
      case 'map':
        return this.sameMaps(a as Map<unknown, unknown>, b as Map<unknown, unknown>, depth);
      case 'set':
        return (
          (a as Set<unknown>).size === (b as Set<unknown>).size &&
          this.sameLists([...(a as Set<unknown>)], [...(b as Set<unknown>)], depth)
        );
      case 'error': {
        const x = takeApart(a as Error);
        const y = takeApart(b as Error);
        return (
          x.name === y.name &&
          this.sameSlots(x.slots, y.slots, depth) &&
          this.sameFields(x.fields, y.fields, depth)
        );
      }
      case 'class':
        return this.sameInstances(a, b, depth);
      default:
        return sameLeaf(kind, a, b);
    }
  }

  private sameFields(a: Fields, b: Fields, depth: number): boolean {
    const keys = Object.keys(a);
    const others = Object.keys(b);
    if (keys.length !== others.length) return false;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      if (key !== others[i] || !this.equal(a[key], b[key], depth)) return false;
    }
    return true;
  }

  /** The engine lists an error's own properties in an order of its own, which nobody chose. */
  private sameSlots(a: Fields, b: Fields, depth: number): boolean {
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length &&
      keys.every((key) => Object.hasOwn(b, key) && this.equal(a[key], b[key], depth))
    );
  }

  private sameLists(a: readonly unknown[], b: readonly unknown[], depth: number): boolean {
    if (a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!this.equal(a[i], b[i], depth)) return false;
    return true;
  }

  private sameMaps(a: Map<unknown, unknown>, b: Map<unknown, unknown>, depth: number): boolean {
    if (a.size !== b.size) return false;
    const others = b.entries();
    for (const [key, value] of a) {
      const [otherKey, otherValue] = others.next().value!;
      if (!this.equal(key, otherKey, depth) || !this.equal(value, otherValue, depth)) return false;
    }
    return true;
  }

  private sameInstances(a: object, b: object, depth: number): boolean {
    const { classes } = this;
    return (
      classes.nameOf(a) === classes.nameOf(b) &&
      this.sameFields(classes.fieldsOf(a) as Fields, classes.fieldsOf(b) as Fields, depth)
    );
  }
}
