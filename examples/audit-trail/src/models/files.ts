/** What became of each file. */
import type { FileChange, HistoryEvent } from '../history.js';

export interface FileLife {
  commits: number;
  added: number;
  removed: number;
  /** ISO 8601, when it came into the history. */
  first: string;
  last: string;
  deleted: boolean;
  /** Its earlier names, oldest first. */
  formerly: string[];
}

/** By the name that a file has, or had when it was deleted. */
export type Files = Map<string, FileLife>;

export function addToFiles(files: Files, event: HistoryEvent): void {
  if (event.type === 'merged') return;
  for (const change of event.files) {
    const file = move(files, change, () => begun(event.committedAt));
    file.commits += 1;
    file.added += change.added;
    file.removed += change.removed;
    file.deleted = change.kind === 'deleted';
    if (event.committedAt > file.last) file.last = event.committedAt;
    if (change.from !== undefined) file.formerly.push(change.from);
  }
}

function begun(at: string): FileLife {
  return { commits: 0, added: 0, removed: 0, first: at, last: at, deleted: false, formerly: [] };
}

/**
 * The entry of the file that changed, under the name that it has now. A renamed one keeps what it was; on another branch it
 * may have been renamed before, and is found under its new name.
 */
export function move<T>(files: Map<string, T>, { path, from }: FileChange, begin: () => T): T {
  if (from !== undefined) {
    const earlier = files.get(from);
    files.delete(from);
    if (earlier !== undefined) files.set(path, earlier);
  }
  if (!files.has(path)) files.set(path, begin());
  return files.get(path) as T; // where the map is a draft, so is this
}
