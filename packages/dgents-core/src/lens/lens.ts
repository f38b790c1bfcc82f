import type { At, Key } from './focus.js';
import { checkPath, getAt, type Segment, setAt } from './path.js';
import { Traversal } from './traversal.js';

/**
 * A part `A` of a whole `S`: how to get it, and how to put another one in its place.
 *
 * A lens is lawful when what was put is what one gets (PutGet), putting back what one got changes nothing (GetPut), and
 * the last put is all that counts (PutPut); `assertLensLaws` tries that. Neither function changes what it is given.
 * (Foster et al., "Combinators for bidirectional tree transformations", 2007.)
 */
export class Lens<S, A> {
  /** @internal Use {@link lens} or {@link whole}. */
  constructor(
    /** The part. @throws StateNotFoundError when it is not there */
    readonly get: (whole: S) => A,
    /** The whole with another part. */
    readonly set: (whole: S, part: A) => S,
    /** Where the part is, of a lens that only goes into plain objects and arrays. */
    readonly path?: readonly Segment[],
  ) {}

  /** The whole with its part changed by a function. */
  modify(whole: S, change: (part: A) => A): S {
    return this.set(whole, change(this.get(whole)));
  }

  /**
   * Further into objects and arrays: `focus('profile', 'address', 0)`. Beyond five steps, focus again.
   *
   * What is not there is a `StateNotFoundError`, on `get` and on `set`; only the last key of an object may be new.
   * @throws RangeError for a negative or fractional index
   */
  focus<K1 extends Key<A>>(k1: K1): Lens<S, At<A, K1>>;
  focus<K1 extends Key<A>, K2 extends Key<At<A, K1>>>(k1: K1, k2: K2): Lens<S, At<At<A, K1>, K2>>;
  focus<K1 extends Key<A>, K2 extends Key<At<A, K1>>, K3 extends Key<At<At<A, K1>, K2>>>(
    k1: K1,
    k2: K2,
    k3: K3,
  ): Lens<S, At<At<At<A, K1>, K2>, K3>>;
  focus<
    K1 extends Key<A>,
    K2 extends Key<At<A, K1>>,
    K3 extends Key<At<At<A, K1>, K2>>,
    K4 extends Key<At<At<At<A, K1>, K2>, K3>>,
  >(k1: K1, k2: K2, k3: K3, k4: K4): Lens<S, At<At<At<At<A, K1>, K2>, K3>, K4>>;
  focus<
    K1 extends Key<A>,
    K2 extends Key<At<A, K1>>,
    K3 extends Key<At<At<A, K1>, K2>>,
    K4 extends Key<At<At<At<A, K1>, K2>, K3>>,
    K5 extends Key<At<At<At<At<A, K1>, K2>, K3>, K4>>,
  >(k1: K1, k2: K2, k3: K3, k4: K4, k5: K5): Lens<S, At<At<At<At<At<A, K1>, K2>, K3>, K4>, K5>>;
  focus(...path: Segment[]): Lens<S, never> {
    return this.at(path);
  }

  /** @internal */
  at<B>(path: readonly Segment[]): Lens<S, B> {
    checkPath(path);
    const inner = new Lens<A, B>(
      (part) => getAt(part, path) as B,
      (part, next) => setAt(part, path, next) as A,
      [...path],
    );
    return this.compose(inner);
  }

  /** The part of the part. */
  compose<B>(inner: Lens<A, B>): Lens<S, B> {
    const path = this.path && inner.path && [...this.path, ...inner.path];
    if (path !== undefined) {
      return new Lens<S, B>(
        (all) => getAt(all, path) as B,
        (all, part) => setAt(all, path, part) as S,
        path,
      );
    }
    return new Lens<S, B>(
      (all) => inner.get(this.get(all)),
      (all, part) => this.set(all, inner.set(this.get(all), part)),
    );
  }

  /** The same part, as the only one of a traversal. */
  asTraversal(): Traversal<S, A> {
    return new Traversal<S, A>(
      (all) => [this.get(all)],
      (all, change) => this.modify(all, change),
    );
  }
}

/** A lens of your own. Neither function may change what it is given, and it should keep the laws of {@link Lens}. */
export function lens<S, A>(get: (whole: S) => A, set: (whole: S, part: A) => S): Lens<S, A> {
  return new Lens(get, set);
}

/** The lens whose part is everything: where a focus begins. */
export function whole<S>(): Lens<S, S> {
  return new Lens<S, S>(
    (all) => all,
    (_, next) => next,
    [],
  );
}
