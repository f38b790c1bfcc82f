/** Work of a caller's that one sending of a commit runs in its transaction. */
import { StorageTimeoutError } from '../errors.js';
import { ignore } from './deadlines.js';
import type { Work } from './transact.js';

/**
 * Tells whether the work was under way when the commit was given up. Then nothing was written, nor will be: it fails at
 * its end, whatever it says itself, and so the transaction is rolled back.
 */
export class JoinedWork {
  #isUnderWay = false;
  #isGivenUp = false;

  constructor(private readonly work: Work) {}

  /** What the backend runs. Synchronous where the work is: some stores take nothing else. */
  readonly run = (client: unknown): void | Promise<void> => {
    this.#assertWanted();
    this.#isUnderWay = true;
    try {
      const returned = this.work(client);
      if (isThenable(returned)) return this.#ended(returned);
    } catch (error) {
      this.#isUnderWay = false;
      throw error;
    }
    this.#isUnderWay = false;
  };

  /** Whether it was under way: nothing is written then. */
  giveUp(): boolean {
    this.#isGivenUp = true;
    return this.#isUnderWay;
  }

  #ended(returned: PromiseLike<unknown>): Promise<void> {
    const ended = (async () => {
      try {
        await returned;
        this.#assertWanted();
      } finally {
        this.#isUnderWay = false;
      }
    })();
    // A store that has given it up, or takes no promise, waits for it no longer.
    ended.catch(ignore);
    return ended;
  }

  #assertWanted(): void {
    if (!this.#isGivenUp) return;
    throw new StorageTimeoutError('The transaction was given up.', { timeoutMs: 0 });
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
