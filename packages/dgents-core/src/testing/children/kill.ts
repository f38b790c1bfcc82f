/** How a child ends itself, as if it were killed at that very instruction. */
import type { KillPoint } from './jobs.js';

/** SIGKILL to itself: nothing of this process runs any more after it. */
export function die(): never {
  process.kill(process.pid, 'SIGKILL');
  // Where the signal takes its time, nothing may happen meanwhile.
  for (;;);
}

/** Dies once so many microtasks or turns of the event loop have passed; returns at once. */
export function dieSoon({ at, count = 0 }: KillPoint): void {
  if (at === 'microtasks') {
    let last = Promise.resolve();
    for (let i = 1; i < count; i++) last = last.then(() => undefined);
    void last.then(die);
  } else if (count === 0) die();
  else {
    const turn = (left: number): void => {
      if (left === 0) die();
      setImmediate(turn, left - 1);
    };
    setImmediate(turn, count - 1);
  }
}

/** For as long as the end takes to come. */
export function theEnd(): Promise<never> {
  return new Promise(() => {
    setInterval(() => undefined, 1_000);
  });
}
