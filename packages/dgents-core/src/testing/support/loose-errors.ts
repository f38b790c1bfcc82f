/**
 * Errors that no caller can catch, while it listens: promises that are rejected and that nobody waits for, and what
 * is thrown in a callback. By default either ends the process.
 */
export class LooseErrors {
  readonly #found: unknown[] = [];
  readonly #note = (error: unknown): void => {
    this.#found.push(error);
  };

  constructor() {
    process.on('unhandledRejection', this.#note);
    process.on('uncaughtException', this.#note);
  }

  /** Those that have come since it was asked last. */
  async take(): Promise<readonly unknown[]> {
    // Node tells of them once the microtasks are done.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    return this.#found.splice(0);
  }

  stop(): void {
    process.off('unhandledRejection', this.#note);
    process.off('uncaughtException', this.#note);
  }
}
