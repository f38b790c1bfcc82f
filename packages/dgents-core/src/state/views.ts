/** What users are handed: private copies, made when they are first looked at. */
import type { Head } from '../backend.js';
import type { Deleted, Versioned } from '../data-agent.js';
import type { Definition } from './definition.js';
import type { Snapshot } from './replica.js';

/** A private copy of a snapshot's state, or its frozen view. The snapshot must hold one. */
export function stateOf<S>(
  definition: Definition,
  snapshot: Pick<Snapshot, 'value'>,
  frozen: boolean | undefined,
): S {
  const { codec } = definition;
  return (frozen === true ? codec.freeze(snapshot.value) : codec.clone(snapshot.value)) as S;
}

/** A versioned view of a snapshot with a live state. */
export function versioned<S>(
  definition: Definition,
  snapshot: Snapshot,
  frozen: boolean | undefined,
): Versioned<S> {
  const { head, meta } = snapshot;
  let copied: { readonly state: S } | undefined;
  return {
    get state() {
      copied ??= { state: stateOf<S>(definition, snapshot, frozen) };
      return copied.state;
    },
    version: head?.version ?? 0,
    head: head === null ? null : Object.freeze(head),
    savedAt: head === null ? null : new Date(head.at),
    meta: deepFrozen(meta),
    deleted: false,
  };
}

/** Heads and meta are shared with the log: nobody may change them. */
function deepFrozen<T>(json: T): T {
  if (typeof json !== 'object' || json === null || Object.isFrozen(json)) return json;
  for (const inner of Object.values(json)) deepFrozen(inner);
  return Object.freeze(json);
}

/** The view of a tombstone. */
export function deletedView(head: Head, meta: Snapshot['meta']): Deleted {
  return {
    deleted: true,
    version: head.version,
    head: Object.freeze(head),
    savedAt: new Date(head.at),
    meta: deepFrozen(meta),
  };
}

/** Either, as the version is: told by its head, so that nothing is decoded that nobody looks at. */
export function viewOf<S>(
  definition: Definition,
  snapshot: Snapshot & { readonly head: Head },
  frozen: boolean | undefined,
): Versioned<S> | Deleted {
  if (snapshot.head.deleted) return deletedView(snapshot.head, snapshot.meta);
  return versioned<S>(definition, snapshot, frozen);
}
