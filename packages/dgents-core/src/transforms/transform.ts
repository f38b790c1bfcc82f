/**
 * What may be done with the text of a record between the engine and the store: made smaller, made unreadable.
 *
 *     document ──stringify──▶ text ──▶ compress ──▶ encrypt ──▶ base64 in quotes      codec "gzip+a256gcm:2026"
 *
 * Transforms are pure functions of bytes. They are applied in their order, each leaves its name in the `codec` of the
 * record, and they are undone by those names in the opposite order. So a log may hold records of any settings.
 */
import type { Meta, RecordKind, Version } from '../backend.js';

/** Where a text belongs: all that the store says of it, other than the text itself. */
export interface TextPlace {
  /** The address of the state. */
  readonly key: string;
  /** `checkpoint` is also the base of a trimmed log. */
  readonly kind: RecordKind | 'checkpoint';
  readonly version: Version;
  /** The id of the operation that wrote this version. */
  readonly id: string;
  readonly at: number;
  /** For a patch: the id of the operation that wrote the version before, which it changes. */
  readonly after?: string | undefined;
  readonly schema?: number | undefined;
  readonly meta?: Meta | undefined;
}

/** What a transform made of some bytes. */
export interface Transformed {
  /**
   * How it is found again: up to 80 letters, digits, `.`, `_`, `-` and `:`. Given once, it stands for this layout for
   * ever.
   */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** One step, synchronous: it runs within a save or a load, and nothing else of the process does meanwhile. */
export interface Transform {
  /** Whether a text that it had no part in is refused at reading. */
  readonly required: boolean;
  /** Whether nothing can be read out of its result, or made smaller: then it is the last one. */
  readonly encrypts: boolean;
  /**
   * The bytes changed; undefined: left as they are.
   * @param applied the names of what was done before
   */
  apply(bytes: Uint8Array, applied: readonly string[], place: TextPlace): Transformed | undefined;
  /** Whether {@link undo} knows this name: also those that other settings of it have given. */
  knows(name: string): boolean;
  /**
   * The bytes as they were.
   * @param maxBytes what the result may weigh: found out before memory is taken for more
   * @throws StateCorruptionError when they are not what `apply` made for this place; StateTooLargeError
   */
  undo(
    bytes: Uint8Array,
    name: string,
    applied: readonly string[],
    place: TextPlace,
    maxBytes: number,
  ): Uint8Array;
}
