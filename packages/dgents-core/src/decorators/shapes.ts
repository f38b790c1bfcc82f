/** The shapes of containers, and those for which there is no class. */
import { Shape, type Walk } from './shape.js';
import { type FieldType, shapeOf } from './types.js';

/** A Map; keys of any type. */
export function mapOf(...types: readonly [key: FieldType, value: FieldType]): Shape {
  if (types.length !== 2)
    throw new TypeError('mapOf takes the types of keys and values: mapOf(String, Item).');
  const [key, value] = types;
  return new MapShape(shapeOf(key), shapeOf(value));
}

/** A Set. */
export function setOf(member: FieldType): Shape {
  return new SetShape(shapeOf(member));
}

/** A plain object with any keys, as `Record<string, Item>`. */
export function recordOf(value: FieldType): Shape {
  return new RecordShape(shapeOf(value));
}

/** What may stand in `oneOf` as itself. */
export type Literal = string | number | boolean | bigint | null | undefined;

/**
 * One of several types or literals: `oneOf(String, null)`, `oneOf('open', 'done')`, `oneOf(...Object.values(Status))`.
 * @throws TypeError where two of them could not be told apart, as two kinds of lists
 */
export function oneOf(...alternatives: readonly (FieldType | Literal)[]): Shape {
  if (alternatives.length === 0)
    throw new TypeError('oneOf takes the types or literals that a value may be.');
  return new OneOfShape(
    alternatives.map((each) => (isLiteral(each) ? new LiteralShape(each) : shapeOf(each))),
  );
}

function isLiteral(value: FieldType | Literal): value is Literal {
  return (typeof value !== 'object' || value === null) && typeof value !== 'function';
}

class MapShape extends Shape {
  override readonly text = 'a Map';
  override readonly family = 'Maps';
  override readonly parts: readonly [Shape, Shape];

  constructor(key: Shape, value: Shape) {
    super();
    this.parts = [key, value];
  }

  is(value: unknown, walk: Walk): boolean {
    return isObject(value) && walk.kindOf(value) === 'map';
  }

  override inside(map: ReadonlyMap<unknown, unknown>, walk: Walk): void {
    const [keys, values] = this.parts;
    let index = 0;
    for (const [key, value] of map) {
      const segment = typeof key === 'string' || typeof key === 'number' ? key : index;
      walk.at(segment, keys, key);
      walk.at(segment, values, value);
      index += 1;
    }
  }
}

class SetShape extends Shape {
  override readonly text = 'a Set';
  override readonly family = 'Sets';
  override readonly parts: readonly [Shape];

  constructor(member: Shape) {
    super();
    this.parts = [member];
  }

  is(value: unknown, walk: Walk): boolean {
    return isObject(value) && walk.kindOf(value) === 'set';
  }

  override inside(set: ReadonlySet<unknown>, walk: Walk): void {
    let index = 0;
    for (const member of set) {
      walk.at(index, this.parts[0], member);
      index += 1;
    }
  }
}

class RecordShape extends Shape {
  override readonly text = 'a plain object';
  override readonly family = 'plain objects';
  override readonly parts: readonly [Shape];

  constructor(value: Shape) {
    super();
    this.parts = [value];
  }

  is(value: unknown, walk: Walk): boolean {
    return isObject(value) && walk.kindOf(value) === 'object';
  }

  override inside(record: Record<string, unknown>, walk: Walk): void {
    for (const key of Object.keys(record)) walk.at(key, this.parts[0], record[key]);
  }
}

class LiteralShape extends Shape {
  override readonly text: string;

  constructor(private readonly literal: Literal) {
    super();
    this.text = typeof literal === 'string' ? JSON.stringify(literal) : String(literal);
  }

  is(value: unknown): boolean {
    return Object.is(value, this.literal);
  }
}

class OneOfShape extends Shape {
  override readonly text: string;
  override readonly parts: readonly Shape[];

  constructor(alternatives: readonly Shape[]) {
    super();
    const parts = alternatives.flatMap((each) => (each instanceof OneOfShape ? each.parts : [each]));
    this.parts = parts;
    this.text = parts.map(({ text }) => text).join(' or ');
    const families = new Set<string>();
    for (const { family } of parts) {
      if (family === undefined) continue;
      if (families.has(family)) throw new TypeError(`oneOf cannot tell two kinds of ${family} apart`);
      if (family === ANY && parts.length > 1) throw new TypeError('oneOf has no use for anything or json');
      families.add(family);
    }
  }

  is(value: unknown, walk: Walk): boolean {
    return this.parts.some((part) => part.is(value, walk));
  }

  override inside(value: object, walk: Walk): void {
    this.parts.find((part) => part.is(value, walk))?.inside?.(value, walk);
  }
}

/** The family of shapes that take values of several kinds. */
const ANY = 'everything';

/** Whatever can be stored, unchecked: a field of type `unknown` that may hold Dates, Maps, instances. */
export const anything: Shape = new (class extends Shape {
  override readonly text = 'anything';
  override readonly family = ANY;

  is(): boolean {
    return true;
  }
})();

/** Plain JSON: objects, arrays, strings, finite numbers, booleans and null. */
export const json: Shape = new (class extends Shape {
  override readonly text = 'plain JSON';
  override readonly family = ANY;

  is(value: unknown, walk: Walk): boolean {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return true;
      case 'number':
        return Number.isFinite(value);
      case 'object':
        return value === null || ['object', 'array'].includes(walk.kindOf(value));
      default:
        return false;
    }
  }

  override inside(value: object, walk: Walk): void {
    if (!Array.isArray(value)) for (const [key, member] of Object.entries(value)) walk.at(key, this, member);
    else for (let index = 0; index < value.length; index += 1) walk.at(index, this, value[index]);
  }
})();

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
