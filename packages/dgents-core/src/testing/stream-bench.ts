/** What the facts about an event stream work on. */
import type fc from 'fast-check';
import type { Effort } from './effort.js';
import type { EventStream, EventStreamSettings, GivenEventStream } from './stream-subject.js';
import { newPlace } from './subject.js';
import { clearUp } from './support/clear-up.js';
import { TALLY } from './support/tally.js';
import { settled } from './support/watched-backend.js';

export interface EventStreamBench {
  readonly place: unknown;
  readonly subject: GivenEventStream;
  readonly effort: Effort;
  /** A new handle on the stream under this key (`stream` unless told) of the fact's own place. */
  open(settings?: Partial<EventStreamSettings>): Promise<EventStream>;
  /** A key that this fact has not used yet: a stream without events. */
  freshKey(): string;
  /** Closes every handle that was opened here. */
  closeAll(): Promise<void>;
  /** Settings for a property: so many runs (many more in the long tier), with the seed that is printed on failure. */
  runs<T>(count: number): fc.Parameters<T>;
}

/** Makes a bench, hands it to `check`, and cleans up whatever happens. */
export async function onEventStreamBench(
  subject: GivenEventStream,
  effort: Effort,
  check: (bench: EventStreamBench) => Promise<void>,
): Promise<void> {
  const place = (await newPlace(subject)) as never;
  let handles: EventStream[] = [];
  let keys = 0;
  const closeAll = async (patienceMs?: number): Promise<void> => {
    const closing = handles;
    handles = [];
    await Promise.all(closing.map((each) => settled('close', () => each.close(), patienceMs)));
  };
  try {
    await check({
      place,
      subject,
      effort,
      open: async (settings = {}) => {
        const stream = await subject.open(place, { key: 'stream', ...TALLY, ...settings });
        handles.push(stream);
        return stream;
      },
      freshKey: () => `stream-${++keys}`,
      closeAll: () => closeAll(),
      runs: (count) => ({ numRuns: effort.times(count), seed: effort.seed, endOnFailure: false }),
    });
  } finally {
    await clearUp(subject, closeAll);
    await subject.destroy(place);
  }
}
