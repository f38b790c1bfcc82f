/**
 * What the user of a cache was shown last. An answer may overtake another one on its way, and what a user was shown must
 * not go back: a save made of the older state would overwrite what the handle inside has seen since.
 *
 *     ask A ───────────────────▶ 1   not shown any more: it was asked for before 2 was shown
 *              ask B ──▶ 2
 */
import type { Head } from '../backend.js';

export class Shown {
  /** null: that there is nothing. Undefined: nothing that others can be compared with. */
  private newest: Pick<Head, 'version' | 'at'> | null | undefined;
  private count = 0;

  /** To be noted when a question is asked. */
  get moment(): number {
    return this.count;
  }

  /**
   * An answer has come. Returns whether it may be shown, and counts it as shown then.
   * @param askedAt the moment when it was asked for
   */
  show(head: Head | null, askedAt: number): boolean {
    if (askedAt !== this.count && !this.isNoOlder(head)) return false;
    this.saw(head);
    return true;
  }

  /** The user has this by other means than a question. */
  saw(head: Pick<Head, 'version' | 'at'> | null | undefined): void {
    this.count += 1;
    this.newest = head;
  }

  /** By time too: numbering begins anew where a log has expired. What cannot be told counts as older. */
  private isNoOlder(head: Head | null): boolean {
    const { newest } = this;
    if (newest === undefined || newest === null || head === null) return head === newest;
    return head.version >= newest.version && head.at >= newest.at;
  }
}
