/**
 * Everything dgents can reject with. One base class, one class and one stable `code` per kind of failure.
 *
 * A wrong argument is a `TypeError` or `RangeError`, as everywhere in JavaScript; everything that the world can do
 * to a store is a {@link DgentsError}. Codes are stable within a major version and are what to branch on when an
 * error has crossed a process, a worker or a duplicate install: see {@link DgentsError.is}.
 */

/** The stable code of each error class. */
export type DgentsErrorCode =
  | 'DGENTS_STATE_NOT_FOUND'
  | 'DGENTS_STATE_CORRUPTION'
  | 'DGENTS_STATE_SERIALIZATION'
  | 'DGENTS_STATE_VALIDATION'
  | 'DGENTS_STATE_CONFLICT'
  | 'DGENTS_STATE_REGRESSION'
  | 'DGENTS_STATE_TOO_LARGE'
  | 'DGENTS_ENTROPY_BUDGET_EXCEEDED'
  | 'DGENTS_STATE_EXPIRED'
  | 'DGENTS_MIGRATION'
  | 'DGENTS_STORAGE_FULL'
  | 'DGENTS_STORAGE_UNAVAILABLE'
  | 'DGENTS_STORAGE_TIMEOUT'
  | 'DGENTS_OUTCOME_UNKNOWN'
  | 'DGENTS_WORK_FAILED'
  | 'DGENTS_INVALID_KEY'
  | 'DGENTS_UNSUPPORTED'
  | 'DGENTS_AGENT_CLOSED'
  | 'DGENTS_LOG_COMPACTED'
  | 'DGENTS_EVENT_FOLD'
  | 'DGENTS_MESSAGE_ID_REUSED';

/** What every error can carry beside its message. */
export interface DgentsErrorOptions {
  /** What went wrong underneath: the driver's or the operating system's error. */
  readonly cause?: unknown;
  /** The address of the state that the call was about. */
  readonly key?: string | undefined;
}

/** A version and the operation that wrote it, as errors quote it. */
export interface HeadSummary {
  readonly version: number;
  readonly id: string;
  readonly at: number;
}

const BRAND: unique symbol = Symbol.for('dgents.error') as never;

/** The base of every error that dgents throws for a reason outside the caller's arguments. */
export abstract class DgentsError extends Error {
  /** Stable within a major version; one per class. */
  abstract readonly code: DgentsErrorCode;
  /** Whether the same call may succeed when it is simply made again. */
  readonly retryable: boolean = false;
  /** The address of the state that the call was about, when there is one. */
  readonly key: string | undefined;
  /** @internal Recognised across realms and duplicate installs. */
  readonly [BRAND] = true;

  constructor(message: string, options: DgentsErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.key = options.key;
  }

  /**
   * Whether `error` is a dgents error (with this code, when one is given). Works where `instanceof` does not: across
   * two installed copies of dgents, realms, and on the result of {@link toJSON} sent by another process.
   */
  static is(error: unknown, code?: DgentsErrorCode): error is DgentsError {
    if (typeof error !== 'object' || error === null) return false;
    const { code: actual } = error as { code?: unknown };
    const known = BRAND in error || (typeof actual === 'string' && actual.startsWith('DGENTS_'));
    return known && (code === undefined || actual === code);
  }

  /** Name, code, message, key and the class's own figures; never the state, a secret or the stack. */
  toJSON(): Record<string, unknown> {
    const { cause, stack: _stack, ...own } = this as Error & Record<string, unknown>;
    return { ...own, name: this.name, code: this.code, message: this.message, cause: causeSummary(cause) };
  }
}

/** Driver errors can hold connection strings: only the class, the code and the message travel. */
function causeSummary(cause: unknown): unknown {
  if (cause === undefined) return undefined;
  if (DgentsError.is(cause)) return cause;
  if (!(cause instanceof Error)) return String(cause);
  const { code } = cause as { code?: unknown };
  return { name: cause.name, message: cause.message, ...(typeof code === 'string' ? { code } : {}) };
}

/** Nothing is stored under this key (or it was deleted), and the agent has no `initial`. */
export class StateNotFoundError extends DgentsError {
  readonly code = 'DGENTS_STATE_NOT_FOUND';
}

/** What is stored is damaged. The damaged bytes are kept where they are; nothing is replaced by a default. */
export class StateCorruptionError extends DgentsError {
  readonly code = 'DGENTS_STATE_CORRUPTION';
  /** The file, table row or address that is damaged. */
  readonly location: string | undefined;
  /** Where in it, in bytes from its beginning, when that is known. */
  readonly offset: number | undefined;

  constructor(message: string, options: DgentsErrorOptions & { location?: string; offset?: number } = {}) {
    super(message, options);
    this.location = options.location;
    this.offset = options.offset;
  }
}

/** The state holds something that cannot be stored without changing it. Nothing was sent to the store. */
export class StateSerializationError extends DgentsError {
  readonly code = 'DGENTS_STATE_SERIALIZATION';
  /** Where in the state, as a path such as `$.users[3].callback`. */
  readonly path: string;

  constructor(message: string, options: DgentsErrorOptions & { path: string }) {
    super(message, options);
    this.path = options.path;
  }
}

/** One complaint of a schema: the shape of Standard Schema's issue. */
export interface ValidationIssue {
  readonly message: string;
  readonly path: readonly PropertyKey[];
}

/** The state does not satisfy its schema. On load the stored bytes are untouched; on save nothing was sent. */
export class StateValidationError extends DgentsError {
  readonly code = 'DGENTS_STATE_VALIDATION';
  readonly issues: readonly ValidationIssue[];

  constructor(message: string, options: DgentsErrorOptions & { issues: readonly ValidationIssue[] }) {
    super(message, options);
    this.issues = options.issues;
  }
}

/** Someone else wrote since this handle last looked. Nothing was stored. Use `update()`, or load and save again. */
export class StateConflictError extends DgentsError {
  readonly code = 'DGENTS_STATE_CONFLICT';
  /** What the writer believed to be the newest version; version 0 stands for "nothing there". */
  readonly expected: HeadSummary;
  /** What is the newest version; version 0 stands for "nothing there". */
  readonly actual: HeadSummary;

  constructor(message: string, options: DgentsErrorOptions & { expected: HeadSummary; actual: HeadSummary }) {
    super(message, options);
    this.expected = options.expected;
    this.actual = options.actual;
  }
}

/** The store went back in time: what this handle has seen is gone or different (failover, a restored backup). */
export class StateRegressionError extends DgentsError {
  readonly code = 'DGENTS_STATE_REGRESSION';
  /** The head that this handle had seen. */
  readonly seen: HeadSummary;
  /** The head that the store has now; version 0 stands for "nothing there". */
  readonly actual: HeadSummary;

  constructor(message: string, options: DgentsErrorOptions & { seen: HeadSummary; actual: HeadSummary }) {
    super(message, options);
    this.seen = options.seen;
    this.actual = options.actual;
  }
}

/** The state, a record or a key exceeds a limit. Nothing was sent to the store. */
export class StateTooLargeError extends DgentsError {
  readonly code: 'DGENTS_STATE_TOO_LARGE' | 'DGENTS_ENTROPY_BUDGET_EXCEEDED' = 'DGENTS_STATE_TOO_LARGE';
  /** What the state weighs, in bytes of its stored form; a lower bound where counting stopped at the limit. */
  readonly bytes: number;
  readonly limitBytes: number;

  constructor(message: string, options: DgentsErrorOptions & { bytes: number; limitBytes: number }) {
    super(message, options);
    this.bytes = options.bytes;
    this.limitBytes = options.limitBytes;
  }
}

/** The state exceeds what its depth in the tree of agents may weigh. */
export class EntropyBudgetExceededError extends StateTooLargeError {
  override readonly code = 'DGENTS_ENTROPY_BUDGET_EXCEEDED';
  /** The part of the full size that was granted, and how far below the root. */
  readonly budget: number;
  readonly depth: number;
  /** What was exceeded. `bytes` and `limitBytes` are those of the record for a record, of the state otherwise. */
  readonly limit: 'state' | 'record' | 'versions';

  constructor(
    message: string,
    options: DgentsErrorOptions & {
      bytes: number;
      limitBytes: number;
      budget: number;
      depth: number;
      limit?: 'state' | 'record' | 'versions';
    },
  ) {
    super(message, options);
    this.budget = options.budget;
    this.depth = options.depth;
    this.limit = options.limit ?? 'state';
  }
}

/** The state this handle had seen is gone because its time to live ran out. */
export class StateExpiredError extends DgentsError {
  readonly code = 'DGENTS_STATE_EXPIRED';
}

/** The stored state has a schema version that cannot be brought to the agent's: a step is missing or threw. */
export class MigrationError extends DgentsError {
  readonly code = 'DGENTS_MIGRATION';
  readonly from: number;
  readonly to: number;

  constructor(message: string, options: DgentsErrorOptions & { from: number; to: number }) {
    super(message, options);
    this.from = options.from;
    this.to = options.to;
  }
}

/** No room. What was stored before is intact; the same handle works once there is room. */
export class StorageFullError extends DgentsError {
  readonly code = 'DGENTS_STORAGE_FULL';
  override readonly retryable = true;
}

/** The store cannot be reached or refuses to work. Nothing was written by this call. */
export class StorageUnavailableError extends DgentsError {
  readonly code = 'DGENTS_STORAGE_UNAVAILABLE';
  override readonly retryable = true;
}

/** The deadline passed before anything was sent (a write), or before the answer came (a read). */
export class StorageTimeoutError extends DgentsError {
  readonly code = 'DGENTS_STORAGE_TIMEOUT';
  override readonly retryable = true;
  readonly timeoutMs: number;

  constructor(message: string, options: DgentsErrorOptions & { timeoutMs: number }) {
    super(message, options);
    this.timeoutMs = options.timeoutMs;
  }
}

/**
 * The write was sent and it cannot be told whether it happened. Making the same call again with
 * `{ operationId: error.operationId }` is safe: it happens once.
 */
export class OutcomeUnknownError extends DgentsError {
  readonly code = 'DGENTS_OUTCOME_UNKNOWN';
  override readonly retryable = true;
  readonly operationId: string;
  /** The head that the write was to follow; undefined when the operation could not be looked up. */
  readonly expected: HeadSummary | undefined;

  constructor(
    message: string,
    options: DgentsErrorOptions & { operationId: string; expected?: HeadSummary | undefined },
  ) {
    super(message, options);
    this.operationId = options.operationId;
    this.expected = options.expected;
  }
}

/**
 * The caller's own work in the transaction of a commit (`CommitOptions.within`) failed, and all of it was rolled back:
 * nothing was written, nor will be. `cause` is what the work threw, as it was thrown.
 */
export class WorkFailedError extends DgentsError {
  readonly code = 'DGENTS_WORK_FAILED';

  constructor(cause: unknown, options: Omit<DgentsErrorOptions, 'cause'> = {}) {
    const said = cause instanceof Error ? cause.message : String(cause);
    super(`The work within the transaction failed, and nothing was written: ${said}`, options);
    // Also where it is undefined: whoever passes it on throws it.
    Object.defineProperty(this, 'cause', { value: cause, configurable: true, writable: true });
  }
}

/** The key is empty, too long, or starts with `$` (those belong to dgents). */
export class InvalidKeyError extends DgentsError {
  readonly code = 'DGENTS_INVALID_KEY';
}

/** This store cannot do what was asked, and says so instead of pretending. See `capabilities`. */
export class UnsupportedError extends DgentsError {
  readonly code = 'DGENTS_UNSUPPORTED';
}

/** The agent or its store was closed. */
export class AgentClosedError extends DgentsError {
  readonly code = 'DGENTS_AGENT_CLOSED';
}

/** What was asked for lies before the oldest version kept. */
export class LogCompactedError extends DgentsError {
  readonly code = 'DGENTS_LOG_COMPACTED';
  /** The oldest version whose state is still kept. */
  readonly floor: number;

  constructor(message: string, options: DgentsErrorOptions & { floor: number }) {
    super(message, options);
    this.floor = options.floor;
  }
}

/**
 * An event could not be made part of the state: the fold does not know it, threw, or gave nothing; or an upcaster did. On
 * append nothing was stored; on load the events are untouched, and can be read one by one.
 */
export class EventFoldError extends DgentsError {
  readonly code = 'DGENTS_EVENT_FOLD';
  /** Of the event; on append the one that it would have had. */
  readonly version: number;
  readonly type: string;

  constructor(message: string, options: DgentsErrorOptions & { version: number; type: string }) {
    super(message, options);
    this.version = options.version;
    this.type = options.type;
  }
}

/** The message id was used before, for something else. Nothing was stored. */
export class MessageIdReusedError extends DgentsError {
  readonly code = 'DGENTS_MESSAGE_ID_REUSED';
  readonly messageId: string;
  /** The first version that was stored with it. */
  readonly version: number;

  constructor(message: string, options: DgentsErrorOptions & { messageId: string; version: number }) {
    super(message, options);
    this.messageId = options.messageId;
    this.version = options.version;
  }
}
