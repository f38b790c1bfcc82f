/** From what `@Field` is told, or what the compiler emits, to a shape. */
import { errorClasses, intrinsicName, viewClasses } from '../codec/intrinsics.js';
import type { StateClass } from './declared.js';
import { InstanceShape } from './instance-shape.js';
import { Shape, type Walk } from './shape.js';

/**
 * The type of a field: `String`, `Number`, `Boolean`, `BigInt`, `Date`, `Uint8Array` and the other built-in values, a
 * class with `@State`, a list `[Item]`, or what `mapOf`, `setOf`, `recordOf`, `oneOf`, `anything` and `json` are.
 */
export type FieldType = StateClass | BigIntConstructor | readonly [FieldType] | Shape;

/** A class that does not exist yet: the type was looked at before the module that has it was through. */
export class NotThereYet extends TypeError {}

/** @throws TypeError for what is not the type of anything that can be stored */
export function shapeOf(type: unknown): Shape {
  if (type instanceof Shape) return type;
  if (Array.isArray(type)) {
    if (type.length !== 1) throw new TypeError('a list has one type, as in [Item]');
    return new ListShape(shapeOf(type[0]));
  }
  if (type === undefined) throw new NotThereYet('its type is undefined, where a class should be');
  if (typeof type !== 'function') throw new TypeError('its type is no class, no list and no shape');
  const simple = PRIMITIVES.get(type as never);
  if (simple !== undefined) return simple;
  const advice = ADVICE.get(type as never);
  if (advice !== undefined) throw new TypeError(advice);
  const prototype: unknown = type.prototype;
  if (typeof prototype !== 'object' || prototype === null)
    throw new TypeError('its type is a function, and no class');
  const builtIn = intrinsicName(prototype);
  return builtIn === undefined ? new InstanceShape(type as unknown as StateClass) : new BuiltInShape(builtIn);
}

class PrimitiveShape extends Shape {
  constructor(
    override readonly text: string,
    private readonly name: string,
  ) {
    super();
  }

  is(value: unknown): boolean {
    return typeof value === this.name;
  }
}

const PRIMITIVES: ReadonlyMap<unknown, Shape> = new Map<unknown, Shape>([
  [String, new PrimitiveShape('a string', 'string')],
  [Number, new PrimitiveShape('a number', 'number')],
  [Boolean, new PrimitiveShape('a boolean', 'boolean')],
  [BigInt, new PrimitiveShape('a bigint', 'bigint')],
]);

const UNTOLD =
  'its type is not told: give one, as @Field(() => String), or @Field(() => anything); the compiler emits none of ' +
  'what is no class and of what has no annotation';
const NEVER = 'its type cannot be stored';

const ADVICE: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [Object, UNTOLD],
  [Array, 'it is not told what is in the list: give it, as @Field(() => [Item])'],
  [Map, 'it is not told what is in the Map: give it, as @Field(() => mapOf(String, Item))'],
  [Set, 'it is not told what is in the Set: give it, as @Field(() => setOf(String))'],
  ...[Function, Symbol, Promise, Proxy, WeakMap, WeakSet, WeakRef, SharedArrayBuffer].map(
    (type) => [type, NEVER] as const,
  ),
]);

/** A Date, bytes, an Error … */
class BuiltInShape extends Shape {
  constructor(override readonly text: string) {
    super();
    if (!STORED.has(text) && !errorClasses.has(text) && !viewClasses.has(text)) throw new TypeError(NEVER);
  }

  is(value: unknown, walk: Walk): boolean {
    if (typeof value !== 'object' || value === null || walk.kindOf(value) === 'unstorable') return false;
    const name = intrinsicName(Object.getPrototypeOf(value));
    if (name === undefined) return false;
    if (name === this.text) return true;
    return this.text === 'Error' ? errorClasses.has(name) : this.text === 'Uint8Array' && name === 'Buffer';
  }
}

const STORED: ReadonlySet<string> = new Set(['Date', 'RegExp', 'URL', 'ArrayBuffer', 'Buffer']);

class ListShape extends Shape {
  override readonly text = 'a list';
  override readonly family = 'lists';
  override readonly parts: readonly [Shape];

  constructor(element: Shape) {
    super();
    this.parts = [element];
  }

  is(value: unknown, walk: Walk): boolean {
    return Array.isArray(value) && walk.kindOf(value) === 'array';
  }

  override inside(list: readonly unknown[], walk: Walk): void {
    const [element] = this.parts;
    for (let index = 0; index < list.length; index += 1) walk.at(index, element, list[index]);
  }
}
