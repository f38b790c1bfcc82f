/**
 * What is told on the channels of `node:diagnostics_channel`: names, numbers and codes, never a state or a part of one.
 *
 * There are two tracing channels. On `dgents:operation` is what users call, on `dgents:backend` what the engine asks of
 * the store for it, in the background too. Each gives one object for each call: `start` when it begins, `end` when the
 * call has returned its promise, `error` if it rejects, and `asyncStart` and `asyncEnd` when it is over. The fields that
 * are optional here are filled in meanwhile.
 */
import type { Version } from '../backend.js';

/** The name of the tracing channel of operations: subscribe to `tracing:dgents:operation:asyncEnd`, for one. */
export const OPERATION_CHANNEL = 'dgents:operation';

/** The name of the tracing channel of calls to a backend. */
export const BACKEND_CHANNEL = 'dgents:backend';

/** What every event has once it is over. */
export interface ObservedCall {
  /** How long it took, in milliseconds. For a stream, from its first step to its last. */
  readonly durationMs?: number;
  /**
   * What it rejected with: the code of a DgentsError, the name of any other error. Not the error, since the message of
   * one that a recipe or a schema throws may quote the state.
   */
  readonly error?: string;
}

/** What is called on an agent or a store. */
export type OperationName =
  | 'load'
  | 'read'
  | 'history'
  | 'timeline'
  | 'watch'
  | 'save'
  | 'update'
  | 'delete'
  | 'append'
  | 'decide'
  | 'events'
  | 'keys'
  | 'has'
  | 'erase'
  | 'fork'
  | 'transact'
  | 'feed';

/** One operation of an agent or a store. */
export interface OperationEvent extends ObservedCall {
  readonly operation: OperationName;
  /** The backend's name: `memory`, `file`, `postgres` … */
  readonly backend: string;
  /**
   * The key of the state: of the new one for `fork`, the prefix for `keys` and `erase`. Keys are chosen by users and may
   * name people: think before you send them on.
   */
  readonly key?: string | undefined;
  /** The version that was loaded, or that the write has made. */
  readonly version?: Version;
  /** What the record of the write weighs: UTF-8 bytes of its text as it goes to the store, compressed or not. */
  readonly bytes?: number;
  /** How often the write was sent; more than one after conflicts. Absent where nothing was sent. */
  readonly attempts?: number;
  /** How often somebody else's write came first. */
  readonly conflicts?: number;
  /** How often it was sent again since the answer of the store got lost. */
  readonly resent?: number;
  /** How many operations went out in the append that took this one, itself included. */
  readonly combined?: number;
  /** True where an operation with this id had happened before, and nothing was written now. */
  readonly replayed?: boolean;
  /** How many items a stream or a list has given, or how many states were erased or changed as one. */
  readonly items?: number;
}

/** What is asked of a backend. */
export type BackendCallName =
  | 'ready'
  | 'read'
  | 'commit'
  | 'checkpoint'
  | 'range'
  | 'trim'
  | 'keys'
  | 'find'
  | 'confirm'
  | 'feed'
  | 'watch'
  | 'close';

/** One call of a backend. */
export interface BackendEvent extends ObservedCall {
  readonly call: BackendCallName;
  /** The backend's name: `memory`, `file`, `postgres` … */
  readonly backend: string;
  /** The key of the log, where it is one; the prefix for `keys`. See {@link OperationEvent.key}. */
  readonly key?: string | undefined;
  /** The head's version after it; for `checkpoint` and `trim` the version that they are about. */
  readonly version?: Version;
  /** Records written or read. A commit has one for each operation: more than one are writes that went out together. */
  readonly records?: number;
  /** UTF-8 bytes of their texts, checkpoints included. Absent where the store keeps values and no text was made. */
  readonly bytes?: number;
  /** Logs that a commit appends to. */
  readonly appends?: number;
  /** Appends refused since another write came first. */
  readonly conflicts?: number;
  /** Appends that had been made before. */
  readonly replayed?: number;
}
