import { checkOptions, type OptionNames } from '../option-names.js';
import { orForget, take } from './declared.js';
import type { FieldType } from './types.js';

export interface FieldOptions {
  /** What it is called in the store; as the property unless told. Stays when the property is renamed. */
  readonly name?: string;
  /** May be absent. Undefined is as good as absent, and not stored. */
  readonly optional?: boolean;
}

/** For legacy decorators (`experimentalDecorators`) and for standard ones. */
export interface FieldDecorator {
  (prototype: object, property: string | symbol): void;
  <This, Value>(value: undefined, context: ClassFieldDecoratorContext<This, Value>): void;
}

/**
 * Declares a field of a class with `@State`: what is not declared is not stored, and an instance that has more is
 * refused.
 *
 * ```ts
 * @Field(() => String) name = '';
 * @Field(() => [Message]) messages: Message[] = [];
 * @Field(() => oneOf('open', 'done'), { name: 's' }) status = 'open';
 * @Field({ optional: true }) nick?: string; //   the type from the compiler, with reflect-metadata
 * ```
 *
 * Without a type it is the one that TypeScript emits with `emitDecoratorMetadata`, where `reflect-metadata` is loaded.
 * esbuild, tsx, vitest and standard decorators emit none. A list, a Map, a Set or a union always needs one.
 *
 * @throws TypeError when the class is declared: for accessors, methods, static, private and symbol-keyed fields, for
 *   `__proto__`, `constructor` and `prototype`; with `@State`, for types that cannot be stored
 */
export function Field(type: () => FieldType, options?: FieldOptions): FieldDecorator;
export function Field(options?: FieldOptions): FieldDecorator;
export function Field(first?: FieldOptions | (() => FieldType), second?: FieldOptions): FieldDecorator {
  const type = typeof first === 'function' ? first : undefined;
  const options = (type === undefined ? (first as FieldOptions | undefined) : second) ?? {};
  orForget(() => checkArguments(type, options));
  return (target: unknown, context: unknown, descriptor?: unknown): void =>
    orForget(() => {
      if (isContext(context)) {
        checkContext(context);
        const property = propertyOf(context.name);
        take({ ...fieldOf(property, options), told: type ?? untold, metadata: context.metadata }, undefined);
        return;
      }
      const prototype = checkPrototype(target, context);
      const property = propertyOf(context);
      checkDescriptor(property, descriptor);
      const told = type ?? emitted(prototype, property);
      take({ ...fieldOf(property, options), told, metadata: undefined }, prototype);
    });
}

const OPTIONS: OptionNames<FieldOptions> = { name: true, optional: true };

function checkArguments(type: (() => FieldType) | undefined, options: FieldOptions): void {
  if (type !== undefined && Object.hasOwn(type, 'prototype')) {
    throw new TypeError(`@Field takes a function that gives the type: @Field(() => ${type.name}).`);
  }
  if (typeof options !== 'object') throw new TypeError('The options of @Field are an object.');
  checkOptions('@Field', options, OPTIONS);
  if (options.optional !== undefined && typeof options.optional !== 'boolean')
    throw new TypeError('@Field: `optional` is true or false.');
}

function fieldOf(property: string, { name = property, optional = false }: FieldOptions) {
  if (typeof name !== 'string' || name === '')
    throw new TypeError(`@Field ${property}: its name in the store is a text.`);
  checkName(name);
  return { property, name, optional };
}

/** What stands for something else on every object. */
const TAKEN = ['__proto__', 'constructor', 'prototype'];

function checkName(name: string): void {
  if (TAKEN.includes(name)) throw new TypeError(`@Field ${name}: no field can be called so.`);
}

function propertyOf(key: unknown): string {
  if (typeof key !== 'string') throw new TypeError(`@Field ${String(key)}: its key has to be a text.`);
  checkName(key);
  return key;
}

interface FieldContext {
  readonly kind: string;
  readonly name: string | symbol;
  readonly static: boolean;
  readonly private: boolean;
  readonly metadata?: unknown;
}

function isContext(context: unknown): context is FieldContext {
  return typeof context === 'object' && context !== null && 'kind' in context;
}

function checkContext({ kind, name, static: isStatic, private: isPrivate }: FieldContext): void {
  if (kind !== 'field') throw notAField(String(name), kind === 'method' ? 'a method' : 'an accessor');
  if (isStatic) throw notAField(String(name), 'static');
  if (isPrivate) throw notAField(String(name), 'private to its class, where nobody can read it');
}

function checkPrototype(target: unknown, key: unknown): object {
  if (typeof target === 'function') {
    throw notAField(String(key), key === undefined ? 'a parameter of the constructor' : 'static');
  }
  if (typeof target !== 'object' || target === null) throw new TypeError('@Field stands before a field.');
  return target;
}

/** Only accessors and methods have one; Babel gives one with an `initializer` for fields. */
function checkDescriptor(property: string, descriptor: unknown): void {
  if (typeof descriptor !== 'object' || descriptor === null) return;
  if ('get' in descriptor || 'set' in descriptor) throw notAField(property, 'an accessor');
  if (typeof (descriptor as PropertyDescriptor).value === 'function') throw notAField(property, 'a method');
}

function notAField(name: string, what: string): TypeError {
  return new TypeError(`@Field ${name}: it is ${what}. Only fields of instances can be stored.`);
}

const untold = (): never => {
  throw new TypeError(
    'its type is not told: give it, as @Field(() => String). With standard decorators, and under esbuild, tsx and ' +
      'vitest, the compiler emits none; elsewhere emitDecoratorMetadata and reflect-metadata are needed',
  );
};

interface Metadata {
  getMetadata?(key: string, target: object, property: string): unknown;
}

/** What the compiler has emitted, as far as somebody has loaded reflect-metadata. */
function emitted(prototype: object, property: string): () => unknown {
  const type = (Reflect as Metadata).getMetadata?.('design:type', prototype, property);
  return type === undefined ? untold : () => type;
}
