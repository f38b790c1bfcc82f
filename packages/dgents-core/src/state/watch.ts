/** Follows a log: hints from the backend and from this process wake it, polling covers what they miss. */
import type { Cell } from './cell.js';
import { type Call, ignore } from './deadlines.js';
import { ABSENT, type Snapshot, sameHead } from './replica.js';

export interface CellWatch {
  readonly signal: AbortSignal;
  readonly pollMs: number | undefined;
  readonly begin: () => Call;
}

const DEFAULT_POLL_MS = 250;
/** Where the backend gives hints, polling is only for those that get lost. */
const HINTED_POLL_MS = 2000;

/** How long to wait for a hint before looking unasked. */
export function pollMsOf({ engine }: Cell, wanted: number | undefined): number {
  return wanted ?? (engine.port.watch ? HINTED_POLL_MS : DEFAULT_POLL_MS);
}

/** The current snapshot when there ever was a state, then each newer one that is noticed. Ends when `signal` aborts. */
export async function* watchCell(cell: Cell, watch: CellWatch): AsyncGenerator<Snapshot, void, undefined> {
  const { signal } = watch;
  if (watch.pollMs !== undefined && !(watch.pollMs > 0))
    throw new RangeError(`pollMs is greater than 0, not ${watch.pollMs}.`);
  const bell = new Bell();
  const ring = (): void => bell.ring();
  signal.addEventListener('abort', ring, { once: true });
  const unlisten = cell.onAdvance(ring);
  const hints = new AbortController();
  try {
    let shown: Snapshot['head'] | undefined;
    let hinted = false;
    while (!signal.aborted) {
      const call = watch.begin();
      await cell.engine.within(cell.refresh(call), call, cell.key);
      if (!hinted) {
        hinted = true;
        void follow(cell, hints.signal, ring);
        // Hints from before this moment were missed: look once more.
        continue;
      }
      const { snapshot } = cell;
      const { head } = snapshot;
      const isNew = head !== null && (shown === undefined || !sameHead(shown, head));
      if (isNew && !signal.aborted) {
        const first = shown === undefined;
        shown = head;
        if (!(first && snapshot.value === ABSENT)) yield snapshot;
        continue;
      }
      await bell.wait(pollMsOf(cell, watch.pollMs));
    }
  } finally {
    hints.abort();
    unlisten();
    signal.removeEventListener('abort', ring);
  }
}

/** Passes on the backend's hints. When they fail, polling is what remains: loss of a hint is no loss of a state. */
export async function follow(cell: Cell, signal: AbortSignal, ring: () => void): Promise<void> {
  const { backend, port } = cell.engine;
  if (!port.watch || backend.watch === undefined) return;
  try {
    for await (const _head of backend.watch(cell.key, { signal })) ring();
  } catch {
    ignore();
  }
}

/** One waiter; rings before the wait are kept. */
export class Bell {
  private rung = false;
  private wake: (() => void) | undefined;

  ring(): void {
    this.rung = true;
    this.wake?.();
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.wake?.(), ms);
      this.wake = () => {
        clearTimeout(timer);
        this.wake = undefined;
        this.rung = false;
        resolve();
      };
      if (this.rung) this.wake();
    });
  }
}
