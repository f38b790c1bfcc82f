/** Kills, at random and at chosen moments, and what is done after each. */
import assert from 'node:assert/strict';
import { seededRandom } from '../support/lossy-backend.js';
import { type Home, withChildren } from './child.js';
import type { Job, KillPoint } from './jobs.js';

/** Writers that come one after the other on one state. */
export interface Line {
  readonly home: Home;
  readonly job: (kill?: KillPoint) => Job;
  /**
   * Holds what is stored against the last that was acknowledged, goes on from there, and gives what is acknowledged
   * then. `sent` is what a writer told of the last it sent, where its job is to tell.
   */
  readonly survived: (acked: number, about: string, sent?: unknown) => Promise<number>;
}

const AT_ONCE = 4;
/** Whether a writer is killed while it starts and opens, and not while it writes. */
const EARLY = 0.2;

/** Kills the writers of each line at random moments, so many of each; the lines run side by side. */
export async function killAtRandom(seed: number, lines: readonly Line[], kills: number): Promise<void> {
  await sideBySide(lines.entries(), async ([i, { home, job, survived }]) => {
    const random = seededRandom(seed + i);
    let acked = 0;
    for (let kill = 1; kill <= kills; kill++) {
      // The last one of a line has written something at any rate: kills that all come too early would say nothing.
      const isLast = kill === kills;
      const early = random() < EARLY && !isLast;
      const afterMs = Math.round(30 + random() * (early ? 120 : 270));
      const about = `line ${i}, kill ${kill}, ${afterMs} ms after ${early ? 'its start' : 'it was open'}, seed ${seed}`;
      const last = await withChildren(home, async (start) => {
        const child = start(job());
        if (!early) {
          const found = await child.heard('found');
          assert.equal(found, acked, `${about}: a writer finds something else than what was there before`);
        }
        if (isLast) await child.heard('acked');
        await new Promise((resolve) => setTimeout(resolve, afterMs));
        child.kill();
        await child.died();
        return child.last('acked');
      });
      acked = await survived(typeof last === 'number' ? last : acked, about);
    }
  });
}

/** Lets writers kill themselves at these points, each on a line of its own, and another one go on after it. */
export async function killAt(points: readonly KillPoint[], lines: readonly Line[]): Promise<void> {
  await sideBySide(points.entries(), async ([i, point]) => {
    const { home, job, survived } = lines[i] as Line;
    const about = `killed at write ${point.append}, ${point.at} ${point.count ?? ''}`.trim();
    const [last, sent] = await withChildren(home, async (start) => {
      const child = start(job(point));
      await child.died();
      return [child.last('acked'), child.last('sent')];
    });
    const due =
      point.at === 'called' || point.at === 'microtasks' || point.at === 'turns'
        ? point.append - 1
        : point.append;
    assert.ok(due === 0 || typeof last === 'number', `${about}: nothing was acknowledged before`);
    await survived(typeof last === 'number' ? last : 0, about, sent);
  });
}

/** A few at a time. The first failure is told once all that were under way are over. */
async function sideBySide<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  let failed = false;
  const lane = async (): Promise<void> => {
    for (let item = rest.shift(); item !== undefined && !failed; item = rest.shift()) {
      try {
        await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: AT_ONCE }, lane));
  for (const each of lanes) if (each.status === 'rejected') throw each.reason;
}
