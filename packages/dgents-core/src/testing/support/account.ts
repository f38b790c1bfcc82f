/** Values as text, to be compared across realms, and everything in a value changed, to see who else notices. */
import assert from 'node:assert/strict';
import { types } from 'node:util';

/**
 * Everything that can be told about a value, as text: equal texts, equal values. The order of keys counts, holes are no
 * `undefined`, and 0 is not -0. It owes nothing to what it judges, and types are known by their insides, not by a class
 * that another realm has twice. The stack of an error is the only thing left out.
 */
export function account(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value);
  const own = ArrayBuffer.isView(value) ? [] : Reflect.ownKeys(value).filter((key) => !isImplied(value, key));
  const fields = own
    .sort(types.isNativeError(value) ? hiddenFirst(value) : () => 0)
    .map((key) => `${nameOf(value, key)}:${account(Reflect.get(value, key))}`);
  return `${typeOf(value)}${inside(value)}{${fields.join()}}`;
}

/** The account, cut off where it no longer helps a reader; for comparing, the whole. */
export function assertSame(actual: unknown, expected: unknown, message?: string): void {
  const [found, due] = [account(actual), account(expected)];
  if (found === due) return;
  const at = firstDifference(found, due);
  const excerpt = (text: string): string => text.slice(Math.max(0, at - 60), at + 120);
  const where = `${message ?? 'another value came back'} (from character ${at} of its account on)`;
  assert.equal(excerpt(found), excerpt(due), `${where}:\n  found ${excerpt(found)}\n  due   ${excerpt(due)}`);
}

function firstDifference(one: string, other: string): number {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at += 1;
  return at;
}

function isImplied(value: object, key: PropertyKey): boolean {
  if (Array.isArray(value)) return key === 'length';
  if (types.isRegExp(value)) return key === 'lastIndex';
  return types.isNativeError(value) && key === 'stack';
}

/** The built-in properties of an error have no order that anybody chose. */
function hiddenFirst(value: object): (a: PropertyKey, b: PropertyKey) => number {
  const hidden = (key: PropertyKey): number =>
    Number(!Object.prototype.propertyIsEnumerable.call(value, key));
  return (a, b) => hidden(b) - hidden(a) || (hidden(a) === 0 ? 0 : String(a) < String(b) ? -1 : 1);
}

function nameOf(value: object, key: PropertyKey): string {
  const shown = typeof key === 'symbol' ? String(key) : JSON.stringify(key);
  return Object.prototype.propertyIsEnumerable.call(value, key) ? shown : `${shown}?`;
}

function typeOf(value: object): string {
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === null) return 'null';
  const type: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  return typeof type === 'function' ? type.name : 'unknown';
}

function inside(value: object): string {
  if (types.isMap(value)) return `(${[...value].map(([k, v]) => `${account(k)}=>${account(v)}`).join()})`;
  if (types.isSet(value)) return `(${[...value].map(account).join()})`;
  if (types.isDate(value)) return `(${value.getTime()})`;
  if (types.isRegExp(value)) return `(${value} ${value.lastIndex})`;
  if (ArrayBuffer.isView(value)) {
    return `(${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')})`;
  }
  if (types.isAnyArrayBuffer(value)) return `(${Buffer.from(value).toString('hex')})`;
  if (value instanceof URL) return `(${value.href})`;
  return Array.isArray(value) ? `(${value.length})` : '';
}

/**
 * Changes whatever can be changed in a value, at every depth. What is frozen resists; that is what freezing is for.
 * @returns whether anything gave way
 */
export function spoil(value: unknown, seen = new Set<object>()): boolean {
  if (typeof value !== 'object' || value === null || seen.has(value)) return false;
  seen.add(value);
  const inner = types.isMap(value) ? [...value].flat() : types.isSet(value) ? [...value] : [];
  const fields = ArrayBuffer.isView(value) ? [] : Object.values(value);
  let spoiled = false;
  for (const part of [...inner, ...fields]) spoiled = spoil(part, seen) || spoiled;
  return attempt(() => change(value)) || spoiled;
}

function attempt(step: () => void): boolean {
  try {
    step();
    return true;
  } catch {
    return false;
  }
}

function change(value: object): void {
  if (types.isDate(value)) value.setTime(12_345);
  else if (types.isMap(value)) value.set('intruder', 'intruder');
  else if (types.isSet(value)) value.add('intruder');
  else if (types.isRegExp(value)) value.lastIndex += 1;
  else if (types.isAnyArrayBuffer(value)) invert(new Uint8Array(value));
  else if (ArrayBuffer.isView(value))
    invert(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  else if (value instanceof URL) value.hash = 'intruder';
  else if (Array.isArray(value)) value.push('intruder');
  else Object.assign(value, { intruder: 'intruder' });
}

function invert(bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = ~bytes[i]!;
}
