/** What a backend is, said as simply as can be: a list of records for each key. */
import type { Append, Checkpoint, Head, LogRecord } from '../../../backend.js';

export interface Log {
  /** From version 1 on, also what was trimmed away. */
  readonly records: LogRecord[];
  /** The newest head as the backend gave it: it may carry a token. */
  head: Head;
  /** Every append, as it was sent. */
  readonly appends: Append[];
  /** The base, once the log was trimmed. */
  base: Checkpoint | undefined;
  /** What a read may start from, beside the log itself. */
  offered: Checkpoint[];
}

export interface Model {
  readonly logs: Map<string, Log>;
}

/** The oldest version that can be read. */
export function floorOf(log: Log | undefined): number {
  return log === undefined ? 0 : (log.base?.version ?? 1);
}

/** The log that takes this append. */
export function take(model: Model, key: string, append: Append, head: Head): void {
  const { records } = append;
  const log = model.logs.get(key);
  if (log === undefined) {
    model.logs.set(key, { records: [...records], head, appends: [append], base: undefined, offered: [] });
    return;
  }
  log.records.push(...records);
  log.appends.push(append);
  log.head = head;
}

/** Bases and checkpoints that a read up to this version may start from. */
export function startsFor({ base, offered }: Log, version: number): Checkpoint[] {
  return [...(base === undefined ? [] : [base]), ...offered].filter((each) => each.version <= version);
}
