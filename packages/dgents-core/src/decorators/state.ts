import { checkClassVersion, hasHiddenState } from '../codec/classes.js';
import type { ClassMigrations } from '../codec/codec.js';
import { checkOptions, type OptionNames } from '../option-names.js';
import {
  begin,
  type DeclaredClass,
  type DeclaredField,
  declare,
  declaredOf,
  end,
  orForget,
  type StateClass,
  type TakenField,
  takenOn,
} from './declared.js';
import { everyShape, type Shape } from './shape.js';
import { NotThereYet, shapeOf } from './types.js';

export interface StateOptions {
  /** What the class is called in the store. Never to be changed as long as anything is stored under it. */
  readonly name: string;
  /** The version of its fields, 1 unless told. Raise it when what is stored changes its meaning. */
  readonly version?: number;
  /**
   * `{ 1: f => …, 2: f => … }`: step n leads from version n to n + 1, on load, in memory. It is given the fields by
   * their stored names, with instances inside them as of today, and returns the fields. Pure and synchronous.
   */
  readonly migrations?: ClassMigrations;
}

/** For legacy decorators (`experimentalDecorators`) and for standard ones. */
export type StateDecorator = (type: StateClass, context?: ClassDecoratorContext) => void;

/**
 * Declares a class whose instances can be stored and come back as instances. Its fields are those with `@Field`, and
 * those of its base class, which has a `@State` of its own where it has fields.
 *
 * The constructor does not run on load: an instance is made with the class's prototype and gets the fields that were
 * stored. So methods and `instanceof` work; `#private` members and initialisers of fields that are not stored do not.
 *
 * @throws TypeError when the class is declared and one of its fields is of a type that cannot be stored, or of a class
 *   without `@State`. Only where a type is a class that is declared further down, `stateOf` finds that out.
 */
export function State(options: StateOptions): StateDecorator {
  const { name, version, migrations } = checked(options);
  const frame = begin();
  let used = false;
  return (type, context) =>
    orForget(() => {
      const taken = end(frame);
      if (used) throw new TypeError(`@State "${name}" was used twice: each class has one of its own.`);
      used = true;
      checkClass(name, type, context);
      const own = [...taken, ...takenOn(type.prototype)];
      for (const { property, metadata } of own) {
        if (metadata !== undefined && context?.metadata !== undefined && metadata !== context.metadata)
          throw new TypeError(`@Field ${property}: its class has no @State.`);
      }
      const fields = withInherited(type, own);
      const entry: DeclaredClass = { type, name, version, migrations, fields };
      assertTypes(entry);
      declare(entry);
    });
}

const OPTIONS: OptionNames<StateOptions> = { name: true, version: true, migrations: true };

function checked(options: StateOptions): Required<StateOptions> {
  if (typeof options !== 'object' || options === null)
    throw new TypeError("@State takes a name: @State({ name: 'profile' }).");
  checkOptions('@State', options, OPTIONS);
  const { name, version = 1, migrations = {} } = options;
  if (typeof name !== 'string' || name === '')
    throw new TypeError("@State takes a name: @State({ name: 'profile' }).");
  if (/@\d+$/.test(name))
    throw new TypeError(`@State "${name}": no name ends like a version. Give it as \`version\`.`);
  checkClassVersion(name, version, migrations);
  return { name, version, migrations };
}

function checkClass(name: string, type: StateClass, context: ClassDecoratorContext | undefined): void {
  if (typeof type !== 'function' || (context !== undefined && context.kind !== 'class'))
    throw new TypeError(`@State "${name}" stands before a class.`);
  if (declaredOf(type.prototype) !== undefined)
    throw new TypeError(`Class ${type.name} has a @State already.`);
  if (hasHiddenState(type.prototype)) {
    throw new TypeError(
      `Class ${type.name} extends a built-in class, what is in it is no field: make that a field instead.`,
    );
  }
}

/** Those of the base class first. A field that is declared again keeps its place. */
function withInherited(type: StateClass, own: readonly TakenField[]): ReadonlyMap<string, DeclaredField> {
  const fields = new Map<string, DeclaredField>(inherited(type));
  const before = new Set<string>();
  for (const { property, name, optional, told } of own) {
    if (before.has(property)) throw new TypeError(`${type.name}.${property} has two @Field.`);
    before.add(property);
    fields.set(property, { property, name, optional, shape: shapeWhenAsked(type, property, told) });
  }
  const names = new Map<string, string>();
  for (const { property, name } of fields.values()) {
    const other = names.get(name);
    if (other !== undefined)
      throw new TypeError(
        `${type.name}: ${other} and ${property} are both stored as ${JSON.stringify(name)}.`,
      );
    names.set(name, property);
  }
  return fields;
}

function inherited(type: StateClass): Iterable<[string, DeclaredField]> {
  let prototype: object | null = Object.getPrototypeOf(type.prototype);
  for (; prototype !== null; prototype = Object.getPrototypeOf(prototype)) {
    const base = declaredOf(prototype);
    if (base !== undefined) return base.fields;
    if (takenOn(prototype).length > 0)
      throw new TypeError(
        `${type.name}: its base class ${prototype.constructor.name} has fields and no @State.`,
      );
  }
  return [];
}

function shapeWhenAsked(type: StateClass, property: string, told: () => unknown): () => Shape {
  let shape: Shape | undefined;
  return () => {
    try {
      shape ??= shapeOf(told());
      return shape;
    } catch (cause) {
      const Refused = isNotThereYet(cause) ? NotThereYet : TypeError;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Refused(`${type.name}.${property}: ${reason}.`, { cause });
    }
  };
}

/** Looks at every type that is there already. */
function assertTypes({ type, fields }: DeclaredClass): void {
  for (const { property, shape } of fields.values()) {
    try {
      assertDeclared(type, property, shape());
    } catch (error) {
      if (!isNotThereYet(error)) throw error;
    }
  }
}

/** @throws TypeError where a class has no `@State`; `type` itself is about to have one */
export function assertDeclared(type: StateClass, property: string, shape: Shape): void {
  for (const { type: inner } of everyShape(shape)) {
    if (inner === undefined || inner === type || declaredOf(inner.prototype) !== undefined) continue;
    throw new TypeError(`${type.name}.${property}: class ${inner.name} has no @State.`);
  }
}

/** A binding that is read before its class is there throws a ReferenceError, or is undefined. */
function isNotThereYet(error: unknown): boolean {
  return error instanceof NotThereYet || error instanceof ReferenceError;
}
