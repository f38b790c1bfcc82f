/**
 * A log whose every version is known beforehand, so that whatever is found after a kill can be held against what must
 * have been there: where each append begins and ends, and the content of each record.
 */
import type { Append, Checkpoint, Head, LogRecord } from '../../backend.js';
import { appendOf, record } from '../support/records.js';

/** How many records the appends have, one after the other, over and over. */
const SIZES = [3, 4, 2, 1];
const PERIOD = 10;

/** The append that follows this head. Its ids are new each time; all else is a function of its versions. */
export function knownAppend(key: string, head: Head | null): Append {
  const first = (head?.version ?? 0) + 1;
  const count = boundsAt(first).last - first + 1;
  return appendOf(
    key,
    head,
    ...Array.from({ length: count }, (_, i) => {
      const { kind, data, meta } = known(first + i);
      return record(first + i, kind, { data, meta });
    }),
  );
}

/** The state at a version, as a base or checkpoint. */
export function knownCheckpoint({ version, id, at }: Head): Checkpoint {
  return { version, id, at, data: known(version).data };
}

/** The last version of the append that comes after this one (which is the last of its own). */
export function nextLast(version: number): number {
  return boundsAt(version + 1).last;
}

/** What is wrong with a record or checkpoint of the known log, as it was found; undefined when nothing is. */
export function strangeness(found: LogRecord | Checkpoint): string | undefined {
  const { version, data } = found;
  const due = known(version);
  if (data !== due.data) return `version ${version} has another content`;
  if (!('kind' in found)) return undefined;
  if (found.kind !== due.kind) return `version ${version} is a ${found.kind}, not a ${due.kind}`;
  return found.meta?.['first'] === due.meta.first ? undefined : `version ${version} has another meta`;
}

function known(version: number): { kind: 'set' | 'event'; data: string; meta: { first: number } } {
  const { first } = boundsAt(version);
  // From a few bytes to a few kilobytes, so that some lie across whatever blocks there are.
  const text = `${version}·`.repeat(1 + ((version * 7_919) % 701));
  return {
    kind: version === first ? 'set' : 'event',
    data: JSON.stringify({ version, text }),
    meta: { first },
  };
}

/** Where the append begins and ends that this version belongs to. */
function boundsAt(version: number): { first: number; last: number } {
  let first = version - ((version - 1) % PERIOD);
  for (const size of SIZES) {
    if (version < first + size) return { first, last: first + size - 1 };
    first += size;
  }
  throw new RangeError(`version ${version} is in no append`);
}
