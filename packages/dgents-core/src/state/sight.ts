/**
 * What one handle has seen of a log. Saves compare with it, and a store that goes back behind it is found out.
 *
 * The replica (cell) is shared by handles and moves on with any of them; a sight is one handle's own.
 */
import type { Head } from '../backend.js';
import { StateExpiredError, StateRegressionError } from '../errors.js';
import type { Cell } from './cell.js';
import { type Comparison, summary } from './operation.js';
import { ABSENT, type Snapshot } from './replica.js';

interface Seen {
  /** Null: that there was nothing. */
  readonly head: Head | null;
  /** Whether there was a state, and not a tombstone. */
  readonly live: boolean;
  /** Under which of the log's incarnations. */
  readonly epoch: number;
}

export class Sight {
  private seen: Seen | undefined;

  constructor(
    private readonly cell: Cell,
    private readonly timeoutMs: number,
    /** How long what is written lives, where its handles say so. */
    private readonly ttlMs?: number,
  ) {}

  /** The handle was shown this. */
  see(snapshot: Snapshot): void {
    const { seen } = this;
    const { epoch } = this.cell;
    const { head, value } = snapshot;
    if (seen !== undefined && seen.head === head && seen.epoch === epoch) return;
    this.seen = { head, live: value !== ABSENT, epoch };
  }

  /** A write of the handle was acknowledged. A load may have shown it something newer before the answer came. */
  wrote(snapshot: Snapshot): void {
    if ((snapshot.head?.version ?? 0) >= (this.seen?.head?.version ?? 0)) this.see(snapshot);
  }

  /** What a save may replace: anything, as long as nothing was seen. */
  comparison(): Comparison {
    if (this.seen === undefined) return { kind: 'any' };
    const { head, live } = this.seen;
    return live && head !== null ? { kind: 'head', head } : { kind: 'absent' };
  }

  /**
   * Checks, when the log has turned out to be another than it was, that what was seen is still part of it.
   * @returns undefined when there is nothing to check
   * @throws StateExpiredError once, StateRegressionError from then on
   */
  verify(): Promise<void> | undefined {
    const { seen } = this;
    return seen === undefined || seen.epoch === this.cell.epoch ? undefined : this.lookFor(seen);
  }

  private async lookFor(seen: Seen): Promise<void> {
    const { engine, epoch, key } = this.cell;
    const { head } = seen;
    if (head !== null) {
      const tail = await engine.backend.read(key, { after: head, limit: 1, timeoutMs: this.timeoutMs });
      if (tail.since === 'diverged') {
        const isOver = this.ttlMs !== undefined && engine.clock() >= head.at + this.ttlMs;
        // Somebody may have begun it anew since.
        if (!engine.port.ttl || (tail.head !== null && !isOver)) throw regression(key, head, tail.head);
        this.seen = { head: null, live: false, epoch };
        const since =
          tail.head === null ? 'It is absent from now on.' : 'What is there now was begun after it.';
        throw new StateExpiredError(`The state "${key}" has expired. ${since}`, { key });
      }
    }
    this.seen = { ...seen, epoch };
  }
}

/** What a handle has seen is no longer part of the log. */
export function regression(key: string, seen: Head, actual: Head | null): StateRegressionError {
  const now = summary(actual);
  return new StateRegressionError(
    `The store went back in time: this handle saw version ${seen.version} of "${key}" (operation ${seen.id}), ` +
      `the store now ${actual === null ? 'has nothing' : `is at version ${now.version} (operation ${now.id})`}. ` +
      'Nothing was written. Open a new handle to accept what is there.',
    { seen: summary(seen), actual: now, key },
  );
}
