/** Streams of events on a toy file, to be killed: honest, or on files that are spoiled. */
import { FoldedAgent } from '../../../folding/folded-agent.js';
import type { EventRules } from '../../../state/events.js';
import type { Store } from '../../../store.js';
import type {
  EventStream,
  EventStreamSettings,
  StreamAppendOptions,
  StreamAppendResult,
  StreamEvent,
  StreamRecorded,
} from '../../stream-subject.js';
import { CutsAfterACrash, RenamedOver } from './agent-files.js';
import { FlushedLater } from './crash-files.js';
import type { SpoiledFile } from './spoiled-file.js';

/** What the kit asks of a stream, and nothing more. */
export class FileStream extends FoldedAgent<unknown> implements EventStream {
  private isClosing = false;

  constructor(
    private readonly home: Store,
    { key, initial, fold, foldVersion }: EventStreamSettings,
  ) {
    const rules: EventRules = {
      initial,
      apply: (state, event) => fold(state, event as StreamEvent),
      current: (event) => event,
      snapshotDue: () => false,
    };
    super(home, key, rules, { foldVersion, timeoutMs: 30_000 });
  }

  async append(
    events: StreamEvent | readonly StreamEvent[],
    { expectedVersion, messageId }: StreamAppendOptions = {},
  ): Promise<StreamAppendResult> {
    const list = Array.isArray(events) ? (events as readonly StreamEvent[]) : [events as StreamEvent];
    const { first, version, duplicate } = await this.appendAll(list, {
      operationId: messageId,
      ...(expectedVersion !== undefined && { expected: expectedVersion }),
    });
    return { firstVersion: first, version, duplicate };
  }

  async *events(
    options: { readonly from?: number; readonly to?: number } = {},
  ): AsyncGenerator<StreamRecorded> {
    for await (const { record, event } of this.storedEvents(options)) {
      yield { event: event as StreamEvent, version: record.version, messageId: record.id };
    }
  }

  protected override given(event: unknown): { event: unknown; schema: number } {
    if (typeof (event as Partial<StreamEvent> | null)?.type === 'string' && event !== null) {
      if ((event as StreamEvent).type !== '') return { event, schema: 1 };
    }
    throw new TypeError('an event is an object with a type');
  }

  override async close(): Promise<void> {
    const isFirst = !this.isClosing;
    this.isClosing = true;
    await super.close();
    // The store closes its agents in turn, with this method.
    if (isFirst) await this.home.close();
  }
}

export const streamFiles: readonly SpoiledFile[] = [
  {
    of: 'stream',
    name: 'a whole file of events in place of the last one, whoever wrote that',
    breaks: 'concurrency',
    caughtBy: 'four processes that append to one stream lose nothing, and each keeps its own order',
    like: 'a file beside and a rename, which is safe from crashes and from nobody else',
    file: RenamedOver,
  },
  {
    of: 'stream',
    name: 'an append is answered at once and written behind',
    breaks: 'crashes',
    caughtBy:
      'a process that is killed while it appends leaves all it was told of, at most one append more, and none by half',
    like: 'a producer that does not wait for the broker: acks=0',
    sharing: 'process',
    file: FlushedLater,
  },
  {
    of: 'stream',
    name: 'recovery after a crash drops the last append, torn or not',
    breaks: 'crashes',
    caughtBy:
      'a process that dies while it appends, right after, or while it closes leaves a stream that goes on',
    like: 'a tail that is taken to be torn because the file was not closed',
    sharing: 'process',
    file: CutsAfterACrash,
  },
];
