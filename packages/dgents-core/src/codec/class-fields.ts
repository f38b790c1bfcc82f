/** Instances whose properties are listed: which are stored, under which names, in which order. */
import { define } from './error-parts.js';
import { assertNoSetter } from './extras.js';
import { Refusal } from './refusal.js';

/** One property of a class, as it is stored. */
export interface ClassField {
  readonly property: string;
  /** What it is called in the store; as the property unless told. */
  readonly name?: string;
  /** Undefined is as good as absent, and not stored. */
  readonly optional?: boolean;
}

type Fields = Record<string, unknown>;

const hasOwn = Object.prototype.hasOwnProperty;
const isEnumerable = Object.prototype.propertyIsEnumerable;
const lookupGetter = (Object.prototype as { __lookupGetter__?(key: PropertyKey): unknown }).__lookupGetter__!;

/**
 * What an instance has beside its listed properties is neither lost nor refused here: it goes by its own name. Whether
 * it may is for a schema to say.
 */
export class ClassFields {
  private readonly list: readonly Required<ClassField>[];
  private readonly properties: ReadonlySet<string>;
  private readonly byName: ReadonlyMap<string, string>;

  /** @throws TypeError when two properties, or two names, are the same */
  constructor(className: string, fields: readonly ClassField[]) {
    this.list = fields.map(({ property, name = property, optional = false }) => ({
      property,
      name,
      optional,
    }));
    this.properties = new Set(this.list.map(({ property }) => property));
    this.byName = new Map(this.list.map(({ property, name }) => [name, property]));
    if (this.properties.size !== fields.length || this.byName.size !== fields.length) {
      throw new TypeError(`class "${className}": two of its fields have the same name`);
    }
  }

  /** @throws Refusal for accessors, symbols and what is not enumerable, of an instance that somebody handed in */
  assertPlain(instance: object): void {
    for (const key of Reflect.ownKeys(instance)) {
      if (typeof key === 'symbol') throw new Refusal('a symbol as key');
      if (!isEnumerable.call(instance, key)) throw at(key, 'a property that is not enumerable');
      if (lookupGetter.call(instance, key) !== undefined) throw at(key, 'an accessor');
      if ((instance as Fields)[key] === undefined) assertNoSetter(instance, key);
    }
  }

  /** What is stored of an instance, under its stored names. */
  of(instance: object): Fields {
    const fields: Fields = {};
    let found = 0;
    for (const { property, name, optional } of this.list) {
      if (!hasOwn.call(instance, property)) continue;
      found += 1;
      const value = (instance as Fields)[property];
      if (value !== undefined || !optional) fields[name] = value;
    }
    const keys = Object.keys(instance);
    if (keys.length !== found) this.addRest(instance as Fields, keys, fields);
    return fields;
  }

  private addRest(instance: Fields, keys: readonly string[], fields: Fields): void {
    for (const key of keys) {
      if (this.properties.has(key)) continue;
      if (this.byName.has(key)) throw at(key, 'a property that has the stored name of another one');
      define(fields, key, instance[key]);
    }
  }

  /** The instance of what was stored. Shares its values with what it is given. */
  instance(prototype: object, fields: Fields): object {
    const instance: Fields = Object.create(prototype);
    for (const key of Object.keys(fields)) {
      const property = this.byName.get(key) ?? key;
      if (property === key && !this.byName.has(key) && this.properties.has(key)) {
        throw at(key, 'a field that is stored under another name');
      }
      // An accessor of the class must not run.
      if (property in prototype) define(instance, property, fields[key]);
      else instance[property] = fields[key];
    }
    return instance;
  }
}

function at(property: string, reason: string): Refusal {
  return Refusal.at(new Refusal(reason), {}, property);
}
