/** What a value of a field may be. */
import type { Kind } from '../codec/codec.js';

/** What shapes tell a walk through a value. */
export interface Walk {
  /** What the codec sees in an object, a registered class among it. */
  kindOf(value: object): Kind;
  /** Checks what stands at `segment`. */
  at(segment: PropertyKey, shape: Shape, value: unknown): void;
  /** Something is wrong where the walk stands, or at a `segment` of it. */
  issue(message: string, segment?: PropertyKey): void;
}

/** Made by `mapOf` and its siblings, and from classes and lists by `@Field`. */
export abstract class Shape {
  /** @internal In words: `a string`. */
  abstract readonly text: string;

  /** @internal Two shapes of one family cannot be told apart without looking inside; undefined: they can. */
  readonly family: string | undefined = undefined;

  /** @internal What is inside. */
  readonly parts: readonly Shape[] = [];

  /** @internal The class whose instances it takes. */
  readonly type: (abstract new (...args: never[]) => object) | undefined = undefined;

  /** @internal Whether a value is one at first sight; what is inside is not looked at. */
  abstract is(value: unknown, walk: Walk): boolean;

  /** @internal Looks inside a value that is one at first sight. */
  inside?(value: object, walk: Walk): void;
}

/** A shape and all that is inside it. */
export function* everyShape(shape: Shape): Generator<Shape, void, undefined> {
  yield shape;
  for (const part of shape.parts) yield* everyShape(part);
}
