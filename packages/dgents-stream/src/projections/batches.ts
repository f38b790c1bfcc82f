/** Items put together: as many as there are, up to a count and for a time. Nothing is read ahead of who takes them. */
import type { Item, Place } from './items.js';

export interface Batch {
  readonly entries: readonly Exclude<Item, { kind: 'passed' | 'caughtUp' }>[];
  /** Of the last item; undefined where there was none. */
  readonly place: Place | undefined;
  /** How many were passed over. */
  readonly passed: number;
  /** Set where all of that turn of asking is in this batch or before it. */
  readonly caughtUp: number | undefined;
}

export interface BatchLimits {
  readonly events: number;
  /** Since the first event of the batch. */
  readonly ms: number;
  /** Items that are passed over, after which their place is worth being told. */
  readonly passed: number;
}

const LATE: unique symbol = Symbol('late');

export async function* batchesOf(
  items: AsyncGenerator<Item, void, undefined>,
  limits: BatchLimits,
): AsyncGenerator<Batch, void, undefined> {
  let pending = ahead(items);
  for (;;) {
    const entries: Batch['entries'][number][] = [];
    let [place, passed, caughtUp]: [Place | undefined, number, number | undefined] = [
      undefined,
      0,
      undefined,
    ];
    let late: Late | undefined;
    let isOver = false;
    while (caughtUp === undefined && entries.length < limits.events && passed < limits.passed) {
      const got = late === undefined ? await pending : await Promise.race([pending, late.promise]);
      if (got === LATE) break;
      if (got.done) {
        isOver = true;
        break;
      }
      pending = ahead(items);
      const item = got.value;
      if (item.kind === 'caughtUp') {
        caughtUp = item.turn;
        break;
      }
      place = item.place;
      if (item.kind === 'passed') passed += 1;
      else {
        entries.push(item);
        late ??= lateAfter(limits.ms);
      }
    }
    late?.cancel();
    if (place !== undefined || caughtUp !== undefined) yield { entries, place, passed, caughtUp };
    if (isOver) return;
  }
}

/** The next one, asked for before the last one was dealt with: what it rejects with is told when it is awaited. */
function ahead(items: AsyncGenerator<Item, void, undefined>): Promise<IteratorResult<Item, void>> {
  const next = items.next();
  next.catch(() => undefined);
  return next;
}

interface Late {
  readonly promise: Promise<typeof LATE>;
  readonly cancel: () => void;
}

function lateAfter(ms: number): Late {
  let timer: NodeJS.Timeout | undefined;
  const promise = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(resolve, ms, LATE);
  });
  return { promise, cancel: () => clearTimeout(timer) };
}
