/** A client that reads and writes one log, and notes when it asked and when it was answered. */
import { crc32 } from 'node:zlib';
import type { Backend, Head } from '../../backend.js';
import { DgentsError } from '../../errors.js';
import type { Operation, Seen } from './linearizability.js';
import { seededRandom } from './lossy-backend.js';
import { appendOf, record } from './records.js';

/** Nanoseconds that never go back; on Linux the same in every process of the machine. */
function now(): number {
  return Number(process.hrtime.bigint());
}

/** How many turns of the event loop a client pauses at most. */
const MOST_TURNS = 3;

/**
 * Reads, and commits after what it has seen last, so many times in all. Which of the two comes next, and after how long,
 * is drawn by lot, which key and client decide: clients in step would never read while another one commits.
 */
export async function recordOperations(
  backend: Backend,
  key: string,
  client: string,
  times: number,
): Promise<Operation[]> {
  const operations: Operation[] = [];
  const random = seededRandom(crc32(`${key} ${client}`));
  let head: Head | null = null;
  for (let i = 0; i < times; i++) {
    for (let turns = Math.trunc(random() * (MOST_TURNS + 1)); turns > 0; turns--) {
      await new Promise(setImmediate);
    }
    const invoked = now();
    if (random() < 0.5) {
      const tail = await backend.read(key);
      operations.push({
        kind: 'read',
        client,
        invoked,
        ended: now(),
        seen: seenIn(tail.head, tail.records.at(-1)),
      });
      head = tail.head;
    } else {
      const { operation, actual } = await committed(backend, key, head);
      operations.push({ ...operation, client, invoked, ended: now() });
      // Sometimes on from what it was told without looking, as an engine does.
      if (actual !== undefined) head = actual;
    }
  }
  return operations;
}

function seenIn(head: Head | null, last: { readonly data: string } | undefined): Seen | null {
  return head === null ? null : { version: head.version, id: head.id, content: last?.data };
}

async function committed(
  backend: Backend,
  key: string,
  head: Head | null,
): Promise<{
  operation: Pick<Operation & { kind: 'commit' }, 'kind' | 'expected' | 'wrote' | 'outcome' | 'seen'>;
  actual?: Head | null;
}> {
  const next = record((head?.version ?? 0) + 1);
  const wrote = { version: next.version, id: next.id, content: `"${next.id}"` };
  const expected = seenIn(head, undefined);
  const operation = { kind: 'commit' as const, expected, wrote, seen: null };
  try {
    const [result] = await backend.commit([appendOf(key, head, { ...next, data: wrote.content })]);
    if (result === undefined) throw new TypeError('one append has one result');
    if (result.ok) return { operation: { ...operation, outcome: 'ok' }, actual: result.head };
    return {
      operation: { ...operation, outcome: 'fail', seen: seenIn(result.head, undefined) },
      actual: result.head,
    };
  } catch (error) {
    const inDoubt =
      DgentsError.is(error, 'DGENTS_OUTCOME_UNKNOWN') || DgentsError.is(error, 'DGENTS_STORAGE_TIMEOUT');
    if (!inDoubt) throw error;
    return { operation: { ...operation, outcome: 'unknown' } };
  }
}
