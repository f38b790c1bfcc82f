/**
 * Replays patches. A container is copied the first time a replay touches it and changed in place after that, so that
 * a thousand patches copy an array once and documents shared with others are never changed.
 */
import type { Json } from '../codec/codec.js';
import { StateCorruptionError } from '../errors.js';
import { type PatchOp, parsePointer } from './patch.js';

const SLASH = 47;

type Container = Json[] | { [key: string]: Json };

/** The containers that one replay made itself and may change. */
export class Replay {
  private readonly owned = new WeakSet<object>();

  /**
   * The document after these operations.
   * @throws StateCorruptionError when an operation does not fit the document
   */
  apply(document: Json, ops: readonly PatchOp[]): Json {
    let root = document;
    for (const op of ops) root = this.operation(root, op);
    return root;
  }

  private operation(root: Json, op: PatchOp): Json {
    if (typeof op?.path !== 'string')
      throw new StateCorruptionError('A stored patch holds something that is no operation.');
    switch (op.op) {
      case 'add':
        assertValue(op);
        return this.at(root, op.path, op, (parent, segment) => insert(parent, segment, op.value, op));
      case 'replace':
        assertValue(op);
        if (op.path === '') return op.value;
        return this.at(root, op.path, op, (parent, segment) => replace(parent, segment, op.value, op));
      case 'remove':
        return this.at(root, op.path, op, (parent, segment) => void remove(parent, segment, op));
      case 'move': {
        let value: Json = null;
        const without = this.at(root, op.from, op, (parent, segment) => {
          value = remove(parent, segment, op);
        });
        return this.at(without, op.path, op, (parent, segment) => insert(parent, segment, value, op));
      }
      default:
        throw unfit(op, 'unknown operation');
    }
  }

  private at(
    root: Json,
    path: string,
    op: PatchOp,
    change: (parent: Container, segment: string) => void,
  ): Json {
    if (typeof path !== 'string' || (path !== '' && path.charCodeAt(0) !== SLASH))
      throw unfit(op, 'that is no pointer');
    const segments = parsePointer(path);
    const last = segments.pop();
    if (last === undefined) throw unfit(op, 'the root cannot be added, moved or removed');
    const top = this.own(root, op);
    let parent = top;
    for (const segment of segments) {
      const value = get(parent, segment, op);
      const child = this.own(value, op);
      if (child !== value) set(parent, segment, child);
      parent = child;
    }
    change(parent, last);
    return top as Json;
  }

  private own(value: Json | undefined, op: PatchOp): Container {
    if (typeof value !== 'object' || value === null) throw unfit(op, 'there is no container on the path');
    if (this.owned.has(value)) return value as Container;
    const copy = Array.isArray(value) ? value.slice() : copyObject(value as Record<string, Json>);
    this.owned.add(copy);
    return copy;
  }
}

function assertValue(op: PatchOp & { readonly op: 'add' | 'replace' }): void {
  if (op.value === undefined) throw unfit(op, 'it has no value');
}

function copyObject(value: Record<string, Json>): { [key: string]: Json } {
  const copy: { [key: string]: Json } = {};
  for (const key of Object.keys(value)) set(copy, key, value[key] as Json);
  return copy;
}

function get(parent: Container, segment: string, op: PatchOp): Json {
  if (Array.isArray(parent)) return parent[index(segment, parent.length - 1, op)] as Json;
  if (!Object.hasOwn(parent, segment)) throw unfit(op, 'there is no such member');
  return parent[segment] as Json;
}

function set(parent: Container, segment: string, value: Json): void {
  if (Array.isArray(parent)) parent[Number(segment)] = value;
  else if (segment !== '__proto__') parent[segment] = value;
  else
    Object.defineProperty(parent, segment, { value, writable: true, enumerable: true, configurable: true });
}

function insert(parent: Container, segment: string, value: Json, op: PatchOp): void {
  if (!Array.isArray(parent)) {
    set(parent, segment, value);
    return;
  }
  const at = segment === '-' ? parent.length : index(segment, parent.length, op);
  if (at === parent.length) parent.push(value);
  else parent.splice(at, 0, value);
}

function replace(parent: Container, segment: string, value: Json, op: PatchOp): void {
  get(parent, segment, op);
  set(parent, segment, value);
}

function remove(parent: Container, segment: string, op: PatchOp): Json {
  const value = get(parent, segment, op);
  if (!Array.isArray(parent)) delete parent[segment];
  else if (Number(segment) === 0) parent.shift();
  else parent.splice(Number(segment), 1);
  return value;
}

function index(segment: string, max: number, op: PatchOp): number {
  const value = Number(segment);
  if (!/^(?:0|[1-9]\d*)$/.test(segment) || value > max) throw unfit(op, 'there is no such index');
  return value;
}

function unfit(op: PatchOp, why: string): StateCorruptionError {
  return new StateCorruptionError(
    `A stored patch does not fit the state before it (${String(op.op)} ${String(op.path)}: ${why}).`,
  );
}
