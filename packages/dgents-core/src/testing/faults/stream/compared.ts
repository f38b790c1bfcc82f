/** Streams that compare, recognise or decide wrongly. */
import { StateConflictError } from '../../../errors.js';
import type {
  StreamAppendOptions,
  StreamAppendResult,
  StreamEvent,
  StreamTryResult,
} from '../../stream-subject.js';
import type { Fault } from '../fault.js';
import { streamFault } from './stream-fault.js';
import { type Taken, ToyStream, turn } from './toy-stream.js';

/** What a fault keeps for all handles of a place. */
const kept = new WeakMap<object, Map<string, StreamAppendResult>>();

function keptIn(room: object): Map<string, StreamAppendResult> {
  const found = kept.get(room) ?? new Map<string, StreamAppendResult>();
  kept.set(room, found);
  return found;
}

export const comparedFaults: readonly Fault[] = [
  streamFault({
    name: 'a conflict is swallowed',
    breaks: 'versions',
    caughtBy: 'an append that expects an earlier version is refused, and nothing is stored',
    like: 'ON CONFLICT DO NOTHING, and nobody looks at the number of rows',
    stream: class extends ToyStream {
      protected override compare(expected: number | undefined): void {
        if (expected === undefined || expected === 0 || expected >= this.log.length) super.compare(expected);
      }
    },
  }),
  streamFault({
    name: 'only what is stale is refused',
    breaks: 'versions',
    caughtBy: 'an append that expects a version in the future is refused, and nothing is stored',
    like: '`if (expected < head) throw`',
    stream: class extends ToyStream {
      protected override compare(expected: number | undefined): void {
        if ((expected ?? 0) <= this.log.length) super.compare(expected);
      }
    },
  }),
  streamFault({
    name: 'version 0 is not compared',
    breaks: 'versions',
    caughtBy: 'version 0 is that of a stream without events, and of no other',
    like: '`if (expectedVersion)`',
    stream: class extends ToyStream {
      protected override compare(expected: number | undefined): void {
        super.compare(expected || undefined);
      }
    },
  }),
  streamFault({
    name: 'what is expected is compared with what the handle has seen',
    breaks: 'versions',
    caughtBy: 'what is expected is compared with the stream, and not with what the handle knows of it',
    like: 'a version that is kept beside the aggregate in memory',
    stream: class extends ToyStream {
      #seen: number | undefined;

      override async load(options?: { at?: number }): Promise<unknown> {
        const state = await super.load(options);
        this.#seen = this.log.length;
        return state;
      }

      protected override stored(firstVersion: number): StreamAppendResult {
        const told = super.stored(firstVersion);
        if (this.#seen !== undefined) this.#seen = told.version;
        return told;
      }

      protected override compare(expected: number | undefined): void {
        super.compare(expected, expected === 1 ? (this.#seen ?? this.log.length) : this.log.length);
      }
    },
  }),
  streamFault({
    name: 'tryAppend tells the version that was expected',
    breaks: 'versions',
    caughtBy: 'tryAppend tells a conflict as a value, with the version that is there',
    like: 'the wrong variable in the error branch',
    stream: class extends ToyStream {
      override async tryAppend(
        events: StreamEvent | readonly StreamEvent[],
        options: StreamAppendOptions = {},
      ): Promise<StreamTryResult> {
        const told = await super.tryAppend(events, options);
        return told.ok ? told : { ok: false, actual: { version: options.expectedVersion ?? 0 } };
      }
    },
  }),
  streamFault({
    name: 'a message is looked up, and stored after others had their turn',
    breaks: 'operations',
    caughtBy: 'sixteen handles that append with one message id at once store it once',
    like: 'SELECT, then INSERT, without a unique index',
    stream: class extends ToyStream {
      protected override async commit(taken: Taken): Promise<StreamAppendResult> {
        if (taken.options.messageId !== 'once' || this.known('once') !== undefined)
          return super.commit(taken);
        this.compare(taken.options.expectedVersion);
        await turn();
        return this.store(taken);
      }
    },
  }),
  streamFault({
    name: 'a message that is under way on the same handle is stored again',
    breaks: 'operations',
    caughtBy: 'one handle that appends with one message id many times at once stores it once',
    like: 'ids that are looked up for a whole batch before it is written',
    stream: class extends ToyStream {
      #batch = 0;

      protected override known(messageId: string | undefined): StreamAppendResult | undefined {
        const isNew = this.log.length === 0 || (this.#batch > 0 && this.#batch < 3);
        if (messageId !== 'once' || !isNew) return super.known(messageId);
        this.#batch += 1;
        return undefined;
      }
    },
  }),
  streamFault({
    name: 'a duplicate is told the newest version',
    breaks: 'operations',
    caughtBy: 'a repeated append tells its own versions, also after others have appended',
    like: '`return { duplicate: true, version: head.version }`',
    stream: class extends ToyStream {
      protected override repeated(known: StreamAppendResult, taken: Taken): StreamAppendResult {
        return { ...super.repeated(known, taken), version: this.log.length };
      }
    },
  }),
  streamFault({
    name: 'the newest hundred message ids are remembered',
    breaks: 'operations',
    caughtBy: 'a message id is not forgotten over those of many others',
    like: 'a window for deduplication: SQS FIFO, NATS JetStream',
    stream: class extends ToyStream {
      protected override known(messageId: string | undefined): StreamAppendResult | undefined {
        const known = super.known(messageId);
        return known !== undefined && known.version <= this.log.length - 100 ? undefined : known;
      }
    },
  }),
  streamFault({
    name: 'the content of a message is not compared',
    breaks: 'operations',
    caughtBy: 'a message id that was used for other events is refused, and nothing is stored',
    like: 'an idempotency key that answers whatever is asked',
    stream: class extends ToyStream {
      protected override repeated(known: StreamAppendResult, taken: Taken): StreamAppendResult {
        return taken.options.messageId === 'once' ? known : super.repeated(known, taken);
      }
    },
  }),
  streamFault({
    name: 'of different events with one id the later ones are taken for the first',
    breaks: 'operations',
    caughtBy:
      'of different events with one message id at once one append is stored, and the others are refused',
    like: 'a store that answers a repeated id by itself, and nobody compares',
    stream: class extends ToyStream {
      protected override repeated(known: StreamAppendResult, taken: Taken): StreamAppendResult {
        return known.firstVersion === known.version ? known : super.repeated(known, taken);
      }
    },
  }),
  streamFault({
    name: 'the version is compared before the message is looked for',
    breaks: 'operations',
    caughtBy: 'an append that expected a version is repeated as it was, and no conflict',
    like: 'optimistic locking in front of idempotency',
    stream: class extends ToyStream {
      protected override commit(taken: Taken) {
        this.compare(taken.options.expectedVersion);
        return super.commit(taken);
      }
    },
  }),
  streamFault({
    name: 'a message id is taken before the append is judged',
    breaks: 'operations',
    caughtBy: 'the message id of an append that was refused is free',
    like: 'the idempotency key in a transaction of its own',
    stream: class extends ToyStream {
      protected override commit(taken: Taken) {
        const { messageId } = taken.options;
        if (messageId === undefined || this.known(messageId) !== undefined) return super.commit(taken);
        const tried = keptIn(this.room);
        const before = tried.get(`${this.key}/${messageId}`);
        if (before !== undefined) return before;
        tried.set(`${this.key}/${messageId}`, { firstVersion: 0, version: 0, duplicate: true });
        return super.commit(taken);
      }
    },
  }),
  streamFault({
    name: 'a message id belongs to all streams',
    breaks: 'operations',
    caughtBy: 'a message id belongs to its stream: another one may use it too',
    like: 'a table of message ids without the stream',
    stream: class extends ToyStream {
      protected override known(messageId: string | undefined): StreamAppendResult | undefined {
        if (messageId !== 'same') return super.known(messageId);
        return keptIn(this.room).get(messageId);
      }

      protected override repeated(known: StreamAppendResult, taken: Taken): StreamAppendResult {
        return taken.options.messageId === 'same' ? known : super.repeated(known, taken);
      }

      protected override store(taken: Taken): StreamAppendResult {
        const told = super.store(taken);
        if (taken.options.messageId !== undefined) keptIn(this.room).set(taken.options.messageId, told);
        return told;
      }
    },
  }),
  streamFault({
    name: 'events that are the same are one event',
    breaks: 'operations',
    caughtBy: 'appends without a message id are all different',
    like: 'deduplication by content',
    stream: class extends ToyStream {
      protected override commit(taken: Taken) {
        const { length } = this.log;
        const isAgain = length > 2 && length < 6 && this.log.every(({ text }) => text === taken.texts[0]);
        const { messageId } = taken.options;
        if (isAgain && messageId?.startsWith('id '))
          return { firstVersion: length, version: length, duplicate: true };
        return super.commit(taken);
      }
    },
  }),
  streamFault({
    name: 'a command is decided again, whatever its id',
    breaks: 'operations',
    caughtBy: 'a command that is repeated with its message id is decided once',
    like: 'idempotency of the append, behind a decision that is not',
    stream: class extends ToyStream {
      override decide(command: unknown, options: StreamAppendOptions = {}): Promise<StreamAppendResult> {
        return this.accepted(async () => {
          await turn();
          return this.decided(command, options);
        });
      }
    },
  }),
  streamFault({
    name: 'a command is decided in a state that others have left',
    breaks: 'concurrency',
    caughtBy: 'commands at once are each decided in the state that the one before left',
    like: 'load, decide, append, without the version that was loaded',
    stream: class extends ToyStream {
      protected override async decided(
        command: unknown,
        options: StreamAppendOptions,
      ): Promise<StreamAppendResult> {
        const taken = this.take(this.settings.decide(command, this.stateAt(this.log.length)), options);
        await turn();
        return this.commit(taken);
      }
    },
  }),
  streamFault({
    name: 'appends that meet overwrite each other',
    breaks: 'concurrency',
    caughtBy: 'eight handles that append at once lose nothing, and each keeps its own order',
    like: 'the end of the stream is read first, and written later',
    stream: class extends ToyStream {
      protected override async commit(taken: Taken): Promise<StreamAppendResult> {
        const isPair = Array.isArray(this.eventOf(taken.texts[0] ?? '{}')['value']);
        if (!isPair || this.room.open < 8) return super.commit(taken);
        const { length } = this.log;
        await turn();
        this.log.splice(length);
        return super.commit(taken);
      }
    },
  }),
  streamFault({
    name: 'appends of one handle overtake each other',
    breaks: 'concurrency',
    caughtBy: 'appends that one handle makes at once are stored in the order of the calls',
    like: 'a pool of connections that one handle writes through',
    stream: class extends ToyStream {
      #calls = 0;

      protected override async commit(taken: Taken): Promise<StreamAppendResult> {
        this.#calls += 1;
        if (this.#calls === 17) await turn();
        return super.commit(taken);
      }
    },
  }),
  streamFault({
    name: 'two that expect one version both append',
    breaks: 'concurrency',
    caughtBy: 'of several that expect one version exactly one appends, round after round',
    like: 'a version check that is not in the transaction of the insert',
    stream: class extends ToyStream {
      protected override async commit(taken: Taken): Promise<StreamAppendResult> {
        const { expectedVersion, messageId } = taken.options;
        if (messageId !== undefined || expectedVersion === undefined) return super.commit(taken);
        this.compare(expectedVersion);
        await turn();
        return this.store(taken);
      }
    },
  }),
  streamFault({
    name: 'the error of a decision is told as a conflict',
    breaks: 'errors',
    caughtBy: 'a command that is refused stores nothing, and its own error is told',
    like: 'one catch around all of it',
    stream: class extends ToyStream {
      protected override decided(command: unknown, options: StreamAppendOptions) {
        try {
          return super.decided(command, options);
        } catch (error) {
          const none = { version: 0, id: '', at: 0 };
          throw new StateConflictError('failed', { expected: none, actual: none, cause: error });
        }
      }
    },
  }),
];
