/** The events that a projection could not take: a stream of its own, of what was put aside and what was done with it. */
import { createHash } from 'node:crypto';
import type { Store, Version } from 'dgents-core';
import { FoldedAgent, type GivenEvent } from 'dgents-core/folding';
import { defineStream } from '../stream/definition.js';
import { rulesOf } from '../stream/fold-rules.js';
import type { Place } from './items.js';

/** An event that was put aside. Its content stays in its stream. */
export interface ParkedEvent {
  /** The address of its stream. */
  readonly key: string;
  readonly version: Version;
  /** Its place in the feed, or in the stream. */
  readonly position: Place;
  /** What the last attempt failed with. */
  readonly error: string;
  readonly attempts: number;
  readonly parkedAt: Date;
}

type ParkedRecord =
  | { readonly type: 'parked'; readonly parked: ParkedEvent }
  | { readonly type: 'released'; readonly key: string; readonly version: Version };

/** What waits, in the order in which it was put aside. */
export type Parked = readonly ParkedEvent[];

const parkedStream = defineStream<ParkedRecord, Parked>({
  initial: () => [],
  fold: {
    parked: (waiting, { parked }) => [...waiting, parked],
    released: (waiting, { key, version }) =>
      waiting.filter((one) => one.key !== key || one.version !== version),
  },
  diff: (before, after) => [
    ...without(before, after).map(({ key, version }) => ({ type: 'released' as const, key, version })),
    ...without(after, before).map((parked) => ({ type: 'parked' as const, parked })),
  ],
});

function without(some: Parked, others: Parked): Parked {
  const known = new Set(others.map(nameOf));
  return some.filter((one) => !known.has(nameOf(one)));
}

/** Tells events apart. */
export function nameOf({ key, version }: Pick<ParkedEvent, 'key' | 'version'>): string {
  return `${version}@${key}`;
}

export class ParkedEvents extends FoldedAgent<Parked> {
  constructor(store: Store, key: string) {
    super(store, key, rulesOf(parkedStream), {}, { internal: true });
  }

  /** Puts it aside, once: for stores where that cannot be done in the commit that passes it. */
  async park(parked: ParkedEvent): Promise<void> {
    await this.appendAll([{ type: 'parked', parked }], { operationId: operationIdOf('park', parked) });
  }

  async release({ key, version }: ParkedEvent): Promise<void> {
    await this.update((waiting) => waiting.filter((one) => one.key !== key || one.version !== version));
  }

  /** @internal */
  protected override given(event: unknown): GivenEvent {
    return { event, schema: 1 };
  }
}

/** The same for the same event, put aside at the same time. */
export function operationIdOf(what: string, { key, version, parkedAt }: ParkedEvent): string {
  const hash = createHash('sha256').update(key).digest('base64url');
  return `${what}:${version}:${parkedAt.getTime()}:${hash}`;
}
