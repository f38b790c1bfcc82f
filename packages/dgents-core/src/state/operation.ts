/** A write on its way: what it compares with, what it makes of the state, and who waits for it. */
import type { Head, Meta, Version } from '../backend.js';
import type { Json } from '../codec/codec.js';
import type { Expected, Weight } from '../data-agent.js';
import type { HeadSummary } from '../errors.js';
import { OutcomeUnknownError } from '../errors.js';
import type { ObservedWrite } from '../observe/operations.js';
import { type Call, type Deadlines, type Entry, timeoutError } from './deadlines.js';
import type { Change } from './diff.js';
import type { Folded } from './events.js';
import type { Snapshot } from './replica.js';
import type { Retention } from './retention.js';

/** An event that is to be stored. */
export interface NewEvent {
  readonly document: Json;
  readonly schema: number;
  readonly meta: Meta | undefined;
  /** Length of the encoded document. */
  readonly bytes: number;
  /** Whether the document is the event itself, and frozen. */
  readonly isPlain: boolean;
}

/** What a write makes of the state before it. */
export type Produced =
  | { readonly kind: 'write'; readonly change: Change }
  /** At least one event, and the state after all of them. */
  | { readonly kind: 'events'; readonly events: readonly NewEvent[]; readonly after: Folded }
  | { readonly kind: 'tombstone' }
  /** Nothing to do: the state is as wanted. */
  | { readonly kind: 'none' };

/** What a write is compared with, settled as far as it can be at the call. */
export type Comparison =
  | { readonly kind: 'any' }
  | { readonly kind: 'head'; readonly head: Head | null }
  | { readonly kind: 'version'; readonly version: Version }
  /** No live state: absent, or a tombstone. */
  | { readonly kind: 'absent' }
  /** What this handle sees once an earlier write of its own has settled. */
  | { readonly kind: 'after'; readonly write: Operation };

export interface OperationRequest {
  readonly key: string;
  readonly id: string;
  /** Whether the caller chose the id, and it must be looked up before each attempt. */
  readonly repeatable: boolean;
  readonly compare: Comparison;
  /** Whether the caller said what it is to follow. */
  readonly pinned: boolean;
  /** Whether it makes the same of any state, and may be tried before anybody has looked whether there is one. */
  readonly blind: boolean;
  /** What the handle's next write compares with when this one does not happen. */
  readonly otherwise: Comparison;
  readonly meta: Meta | undefined;
  readonly ttlMs: number | 'keep' | undefined;
  readonly retain: Retention | undefined;
  /** May refuse it for what it would store. */
  readonly weigh: ((weight: Weight) => void) | undefined;
  readonly produce: (base: Snapshot) => Produced;
  /** What becomes of it where its id was used before; without it, it is taken for the same operation. */
  readonly repeats?: Repeats;
  /** The handle that writes; a transaction has none. */
  readonly writer: Writer | undefined;
  /** What is told of it, if somebody listens. */
  readonly observed: ObservedWrite | undefined;
}

/** How an operation that carries more than its id recognises itself. What differs is refused with what is thrown. */
export interface Repeats {
  /** Found in the log, at this version. @returns what it left behind */
  found(version: Version, call: Call): Promise<Snapshot>;
  /** Another one with this id waits in the same queue, and comes first. */
  waiting(other: Operation): void;
}

/** What an operation asks and tells its handle. */
export interface Writer {
  /** Rejects when the store has gone back behind what the writer saw. Undefined while there is nothing to check. */
  verify(): Promise<void> | undefined;
  /** Told before the outcome is: lets the handle remember what it has seen. */
  settled(operation: Operation, result: Snapshot | undefined): void;
}

/** @typeParam T what the caller is told in the end */
export class Operation<T = unknown> {
  readonly done: Promise<T>;
  /** The state after this write, once it is acknowledged. */
  result: Snapshot | undefined;
  /** The head that it was sent to follow, while it is on its way; undefined before and between attempts. */
  sentAfter: Head | null | undefined;
  /** Whether it found nothing to do: what `delete` answers. */
  idle = false;
  /** As requested while it is open. */
  compare: Comparison;
  otherwise: Comparison;
  private open = true;
  private resolve!: (result: never) => void;
  private reject!: (error: unknown) => void;
  private readonly entry: Entry;
  private readonly onAbort: (() => void) | undefined;

  constructor(
    readonly request: OperationRequest,
    readonly call: Call,
    private readonly deadlines: Deadlines,
    private readonly finish: (result: Snapshot) => unknown,
  ) {
    this.compare = request.compare;
    this.otherwise = request.otherwise;
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve as (result: never) => void;
      this.reject = reject;
    });
    this.entry = deadlines.add(call.deadline, () =>
      this.giveUp(() => timeoutError(call, 'The write', request.key)),
    );
    const { signal } = call;
    if (signal === undefined) return;
    this.onAbort = () => this.giveUp(() => signal.reason);
    signal.addEventListener('abort', this.onAbort, { once: true });
    if (signal.aborted) this.onAbort();
  }

  get pending(): boolean {
    return this.open;
  }

  succeed(result: Snapshot): void {
    if (!this.open) return;
    this.result = result;
    this.close(result);
    this.resolve(this.finish(result) as never);
  }

  fail(error: unknown): void {
    if (!this.open) return;
    this.close(undefined);
    this.reject(error);
  }

  unknown(why: string, cause?: unknown): void {
    const idName = this.request.repeats === undefined ? 'operationId' : 'messageId';
    this.fail(
      new OutcomeUnknownError(
        `${why} Whether the write happened is not known. Repeating it with { ${idName}: '${this.request.id}' } is safe.`,
        {
          operationId: this.request.id,
          expected: this.sentAfter === undefined ? undefined : summary(this.sentAfter),
          key: this.request.key,
          cause,
        },
      ),
    );
  }

  private release(): void {
    this.deadlines.remove(this.entry);
    if (this.onAbort !== undefined) this.call.signal?.removeEventListener('abort', this.onAbort);
  }

  /** Ends it without telling anyone: whoever made it reports the outcome itself. */
  discard(): void {
    if (!this.open) return;
    this.open = false;
    this.release();
  }

  private giveUp(error: () => unknown): void {
    if (this.sentAfter === undefined) this.fail(error());
    else this.unknown('The answer did not come in time.', error());
  }

  private close(result: Snapshot | undefined): void {
    this.open = false;
    this.release();
    this.forgetEarlier();
    this.request.writer?.settled(this, result);
  }

  /** A handle that always has a write under way must not hold on to all of its earlier ones. */
  private forgetEarlier(): void {
    const { otherwise } = this;
    if (otherwise.kind === 'after' && !otherwise.write.open) {
      const { result, otherwise: earlier } = otherwise.write;
      this.otherwise = result === undefined ? earlier : { kind: 'head', head: result.head };
    }
    this.compare = this.otherwise;
  }
}

/** A head for an error; version 0 stands for "nothing there". */
export function summary(head: Head | null): HeadSummary {
  return head === null ? { version: 0, id: '', at: 0 } : { version: head.version, id: head.id, at: head.at };
}

/**
 * What a user gave as `expected`.
 * @param name what the caller knows it by
 * @throws TypeError or RangeError when it is none of what may be given
 */
export function comparisonOf(expected: Expected, name = 'expected'): Comparison {
  if (expected === 'any') return { kind: 'any' };
  if (typeof expected === 'number') {
    if (!Number.isSafeInteger(expected) || expected < 0) {
      throw new RangeError(`\`${name}\` is a version, a whole number from 0 on, not ${expected}.`);
    }
    return expected === 0 ? { kind: 'absent' } : { kind: 'version', version: expected };
  }
  if (typeof expected === 'object' && expected !== null) {
    if ('head' in expected)
      return expected.head === null ? { kind: 'absent' } : { kind: 'head', head: expected.head };
    if (typeof expected.version === 'number' && typeof expected.id === 'string')
      return { kind: 'head', head: expected };
  }
  throw new TypeError(`\`${name}\` is a Versioned, a Head, a version, 0 or "any".`);
}
