/** The first wait for a lock, and the longest: an append takes a tenth of a millisecond, a compaction some. */
const FIRST_WAIT_MS = 1;
const LONGEST_WAIT_MS = 16;

/** For how long after having met another writer a journal counts as contended. */
const CONTENDED_MS = 250;

/** How many turns may be taken one after the other while it is, and how long the break is then. */
const TURNS_IN_A_ROW = 4;
const BREAK_MS = 3;

/**
 * How writers of several processes share a lock that wakes nobody: who finds it taken waits a little, at random, and
 * longer each time; who had it several times in a row leaves it alone for a moment, or the others would starve.
 */
export class LockPacing {
  readonly #clock: () => number;
  readonly #random: () => number;
  #contendedAt = Number.NEGATIVE_INFINITY;
  #turns = 0;

  constructor({ clock, random }: { readonly clock: () => number; readonly random: () => number }) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Another writer was met: it had the lock, or had appended. */
  sawOthers(): void {
    this.#contendedAt = this.#clock();
  }

  /** To be awaited before a turn. */
  async beforeTurn(): Promise<void> {
    const sinceMs = this.#clock() - this.#contendedAt;
    if (sinceMs < 0 || sinceMs > CONTENDED_MS || ++this.#turns < TURNS_IN_A_ROW) return;
    this.#turns = 0;
    await pause(BREAK_MS * (0.5 + this.#random()));
  }

  /** To be awaited after the lock was found taken for the `attempt`-th time, from 0. */
  async wait(attempt: number): Promise<void> {
    this.sawOthers();
    this.#turns = 0;
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
    await pause(longest * (0.5 + this.#random() / 2));
  }
}

/** Keeps the process alive: somebody awaits what comes after it. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
