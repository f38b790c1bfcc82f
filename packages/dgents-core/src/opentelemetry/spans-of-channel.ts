/** Spans of what is published on a tracing channel of `node:diagnostics_channel`. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { type Channel, channel } from 'node:diagnostics_channel';
import type { ObservedCall } from '../observe/events.js';
import type { Recording } from './telemetry.js';

export interface SpanRules<E> {
  /** Undefined: no span for this one. */
  readonly begin: (event: E) => Recording | undefined;
  /** Takes over what the event tells, before the span ends. */
  readonly note: (recording: Recording, event: E) => void;
  /** Whether its consumer may go without a word. A promise settles. */
  readonly isStream: (event: E) => boolean;
  /** Whether {@link SpansOfChannel.current} is wanted, which has its price. */
  readonly isContext?: boolean;
}

export class SpansOfChannel<E extends ObservedCall> {
  private readonly start: Channel;
  private readonly over: Channel;
  private readonly under: AsyncLocalStorage<Recording | undefined> | undefined;
  private readonly recordings = new WeakMap<object, Recording>();
  private readonly open = new Set<Recording>();
  /** Streams whose consumer has gone without a word: nothing holds their event. */
  private readonly abandoned = new FinalizationRegistry<Recording>((recording) => {
    this.open.delete(recording);
    recording.abandon();
  });

  constructor(
    name: string,
    private readonly rules: SpanRules<E>,
  ) {
    this.start = channel(`tracing:${name}:start`);
    this.over = channel(`tracing:${name}:asyncEnd`);
    if (rules.isContext === true) {
      this.under = new AsyncLocalStorage();
      this.start.bindStore(this.under, (event) => this.begin(event as E));
    } else {
      this.start.subscribe(this.onStart);
    }
    this.over.subscribe(this.end);
  }

  /** The one that the code at hand runs under. */
  get current(): Recording | undefined {
    return this.under?.getStore();
  }

  /** Listens no more, and ends what is open. */
  stop(): void {
    if (this.under === undefined) this.start.unsubscribe(this.onStart);
    else {
      this.start.unbindStore(this.under);
      this.under.disable();
    }
    this.over.unsubscribe(this.end);
    for (const recording of this.open) recording.end();
    this.open.clear();
  }

  private readonly onStart = (event: unknown): void => void this.begin(event as E);

  private begin(event: E): Recording | undefined {
    const recording = this.rules.begin(event);
    if (recording === undefined) return undefined;
    this.recordings.set(event, recording);
    this.open.add(recording);
    if (this.rules.isStream(event)) this.abandoned.register(event, recording, recording);
    return recording;
  }

  private readonly end = (message: unknown): void => {
    const event = message as E;
    const recording = this.recordings.get(event);
    if (recording === undefined) return;
    this.open.delete(recording);
    this.abandoned.unregister(recording);
    this.rules.note(recording, event);
    recording.end(event.error);
  };
}
