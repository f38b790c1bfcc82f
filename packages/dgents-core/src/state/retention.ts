/**
 * Which old versions may go, and when they do.
 *
 * Trimming needs the whole state at the oldest version that stays. Instead of replaying the log for it, a replica
 * remembers its own value every so many versions (a *milestone*: a reference, since values share structure) and later
 * trims to one of those. So trimming happens in bites, and a bite costs one write of the state.
 *
 *     floor ········· milestone ········· milestone ········· head
 *                         └─ becomes the floor once everything before it may go
 */
import type { Head } from '../backend.js';
import type { Snapshot } from './replica.js';

/** What to keep; without it everything is kept. */
export interface Retention {
  /** Keep at least so many of the newest versions, the current one included. */
  readonly versions?: number;
  /** Keep what is younger than this, in milliseconds. With `versions` too, a version stays if either says so. */
  readonly ageMs?: number;
  /**
   * Never trim records younger than this, in milliseconds: a write whose answer was lost is looked up in them.
   * A minute unless told; nothing where the store is private to this process and no answer can be lost.
   */
  readonly graceMs?: number;
}

export const DEFAULT_GRACE_MS = 60_000;

/** More are thinned out to every other one. */
const MAX_MILESTONES = 32;

/** A bite of at least so many versions, so that a small `versions` does not trim at every write. */
const MIN_BITE = 16;

/** @throws RangeError or TypeError when it is not a retention */
export function checkRetention(retain: Retention | undefined): void {
  if (retain === undefined) return;
  for (const name of ['versions', 'ageMs', 'graceMs'] as const) {
    const value = retain[name];
    if (value === undefined) continue;
    if (typeof value !== 'number') throw new TypeError(`retain.${name} is a number, not ${typeof value}.`);
    if (!(value >= (name === 'versions' ? 1 : 0)) || (name === 'versions' && !Number.isInteger(value))) {
      throw new RangeError(`retain.${name} cannot be ${value}.`);
    }
  }
  if (retain.versions === undefined && retain.ageMs === undefined) {
    throw new TypeError('`retain` needs `versions`, `ageMs` or both.');
  }
}

/** How many versions go at once. */
export function biteOf(retain: Retention): number {
  return Math.max(MIN_BITE, Math.ceil((retain.versions ?? 128) / 2));
}

/** The milestones of one replica. */
export class Milestones {
  private kept: Snapshot[] = [];
  private spacing = 1;

  /** Remembers the newest snapshot if the last milestone is far enough behind. */
  pass(snapshot: Snapshot, bite: number): void {
    const last = this.kept.at(-1);
    const version = snapshot.head?.version ?? 0;
    if (last?.head != null && version - last.head.version < bite * this.spacing) return;
    this.kept.push(snapshot);
    if (this.kept.length <= MAX_MILESTONES) return;
    this.kept = this.kept.filter((_, index) => index % 2 === 0);
    this.spacing *= 2;
  }

  /** The newest milestone before which everything may go; forgets what lies before it. */
  due(mayGo: (place: Head) => boolean): Snapshot | undefined {
    let found = -1;
    for (const [index, { head }] of this.kept.entries()) if (head !== null && mayGo(head)) found = index;
    if (found < 0) return undefined;
    const snapshot = this.kept[found];
    this.kept = this.kept.slice(found + 1);
    if (this.kept.length === 0) this.spacing = 1;
    return snapshot;
  }

  clear(): void {
    this.kept = [];
    this.spacing = 1;
  }
}

interface Place {
  readonly version: number;
  readonly at: number;
}

/** Whether everything before `candidate` may go, with `now` as the head. */
export function mayGoBefore(candidate: Place, now: Place, retain: Retention, graceMs: number): boolean {
  const age = now.at - candidate.at;
  if (age < graceMs) return false;
  const enough = retain.versions === undefined || now.version - candidate.version + 1 >= retain.versions;
  return enough && (retain.ageMs === undefined || age >= retain.ageMs);
}
