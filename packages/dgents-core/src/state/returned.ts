/** What a recipe returns may hold drafts: `(d) => ({ ...d, count: 2 })`. */
import { isDraft, original } from 'mutative';
import { holdsHidden, isBare } from './strict.js';

/**
 * The same with every draft replaced by what it is a draft of. Containers that hold any are copied: they are the
 * recipe's, and must not get hold of the state itself. What cannot be stored anyway is left as it is.
 */
export function withoutDrafts(value: unknown): unknown {
  return resolve(value, new Map());
}

function resolve(value: unknown, seen: Map<object, unknown>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (isDraft(value)) return original(value);
  if (seen.has(value)) return seen.get(value);
  seen.set(value, value);
  const resolved = resolveContainer(value, seen);
  seen.set(value, resolved);
  return resolved;
}

function resolveContainer(value: object, seen: Map<object, unknown>): object {
  switch (Object.getPrototypeOf(value)) {
    case Array.prototype:
      return isBare(value) ? resolveList(value as unknown[], seen) : value;
    case Object.prototype:
      return holdsHidden(value) ? value : resolveFields(value as Record<string, unknown>, seen);
    case Map.prototype: {
      if (!isBare(value)) return value;
      const entries = [...(value as Map<unknown, unknown>)];
      const resolved = entries.map((entry) => resolveList(entry, seen) as [unknown, unknown]);
      return resolved.every((entry, index) => entry === entries[index]) ? value : new Map(resolved);
    }
    case Set.prototype: {
      if (!isBare(value)) return value;
      const members = [...(value as Set<unknown>)];
      const resolved = resolveList(members, seen);
      return resolved === members ? value : new Set(resolved);
    }
    default:
      return value;
  }
}

function resolveList(list: unknown[], seen: Map<object, unknown>): unknown[] {
  let copy: unknown[] | undefined;
  list.forEach((item, index) => {
    const resolved = resolve(item, seen);
    if (Object.is(resolved, item)) return;
    copy ??= list.slice();
    copy[index] = resolved;
  });
  return copy ?? list;
}

function resolveFields(fields: Record<string, unknown>, seen: Map<object, unknown>): object {
  let copy: Record<string, unknown> | undefined;
  for (const key of Object.keys(fields)) {
    const resolved = resolve(fields[key], seen);
    if (Object.is(resolved, fields[key])) continue;
    copy ??= { ...fields };
    copy[key] = resolved;
  }
  return copy ?? fields;
}
