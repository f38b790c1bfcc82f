import type { Checkpoint, Head, LogRecord, Version } from '../backend.js';

/** One log, as its store sees it at this moment. */
export interface LogView {
  readonly head: Head;
  /** The oldest version whose state is kept: 1, or that of the base. */
  readonly floor: Version;
  /** The newest checkpoint, if one is kept; above the floor. */
  checkpoint?(): Checkpoint | undefined;
  /** What stands at a version: a record, or at the floor of a trimmed log its base; undefined below floor or above head. */
  at(version: Version): LogRecord | Checkpoint | undefined;
}

/** What the log's head is once this record is its newest. Frozen, so that it can be kept and handed out. */
export function headOf({ version, id, at, kind }: LogRecord): Head {
  return Object.freeze({ version, id, at, deleted: kind === 'tombstone' });
}
