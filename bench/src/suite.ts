/** What every suite is given, and gives. */
import type { Block } from './report.js';

export interface Effort {
  /** Fewer rounds, for a first look. */
  readonly quick: boolean;
  /** Says how far a block has come, where somebody watches. */
  readonly progress: (block: string) => (share: number) => void;
}

export type Suite = (effort: Effort) => AsyncIterable<Block>;
