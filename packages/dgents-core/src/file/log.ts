import type {
  Append,
  Checkpoint,
  CommitResult,
  Head,
  LogRecord,
  LogTail,
  ReadOptions,
  Version,
} from '../backend.js';
import type { Call } from '../backend-parts/call.js';

/** The log of one key, as the backend uses it: a journal, or a plain JSON file. */
export interface Log {
  read(options: ReadOptions): Promise<LogTail>;
  head(): Promise<Head | null>;
  range(wanted: RangeWanted): Promise<RangePage>;
  find(ids: readonly string[]): Promise<ReadonlyMap<string, Version>>;
  commit(append: Append, call: Call): Promise<CommitResult>;
  checkpoint(checkpoint: Checkpoint, call: Call): Promise<void>;
  trim(base: Checkpoint, call: Call): Promise<void>;
  /** Whether it can be given up for now. */
  readonly canRetire: boolean;
  /** Gives back what it holds, when it can. What it returns lets another object go on without reading anew. */
  retire(): unknown;
  /** Gives back what it holds, once everything that was accepted is done. */
  close(): Promise<void>;
}

export interface RangeWanted {
  readonly from: Version;
  readonly to: Version;
  readonly reverse: boolean;
  /** Whether `from` (in reverse `to`) follows a page given before, so that it must still be there. */
  readonly resumed: boolean;
  readonly limit: number;
}

/** Some records of a range, in its order. */
export interface RangePage {
  readonly records: readonly LogRecord[];
  readonly done: boolean;
}
