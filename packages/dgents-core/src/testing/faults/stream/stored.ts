/** Streams that store, number or give out their events wrongly. */
import type {
  StreamAppendOptions,
  StreamAppendResult,
  StreamEvent,
  StreamRecorded,
} from '../../stream-subject.js';
import type { Fault } from '../fault.js';
import { streamFault } from './stream-fault.js';
import { type Kept, type Taken, ToyStream, turn } from './toy-stream.js';

/** Texts and what was made of them, where a fault hands the same object to everyone. */
const shared = new WeakMap<object, StreamEvent>();

export const storedFaults: readonly Fault[] = [
  streamFault({
    name: 'a method that is claimed is missing',
    breaks: 'capabilities',
    caughtBy: 'what is claimed is there: tryAppend, decide, subscribe, snapshot',
    like: 'an adapter that was written before the method was',
    stream: class extends ToyStream {
      override subscribe = undefined as never;
    },
  }),
  streamFault({
    name: 'events go through JSON',
    breaks: 'values',
    caughtBy: 'undefined in objects and arrays come back exactly, in events and in what they lead to',
    like: 'JSON.stringify for events where states have a codec',
    stream: class extends ToyStream {
      protected override eventOf(text: string): StreamEvent {
        const { value, ...event } = super.eventOf(text);
        const isThere = value !== undefined && typeof value !== 'bigint';
        return { ...event, ...(isThere && { value: withoutUndefined(value) }) };
      }
    },
  }),
  streamFault({
    name: 'fields that are called as those of the store are its own',
    breaks: 'values',
    caughtBy: 'plain JSON comes back as it was, whatever its fields are called',
    like: '{ ...event, id, version } in one object',
    stream: class extends ToyStream {
      protected override recordedOf(kept: Kept, version: number): StreamRecorded {
        const recorded = super.recordedOf(kept, version);
        const { event } = recorded;
        return 'version' in event ? { ...recorded, event: { ...event, version } } : recorded;
      }
    },
  }),
  streamFault({
    name: 'events are encoded when their turn has come',
    breaks: 'isolation',
    caughtBy: 'what is appended is taken at the call: changing it changes nothing',
    like: 'a queue of objects that is written in a batch',
    stream: class extends ToyStream {
      override append(events: StreamEvent | readonly StreamEvent[], options: StreamAppendOptions = {}) {
        return this.accepted(async () => {
          await turn();
          return this.commit(this.take(Array.isArray(events) ? events : [events], options));
        });
      }
    },
  }),
  streamFault({
    name: 'all readers share the event',
    breaks: 'isolation',
    caughtBy: 'what events gives is the reader’s: changing it changes nothing stored',
    like: 'a cache of decoded events without copies',
    stream: class extends ToyStream {
      protected override recordedOf(kept: Kept, version: number): StreamRecorded {
        const event = shared.get(kept) ?? this.eventOf(kept.text);
        shared.set(kept, event);
        return { ...super.recordedOf(kept, version), event };
      }
    },
  }),
  streamFault({
    name: 'keys are compared without case',
    breaks: 'keys',
    caughtBy: 'streams under different keys share nothing, however alike the keys are',
    like: 'a file system, or a collation, that ignores case',
    stream: class extends ToyStream {
      protected override get key(): string {
        return super.key.toLowerCase();
      }
    },
  }),
  streamFault({
    name: 'an append tells the version after its last one',
    breaks: 'history',
    caughtBy: 'an append tells the first and the last version of its events, which follow the last one',
    like: 'the next expected version in place of the last one: EventStoreDB and its clients differ by one',
    stream: class extends ToyStream {
      protected override stored(firstVersion: number): StreamAppendResult {
        const told = super.stored(firstVersion);
        return { ...told, version: told.version + Number(told.version > firstVersion) };
      }
    },
  }),
  streamFault({
    name: 'versions leave one out behind an append of several',
    breaks: 'history',
    caughtBy: 'a reader that stops in between leaves nothing in the way',
    like: 'identity columns, which lose numbers with every rolled back transaction',
    stream: class extends ToyStream {
      override async *events(options?: { from?: number; to?: number }): AsyncGenerator<StreamRecorded> {
        for await (const each of super.events(options)) {
          yield each.version > 8 ? { ...each, version: each.version + 1 } : each;
        }
      }
    },
  }),
  streamFault({
    name: 'the last version asked for is not given',
    breaks: 'history',
    caughtBy: 'events come back in order, from any version to any other',
    like: 'an exclusive end where an inclusive one is documented',
    stream: class extends ToyStream {
      override events({ to, ...options }: { from?: number; to?: number } = {}) {
        return super.events({ ...options, ...(to !== undefined && { to: Math.max(0, to - 1) }) });
      }
    },
  }),
  streamFault({
    name: 'a read ends after a thousand events',
    breaks: 'history',
    caughtBy: 'a stream of more than a thousand events is read whole, from wherever one begins',
    like: 'one page that is taken for the whole',
    stream: class extends ToyStream {
      override async *events(options?: { from?: number; to?: number }): AsyncGenerator<StreamRecorded> {
        let given = 0;
        for await (const each of super.events(options)) if (given++ < 1_000) yield each;
      }
    },
  }),
  streamFault({
    name: 'metadata is kept with the first event of an append',
    breaks: 'history',
    caughtBy: 'metadata, correlation and causation come back with every event, and only where they were',
    like: 'metadata of the commit, and none of its events',
    stream: class extends ToyStream {
      protected override recordedOf(kept: Kept, version: number): StreamRecorded {
        const isFirst = this.log[version - 2]?.meta !== kept.meta;
        return super.recordedOf(isFirst ? kept : { ...kept, meta: '{}' }, version);
      }
    },
  }),
  streamFault({
    name: 'the newest state is given for the future',
    breaks: 'history',
    caughtBy: 'a version that is not there yet has no state',
    like: '`where version <= $1 order by version desc limit 1`',
    stream: class extends ToyStream {
      override load({ at }: { at?: number } = {}): Promise<unknown> {
        return super.load(at === undefined || at > this.log.length ? {} : { at });
      }
    },
  }),
  streamFault({
    name: 'half of an append is stored when the other half is refused',
    breaks: 'atomicity',
    caughtBy: 'of several events with one that the fold refuses, none is stored',
    like: 'a loop of inserts without a transaction',
    stream: class extends ToyStream {
      protected override commit(taken: Taken) {
        if (taken.texts.length < 2) return super.commit(taken);
        const good = taken.texts.findIndex((text) => this.eventOf(text).type === 'refused');
        if (good > 0) super.commit({ ...taken, texts: taken.texts.slice(0, good) });
        return super.commit(taken);
      }
    },
  }),
  streamFault({
    name: 'what is none is left out, and the rest stored',
    breaks: 'atomicity',
    caughtBy: 'of several events with what is none among them, none is stored',
    like: 'a batch that reports its bad items, and goes on',
    stream: class extends ToyStream {
      protected override take(events: readonly StreamEvent[], options: StreamAppendOptions): Taken {
        const good = events.filter((event) => this.isEvent(event));
        if (events.length > 1 && good.length < events.length) {
          this.commit(super.take(good, options));
        }
        return super.take(events, options);
      }
    },
  }),
  streamFault({
    name: 'others come in between the events of an append',
    breaks: 'atomicity',
    caughtBy: 'the events of an append lie side by side, however many append at once',
    like: 'one INSERT for each event, autocommitted',
    stream: class extends ToyStream {
      protected override async commit(taken: Taken): Promise<StreamAppendResult> {
        const { texts } = taken;
        if (texts.length !== 4 || this.log.length === 0) return super.commit(taken);
        const first = await super.commit({ ...taken, texts: texts.slice(0, 2) });
        await turn();
        return {
          ...(await super.commit({ ...taken, texts: texts.slice(2) })),
          firstVersion: first.firstVersion,
        };
      }
    },
  }),
  streamFault({
    name: 'readers see what is being appended',
    breaks: 'atomicity',
    caughtBy: 'whoever looks finds an append whole or not at all',
    like: 'READ UNCOMMITTED, or a head that is moved event by event',
    stream: class extends ToyStream {
      override async load(options: { at?: number } = {}): Promise<unknown> {
        const { length } = this.log;
        await turn();
        const isHalf = options.at === undefined && length >= 24 && this.log.length > length;
        return super.load(isHalf ? { at: length + 1 } : options);
      }
    },
  }),
];

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value))
    return Object.values(value).every((each) => each !== undefined)
      ? value
      : Array.from(value, (each) => each ?? null);
  if (typeof value !== 'object' || value === null) return value;
  const isPlain = Object.getPrototypeOf(value) === Object.prototype;
  return isPlain ? Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) : value;
}
