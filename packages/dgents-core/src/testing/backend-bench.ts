/** What the facts about a backend work on. */
import type fc from 'fast-check';
import type { Backend } from '../backend.js';
import type { Effort } from './effort.js';
import { type GivenBackend, newPlace } from './subject.js';
import { clearUp } from './support/clear-up.js';
import { settled, WatchedBackend } from './support/watched-backend.js';

export interface BackendBench {
  /** A handle on an empty place that no other fact knows. */
  readonly backend: Backend;
  readonly place: unknown;
  readonly subject: GivenBackend;
  readonly effort: Effort;
  /** Another handle on the same place. */
  open(): Promise<Backend>;
  /** Closes every handle, and opens what they left. */
  reopen(): Promise<Backend>;
  /** A handle on another empty place. */
  elsewhere(): Promise<Backend>;
  /** Lets time pass for the store. */
  pass(ms: number): Promise<void>;
  /** Settings for a property: so many runs (many more in the long tier), with the seed that is printed on failure. */
  runs<T>(count: number): fc.Parameters<T>;
}

/** Makes a bench, hands it to `check`, and cleans up whatever happens. */
export async function onBackendBench(
  subject: GivenBackend,
  effort: Effort,
  check: (bench: BackendBench) => Promise<void>,
): Promise<void> {
  const places: unknown[] = [];
  let handles: WatchedBackend[] = [];
  const create = async (): Promise<unknown> => {
    const place = await newPlace(subject);
    places.push(place);
    return place;
  };
  const open = async (place: unknown): Promise<Backend> => {
    const backend = new WatchedBackend(await subject.open(place as never));
    handles.push(backend);
    return backend;
  };
  const closeAll = async (patienceMs?: number): Promise<void> => {
    const closing = handles;
    handles = [];
    await Promise.all(closing.map(({ inner }) => settled('close', () => inner.close(), patienceMs)));
  };
  try {
    const place = await create();
    const backend = await open(place);
    await check({
      backend,
      place,
      subject,
      effort,
      open: () => open(place),
      reopen: async () => {
        await closeAll();
        return open(place);
      },
      elsewhere: async () => open(await create()),
      pass: async (ms) => {
        if (subject.advance === undefined) await new Promise((resolve) => setTimeout(resolve, ms));
        else await subject.advance(place as never, ms);
      },
      runs: (count) => ({ numRuns: effort.times(count), seed: effort.seed, endOnFailure: false }),
    });
  } finally {
    await clearUp(subject, closeAll);
    for (const place of places) await subject.destroy(place as never);
  }
}
