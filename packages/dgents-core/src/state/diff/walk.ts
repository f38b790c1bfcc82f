/** The walk through two values side by side: what is looked into, what is replaced, and who owns the result. */
import type { Codec, Json, Kind, PathSegment } from '../../codec/codec.js';
import { jsonBytes } from '../../codec/measure.js';
import { EXOTIC, TAGGED, type Traits } from '../../codec/traits.js';
import { isBare } from '../strict.js';
import { weighsLessThan } from '../weigh.js';
import { compareLists } from './arrays.js';
import { compareMaps } from './maps.js';
import { compareObjects, type Fields } from './objects.js';
import { type Mark, PatchWriter } from './patch-writer.js';
import { valuePath } from './place.js';
import { compareSets } from './sets.js';

export class Walk {
  readonly patch = new PatchWriter();
  /** Of the result. */
  traits: Traits;
  /** Whether `next` is checked and private where the walk stands. */
  trusted: boolean;

  constructor(
    readonly codec: Codec,
    readonly baseTraits: Traits,
    owned: Traits | undefined,
    /** For errors, read by the codec. */
    readonly key: string | undefined,
  ) {
    this.trusted = owned !== undefined;
    this.traits = owned ?? baseTraits;
  }

  /** Compares one level down: the result for `segment`. */
  at(segment: string | number, prev: unknown, next: unknown): unknown {
    const { pointer } = this.patch;
    pointer.push(segment);
    const result = this.value(prev, next);
    pointer.pop();
    return result;
  }

  /** The result where the walk stands; the very same `prev` where nothing differs. */
  value(prev: unknown, next: unknown): unknown {
    if (Object.is(prev, next)) return prev;
    if (typeof prev !== 'object' || prev === null || typeof next !== 'object' || next === null) {
      return this.replace(prev, this.own(next));
    }
    const kind = this.commonKind(prev, next);
    const mark = this.patch.mark();
    let result: unknown;
    switch (kind) {
      case 'object':
        result = compareObjects(this, prev as Fields, next as Fields);
        break;
      case 'array':
        result = compareLists(this, prev as unknown[], next as unknown[]);
        break;
      case 'map':
        result = compareMaps(this, prev as Map<unknown, unknown>, next as Map<unknown, unknown>);
        break;
      case 'set':
        result = compareSets(this, prev as Set<unknown>, next as Set<unknown>);
        break;
      case 'class':
        result = this.instance(prev, next);
        break;
      case 'null-object':
        result = this.inTag('$null', 0, prev, { ...prev }, next, { ...next });
        break;
      default:
        return this.leaf(prev, next);
    }
    return this.patch.countSince(mark) < 2 ? result : this.shorter(mark, prev, result);
  }

  /** What both are, where the walk can look into it; undefined where one is to take the other's place. */
  private commonKind(prev: object, next: object): Kind | undefined {
    const kind = this.kindOf(prev, (this.baseTraits & EXOTIC) === 0);
    if (kind === undefined || kind !== this.kindOf(next, this.trusted && (this.traits & EXOTIC) === 0))
      return undefined;
    if (this.trusted) return kind;
    switch (kind) {
      case 'object':
        return kind; // Looked at where its keys are known.
      case 'array':
      case 'map':
      case 'set':
        return isBare(next) ? kind : undefined;
      default:
        return undefined;
    }
  }

  /** As the codec sees it, without a look at each element of an array that is known to have no holes. */
  private kindOf(value: object, dense: boolean): Kind | undefined {
    try {
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype === Object.prototype && !Array.isArray(value)) return 'object';
      if (dense && prototype === Array.prototype && Array.isArray(value)) return 'array';
      return this.codec.kindOf(value);
    } catch {
      return undefined; // A Proxy that is revoked or fails: copying it says so, with its path.
    }
  }

  /** An instance of a registered class: what is stored of it is an object with its fields. */
  private instance(prev: object, next: object): unknown {
    const { codec } = this;
    if (Object.getPrototypeOf(prev) !== Object.getPrototypeOf(next)) return this.leaf(prev, next);
    return this.inTag('$class', 1, prev, { ...codec.fieldsOf(prev) }, next, { ...codec.fieldsOf(next) });
  }

  /** Compares the fields below a tag. The instance itself is kept whole: only `next` knows how it was made. */
  private inTag(tag: string, index: number, prev: object, from: object, next: object, to: object): unknown {
    const { pointer } = this.patch;
    const depth = pointer.length;
    pointer.push(tag);
    if (index > 0) pointer.push(index);
    const fields = compareObjects(this, from as Fields, to as Fields);
    pointer.length = depth;
    return fields === from ? prev : next;
  }

  /** Everything that is not looked into: equal or replaced. */
  leaf(prev: unknown, next: unknown): unknown {
    const own = this.own(next);
    return this.codec.equal(prev, own) ? prev : this.replace(prev, own);
  }

  private replace(prev: unknown, own: unknown): unknown {
    const document = this.documentOf(own);
    this.patch.replace(document, jsonBytes(document), this.bytesBefore(prev));
    return own;
  }

  /**
   * Takes back the operations on a container and replaces it whole where that is shorter. Only a container with more
   * operations than one is measured, and no further than they weigh. The root is never worth it.
   */
  private shorter(mark: Mark, prev: object, result: unknown): unknown {
    if (this.patch.pointer.length === 0) return result;
    const limit = this.patch.bytesSince(mark);
    if (!weighsLessThan(result, limit)) return result;
    const document = this.documentOf(result);
    const bytes = jsonBytes(document);
    if (bytes >= limit) return result;
    this.patch.goBack(mark);
    this.patch.replace(document, bytes, this.bytesBefore(prev));
    return result;
  }

  /** A value that is nobody else's, checked. */
  own(value: unknown): unknown {
    if (this.trusted) return value;
    switch (typeof value) {
      case 'object':
      case 'symbol':
      case 'function': {
        if (value === null) return value;
        const copied = this.codec.copy(value, this);
        this.traits |= copied.traits;
        return copied.value;
      }
      default:
        if (this.codec.needsTag(value)) this.traits |= TAGGED;
        return value;
    }
  }

  ownAt(segment: string | number, value: unknown): unknown {
    if (this.trusted) return value;
    this.patch.pointer.push(segment);
    const own = this.own(value);
    this.patch.pointer.pop();
    return own;
  }

  /** Where the walk stands in the user's state. Read by the codec when it refuses something. */
  get path(): readonly PathSegment[] {
    return valuePath(this.patch.pointer);
  }

  /** How deep in the document. Read by the codec when it copies something. */
  get depth(): number {
    return this.patch.pointer.length;
  }

  /** The document of a part of the result. */
  documentOf(value: unknown): Json {
    return (this.traits & TAGGED) === 0 ? (value as Json) : this.codec.encode(value);
  }

  /** What a part of the base weighs. */
  bytesBefore(value: unknown): number {
    return jsonBytes((this.baseTraits & TAGGED) === 0 ? (value as Json) : this.codec.encode(value));
  }

  /**
   * Equal for aligning. Only what was checked is compared deeply: equality does not see what must be refused. What was
   * not shares with the base what it did not change.
   */
  same(a: unknown, b: unknown): boolean {
    if (a === b) return a !== 0 || Object.is(a, b);
    if (typeof a !== 'object' || a === null || typeof b !== 'object')
      return Number.isNaN(a) && Number.isNaN(b);
    return this.trusted && this.codec.equal(a, b);
  }
}
