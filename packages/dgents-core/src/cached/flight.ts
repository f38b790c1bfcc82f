/** One question to the agent inside, shared by all who ask it meanwhile. */
import type { CallOptions, Versioned } from '../data-agent.js';

export class Flight<S> {
  readonly result: Promise<Versioned<S>>;
  private readonly stop = new AbortController();
  private waiting = 0;
  private over = false;

  /** @param begunAt by the clock of the cache */
  constructor(
    readonly timeoutMs: number | undefined,
    readonly begunAt: number,
    ask: (options: CallOptions) => Promise<Versioned<S>>,
  ) {
    const options = { signal: this.stop.signal, ...(timeoutMs !== undefined && { timeoutMs }) };
    this.result = ask(options).finally(() => {
      this.over = true;
    });
    // Everyone may have given up by the time it fails.
    this.result.catch(() => undefined);
  }

  /** Whether all who asked have given up: it is aborted, and brings nothing for others. */
  get isGivenUp(): boolean {
    return this.stop.signal.aborted;
  }

  /**
   * Waits for the result, or until the signal aborts. When nobody waits any more the question is withdrawn, so that the
   * handle inside does not see what nobody was shown.
   */
  wait(signal: AbortSignal | undefined): Promise<Versioned<S>> {
    this.waiting += 1;
    if (signal === undefined) return this.result;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.waiting -= 1;
        if (this.waiting === 0 && !this.over) this.stop.abort(signal.reason);
        reject(signal.reason);
      };
      const stay = (): void => signal.removeEventListener('abort', leave);
      signal.addEventListener('abort', leave, { once: true });
      this.result.then(
        (found) => {
          stay();
          resolve(found);
        },
        (error: unknown) => {
          stay();
          reject(error);
        },
      );
      if (signal.aborted) leave();
    });
  }
}
