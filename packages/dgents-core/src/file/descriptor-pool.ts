/** Someone who can hold a descriptor open between two uses. */
export interface DescriptorUser {
  /** Whether it holds one now. */
  readonly isOpen: boolean;
  /** Closes it. Never called during a use. */
  release(): void;
}

/**
 * Bounds the descriptors of a backend. Whoever is in use has a place; others keep theirs until it is needed, least
 * recently used first. When all places are in use, the next one waits.
 */
export class DescriptorPool {
  readonly #places: number;
  #used = 0;
  /** In the order of their last use. */
  readonly #idle = new Set<DescriptorUser>();
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#places = places;
  }

  async use<T>(user: DescriptorUser, job: () => Promise<T>): Promise<T> {
    const turn = this.#enter(user);
    if (turn !== undefined) await turn;
    try {
      return await job();
    } finally {
      this.#leave(user);
    }
  }

  /** Closes what a user that is not in use holds, and forgets it. */
  drop(user: DescriptorUser): void {
    this.#idle.delete(user);
    user.release();
  }

  /** Closes what is not in use: at the end, and when the process has run out of descriptors. */
  releaseIdle(): void {
    for (const user of this.#idle) user.release();
    this.#idle.clear();
  }

  #enter(user: DescriptorUser): Promise<void> | undefined {
    if (!this.#idle.delete(user) && this.#used + this.#idle.size >= this.#places) {
      const [oldest] = this.#idle;
      if (oldest === undefined) return new Promise((resolve) => this.#waiting.push(resolve));
      this.#idle.delete(oldest);
      oldest.release();
    }
    this.#used++;
    return undefined;
  }

  #leave(user: DescriptorUser): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      user.release();
      next();
      return;
    }
    this.#used--;
    if (user.isOpen) this.#idle.add(user);
  }
}
