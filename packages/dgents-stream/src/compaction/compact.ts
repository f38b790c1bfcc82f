/** What a compaction is asked, and what it says. */
import type { CallOptions, Version } from 'dgents-core';
import type { Compaction } from 'dgents-core/folding';

export interface CompactOptions extends CallOptions {
  /**
   * A version: its state becomes the oldest that is kept, and the events up to it go. Or a time: the newest version that was
   * written then.
   */
  readonly before: Version | Date;
  /**
   * A file that the events go to before they are let go of. It is made where there is none, with its directory; later
   * compactions of the same stream add to it. `readArchive` reads it.
   */
  readonly archive?: string;
}

export type CompactResult = Compaction;
