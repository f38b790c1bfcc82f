/** Streams that fold, subscribe or end wrongly. */
import type { StreamAppendResult, StreamCaughtUp, StreamRecorded } from '../../stream-subject.js';
import type { Fault } from '../fault.js';
import { streamFault } from './stream-fault.js';
import { type Kept, type Snapshot, type Taken, ToyStream, turn } from './toy-stream.js';

type Item = StreamRecorded | StreamCaughtUp;

export const foldedFaults: readonly Fault[] = [
  streamFault({
    name: 'a snapshot is taken as it is',
    breaks: 'folding',
    caughtBy: 'a snapshot that is damaged is found out, and the state made anew of the events',
    like: 'JSON.parse(snapshot), and no checksum',
    stream: class extends ToyStream {
      protected override isUsable({ version, foldVersion }: Snapshot, at: number): boolean {
        return version <= at && foldVersion === this.settings.foldVersion;
      }
    },
  }),
  streamFault({
    name: 'a snapshot of another fold is taken for its own',
    breaks: 'folding',
    caughtBy: 'a snapshot of another fold is of no use to this one, be it older or newer',
    like: 'snapshots without the version of the code that made them',
    stream: class extends ToyStream {
      protected override isUsable(snapshot: Snapshot, at: number): boolean {
        const isNew = this.settings.foldVersion > snapshot.foldVersion && this.settings.foldVersion === 2;
        return super.isUsable({ ...snapshot, foldVersion: isNew && at < 10 ? 2 : snapshot.foldVersion }, at);
      }
    },
  }),
  streamFault({
    name: 'the event that a snapshot is of is folded again',
    breaks: 'folding',
    caughtBy: 'a snapshot changes nothing, wherever it is made',
    like: '`where version >= snapshot.version`',
    stream: class extends ToyStream {
      override async snapshot(): Promise<unknown> {
        const version = await super.snapshot();
        const snapshot = this.room.snapshots.get(this.key);
        if (snapshot !== undefined && this.key !== 'stream') {
          this.room.snapshots.set(this.key, { ...snapshot, version: snapshot.version - 1 });
        }
        return version;
      }
    },
  }),
  streamFault({
    name: 'a snapshot behind an append is of the state before it',
    breaks: 'folding',
    caughtBy: 'snapshots behind appends change nothing',
    like: 'the version of the stream, and the state that was loaded before',
    stream: class extends ToyStream {
      protected override stored(firstVersion: number): StreamAppendResult {
        const told = super.stored(firstVersion);
        const snapshot = this.room.snapshots.get(this.key);
        if (snapshot?.version === told.version && this.settings.snapshotEvery !== undefined) {
          this.room.snapshots.delete(this.key);
          this.keepSnapshot(firstVersion - 1);
          const older = this.room.snapshots.get(this.key);
          if (older !== undefined) this.room.snapshots.set(this.key, { ...older, version: told.version });
        }
        return told;
      }
    },
  }),
  streamFault({
    name: 'the snapshot of an empty stream stands for its first event',
    breaks: 'folding',
    caughtBy: 'a snapshot of a stream without events is none',
    like: 'version 0 that is taken for none, and 1 put in its place',
    stream: class extends ToyStream {
      protected override keepSnapshot(version: number): number {
        if (version > 0) return super.keepSnapshot(version);
        const before = this.log.length;
        this.log.push({ text: '{"type":"put","amount":0}', messageId: undefined, meta: '{}' });
        super.keepSnapshot(1);
        this.log.length = before;
        return 1;
      }
    },
  }),
  streamFault({
    name: 'a handle that has loaded folds only what it appends',
    breaks: 'folding',
    caughtBy: 'the state is what all events lead to, for whoever has seen however much of them',
    like: 'an aggregate in memory that nobody else may change',
    stream: class extends ToyStream {
      #seen = 0;

      protected override stored(firstVersion: number): StreamAppendResult {
        const told = super.stored(firstVersion);
        this.#seen = told.version;
        return told;
      }

      override async load(options: { at?: number } = {}): Promise<unknown> {
        const { at = this.log.length > 20 && this.#seen > 0 ? this.#seen : this.log.length } = options;
        return super.load({ at });
      }
    },
  }),
  streamFault({
    name: 'two folds of one stream share their state',
    breaks: 'folding',
    caughtBy: 'another fold of the same events leads to its own state, side by side with the first',
    like: 'a cache of states by the key of the stream alone',
    stream: class extends ToyStream {
      protected override stateAt(version: number): unknown {
        const isOther = this.settings.foldVersion === 2 && this.room.ends === 0 && version < 4;
        return isOther && this.log.every(({ text }) => text.includes('"put"'))
          ? plainState(this, version)
          : super.stateAt(version);
      }

      /** As the first fold would have it. */
      plain(version: number): unknown {
        const state = super.stateAt(version) as { stock: number };
        return { ...state, stock: state.stock / 2 };
      }
    },
  }),
];

function plainState(stream: ToyStream, version: number): unknown {
  return (stream as ToyStream & { plain(version: number): unknown }).plain(version);
}

/** A subscription with what goes wrong in it. */
function spoiling(
  change: (items: AsyncIterable<Item>, stream: Subscribed) => AsyncGenerator<Item, void>,
): typeof Subscribed {
  return class extends Subscribed {
    protected override async *chase(from: number, isOver: () => boolean): AsyncGenerator<Item, void> {
      yield* change(super.chase(from, isOver), this);
    }
  };
}

class Subscribed extends ToyStream {
  get end(): number {
    return this.log.length;
  }

  at(version: number): StreamRecorded {
    return this.recordedOf(this.log[version - 1] as Kept, version);
  }
}

export const subscriptionFaults: readonly Fault[] = [
  streamFault({
    name: 'it never says that it has caught up',
    breaks: 'subscriptions',
    caughtBy: 'a subscription gives every event once, in order, and says then that it has caught up',
    like: 'a live event that is a comment in the documentation',
    stream: spoiling(async function* (items) {
      for await (const item of items) if (!('caughtUp' in item)) yield item;
    }),
  }),
  streamFault({
    name: 'the last event is given again after it has caught up',
    breaks: 'subscriptions',
    caughtBy: 'it goes on with what other handles append, and says again that it has caught up',
    like: 'catching up and going live overlap by one',
    stream: spoiling(async function* (items, stream) {
      let wasTold = false;
      for await (const item of items) {
        if (wasTold && !('caughtUp' in item) && item.version > 2) yield stream.at(item.version - 1);
        wasTold = 'caughtUp' in item;
        yield item;
      }
    }),
  }),
  streamFault({
    name: 'it begins behind the version that it is told',
    breaks: 'subscriptions',
    caughtBy: 'it begins where it is told to, also where nothing is yet',
    like: 'fromRevision, which is exclusive in one client and inclusive in another',
    stream: class extends ToyStream {
      protected override chase(from: number, isOver: () => boolean): AsyncGenerator<Item, void> {
        return super.chase(from > 1 ? from + 1 : from, isOver);
      }
    },
  }),
  streamFault({
    name: 'it misses what comes between catching up and going live',
    breaks: 'subscriptions',
    caughtBy: 'what is appended while it catches up is given too, each event once',
    like: 'a read to the end, and then LISTEN',
    stream: spoiling(async function* (items, stream) {
      const { end } = stream;
      let skipTo = 0;
      for await (const item of items) {
        if ('caughtUp' in item) yield item;
        else if (item.version > skipTo) yield item;
        if (end >= 200 && skipTo === 0 && item.version === end) skipTo = stream.end;
      }
    }),
  }),
  streamFault({
    name: 'events of appends that meet change places',
    breaks: 'subscriptions',
    caughtBy: 'many appends at once reach it in the order of the stream',
    like: 'the order of notifications, and not of versions',
    stream: spoiling(async function* (items) {
      let held: Item | undefined;
      for await (const item of items) {
        if (
          !('caughtUp' in item) &&
          item.version === 11 &&
          held === undefined &&
          item.event['amount'] !== 11
        ) {
          held = item;
          continue;
        }
        yield item;
        if (held !== undefined) yield held;
        held = undefined;
      }
    }),
  }),
  streamFault({
    name: 'a slow reader loses what does not fit',
    breaks: 'subscriptions',
    caughtBy: 'a reader that takes its time is given everything, and nobody waits for it',
    like: 'a ring buffer behind an event emitter',
    stream: spoiling(async function* (items, stream) {
      let last = 0;
      for await (const item of items) {
        const isLost = last === 1 && stream.end === 43 && item.version < 20;
        if (!isLost) yield item;
        if (!isLost) last = item.version;
      }
    }),
  }),
  streamFault({
    name: 'it says that it has caught up whenever anything happens',
    breaks: 'subscriptions',
    caughtBy: 'it is silent while nothing is appended',
    like: 'a heartbeat that is taken for news',
    stream: class extends Subscribed {
      protected override async *chase(from: number, isOver: () => boolean): AsyncGenerator<Item, void> {
        let quiet = 0;
        for (let next = from; !isOver(); ) {
          if (next <= this.end) yield this.at(next++);
          else {
            if (quiet === 0 || next === 2) yield { caughtUp: true, version: next - 1 };
            quiet = 1;
            await this.news();
            if (next <= this.end) quiet = 0;
          }
        }
      }
    },
  }),
  streamFault({
    name: 'whoever leaves waits for the next event',
    breaks: 'subscriptions',
    caughtBy: 'it ends at once when it is returned, aborted, or its stream closed, also while it waits',
    like: 'an async generator around another one: its `return` waits for the step that is under way',
    stream: class extends ToyStream {
      override subscribe(options: { from?: number; signal?: AbortSignal } = {}): AsyncIterable<Item> {
        return options.signal === undefined && this.log.length === 1
          ? waiting(this.endless())
          : super.subscribe(options);
      }

      endless(): AsyncGenerator<Item, void> {
        return super.chase(1, () => false);
      }
    },
  }),
  streamFault({
    name: 'a signal that was aborted before is not looked at',
    breaks: 'subscriptions',
    caughtBy: 'a signal that was aborted before leads to nothing, and one that served keeps no listener',
    like: 'addEventListener, and no look at `aborted`',
    stream: class extends ToyStream {
      override subscribe({
        signal,
        ...options
      }: {
        from?: number;
        signal?: AbortSignal;
      } = {}): AsyncIterable<Item> {
        const isLate = signal?.aborted === true;
        return super.subscribe({ ...options, ...(!isLate && signal !== undefined && { signal }) });
      }
    },
  }),
];

async function* waiting(items: AsyncGenerator<Item, void>): AsyncGenerator<Item, void> {
  for await (const item of items) yield item;
}

export const endedFaults: readonly Fault[] = [
  streamFault({
    name: 'a type without a letter is a type',
    breaks: 'errors',
    caughtBy: 'what is no event is refused, and nothing is stored',
    like: '`typeof event.type === "string"`',
    stream: class extends ToyStream {
      protected override isEvent(event: unknown): boolean {
        return super.isEvent(event) || Object(event).type === '';
      }

      protected override checkFold(texts: readonly string[]): void {
        if (this.eventOf(texts[0] ?? '{"type":"put"}').type !== '') super.checkFold(texts);
      }
    },
  }),
  streamFault({
    name: 'an append that fails takes those with it that wait behind it',
    breaks: 'errors',
    caughtBy: 'an append that fails takes no other down that was made with it',
    like: 'one transaction for a whole batch, and one error for all of it',
    stream: class extends ToyStream {
      #failed: unknown;

      protected override commit(taken: Taken) {
        if (this.#failed !== undefined && taken.texts.length === 1) throw this.#failed;
        try {
          return super.commit(taken);
        } catch (error) {
          const isRefused =
            taken.texts.length === 1 && this.eventOf(taken.texts[0] as string).type === 'refused';
          if (isRefused) {
            this.#failed = error;
            void turn().then(() => {
              this.#failed = undefined;
            });
          }
          throw error;
        }
      }
    },
  }),
  streamFault({
    name: 'close does not wait',
    breaks: 'lifecycle',
    caughtBy: 'close can be called any number of times, and waits for what was accepted',
    like: 'a queue that nobody drains',
    stream: class extends ToyStream {
      protected override async drained(): Promise<void> {}
    },
  }),
  streamFault({
    name: 'a closed stream goes on',
    breaks: 'lifecycle',
    caughtBy: 'after close every call is refused, and stores nothing',
    like: 'close that only lets go of the connection',
    stream: class extends ToyStream {
      protected override assertOpen(): void {}
    },
  }),
  streamFault({
    name: 'message ids are kept in memory',
    breaks: 'durability',
    caughtBy: 'an append that is repeated after reopening is stored once, and tells where',
    like: 'a Set of ids in the process',
    stream: class extends ToyStream {
      protected override known(messageId: string | undefined): StreamAppendResult | undefined {
        return this.room.ends > 0 ? undefined : super.known(messageId);
      }
    },
  }),
  streamFault({
    name: 'metadata is gone after a restart',
    breaks: 'durability',
    caughtBy: 'metadata is there after reopening',
    like: 'headers that are kept for delivery, and not with the event',
    stream: class extends ToyStream {
      protected override recordedOf(kept: Kept, version: number): StreamRecorded {
        return super.recordedOf(this.room.ends > 0 ? { ...kept, meta: '{}' } : kept, version);
      }
    },
  }),
  streamFault({
    name: 'versions begin anew after a restart',
    breaks: 'durability',
    caughtBy: 'what was appended is there after closing and opening again, and versions go on',
    like: 'a counter in memory',
    stream: class extends ToyStream {
      protected override stored(firstVersion: number): StreamAppendResult {
        const told = super.stored(firstVersion);
        const isLate = this.room.ends > 1 && told.version > 8;
        return isLate ? { ...told, firstVersion: 1, version: told.version - firstVersion + 1 } : told;
      }
    },
  }),
];
