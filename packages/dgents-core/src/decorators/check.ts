/** A walk through a value that finds what is not as declared. */
import type { Codec, Kind } from '../codec/codec.js';
import type { ValidationIssue } from '../errors.js';
import type { Shape, Walk } from './shape.js';

/** More than anybody reads. */
const MOST_ISSUES = 100;

export class Check implements Walk {
  readonly issues: ValidationIssue[] = [];
  private readonly path: PropertyKey[] = [];
  /** What was looked into as which shape: once is enough, and a cycle ends. The codec refuses cycles. */
  private readonly seen = new Map<Shape, WeakSet<object>>();

  constructor(private readonly codec: Codec) {}

  value(shape: Shape, value: unknown): void {
    if (!shape.is(value, this)) {
      this.issue(`expected ${shape.text}, got ${this.describe(value)}`);
    } else if (typeof value === 'object' && value !== null && shape.inside !== undefined) {
      if (this.isNew(shape, value)) shape.inside(value, this);
    }
  }

  private isNew(shape: Shape, value: object): boolean {
    let seen = this.seen.get(shape);
    if (seen === undefined) {
      seen = new WeakSet();
      this.seen.set(shape, seen);
    }
    if (seen.has(value)) return false;
    seen.add(value);
    return true;
  }

  kindOf(value: object): Kind {
    return this.codec.kindOf(value);
  }

  at(segment: PropertyKey, shape: Shape, value: unknown): void {
    this.path.push(segment);
    this.value(shape, value);
    this.path.pop();
  }

  issue(message: string, segment?: PropertyKey): void {
    if (this.issues.length >= MOST_ISSUES) return;
    this.issues.push({ message, path: segment === undefined ? [...this.path] : [...this.path, segment] });
  }

  /** The kind of a value, and nothing of what it holds. */
  private describe(value: unknown): string {
    if (value === null || value === undefined) return String(value);
    if (typeof value !== 'object') return `a ${typeof value}`;
    const kind = this.kindOf(value);
    switch (kind) {
      case 'object':
      case 'null-object':
        return 'a plain object';
      case 'array':
        return 'a list';
      case 'sparse':
        return 'a list with holes';
      case 'unstorable':
        return `${nameOf(value)}, which is not among the classes of this state`;
      default:
        return nameOf(value);
    }
  }
}

function nameOf(value: object): string {
  const type: unknown = (Object.getPrototypeOf(value) as { constructor?: unknown } | null)?.constructor;
  return typeof type === 'function' ? `an instance of ${type.name}` : 'an object';
}
