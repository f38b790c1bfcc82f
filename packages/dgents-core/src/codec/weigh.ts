/**
 * How much JSON a value is at least. Shared references count each time they occur, since a document writes them out,
 * but are looked into once: two hundred bytes of JavaScript that stand for a gigabyte are found out at once.
 */
import type { Bytes } from './bytes.js';
import { base64Length } from './copy-leaf.js';
import { kindOf } from './kinds.js';
import { Oversize } from './refusal.js';
import type { Rules } from './rules.js';

/** @throws Oversize as soon as the limit is passed */
export function weigh(root: unknown, rules: Rules): void {
  new Scale(rules).weigh(root, 0);
}

class Scale {
  private readonly known = new Map<object, number>();

  constructor(private readonly rules: Rules) {}

  weigh(value: unknown, depth: number): number {
    if (typeof value === 'string') return value.length + 2;
    if (typeof value !== 'object' || value === null) return 1;
    const known = this.known.get(value);
    if (known !== undefined) return known;
    this.known.set(value, 0); // What leads back to itself is left to the copy, and so is what is too deep.
    const bytes = depth < this.rules.maxDepth ? 2 + this.weighObject(value, depth + 1) : 2;
    this.known.set(value, bytes);
    if (bytes > this.rules.maxBytes) throw new Oversize(bytes);
    return bytes;
  }

  private weighObject(value: object, depth: number): number {
    switch (kindOf(value, this.rules.classes)) {
      case 'map':
        return this.weighAll(Map.prototype.entries.call(value), depth);
      case 'set':
        return this.weighAll(Set.prototype.values.call(value), depth);
      case 'array':
        return this.weighAll(value as unknown[], depth);
      case 'bytes':
        return base64Length(value as Bytes);
      case 'object':
      case 'null-object':
      case 'sparse':
      case 'class':
        return this.weighFields(value as Record<string, unknown>, depth);
      default:
        return 0; // Small in itself, or about to be refused.
    }
  }

  private weighAll(values: Iterable<unknown>, depth: number): number {
    let bytes = 0;
    for (const value of values) bytes += 1 + this.weigh(value, depth);
    return Math.max(0, bytes - 1);
  }

  private weighFields(value: Record<string, unknown>, depth: number): number {
    let bytes = 0;
    for (const key of Object.keys(value)) bytes += 4 + this.weigh(value[key], depth);
    return Math.max(0, bytes - 1);
  }
}
