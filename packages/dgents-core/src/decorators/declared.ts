/**
 * What `@State` and `@Field` have said about a class. It is kept with the class, found by its prototype, and never by
 * a name.
 */
import type { ClassMigrations } from '../codec/codec.js';
import type { Shape } from './shape.js';

/** A class, abstract or not. */
export type StateClass<T extends object = object> = abstract new (...args: never[]) => T;

/** A field as `@Field` leaves it behind, before its class is known. */
export interface TakenField {
  readonly property: string;
  readonly name: string;
  readonly optional: boolean;
  /** What it was told, or the compiler emitted. */
  readonly told: () => unknown;
  /** What the fields of one class have in common where the compiler says so. */
  readonly metadata: unknown;
}

export interface DeclaredField {
  readonly property: string;
  readonly name: string;
  readonly optional: boolean;
  /** @throws TypeError where the type is none, or not there yet */
  readonly shape: () => Shape;
}

export interface DeclaredClass {
  readonly type: StateClass;
  readonly name: string;
  readonly version: number;
  readonly migrations: ClassMigrations;
  /** By property; those of the base class first. */
  readonly fields: ReadonlyMap<string, DeclaredField>;
}

const declared = new WeakMap<object, DeclaredClass>();

export function declaredOf(prototype: object): DeclaredClass | undefined {
  return declared.get(prototype);
}

export function declare(entry: DeclaredClass): void {
  declared.set(entry.type.prototype, entry);
}

/** Fields of legacy decorators, which are given the prototype, until their class is declared. */
const ofPrototypes = new WeakMap<object, TakenField[]>();

/**
 * Fields of standard decorators, which are not told their class. `@State(…)` is evaluated before them and applied
 * after them, so they belong to the one that was begun last.
 */
const begun: Frame[] = [];

export interface Frame {
  readonly fields: TakenField[];
}

export function begin(): Frame {
  const frame: Frame = { fields: [] };
  begun.push(frame);
  return frame;
}

/** Ends a frame, and those that were begun later and never applied. */
export function end(frame: Frame): readonly TakenField[] {
  const at = begun.lastIndexOf(frame);
  if (at >= 0) begun.length = at;
  return frame.fields.splice(0);
}

/** A class that is refused is never declared: what was begun for it must not take the fields of another one. */
export function orForget<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    begun.length = 0;
    throw error;
  }
}

/** @param prototype undefined: not told */
export function take(field: TakenField, prototype: object | undefined): void {
  if (prototype === undefined) {
    const frame = begun.at(-1);
    if (frame === undefined) throw new TypeError(`@Field ${field.property}: its class has no @State.`);
    frame.fields.push(field);
    return;
  }
  const fields = ofPrototypes.get(prototype);
  if (fields === undefined) ofPrototypes.set(prototype, [field]);
  else fields.push(field);
}

/** The fields of legacy decorators on this prototype itself. */
export function takenOn(prototype: object): readonly TakenField[] {
  return ofPrototypes.get(prototype) ?? [];
}
