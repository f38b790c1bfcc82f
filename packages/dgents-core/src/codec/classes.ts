import { MigrationError } from '../errors.js';
import { type ClassField, ClassFields } from './class-fields.js';
import type { Json } from './json.js';

export type { ClassField } from './class-fields.js';

/** Steps that bring the stored fields of a class from the version of their key to the next one. Pure and synchronous. */
export type ClassMigrations = Readonly<Record<number, (fields: never) => object>>;

/** How instances of one class are stored. Subclasses are registered themselves: the prototype has to match exactly. */
export interface ClassCodec<T extends object = object> {
  /** What is written into the store; unique, and never to be changed as long as anything is stored under it. */
  readonly name: string;
  readonly type: abstract new (...args: never[]) => T;
  /** The version of its fields, 1 unless told; from 2 on it is written behind the name: `item@2`. */
  readonly version?: number;
  /**
   * `{ 1: f => …, 2: f => … }`: step n leads from version n to n + 1, on load. It is given the fields by their stored
   * names, and instances inside them are as of today; it may change them or return others.
   */
  readonly migrations?: ClassMigrations;
  /** The properties that are stored, in this order, instead of `encode` and `decode`. */
  readonly fields?: readonly ClassField[];
  /** What makes up the instance; its own enumerable properties unless told. Must not change the instance. */
  encode?(instance: T): object;
  /**
   * Makes the instance again. Unless told, an object with the class's prototype gets the fields defined on it and the
   * constructor does not run, so `#private` fields need their own `encode` and `decode`.
   */
  decode?(fields: Record<string, unknown>): T;
}

/** A class as it is registered. */
export interface Registered {
  readonly codec: ClassCodec;
  readonly version: number;
  /** Name and version, as a document has them. */
  readonly written: string;
  readonly fields: ClassFields | undefined;
}

/** The registered classes, found by prototype on the way in and by name on the way out. */
export class ClassRegistry {
  readonly byPrototype = new Map<object, Registered>();
  private readonly byName = new Map<string, Registered>();
  private readonly byWritten = new Map<string, Registered>();

  constructor(classes: readonly ClassCodec[]) {
    for (const entry of classes) this.register(entry);
  }

  private register(codec: ClassCodec): void {
    const { name, type, version = 1, fields } = codec;
    if (typeof name !== 'string' || name === '') throw new TypeError('a registered class needs a name');
    if (typeof type !== 'function') throw new TypeError(`class "${name}": type must be the class itself`);
    checkClassVersion(name, version, codec.migrations);
    const written = version === 1 ? name : `${name}@${version}`;
    if (this.byName.has(name) || this.byWritten.has(written))
      throw new TypeError(`two classes are registered as "${name}"`);
    const prototype: object = type.prototype;
    if (this.byPrototype.has(prototype)) throw new TypeError(`class "${name}" is registered twice`);
    if (isBuiltIn(prototype)) throw new TypeError(`class "${name}" is built in and stored as such`);
    if (fields !== undefined && (codec.encode || codec.decode))
      throw new TypeError(`class "${name}" has either fields, or encode and decode`);
    if (hasHiddenState(prototype) && !(codec.encode && codec.decode)) {
      throw new TypeError(`class "${name}" extends a built-in class: it needs both encode and decode`);
    }
    const entry = { codec, version, written, fields: fields && new ClassFields(name, fields) };
    this.byName.set(name, entry);
    this.byWritten.set(written, entry);
    this.byPrototype.set(prototype, entry);
  }

  /** Whether an instance may have been stored by an older version of its class. */
  get isVersioned(): boolean {
    return [...this.byName.values()].some(({ version }) => version > 1);
  }

  /** Whether a document holds an instance that is not of the version of its class today, or of a class unknown here. */
  isOutdated(document: Json): boolean {
    if (typeof document !== 'object' || document === null) return false;
    // A key of a user that starts with `$` is escaped: this is the tag.
    const written = (document as { readonly $class?: unknown }).$class;
    if (Array.isArray(written) && !this.byWritten.has(written[0])) return true;
    return (Object.values(document) as Json[]).some((inner) => this.isOutdated(inner));
  }

  /** The class of a registered instance. */
  of(instance: object): Registered {
    return this.byPrototype.get(Object.getPrototypeOf(instance))!;
  }

  /** The class that a document names, and the version its instance was written under. */
  find(written: string): { readonly entry: Registered; readonly version: number } | undefined {
    const today = this.byWritten.get(written);
    if (today !== undefined) return { entry: today, version: today.version };
    const [, name, version] = VERSIONED.exec(written) ?? [];
    const entry = this.byName.get(name ?? written);
    return entry && { entry, version: Number(version ?? 1) };
  }

  /** What is stored of an instance: what `encode` returns, or the instance itself for its own properties. */
  fieldsOf(instance: object): object {
    const { codec, fields } = this.of(instance);
    if (fields !== undefined) return fields.of(instance);
    return codec.encode ? codec.encode(instance) : instance;
  }

  /** Name and version of its class. */
  nameOf(instance: object): string {
    return this.of(instance).written;
  }

  /** The instance again. @throws TypeError when `decode` returns something else than a direct instance */
  revive({ codec, fields }: Registered, stored: Record<string, unknown>): object {
    const { name, type, decode } = codec;
    if (fields !== undefined) return fields.instance(type.prototype, stored);
    if (!decode)
      return Object.defineProperties(Object.create(type.prototype), Object.getOwnPropertyDescriptors(stored));
    const instance = decode(stored);
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

/** A name, and a version from 2 on. */
const VERSIONED = /^(.+)@([1-9]\d{0,8})$/s;

/** @throws RangeError, TypeError */
export function checkClassVersion(name: string, version: number, migrations: ClassMigrations = {}): void {
  if (!Number.isInteger(version) || version < 1)
    throw new RangeError(`class "${name}": its version is a whole number from 1 on`);
  for (const step of Object.keys(migrations)) {
    if (Number(step) >= 1 && Number(step) < version) continue;
    throw new TypeError(
      `class "${name}": migrations[${step}] leads to version ${Number(step) + 1}, but its version is ${version}. Raise it.`,
    );
  }
}

/**
 * Brings fields that were stored under an older version to that of today. They are the caller's own.
 * @throws MigrationError
 */
export function migrateFields(
  { codec, version: to }: Registered,
  stored: Record<string, unknown>,
  from: number,
): Record<string, unknown> {
  const { name, migrations = {} } = codec;
  const failed = (message: string, cause?: unknown) => new MigrationError(message, { from, to, cause });
  if (from > to) {
    throw failed(
      `An instance of class "${name}" was written under version ${from}, this program knows ${to}. Update it.`,
    );
  }
  let fields: unknown = stored;
  for (let version = from; version < to; version += 1) {
    const step = migrations[version] as ((fields: unknown) => unknown) | undefined;
    if (step === undefined)
      throw failed(
        `There is no migration of class "${name}" from version ${version}: give migrations[${version}].`,
      );
    try {
      fields = step(fields);
    } catch (cause) {
      throw failed(
        `The migration of class "${name}" from version ${version} threw: ${reasonOf(cause)}`,
        cause,
      );
    }
    if (!isPlainObject(fields))
      throw failed(
        `The migration of class "${name}" from version ${version} did not return an object of fields.`,
      );
  }
  return fields as Record<string, unknown>;
}

/** What was thrown, for the message of what it leads to; ends with a full stop. */
export function reasonOf(thrown: unknown): string {
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return /[.!?]$/.test(reason) ? reason : `${reason}.`;
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

const HIDING = [
  Array, Map, Set, WeakMap, WeakSet, WeakRef, Date, RegExp, Error, Promise, ArrayBuffer, SharedArrayBuffer, DataView,
  Object.getPrototypeOf(Uint8Array), Function, Number, String, Boolean, Symbol, BigInt, URL,
].map((type: { prototype: object }) => type.prototype); // biome-ignore format: a list

function isBuiltIn(prototype: object): boolean {
  return prototype === Object.prototype || HIDING.includes(prototype);
}

/** Whether instances keep something where no property shows it. */
export function hasHiddenState(prototype: object): boolean {
  return HIDING.some((hiding) => Object.prototype.isPrototypeOf.call(hiding, prototype));
}
