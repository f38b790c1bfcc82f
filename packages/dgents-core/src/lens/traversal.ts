/**
 * Any number of parts of a whole.
 *
 * Lawful when changing nothing changes nothing, and two changes one after the other are the one change that does both;
 * `assertTraversalLaws` tries that.
 */
export class Traversal<S, A> {
  /** @internal Use {@link traversal}, {@link each} or {@link values}. */
  constructor(
    /** The parts, in order. */
    readonly all: (whole: S) => readonly A[],
    /** The whole with each part changed by a function. */
    readonly modify: (whole: S, change: (part: A) => A) => S,
  ) {}

  /** The parts of each part. */
  compose<B>(inner: Traversal<A, B>): Traversal<S, B> {
    return new Traversal<S, B>(
      (whole) => this.all(whole).flatMap((part) => [...inner.all(part)]),
      (whole, change) => this.modify(whole, (part) => inner.modify(part, change)),
    );
  }
}

/** A traversal of your own. */
export function traversal<S, A>(
  all: (whole: S) => readonly A[],
  modify: (whole: S, change: (part: A) => A) => S,
): Traversal<S, A> {
  return new Traversal(all, modify);
}

/** Each element of a list. */
export function each<A>(): Traversal<A[], A> {
  return new Traversal<A[], A>(
    (list) => list,
    (list, change) => list.map((part) => change(part)),
  );
}

/** Each value of an object, whatever its key. */
export function values<A>(): Traversal<Record<string, A>, A> {
  return new Traversal<Record<string, A>, A>(
    (record) => Object.values(record),
    (record, change) => Object.fromEntries(Object.entries(record).map(([key, part]) => [key, change(part)])),
  );
}
