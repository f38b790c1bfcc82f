/** What the user of a write-behind cache has seen: saves compare with it. */
import type { Head } from '../backend.js';
import type { SaveOptions, WriteOptions } from '../data-agent.js';
import { DgentsError } from '../errors.js';

export class Seen {
  /** `absent`: that there was no state; where its numbering stands is not known then. Undefined: nothing was looked at. */
  private place: Head | 'absent' | undefined;
  /** Whether the state may expire, by a time to live that was given here: what comes after is for the store to judge. */
  isMortal = false;

  /** The newest state that was seen. */
  get head(): Head | undefined {
    return typeof this.place === 'object' ? this.place : undefined;
  }

  get isAbsent(): boolean {
    return this.place === 'absent';
  }

  /** The user was shown this; null: that there is nothing. */
  saw(head: Head | null): void {
    if (head === null || head.deleted) this.place = 'absent';
    else if (this.head === undefined || head.version >= this.head.version) this.place = head;
  }

  /** A write with these options was acknowledged by the store, and left this. */
  wrote(head: Head | null, { ttlMs, keepTtl }: WriteOptions): void {
    if (keepTtl !== true) this.isMortal = ttlMs !== undefined;
    this.saw(head);
  }

  /** Back to what was seen before a write that is lost. */
  back(to: Head | null): void {
    this.place = to ?? 'absent';
  }

  /** What became of a call may tell that the state is gone. */
  failed(error: unknown): void {
    if (DgentsError.is(error, 'DGENTS_STATE_EXPIRED')) this.place = 'absent';
  }

  /** What a save is to follow. What was read for a recipe alone the user has not seen: so it is said. */
  comparing({ expected }: SaveOptions): Pick<SaveOptions, 'expected'> {
    if (expected !== undefined || this.place === undefined) return {};
    return { expected: this.head ?? 0 };
  }
}
