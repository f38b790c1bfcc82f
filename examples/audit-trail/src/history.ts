/** The events of a repository, and what is to be known of them to go on importing. */
import { defineStream, type EventOf } from 'dgents-stream';

export type ChangeKind = 'added' | 'modified' | 'deleted' | 'renamed';

/** What a commit did to one file. Names are lossless, see git/text.ts. */
export interface FileChange {
  readonly path: string;
  readonly kind: ChangeKind;
  /** Where it was before, when it was renamed. */
  readonly from?: string;
  /** Lines; 0 of a binary file, which has none. */
  readonly added: number;
  readonly removed: number;
}

/** Plain JSON, so that the events can be read with SQL too. Times are ISO 8601, in UTC. */
interface Commit {
  readonly hash: string;
  readonly parents: readonly string[];
  readonly author: { readonly name: string; readonly email: string };
  /** When the change was made, and when it came into the history. By the clocks of those who did it. */
  readonly authoredAt: string;
  readonly committedAt: string;
  readonly subject: string;
}

export interface Committed extends Commit {
  readonly type: 'committed';
  readonly files: readonly FileChange[];
}

/** Two lines of work became one. It changes no file that a commit before it did not. */
export interface Merged extends Commit {
  readonly type: 'merged';
}

export type HistoryEvent = Committed | Merged;

/** What all the events so far come to. */
export interface History {
  readonly commits: number;
  readonly merges: number;
  /**
   * The commits that no other one follows yet. As parents come before their children, those and all that lead to them are
   * what has been imported: `git log HEAD --not <tips>` is exactly what is missing, wherever an import was cut off.
   */
  readonly tips: readonly string[];
}

/** Where the stream lies in its store. */
export const HISTORY = 'history';

export const history = defineStream<HistoryEvent, History>({
  initial: () => ({ commits: 0, merges: 0, tips: [] }),
  fold: {
    committed: (state, event) => ({ ...state, commits: state.commits + 1, tips: tipsAfter(state, event) }),
    merged: (state, event) => ({ ...state, merges: state.merges + 1, tips: tipsAfter(state, event) }),
  },
});

function tipsAfter({ tips }: History, { hash, parents }: EventOf<HistoryEvent, HistoryEvent['type']>) {
  return [...tips.filter((tip) => !parents.includes(tip)), hash];
}
