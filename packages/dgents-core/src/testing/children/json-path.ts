/** Where, in this value, there is something that JSON would change; undefined when it survives. */
export function jsonPathOf(value: unknown, path = 'the place'): string | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return undefined;
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0) ? undefined : path;
  if (typeof value !== 'object' || !isPlain(value)) return path;
  for (const [name, inner] of Object.entries(value)) {
    const found = jsonPathOf(inner, `${path}.${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** By its constructor's name: the prototypes of another realm are others. */
function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && !('toJSON' in value);
}
