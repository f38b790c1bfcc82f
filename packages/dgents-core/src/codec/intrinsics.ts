/**
 * Which built-in class an object is a direct instance of, in whatever realm it was made (a `node:vm` context, a jest
 * sandbox). Prototypes are compared, never the names of constructors, which anybody can choose: a prototype of
 * another realm counts if its `constructor` is native code, and that a script cannot imitate.
 */
import { types } from 'node:util';

const ERRORS = [
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
  AggregateError,
] as const;
const VIEWS = [
  DataView,
  Uint8Array,
  Uint8ClampedArray,
  Uint16Array,
  Uint32Array,
  Int8Array,
  Int16Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const;

/** Newer than the oldest supported Node. */
const Float16 = (globalThis as { Float16Array?: ViewConstructor }).Float16Array;

export type ErrorClass = (typeof ERRORS)[number];

interface ViewConstructor {
  new (buffer: ArrayBuffer, byteOffset?: number, length?: number): ArrayBufferView;
  readonly name: string;
  readonly prototype: object;
}

/** The native error classes by name. The only names of constructors that data can choose from, with the next. */
export const errorClasses: ReadonlyMap<string, ErrorClass> = new Map(ERRORS.map((type) => [type.name, type]));

/** The classes of views (DataView and typed arrays) by name. `Buffer` and `ArrayBuffer` are special, see bytes.ts. */
export const viewClasses: ReadonlyMap<string, ViewConstructor> = new Map(
  [...VIEWS, ...(Float16 ? [Float16] : [])].map((type) => [type.name, type as unknown as ViewConstructor]),
);

const NATIVE = [Object, Array, Map, Set, Date, RegExp, ArrayBuffer, ...ERRORS, ...viewClasses.values()];
const names = new Set(NATIVE.map((type) => type.name));
const known = new WeakMap<object, string | undefined>([
  ...NATIVE.map((type) => [type.prototype as object, type.name] as const),
  [Buffer.prototype, 'Buffer'],
  [URL.prototype, 'URL'],
]);

/** The name of the built-in class whose prototype this is; undefined for every other prototype. */
export function intrinsicName(prototype: object): string | undefined {
  const name = known.get(prototype);
  if (name !== undefined || known.has(prototype)) return name;
  const foreign = foreignName(prototype);
  known.set(prototype, foreign);
  return foreign;
}

const NATIVE_SOURCE = /^function (\w+)\(\) \{ \[native code\] \}$/;

function foreignName(prototype: object): string | undefined {
  if (types.isProxy(prototype)) return undefined;
  const type: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  if (typeof type !== 'function' || types.isProxy(type)) return undefined;
  if (Object.getOwnPropertyDescriptor(type, 'prototype')?.value !== prototype) return undefined;
  const name = NATIVE_SOURCE.exec(Function.prototype.toString.call(type))?.[1];
  return name !== undefined && names.has(name) ? name : undefined;
}
