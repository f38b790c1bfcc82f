/** Takes batches to the writer in order, and does what is to be done about events that cannot be taken. */
import { EventFoldError, LogCompactedError } from 'dgents-core';
import type { AnyEvent } from '../stream/definition.js';
import type { Recorded } from '../stream/recorded.js';
import type { Batch } from './batches.js';
import type { Place } from './items.js';
import { delay } from './lease.js';
import { nameOf } from './parked.js';
import type { Progress } from './progress.js';
import type { Projection } from './projection.js';
import type { ProcessorOptions, Settings } from './settings.js';
import { backoffMs, reasonOf } from './trouble.js';
import type { Failure, Writer } from './writer.js';

type Entry = Extract<Batch['entries'][number], { kind: 'event' }>;

/** An event that is to be written. */
interface Ready<E extends AnyEvent> {
  readonly entry: Entry;
  readonly recorded: Recorded<E>;
}

export interface Applying<M, E extends AnyEvent> {
  readonly projection: Projection<M, E>;
  readonly writer: Writer<M, E>;
  readonly options: ProcessorOptions;
  readonly settings: Settings;
  readonly progress: Progress;
  readonly random: () => number;
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** Told of what nobody is told otherwise. */
  readonly warn: (error: Error) => void;
}

/** So many entries that do not concern it are worth a write of the checkpoint. */
export const PASSED = 1_000;

export class Applier<M, E extends AnyEvent> {
  /** Events that were put aside, and may not have been passed. */
  private aside: ReadonlySet<string> = new Set();
  private passed = 0;

  constructor(private readonly how: Applying<M, E>) {}

  async begin(): Promise<void> {
    this.aside = new Set((await this.how.writer.parked.load()).map(nameOf));
  }

  /** @throws EventFoldError, LogCompactedError where the options say so; what the store rejects with */
  async take({ entries, place, passed }: Batch): Promise<void> {
    if (place === undefined) return;
    this.passed += passed;
    if (entries.length === 0 && this.passed < PASSED) return;
    let ready: Ready<E>[] = [];
    let done: Place | undefined;
    const before = async (): Promise<void> => {
      const waiting = ready;
      ready = [];
      if (waiting.length > 0) await this.write(waiting, done);
    };
    for (const entry of entries) {
      this.how.signal.throwIfAborted();
      if (entry.kind === 'trimmed') {
        await before();
        await this.trimmed(entry);
      } else if (!this.aside.has(nameOf({ key: entry.key, version: entry.record.version }))) {
        const recorded = await this.prepared(entry, before);
        if (recorded !== null) ready.push({ entry, recorded });
      }
      done = entry.place;
    }
    await this.write(ready, place);
    this.passed = 0;
  }

  /**
   * What an event says, once `each` is done with it; null: nothing is to be written of it.
   * @param before is done before it is tried again
   */
  private async prepared(entry: Entry, before: () => Promise<void>): Promise<Recorded<E> | null> {
    const { projection, signal } = this.how;
    let recorded: Recorded<E> | null = null;
    const prepare = async (attempt: number): Promise<Failure | undefined> => {
      try {
        recorded = projection.sources.recorded<E>(entry.key, entry.record);
        if (recorded !== null) await projection.definition.each?.(recorded, { attempt, signal });
        return undefined;
      } catch (error) {
        // What it was told to end with is no fault of the event.
        signal.throwIfAborted();
        return { index: 0, error };
      }
    };
    const failure = await prepare(1);
    if (failure === undefined) return recorded;
    await before();
    return (await this.retried(entry, failure, prepare)) ? recorded : null;
  }

  /** Writes events in order; those that fail by themselves. */
  private async write(ready: readonly Ready<E>[], place: Place | undefined): Promise<void> {
    if (place === undefined) return;
    const { writer, progress } = this.how;
    const events = ready.map(({ recorded }) => recorded);
    const fitting = writer.fitting(events);
    if (fitting < events.length) return this.split(ready, fitting, place);
    const failure = await writer.write({ events, place });
    if (failure === undefined) return progress.reached(place, events.length);
    // Any of them may be at fault: it is found by halves.
    if (failure.index === undefined && ready.length > 1)
      return this.split(ready, Math.ceil(ready.length / 2), place);
    const at = failure.index ?? 0;
    const failing = ready[at];
    if (failing === undefined) throw failure.error;
    if (at > 0) await this.write(ready.slice(0, at), ready[at - 1]?.entry.place);
    await this.writeAlone(failing, failure);
    if (at + 1 < ready.length) await this.write(ready.slice(at + 1), place);
  }

  private async split(ready: readonly Ready<E>[], at: number, place: Place): Promise<void> {
    await this.write(ready.slice(0, at), ready[at - 1]?.entry.place);
    await this.write(ready.slice(at), place);
  }

  private async writeAlone({ entry, recorded }: Ready<E>, failure: Failure): Promise<void> {
    const { writer, progress } = this.how;
    const step = { events: [recorded], place: entry.place };
    if (await this.retried(entry, failure, () => writer.write(step))) progress.reached(entry.place, 1);
  }

  /** @returns whether it was done in the end; otherwise it was put aside */
  private async retried(
    entry: Entry,
    first: Failure,
    again: (attempt: number) => Promise<Failure | undefined>,
  ): Promise<boolean> {
    const { settings, progress, random, signal } = this.how;
    let failure = first;
    for (let attempt = 1; ; attempt += 1) {
      const isLast = attempt >= settings.attempts;
      this.told(entry, failure, attempt, isLast ? settings.onError : 'retry');
      if (isLast) {
        await this.giveUp(entry, failure, attempt);
        return false;
      }
      await delay(backoffMs(settings.backoff, attempt, random), signal);
      signal.throwIfAborted();
      const next = await again(attempt + 1);
      if (next === undefined) {
        progress.recovered();
        return true;
      }
      failure = next;
    }
  }

  private told(
    { key, record }: Entry,
    { error }: Failure,
    attempt: number,
    next: 'retry' | 'park' | 'stop',
  ): void {
    this.how.progress.failed(error, this.how.now());
    this.how.options.onFailure?.({ key, version: record.version, error, attempt, next });
  }

  private async giveUp({ key, record, place }: Entry, { error }: Failure, attempts: number): Promise<void> {
    const { settings, projection, writer, progress, now, options, warn } = this.how;
    const { version } = record;
    if (settings.onError === 'stop') {
      throw new EventFoldError(
        `"${projection.id}" could not take event ${version} of "${key}" in ${attempts} attempts: ${reasonOf(error)}`,
        { key, version, type: this.typeOf(key, record), cause: error },
      );
    }
    const parked = {
      key,
      version,
      position: place,
      error: reasonOf(error),
      attempts,
      parkedAt: new Date(now()),
    };
    const failure = await writer.write({ events: [], place, parked });
    if (failure !== undefined) throw failure.error;
    progress.reached(place, 0);
    progress.recovered();
    if (options.onFailure !== undefined) return;
    warn(
      new EventFoldError(
        `"${projection.id}" put event ${version} of "${key}" aside, and goes on with later ones: ${parked.error}`,
        { key, version, type: this.typeOf(key, record), cause: error },
      ),
    );
  }

  private typeOf(key: string, record: Entry['record']): string {
    try {
      return this.how.projection.sources.recorded(key, record)?.event.type ?? 'retired';
    } catch (error) {
      return error instanceof EventFoldError ? error.type : 'unreadable';
    }
  }

  private async trimmed({
    key,
    trimmed: { from, to },
  }: Extract<Batch['entries'][number], { kind: 'trimmed' }>): Promise<void> {
    const { options, projection } = this.how;
    if (options.onTrimmed !== undefined) {
      await options.onTrimmed({ key, from, to });
      return;
    }
    throw new LogCompactedError(
      `"${projection.id}" comes too late for events of "${key}": those up to version ${to} are gone before it saw them. Give ` +
        '`onTrimmed` to go on without them.',
      { key, floor: to },
    );
  }
}
