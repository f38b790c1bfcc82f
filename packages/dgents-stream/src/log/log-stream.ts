/** One stream of an event log: its events, and nothing made of them. */
import type { Store } from 'dgents-core';
import {
  type Appended,
  type AppendOptions,
  checkOptions,
  type EventRange,
  type EventRules,
  FoldedAgent,
  type FoldedOptions,
  type GivenEvent,
  type StoredEvent,
} from 'dgents-core/folding';
import { assertInlineBytes } from '../blobs/inline-bytes.js';
import { keeperOf } from '../compaction/archive-writer.js';
import type { CompactOptions, CompactResult } from '../compaction/compact.js';
import type { AnyEvent } from '../stream/definition.js';
import { COMPACT } from '../stream/option-names.js';

/** Whatever has happened, the state is null: an append needs to know the end of its stream, and no event of it. */
const NO_STATE: EventRules = {
  isConstant: true,
  initial: () => null,
  apply: () => null,
  current: (event) => event,
  snapshotDue: () => false,
};

export class LogStream extends FoldedAgent<null> {
  constructor(
    store: Store,
    key: string,
    options: FoldedOptions<null>,
    private readonly maxInlineBytes: number,
  ) {
    super(store, key, NO_STATE, options);
  }

  append(
    events: readonly unknown[],
    options: AppendOptions & { readonly meta?: GivenEvent['meta'] },
  ): Promise<Appended> {
    return this.appendAll(events, options);
  }

  stored(range: EventRange): AsyncIterable<StoredEvent> {
    return this.storedEvents(range);
  }

  async compact(options: CompactOptions): Promise<CompactResult> {
    checkOptions('compact', options, COMPACT);
    const { before, archive, ...call } = options;
    return this.compactTo(before, keeperOf(archive, this.key), call);
  }

  protected override given(event: unknown): GivenEvent {
    const type = (event as Partial<AnyEvent> | null | undefined)?.type;
    if (typeof event !== 'object' || typeof type !== 'string' || type === '') {
      throw new TypeError(
        'An event is an object with a `type`, a text that is not empty. Nothing was stored.',
      );
    }
    assertInlineBytes(event, this.maxInlineBytes, 'event', this.key);
    return { event, schema: 1 };
  }
}
