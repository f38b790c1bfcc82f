/**
 * Value ⇄ document ⇄ text.
 *
 * A *value* is what users hold. A *document* is plain JSON: what a value becomes when everything JSON cannot hold is
 * replaced by a tagged one-key object (docs/formats/codec.md has the table). *Text* is `JSON.stringify(document)`.
 *
 *     user's value ──copy──▶ private value ──encode──▶ document ──stringify──▶ text
 *     user's copy  ◀─clone── private value ◀─decode─── document ◀──parse────── text
 *
 * Most states are plain JSON. For those, value and document are the same object, and the two middle arrows return it
 * as it is.
 */
import { MigrationError, StateCorruptionError, StateTooLargeError } from '../errors.js';
import { type ClassCodec, ClassRegistry } from './classes.js';
import { Cloner } from './clone.js';
import { Copier } from './copier.js';
import { Decoder } from './decode.js';
import { Encoder } from './encode.js';
import { Comparer } from './equal.js';
import { Freezer } from './freeze.js';
import type { Json } from './json.js';
import { isPlainString } from './keys.js';
import { type Kind, kindOf } from './kinds.js';
import type { PathSegment } from './path.js';
import { isOddNumber } from './primitives.js';
import { HARD_MAX_DEPTH, isStackOverflow, Oversize, Refusal, shorten } from './refusal.js';
import type { Rules } from './rules.js';
import { sameLeaf } from './same.js';
import type { Traits } from './traits.js';

export type { ClassCodec, ClassField, ClassMigrations } from './classes.js';
export type { Json } from './json.js';
export type { Kind } from './kinds.js';
export { formatPath, type PathSegment } from './path.js';

export interface CodecOptions {
  /** How deep a document may nest; 1,000 unless told, at most 2,000. A Map counts as three levels. */
  readonly maxDepth?: number;
  /** What a state may weigh as JSON text, in bytes; 64 MiB unless told. */
  readonly maxBytes?: number;
  /** Classes whose instances are stored and come back as instances. All others are refused. */
  readonly classes?: readonly ClassCodec[];
}

/** A value that nobody else holds, and what is known about it. */
export interface Copied {
  readonly value: unknown;
  readonly traits: Traits;
}

const DEFAULT_MAX_DEPTH = 1000;
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

/** Stateless apart from its limits and classes: one codec serves any number of agents. */
export class Codec {
  readonly maxDepth: number;
  readonly maxBytes: number;
  private readonly rules: Rules;
  private readonly cloner: Cloner;
  private readonly encoder: Encoder;
  private readonly freezer: Freezer;
  private readonly comparer: Comparer;

  constructor({
    maxDepth = DEFAULT_MAX_DEPTH,
    maxBytes = DEFAULT_MAX_BYTES,
    classes = [],
  }: CodecOptions = {}) {
    if (!Number.isInteger(maxDepth) || maxDepth < 1 || maxDepth > HARD_MAX_DEPTH) {
      throw new RangeError(`maxDepth must be a whole number from 1 to ${HARD_MAX_DEPTH}`);
    }
    if (!Number.isSafeInteger(maxBytes) || maxBytes < 1)
      throw new RangeError('maxBytes must be a whole number above 0');
    this.maxDepth = maxDepth;
    this.maxBytes = maxBytes;
    const registry = new ClassRegistry(classes);
    this.rules = { maxDepth, maxBytes, classes: registry, plainKeys: new Set(), exotic: new WeakSet() };
    this.cloner = new Cloner(registry);
    this.encoder = new Encoder(registry);
    this.freezer = new Freezer(registry, this.cloner);
    this.comparer = new Comparer(registry);
  }

  /**
   * Checks a value and copies it in one walk: the result shares nothing with what was given. Shared references are
   * written out. `path` and `depth` place it inside a larger state, for errors and limits.
   * @throws StateSerializationError with the path of the first thing that cannot be stored
   * @throws StateTooLargeError when it certainly weighs more than `maxBytes`; the exact weight is that of the document
   */
  copy(
    value: unknown,
    options: { key?: string | undefined; path?: readonly PathSegment[]; depth?: number } = {},
  ): Copied {
    const copier = new Copier(this.rules, value);
    try {
      const copied = copier.copy(value, options.depth ?? 0);
      return { value: copied, traits: copier.traits };
    } catch (error) {
      throw this.refused(error, options.path, options.key);
    }
  }

  /** A private copy of a value that came out of {@link copy} or {@link decode}; also of a frozen one. No checks. */
  clone<T>(value: T): T {
    try {
      return this.cloner.clone(value, 0) as T;
    } catch (error) {
      throw this.refused(error);
    }
  }

  /** The document of a checked value; the value itself when nothing in it needs a tag. Untouched parts are shared. */
  encode(value: unknown): Json {
    try {
      return this.encoder.encode(value, 0);
    } catch (error) {
      throw this.refused(error);
    }
  }

  /**
   * The value of a document; the document itself when there is no tag in it. Untouched parts are shared.
   * @throws StateCorruptionError when it is not what {@link encode} writes: an unknown or malformed tag, nesting
   *   beyond `maxDepth`, a class that is not registered
   * @throws MigrationError when an instance was stored under a version of its class that cannot be read
   */
  decode(document: Json, options: { key?: string | undefined } = {}): Copied {
    const decoder = new Decoder(this.rules);
    try {
      const value = decoder.decode(document, 0);
      return { value, traits: decoder.traits };
    } catch (error) {
      const refusal = error instanceof Refusal ? error : Refusal.of(error);
      const { reason, path } = refusal.summary();
      if (refusal.cause instanceof MigrationError) throw placed(refusal.cause, path, options.key);
      throw new StateCorruptionError(`Cannot read the stored state at ${shorten(path)}: ${reason}`, {
        cause: refusal.cause,
        ...options,
      });
    }
  }

  /**
   * `JSON.parse`, bounded. A key `__proto__` becomes an own property.
   * @throws StateTooLargeError when the text is longer than `maxBytes`, before anything is parsed
   * @throws StateCorruptionError when it is not JSON
   */
  parse(text: string, options: { key?: string | undefined } = {}): Json {
    const bytes = text.length * 3 > this.maxBytes ? Buffer.byteLength(text) : text.length;
    if (bytes > this.maxBytes) throw this.tooLarge(bytes, options.key);
    try {
      return JSON.parse(text) as Json;
    } catch (cause) {
      throw new StateCorruptionError('The stored state is not JSON', { cause, ...options });
    }
  }

  /** {@link parse} and {@link decode} at once. */
  read(text: string, options: { key?: string | undefined } = {}): Copied {
    return this.decode(this.parse(text, options), options);
  }

  /** The text of a document. */
  stringify(document: Json): string {
    try {
      return JSON.stringify(document);
    } catch (error) {
      // The engine's limit for a string, about half a gigabyte.
      if (error instanceof RangeError && !isStackOverflow(error)) throw this.tooLarge(this.maxBytes + 1);
      throw this.refused(error);
    }
  }

  /**
   * The read-only view of a checked, private value. Plain objects and arrays are frozen in place and shared with the
   * next caller; a Date, Map, Set, RegExp, URL, Error, typed array or class instance inside is copied each time, and
   * the containers around it are rebuilt. Immediate when the value is plain and was frozen before.
   *
   * @param known a view that was given for another value: what both share is not looked at again
   */
  freeze<T>(value: T, known?: unknown): T {
    try {
      return this.freezer.freeze(value, 0, Object.isFrozen(known) ? known : undefined) as T;
    } catch (error) {
      throw this.refused(error);
    }
  }

  /** Whether two checked values are stored alike: deep; the order of keys, Map entries and Set members counts. */
  equal(a: unknown, b: unknown): boolean {
    try {
      return this.comparer.equal(a, b, 0);
    } catch (error) {
      throw this.refused(error);
    }
  }

  /** What the codec sees in an object. */
  kindOf(value: object): Kind {
    return kindOf(value, this.rules.classes);
  }

  /**
   * Whether this very object is part of a value that came out of {@link copy} or {@link decode}, and is nothing that a
   * draft could stand in for: a Date, bytes, a class instance … Whoever hands it out hands out the state itself.
   */
  holds(value: object): boolean {
    return this.rules.exotic.has(value);
  }

  /** Whether two dates, two regular expressions, two URLs or two pieces of bytes are stored alike. */
  sameLeaf(a: object, b: object): boolean {
    const kind = this.kindOf(a);
    return kind === this.kindOf(b) && sameLeaf(kind, a, b);
  }

  /** What is stored of an instance of a registered class: an object with its fields. */
  fieldsOf(instance: object): object {
    return this.rules.classes.fieldsOf(instance);
  }

  /**
   * Whether a document, also one that refers to blobs, holds an instance that was stored by another version of its class
   * than today's, or by a class that is not registered.
   */
  isOutdated(document: Json): boolean {
    return this.isVersioned && this.rules.classes.isOutdated(document);
  }

  /** Whether one of its classes has a version above 1: only then a document may be outdated. */
  get isVersioned(): boolean {
    return this.rules.classes.isVersioned;
  }

  /** Whether a primitive is written with a tag. */
  needsTag(value: unknown): boolean {
    switch (typeof value) {
      case 'string':
        return !isPlainString(value);
      case 'number':
        return isOddNumber(value);
      default:
        return value === undefined || typeof value === 'bigint';
    }
  }

  private refused(error: unknown, path: readonly PathSegment[] = [], key?: string): Error {
    if (error instanceof Oversize) return this.tooLarge(error.bytes, key);
    return (error instanceof Refusal ? error : Refusal.of(error)).toError(path, key);
  }

  private tooLarge(bytes: number, key?: string): StateTooLargeError {
    const limitBytes = this.maxBytes;
    return new StateTooLargeError(`The state weighs more than ${limitBytes} bytes`, {
      bytes,
      limitBytes,
      key,
    });
  }
}

/** The same, with the place of the instance. */
function placed({ message, from, to, cause }: MigrationError, path: string, key?: string): MigrationError {
  const where = key === undefined ? '' : ` of "${key}"`;
  return new MigrationError(`${message} It is at ${shorten(path)}${where}.`, { from, to, cause, key });
}
