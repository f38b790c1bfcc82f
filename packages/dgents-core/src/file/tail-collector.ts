import type { Checkpoint, LogRecord, LogTail } from '../backend.js';
import type { Collector } from './journal-view.js';
import { checkpointOf, isRecord, type Line, recordOf } from './line.js';

/** Turns the lines of a journal, from a starting point or from a known head on, into what a read returns. */
export class TailCollector implements Collector {
  /** What was seen: the lines since a starting point, since the head that was known before, or not all. */
  seen: 'since start' | 'since known' | 'not all' = 'not all';
  #base: Checkpoint | undefined;
  #checkpoint: Checkpoint | undefined;
  #records: LogRecord[] = [];
  #begun = false;

  begin(from: 'start' | 'known'): void {
    this.reset();
    this.seen = from === 'start' ? 'since start' : 'since known';
  }

  accept(line: Line): void {
    const first = !this.#begun;
    this.#begun = true;
    if (isRecord(line)) this.#record(line);
    else if (line.kind === 'b') this.#base = checkpointOf(line);
    // Behind a known head a checkpoint may be one of an older version that another process wrote late: what came
    // between is not in this tail.
    else if (first && this.seen === 'since start') this.#checkpoint = checkpointOf(line);
  }

  reset(): void {
    this.#startOver();
    this.seen = 'not all';
    this.#begun = false;
  }

  tail(): Pick<LogTail, 'base' | 'checkpoint' | 'records'> {
    const base = this.#base;
    const checkpoint = this.#checkpoint;
    return { ...(base && { base }), ...(checkpoint && { checkpoint }), records: this.#records };
  }

  #record(line: Line): void {
    // A newer starting point: what came before is not needed.
    if (this.seen === 'since start' && (line.kind === 's' || line.kind === 't')) this.#startOver();
    this.#records.push(recordOf(line));
  }

  #startOver(): void {
    this.#base = undefined;
    this.#checkpoint = undefined;
    this.#records = [];
  }
}
