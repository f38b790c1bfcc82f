import { StateNotFoundError } from '../errors.js';
import { Lens } from './lens.js';
import { Traversal } from './traversal.js';

/**
 * One of the shapes that a whole may have: whether it has, and how to make a whole of it.
 *
 * Lawful when what was built matches as it was, and what matches builds the same again; `assertPrismLaws` tries that.
 */
export class Prism<S, A> {
  /** @internal Use {@link prism} or {@link variant}. */
  constructor(
    /** The part, or undefined when the whole has another shape. */
    readonly match: (whole: S) => { readonly part: A } | undefined,
    readonly build: (part: A) => S,
  ) {}

  /** A shape within the shape. */
  compose<B>(inner: Prism<A, B>): Prism<S, B> {
    return new Prism<S, B>(
      (all) => {
        const found = this.match(all);
        return found && inner.match(found.part);
      },
      (part) => this.build(inner.build(part)),
    );
  }

  /** A lens for wholes of this shape; of all others the part is a `StateNotFoundError`, to get and to set. */
  asLens(): Lens<S, A> {
    const found = (all: S): A => {
      const match = this.match(all);
      if (match !== undefined) return match.part;
      throw new StateNotFoundError('The state has another shape than the one in focus.');
    };
    return new Lens<S, A>(found, (all, part) => {
      found(all);
      return this.build(part);
    });
  }

  /** The part as the only one, or none. */
  asTraversal(): Traversal<S, A> {
    return new Traversal<S, A>(
      (all) => {
        const found = this.match(all);
        return found === undefined ? [] : [found.part];
      },
      (all, change) => {
        const found = this.match(all);
        return found === undefined ? all : this.build(change(found.part));
      },
    );
  }
}

/** A prism of your own. */
export function prism<S, A>(
  match: (whole: S) => { readonly part: A } | undefined,
  build: (part: A) => S,
): Prism<S, A> {
  return new Prism(match, build);
}

/** One member of a union that is told by a field: `variant<Shape>()('kind', 'circle')`. */
export function variant<S extends object>() {
  return <K extends keyof S, V extends S[K]>(tag: K, value: V): Prism<S, Extract<S, Record<K, V>>> =>
    new Prism<S, Extract<S, Record<K, V>>>(
      (all) => (all[tag] === value ? { part: all as Extract<S, Record<K, V>> } : undefined),
      (part) => part,
    );
}
