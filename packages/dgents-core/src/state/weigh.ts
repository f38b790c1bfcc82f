import { types } from 'node:util';

/**
 * Roughly how many bytes of JSON a value takes, counted no further than `limit`: to choose between many small
 * operations and one that replaces the whole, without measuring the whole.
 */
export function weighsLessThan(value: unknown, limit: number): boolean {
  return remaining(value, limit, 0) > 0;
}

/** Deeper than this it is not worth knowing: the operations are kept. */
const DEPTH = 50;

function remaining(value: unknown, left: number, depth: number): number {
  if (typeof value === 'string') return left - value.length - 2;
  if (typeof value !== 'object' || value === null) return left - 5;
  if (depth > DEPTH) return 0;
  let rest = left - 2;
  if (Array.isArray(value) || types.isSet(value)) {
    for (const item of value) {
      rest = remaining(item, rest - 1, depth + 1);
      if (rest <= 0) return 0;
    }
  } else if (types.isMap(value)) {
    for (const [key, item] of value) {
      rest = remaining(item, remaining(key, rest - 4, depth + 1), depth + 1);
      if (rest <= 0) return 0;
    }
  } else {
    for (const key in value) {
      rest = remaining((value as Record<string, unknown>)[key], rest - key.length - 4, depth + 1);
      if (rest <= 0) return 0;
    }
  }
  return rest;
}
