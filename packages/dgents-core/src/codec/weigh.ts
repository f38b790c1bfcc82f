/** How much JSON a value is at least, without keeping anything: shared references count each time they occur. */
import { type Bytes, bytesOf } from './bytes.js';
import { kindOf } from './kinds.js';
import { Oversize } from './refusal.js';
import type { Rules } from './rules.js';

/** @throws Oversize as soon as the limit is passed */
export function weigh(root: unknown, rules: Rules): void {
  new Scale(rules).visit(root, 0);
}

class Scale {
  private bytes = 0;

  constructor(private readonly rules: Rules) {}

  visit(value: unknown, depth: number): void {
    if (typeof value === 'string') this.add(value.length + 2);
    else if (typeof value !== 'object' || value === null) this.add(1);
    else {
      this.add(2);
      // What is too deep is left to the copy, which can say where.
      if (depth < this.rules.maxDepth) this.visitObject(value, depth + 1);
    }
  }

  private add(more: number): void {
    this.bytes += more;
    if (this.bytes > this.rules.maxBytes) throw new Oversize(this.bytes);
  }

  private visitObject(value: object, depth: number): void {
    switch (kindOf(value, this.rules.classes)) {
      case 'map':
        for (const [key, inner] of Map.prototype.entries.call(value)) {
          this.visit(key, depth);
          this.visit(inner, depth);
        }
        break;
      case 'set':
        for (const inner of Set.prototype.values.call(value)) this.visit(inner, depth);
        break;
      case 'bytes':
        this.add(Math.ceil(bytesOf(value as Bytes).length / 3) * 4);
        break;
      case 'array':
        this.visitElements(value as unknown[], depth);
        break;
      case 'object':
      case 'null-object':
      case 'sparse':
      case 'class':
        this.visitFields(value as Record<string, unknown>, depth);
        break;
      default: // Small in itself, or about to be refused.
    }
  }

  private visitElements(value: readonly unknown[], depth: number): void {
    for (const inner of value) this.visit(inner, depth);
    this.add(Math.max(0, value.length - 1));
  }

  private visitFields(value: Record<string, unknown>, depth: number): void {
    for (const key of Object.keys(value)) {
      this.add(3); // Quotes and colon; for a sparse array, brackets and comma.
      this.visit(value[key], depth);
    }
  }
}
