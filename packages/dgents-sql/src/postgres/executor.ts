/** What is asked of a Postgres, however it is reached. */
import type { Listen } from './ear.js';
import type { Within } from './joined.js';

/** A statement that is sent again and again: prepared under its name where the connection allows it. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /** The same step by step, for a database that would plan the statement anew each time. */
  readonly routine?: Routine;
}

/** The body of a function in PL/pgSQL, which keeps the plans of its steps. It returns the key, or null where nothing was written. */
export interface Routine {
  /** The types of the parameters, $1 first. */
  readonly types: readonly string[];
  readonly body: string;
}

/** Sends a statement. A row has the columns that the statement names. */
export type Query = <Row>(statement: Statement, values: readonly unknown[]) => Promise<Row[]>;

/** Runs work of the caller's in the transaction; see `joined`. */
export type Join = (within: Within) => Promise<void>;

export interface Limits {
  /** What remains of the deadline, in milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** Called when there is a connection and before it is used. What it throws comes out, and nothing was sent. */
  readonly sending?: () => void;
}

export interface Executor {
  /** Where it is, without a password, for errors. */
  readonly location: string;
  /** One statement, one round trip, a transaction of its own. */
  query<Row>(statement: Statement, values: readonly unknown[], limits?: Limits): Promise<Row[]>;
  /**
   * Several statements in one transaction. What `work` throws rolls back and comes out.
   *
   * @throws anything but a `DgentsError` where it is not known whether it was committed
   */
  transaction<T>(work: (query: Query, join: Join) => Promise<T>, limits?: Limits): Promise<T>;
  /** Tells whoever listens to a channel, in this process or others. Absent where all are in this process. */
  notify?(channel: string, note: string): Promise<void>;
  /** Listens to a channel. Absent where that cannot be. */
  readonly listen?: Listen;
  close(): Promise<void>;
}
