import { AgentClosedError, DgentsError, OutcomeUnknownError, StorageFullError } from '../errors.js';
import { storageError } from '../file/storage-error.js';
import { GroupCommit } from './group-commit.js';

export interface EmbeddedDatabaseOptions<Database> {
  /** Where it is, for people: in errors. */
  readonly location: string;
  /** Opens it, and makes it where there is none. Tried again by the next call when it fails. */
  readonly open: () => Database | Promise<Database>;
  /**
   * Runs `work` in a transaction: on return all that it wrote is durable, or, when it throws a `DgentsError`, nothing is
   * there. After any other failure the database is closed, and opened anew by the next call. It may be asynchronous;
   * `work` itself reads and writes at once. One comes after the other: the next begins when this has settled.
   */
  readonly transaction: <T>(database: Database, work: () => T) => T | Promise<T>;
  readonly close: (database: Database) => unknown;
}

/**
 * A database within this process, from opening to closing: opened when it is first needed; writes that come at the same
 * time share a transaction; what goes wrong is a typed error, and of a write that may have happened all the same it is
 * `OutcomeUnknownError`.
 */
export class EmbeddedDatabase<Database> {
  readonly #options: EmbeddedDatabaseOptions<Database>;
  readonly #commits: GroupCommit<Database>;
  #opening: Promise<Database> | undefined;
  #current: Database | undefined;
  /** Settles when one that had failed is closed. */
  #discarded: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(options: EmbeddedDatabaseOptions<Database>) {
    this.#options = options;
    this.#commits = new GroupCommit((work) => this.#transaction(work));
  }

  /** The database, where it is open and stays so: for a look that must not wait. */
  get current(): Database | undefined {
    return this.#closing === undefined ? this.#current : undefined;
  }

  /**
   * Gives the open database to `work`. It does not wait for transactions, nor they for it: a `work` that looks several
   * times, with an `await` in between, may see a write of others half-way between its looks, unless it looks at a
   * snapshot of the store.
   *
   * @throws AgentClosedError once it was closed; StorageUnavailableError or StorageFullError where opening, or `work`,
   *   throws anything but a `DgentsError`, TypeError or RangeError
   */
  async use<T>(key: string, work: (database: Database) => T | Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw new AgentClosedError('This store was closed.', { key });
    try {
      return await work(await this.#open());
    } catch (error) {
      throw storageError(error, 'use', this.#options.location, key);
    }
  }

  /**
   * Makes a change in a transaction, with what else comes at the same time; see {@link GroupCommit}.
   *
   * @param operationId of the write, for `OutcomeUnknownError`; a change without one may fail without anybody's doubt
   * @param alone in a transaction of its own, which a `DgentsError` that the change throws rolls back
   * @throws what `use` throws; OutcomeUnknownError where the transaction failed, unless for want of space
   */
  write<T>(
    key: string,
    change: (database: Database) => T,
    operationId?: string,
    { alone = false }: { readonly alone?: boolean } = {},
  ): Promise<T> {
    return this.use(key, async () => {
      try {
        return await (alone ? this.#commits.alone(change) : this.#commits.add(change));
      } catch (cause) {
        const error = storageError(cause, 'write to', this.#options.location, key);
        if (operationId === undefined || DgentsError.is(cause) || error instanceof StorageFullError)
          throw error;
        const message = `It is not known whether ${this.#options.location} has taken the write.`;
        throw new OutcomeUnknownError(message, { cause, key, operationId });
      }
    });
  }

  /** Waits for the writes that were accepted, then closes. Calls that come later are refused. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #open(): Promise<Database> {
    this.#opening ??= this.#discarded.then(() => this.#options.open());
    const opening = this.#opening;
    try {
      const opened = await opening;
      if (this.#opening === opening) this.#current = opened;
      return opened;
    } catch (error) {
      if (this.#opening === opening) this.#opening = undefined;
      throw error;
    }
  }

  async #transaction<T>(work: (database: Database) => T): Promise<T> {
    const database = await this.#open();
    try {
      return await this.#options.transaction(database, () => work(database));
    } catch (error) {
      if (!DgentsError.is(error)) await this.#discard(database);
      throw error;
    }
  }

  /** Whoever comes next opens it anew, but not before it is closed: many databases cannot be open twice. */
  async #discard(database: Database): Promise<void> {
    this.#opening = undefined;
    this.#current = undefined;
    this.#discarded = Promise.resolve(database)
      .then((failed) => this.#options.close(failed))
      .catch(() => {
        // What had failed before is told; this says no more.
      });
    await this.#discarded;
  }

  async #end(): Promise<void> {
    // A call that waits for it to open goes on before this does, and adds what it writes.
    await Promise.allSettled([this.#opening]);
    await this.#commits.idle();
    const opened = await this.#opening; // Of one that failed nothing is left here.
    if (opened !== undefined) await this.#options.close(opened);
  }
}
