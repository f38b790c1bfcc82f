/** Going into plain objects and arrays by keys and indexes, without changing them. */
import { formatPath } from '../codec/path.js';
import { StateNotFoundError } from '../errors.js';

export type Segment = string | number;
export type Container = Record<Segment, unknown>;

/** @throws RangeError for what is no index, TypeError for what is no key */
export function checkPath(path: readonly Segment[]): void {
  for (const segment of path) {
    if (typeof segment === 'number') {
      if (!Number.isSafeInteger(segment) || segment < 0) {
        throw new RangeError(`An index of a focus is a whole number from 0 on, not ${segment}.`);
      }
    } else if (typeof segment !== 'string' || segment === '__proto__') {
      throw new TypeError(`A focus takes keys and indexes, not ${String(segment)}.`);
    }
  }
}

/** @throws StateNotFoundError when there is nothing at the path */
export function getAt(whole: unknown, path: readonly Segment[]): unknown {
  let part = whole;
  for (let depth = 0; depth < path.length; depth += 1) {
    const container = containerAt(part, path, depth);
    part = isThere(container, path[depth]!) ? container[path[depth]!] : undefined;
  }
  if (part === undefined) throw missing(path, path.length);
  return part;
}

/** The same whole with another part; shares with it what is not on the path. A key of an object may be new. */
export function setAt(whole: unknown, path: readonly Segment[], part: unknown, depth = 0): unknown {
  if (depth === path.length) return part;
  const key = path[depth]!;
  const container = placeAt(whole, path, depth);
  const copy = copyOf(container);
  copy[key] = setAt(container[key], path, part, depth + 1);
  return copy;
}

/** Puts another part into a draft of the whole. */
export function putAt(draft: unknown, path: readonly Segment[], part: unknown): void {
  let container = draft;
  const last = path.length - 1;
  for (let depth = 0; depth < last; depth += 1) {
    container = containerAt(container, path, depth)[path[depth]!];
  }
  placeAt(container, path, last)[path[last]!] = part;
}

/** The container of the segment at this depth, which can take a value there. */
function placeAt(value: unknown, path: readonly Segment[], depth: number): Container {
  const container = containerAt(value, path, depth);
  // A list has no gaps: only what is there can be replaced. Further up there has to be something to go into.
  const needed = Array.isArray(container) || depth < path.length - 1;
  if (needed && !isThere(container, path[depth]!)) throw missing(path, depth + 1);
  return container;
}

function containerAt(value: unknown, path: readonly Segment[], depth: number): Container {
  if (value === undefined || value === null) throw missing(path, depth);
  if (isPlain(value) && (typeof path[depth] === 'number' || !Array.isArray(value))) return value as Container;
  throw new TypeError(
    `A focus on ${formatPath(path)} finds ${described(value)} at ${formatPath(path.slice(0, depth))}.`,
  );
}

function described(value: unknown): string {
  if (Array.isArray(value)) return 'a list, which takes an index';
  if (typeof value !== 'object') return `a ${typeof value}, which has no parts`;
  const name = (value?.constructor as { name?: unknown } | undefined)?.name;
  return `an instance of ${String(name)}, into which no path leads (write a \`lens\` for it)`;
}

function isPlain(value: unknown): boolean {
  if (typeof value !== 'object') return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Array.isArray(value);
}

function isThere(container: Container, segment: Segment): boolean {
  return Object.hasOwn(container, segment);
}

function copyOf(container: Container): Container {
  if (Array.isArray(container)) return container.slice() as unknown as Container;
  const copy = { ...container };
  return Object.getPrototypeOf(container) === null ? Object.setPrototypeOf(copy, null) : copy;
}

function missing(path: readonly Segment[], depth: number): StateNotFoundError {
  return new StateNotFoundError(
    `There is nothing at ${formatPath(path.slice(0, depth))}, where ${formatPath(path)} is in focus.`,
  );
}
