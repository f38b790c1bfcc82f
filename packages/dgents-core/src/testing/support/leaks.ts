/** What a process holds, counted: to find what is not given back. */
import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { patient } from './patience.js';

export type Resources = Readonly<Record<string, number>>;

/** How many of each kind of thing are open now: resources of the event loop, descriptors, listeners of the process. */
export function resources(): Resources {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  const descriptors = openDescriptors();
  if (descriptors !== undefined) counts['descriptors'] = descriptors;
  counts['listeners of the process'] = process
    .eventNames()
    .reduce((sum, name) => sum + process.listenerCount(name), 0);
  return counts;
}

/** What there is more of than before, by more than `slack`, after it has had its time to go. */
export async function leaked(before: Resources, slack: number, patienceMs = 5_000): Promise<Resources> {
  const deadline = performance.now() + patient(patienceMs);
  for (;;) {
    const more = Object.entries(resources())
      .map(([kind, count]) => [kind, count - (before[kind] ?? 0)] as const)
      .filter(([, surplus]) => surplus > slack);
    if (more.length === 0 || performance.now() > deadline) return Object.fromEntries(more);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** What is held in memory and cannot be let go, in bytes; undefined where that cannot be told. */
export async function heldBytes(): Promise<number | undefined> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('globalThis.gc') as (() => void) | undefined;
  if (collect === undefined) return undefined;
  // What is let go late: weak references, and callbacks of what was collected.
  for (let i = 0; i < 2; i++) {
    collect();
    await new Promise(setImmediate);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Only where the system tells. */
function openDescriptors(): number | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return undefined;
  }
}
