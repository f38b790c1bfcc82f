/** How instances of one class are stored. Subclasses are registered themselves: the prototype has to match exactly. */
export interface ClassCodec<T extends object = object> {
  /** What is written into the store; unique, and never to be changed as long as anything is stored under it. */
  readonly name: string;
  readonly type: abstract new (...args: never[]) => T;
  /** What makes up the instance; its own enumerable properties unless told. Must not change the instance. */
  encode?(instance: T): object;
  /**
   * Makes the instance again. Unless told, an object with the class's prototype gets the fields defined on it and the
   * constructor does not run, so `#private` fields need their own `encode` and `decode`.
   */
  decode?(fields: Record<string, unknown>): T;
}

/** The registered classes, found by prototype on the way in and by name on the way out. */
export class ClassRegistry {
  readonly byPrototype = new Map<object, ClassCodec>();
  readonly byName = new Map<string, ClassCodec>();

  constructor(classes: readonly ClassCodec[]) {
    for (const entry of classes) this.register(entry);
  }

  private register(entry: ClassCodec): void {
    const { name, type } = entry;
    if (typeof name !== 'string' || name === '') throw new TypeError('a registered class needs a name');
    if (typeof type !== 'function') throw new TypeError(`class "${name}": type must be the class itself`);
    if (this.byName.has(name)) throw new TypeError(`two classes are registered as "${name}"`);
    const prototype: object = type.prototype;
    if (this.byPrototype.has(prototype)) throw new TypeError(`class "${name}" is registered twice`);
    if (isBuiltIn(prototype)) throw new TypeError(`class "${name}" is built in and stored as such`);
    if (hasHiddenState(prototype) && !(entry.encode && entry.decode)) {
      throw new TypeError(`class "${name}" extends a built-in class: it needs both encode and decode`);
    }
    this.byName.set(name, entry);
    this.byPrototype.set(prototype, entry);
  }

  /** What is stored of an instance: what `encode` returns, or the instance itself for its own properties. */
  fieldsOf(instance: object): object {
    const entry = this.byPrototype.get(Object.getPrototypeOf(instance))!;
    return entry.encode ? entry.encode(instance) : instance;
  }

  nameOf(instance: object): string {
    return this.byPrototype.get(Object.getPrototypeOf(instance))!.name;
  }

  /** The instance again. @throws TypeError when `decode` returns something else than a direct instance */
  revive(name: string, fields: Record<string, unknown>): object {
    const { type, decode } = this.byName.get(name)!;
    if (!decode)
      return Object.defineProperties(Object.create(type.prototype), Object.getOwnPropertyDescriptors(fields));
    const instance = decode(fields);
    if (
      typeof instance !== 'object' ||
      instance === null ||
      Object.getPrototypeOf(instance) !== type.prototype
    ) {
      throw new TypeError(`decode of class "${name}" returned something that is not an instance of it`);
    }
    return instance;
  }
}

const HIDING = [
  Array, Map, Set, WeakMap, WeakSet, WeakRef, Date, RegExp, Error, Promise, ArrayBuffer, SharedArrayBuffer, DataView,
  Object.getPrototypeOf(Uint8Array), Function, Number, String, Boolean, Symbol, BigInt, URL,
].map((type: { prototype: object }) => type.prototype); // biome-ignore format: a list

function isBuiltIn(prototype: object): boolean {
  return prototype === Object.prototype || HIDING.includes(prototype);
}

/** Whether instances keep something where no property shows it. */
function hasHiddenState(prototype: object): boolean {
  return HIDING.some((hiding) => Object.prototype.isPrototypeOf.call(hiding, prototype));
}
