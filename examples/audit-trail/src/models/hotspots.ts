/**
 * Where the work is: files that change much, lately, by many hands.
 *
 *     heat = authors × Σ lines changed × ½ ^ (age of the change / half-life)
 *
 * Ages are between events, never from a clock: the same events give the same heat today and in ten years, here and after a
 * rebuild.
 */
import type { HistoryEvent } from '../history.js';
import { move } from './files.js';

export interface Warmth {
  /** Lines changed, each weighed by its age at the time `at`. */
  lines: number;
  /** Milliseconds since the epoch: of the newest change. */
  at: number;
  commits: number;
  authors: string[];
  deleted: boolean;
}

export interface HotSpots {
  /** Of the newest commit so far, in milliseconds since the epoch. */
  now: number;
  files: Map<string, Warmth>;
}

export interface HotSpot {
  readonly path: string;
  readonly heat: number;
  readonly commits: number;
  readonly authors: number;
}

export const HALF_LIFE_DAYS = 90;
const HALF_LIFE_MS = HALF_LIFE_DAYS * 86_400_000;

export function addToHotSpots(spots: HotSpots, event: HistoryEvent): void {
  const at = Date.parse(event.committedAt);
  spots.now = Math.max(spots.now, at);
  if (event.type === 'merged') return;
  for (const change of event.files) {
    const file = move(spots.files, change, () => ({ lines: 0, at, commits: 0, authors: [], deleted: false }));
    // Clocks differ, and branches lie side by side: a change may be older than the one before it.
    const newest = Math.max(file.at, at);
    const lines = change.added + change.removed;
    file.lines = file.lines * decay(newest - file.at) + lines * decay(newest - at);
    file.at = newest;
    file.commits += 1;
    file.deleted = change.kind === 'deleted';
    if (!file.authors.includes(event.author.name)) file.authors.push(event.author.name);
  }
}

/** Hottest first; of equal ones the name decides. Deleted files are left out. */
export function hottest({ now, files }: HotSpots, limit: number): HotSpot[] {
  const spots = [...files]
    .filter(([, { deleted }]) => !deleted)
    .map(([path, file]) => ({
      path,
      heat: file.authors.length * file.lines * decay(now - file.at),
      commits: file.commits,
      authors: file.authors.length,
    }));
  return spots.sort((a, b) => b.heat - a.heat || (a.path < b.path ? -1 : 1)).slice(0, limit);
}

const decay = (ageMs: number): number => 0.5 ** (ageMs / HALF_LIFE_MS);
