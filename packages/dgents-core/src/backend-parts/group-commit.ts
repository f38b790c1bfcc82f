import { DgentsError } from '../errors.js';

type Outcome = () => unknown;

/** The changes that share a transaction which has not begun. */
interface Group<Database> {
  readonly changes: ((database: Database) => unknown)[];
  readonly outcomes: Promise<readonly Outcome[]>;
}

/**
 * Puts the changes that come at the same time into one transaction of the store: those of one turn of the event loop,
 * and those that come while the transaction before is under way. A hundred commits at once then cost little more than
 * one, since what a commit costs is its flush.
 *
 * Each change is decided by itself. One that throws a `DgentsError` must not have written anything yet; the others go
 * on. What else is thrown in the transaction ends it for all of them.
 */
export class GroupCommit<Database> {
  readonly #transaction: <T>(work: (database: Database) => T) => Promise<T>;
  #next: Group<Database> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** @param transaction runs `work` in a transaction of the store: what it writes is durable when that has settled */
  constructor(transaction: <T>(work: (database: Database) => T) => Promise<T>) {
    this.#transaction = transaction;
  }

  /**
   * @param change reads and writes, and returns at once
   * @returns what the change returned, once the transaction is durable
   */
  async add<T>(change: (database: Database) => T): Promise<T> {
    this.#next ??= this.#group();
    const { changes, outcomes } = this.#next;
    const index = changes.push(change) - 1;
    return (await outcomes)[index]!() as T;
  }

  /**
   * The same in a transaction of its own: what the change throws, whatever it is, rolls back what it has written.
   */
  alone<T>(change: (database: Database) => T): Promise<T> {
    const done = this.#last.then(() => this.#transaction(change));
    this.#last = done.catch(() => {
      // Told to whoever made the change.
    });
    return done;
  }

  /** Waits for what was added before. */
  async idle(): Promise<void> {
    await this.#last;
  }

  #group(): Group<Database> {
    const changes: Group<Database>['changes'] = [];
    const outcomes = this.#last.then(nextTurn).then(() => {
      this.#next = undefined;
      return this.#transaction((database) => changes.map((change) => attempt(change, database)));
    });
    this.#last = outcomes.catch(() => {
      // Told to those whose changes these were.
    });
    return { changes, outcomes };
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function attempt<Database>(change: (database: Database) => unknown, database: Database): Outcome {
  try {
    const result = change(database);
    return () => result;
  } catch (error) {
    if (!DgentsError.is(error)) throw error;
    return () => {
      throw error;
    };
  }
}
