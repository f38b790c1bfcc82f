/**
 * The read-only view of a checked, private value. Plain objects and arrays are frozen in place and shared; what
 * freezing cannot protect (a Date, a Map, bytes …) is copied at each call, and so is, thinly, every container on the
 * way to it. A frozen container is therefore plain all the way down, and is not looked into again.
 */

import type { ClassRegistry } from './classes.js';
import type { Cloner } from './clone.js';
import { define } from './error-parts.js';
import { kindOf } from './kinds.js';
import { HARD_MAX_DEPTH, Refusal } from './refusal.js';

type Fields = Record<string, unknown>;

export class Freezer {
  constructor(
    private readonly classes: ClassRegistry,
    private readonly cloner: Cloner,
  ) {}

  /** @param known of which all is frozen: what is the very same in both need not be looked at */
  freeze(value: unknown, depth: number, known?: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    // Nothing but this freezes what is private, so a frozen one is plain all the way down.
    if (Object.isFrozen(value)) return value;
    if (depth > HARD_MAX_DEPTH) throw new Refusal(`nested deeper than ${HARD_MAX_DEPTH} levels`);
    const kind = kindOf(value, this.classes);
    switch (kind) {
      case 'object':
      case 'null-object':
      case 'sparse':
        return this.freezeFields(value as Fields, kind, depth, fieldsOf(known));
      case 'array':
        return this.freezeElements(value as readonly unknown[], depth, Array.isArray(known) ? known : []);
      case 'map':
        return new Map(
          Array.from(value as Map<unknown, unknown>, ([key, inner]) => [
            this.freeze(key, depth + 1),
            this.freeze(inner, depth + 1),
          ]),
        );
      case 'set':
        return new Set(Array.from(value as Set<unknown>, (member) => this.freeze(member, depth + 1)));
      default:
        return this.cloner.clone(value, depth);
    }
  }

  /** By index: the keys of a long array would each be made a text. */
  private freezeElements(source: readonly unknown[], depth: number, known: readonly unknown[]): object {
    let target: unknown[] | undefined;
    for (let index = 0; index < source.length; index++) {
      const inner = source[index];
      if (typeof inner !== 'object' || inner === null) continue;
      if ((index < known.length && inner === known[index]) || Object.isFrozen(inner)) continue;
      const frozen = this.freeze(inner, depth + 1, known[index]);
      if (frozen === inner) continue;
      target ??= source.slice();
      target[index] = frozen;
    }
    return Object.freeze(target ?? source);
  }

  private freezeFields(
    source: Fields,
    kind: 'object' | 'null-object' | 'sparse',
    depth: number,
    known: Fields,
  ): object {
    let target: Fields | undefined;
    for (const key of Object.keys(source)) {
      const inner = source[key];
      if (typeof inner !== 'object' || inner === null) continue;
      const frozen = this.freeze(inner, depth + 1, Object.hasOwn(known, key) ? known[key] : undefined);
      if (frozen === inner) continue;
      target ??= thinCopy(source, kind);
      define(target, key, frozen);
    }
    return Object.freeze(target ?? source);
  }
}

const NO_FIELDS: Fields = {};

function fieldsOf(known: unknown): Fields {
  return typeof known === 'object' && known !== null ? (known as Fields) : NO_FIELDS;
}

function thinCopy(source: Fields, kind: 'object' | 'null-object' | 'sparse'): Fields {
  switch (kind) {
    case 'object':
      return { ...source };
    case 'null-object':
      return Object.assign(Object.create(null), source);
    case 'sparse': {
      const target: unknown[] = [];
      target.length = (source as unknown as unknown[]).length;
      return Object.assign(target, source) as unknown as Fields;
    }
  }
}
