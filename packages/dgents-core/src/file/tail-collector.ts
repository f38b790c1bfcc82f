import type { Checkpoint, LogRecord, LogTail } from '../backend.js';
import type { Collector } from './journal-view.js';
import { checkpointOf, isRecord, type Line, recordOf } from './line.js';

/** Turns the lines of a journal, from a starting point on, into what a read returns. */
export class TailCollector implements Collector {
  base: Checkpoint | undefined;
  checkpoint: Checkpoint | undefined;
  records: LogRecord[] = [];
  /** Whether every line since the starting point was seen. */
  complete = false;
  #begun = false;

  accept(line: Line): void {
    const first = !this.#begun;
    this.#begun = true;
    this.complete = true;
    if (line.kind === 's' || line.kind === 't') {
      // A newer starting point: what came before is not needed.
      this.base = undefined;
      this.checkpoint = undefined;
      this.records = [recordOf(line)];
    } else if (isRecord(line)) this.records.push(recordOf(line));
    else if (line.kind === 'b') this.base = checkpointOf(line);
    else if (first) this.checkpoint = checkpointOf(line);
  }

  reset(): void {
    this.base = undefined;
    this.checkpoint = undefined;
    this.records = [];
    this.complete = false;
    this.#begun = false;
  }

  tail(): Pick<LogTail, 'base' | 'checkpoint' | 'records'> {
    const { base, checkpoint, records } = this;
    return { ...(base && { base }), ...(checkpoint && { checkpoint }), records };
  }
}
