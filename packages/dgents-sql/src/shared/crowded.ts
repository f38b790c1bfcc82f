import type { Version } from 'dgents-core';

/**
 * Which of too many checkpoints goes: the one that leaves the smallest gap; never the newest, which most reads start
 * from.
 */
export function mostCrowded(versions: readonly Version[]): Version {
  let best = versions[0]!;
  let smallest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < versions.length - 1; i++) {
    const gap = versions[i + 1]! - (versions[i - 1] ?? 0);
    if (gap < smallest) [best, smallest] = [versions[i]!, gap];
  }
  return best;
}
