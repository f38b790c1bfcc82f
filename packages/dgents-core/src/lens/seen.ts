/** What a handle on a part has seen of it. Saves compare with it by value: the whole may have changed elsewhere. */
import type { Head } from '../backend.js';
import type { Codec, Json } from '../codec/codec.js';
import type { HeadSummary } from '../errors.js';

/** Stands for a part that was not there. */
export const MISSING: unique symbol = Symbol('missing');

type Document = Json | typeof MISSING;

export class Seen {
  private known: { readonly document: Document } | undefined;

  /** @param look gives the part, or {@link MISSING}; asked when it is first compared with */
  constructor(
    private readonly codec: Codec,
    readonly head: Head | null,
    private readonly look: () => unknown,
  ) {}

  /** Looks now: what was seen will be in the hands of someone who may change it. */
  now(): this {
    this.document();
    return this;
  }

  isSame(document: Document): boolean {
    const own = this.document();
    if (own === MISSING || document === MISSING) return own === document;
    return this.codec.equal(own, document);
  }

  private document(): Document {
    this.known ??= { document: documentOf(this.codec, this.look()) };
    return this.known.document;
  }
}

/** A part as it is stored. Nothing that can be changed is in it. */
export function documentOf(codec: Codec, part: unknown): Document {
  return part === MISSING ? MISSING : codec.encode(part);
}

export function summaryOf(head: Head | null): HeadSummary {
  return head === null ? { version: 0, id: '', at: 0 } : { version: head.version, id: head.id, at: head.at };
}
