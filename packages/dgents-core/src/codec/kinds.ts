import { types } from 'node:util';
import type { ClassRegistry } from './classes.js';
import { errorClasses, intrinsicName, viewClasses } from './intrinsics.js';

/** What the codec sees in an object. Everything it cannot store without changing it is `unstorable`. */
export type Kind =
  | 'object'
  | 'null-object'
  | 'array'
  | 'sparse'
  | 'map'
  | 'set'
  | 'date'
  | 'regexp'
  | 'url'
  | 'bytes'
  | 'error'
  | 'class'
  | 'unstorable';

/** The kind of an object, by its prototype and what it really is inside. Functions are `unstorable`. */
export function kindOf(value: object, classes: ClassRegistry): Kind {
  if (typeof value === 'function') return 'unstorable';
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) return Array.isArray(value) ? 'unstorable' : 'object';
  if (prototype === Array.prototype) return arrayKind(value);
  if (prototype === null)
    return Array.isArray(value) || types.isExternal(value) ? 'unstorable' : 'null-object';
  if (classes.byPrototype.has(prototype)) return 'class';
  return intrinsicKind(value, intrinsicName(prototype));
}

function intrinsicKind(value: object, name: string | undefined): Kind {
  switch (name) {
    case undefined:
      return 'unstorable';
    case 'Object':
      return Array.isArray(value) ? 'unstorable' : 'object';
    case 'Array':
      return arrayKind(value);
    case 'Map':
      return types.isMap(value) ? 'map' : 'unstorable';
    case 'Set':
      return types.isSet(value) ? 'set' : 'unstorable';
    case 'Date':
      return types.isDate(value) ? 'date' : 'unstorable';
    case 'RegExp':
      return types.isRegExp(value) ? 'regexp' : 'unstorable';
    case 'URL':
      return isUrl(value) ? 'url' : 'unstorable';
    case 'ArrayBuffer':
      return types.isArrayBuffer(value) ? 'bytes' : 'unstorable';
  }
  if (errorClasses.has(name)) return types.isNativeError(value) ? 'error' : 'unstorable';
  if (name === 'Buffer' || viewClasses.has(name)) return isOwnView(value) ? 'bytes' : 'unstorable';
  return 'unstorable';
}

/** A view over shared memory can change under our hands: it is not a value. */
function isOwnView(value: object): boolean {
  return ArrayBuffer.isView(value) && types.isArrayBuffer(value.buffer);
}

function isUrl(value: object): boolean {
  try {
    return typeof (value as URL).href === 'string';
  } catch {
    return false; // An object that merely has this prototype: the accessor refuses it.
  }
}

function arrayKind(value: object): Kind {
  if (!Array.isArray(value)) return 'unstorable';
  return hasHoles(value) ? 'sparse' : 'array';
}

/** Whether an array lacks an index below its length. Never looks at more indices than there are elements. */
export function hasHoles(array: readonly unknown[]): boolean {
  // A hole reads as undefined, and `includes` stops at the first one: `length` can be four billion for nothing.
  if (!array.includes(undefined)) return false;
  for (let i = 0; i < array.length; i++) if (!(i in array)) return true;
  return false;
}

/** Whether a key names an element of an array. */
export function isIndex(key: string): boolean {
  const index = Number(key) >>> 0;
  return index !== 0xffffffff && String(index) === key;
}
