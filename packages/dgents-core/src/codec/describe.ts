import { types } from 'node:util';

/** What an unstorable object is, in words for the one who wrote it, and what to do instead where that is known. */
export function describe(value: object): string {
  if (typeof value === 'function') return 'a function';
  if (types.isProxy(value)) return 'a Proxy that does not look like a storable value';
  if (types.isPromise(value)) return 'a Promise; await it first';
  if (types.isBoxedPrimitive(value)) return 'a boxed primitive; store the primitive itself';
  if (types.isWeakMap(value) || types.isWeakSet(value)) return 'a weak collection, which cannot be listed';
  if (types.isSharedArrayBuffer(value)) return 'a SharedArrayBuffer; copy it into an ArrayBuffer';
  if (ArrayBuffer.isView(value) && types.isSharedArrayBuffer(value.buffer)) {
    return 'a view of a SharedArrayBuffer; copy it into memory of its own';
  }
  if (types.isGeneratorObject(value)) return 'a generator';
  const name = constructorName(value);
  return name === undefined
    ? 'an object with an unknown prototype'
    : `an instance of ${name}, a class that is not registered; list it in \`classes\``;
}

/** For the message only: names decide nothing. */
function constructorName(value: object): string | undefined {
  const prototype: object | null = Object.getPrototypeOf(value);
  const type: unknown = prototype && Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  const name: unknown = typeof type === 'function' && Object.getOwnPropertyDescriptor(type, 'name')?.value;
  return typeof name === 'string' && name !== '' ? name : undefined;
}
