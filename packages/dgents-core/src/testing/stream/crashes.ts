import assert from 'node:assert/strict';
import type { KillPoint } from '../children/jobs.js';
import { killAt, killAtRandom, type Line } from '../children/kills.js';
import { withFreshPlaces } from '../children/places.js';
import { numbered, numberedId } from '../children/stream-work.js';
import type { EventStreamBench } from '../stream-bench.js';
import type { EventStream } from '../stream-subject.js';
import { assertSame } from '../support/account.js';
import { aftermath } from '../support/aftermath.js';
import { needsModule } from '../support/needs-module.js';
import { eventsOf, foldOf, TALLY } from '../support/tally.js';
import { streamSuite } from './suite.js';

const LONG_MS = 1_800_000;

const MOMENTS: readonly KillPoint[] = [
  { append: 1, at: 'called' },
  { append: 2, at: 'called' },
  { append: 2, at: 'microtasks', count: 3 },
  { append: 3, at: 'turns', count: 1 },
  { append: 2, at: 'turns', count: 5 },
  { append: 2, at: 'acknowledged' },
  { append: 3, at: 'closing', count: 1 },
];

export const crashes = streamSuite(
  'crashes',
  [
    'capabilities',
    'values',
    'isolation',
    'keys',
    'history',
    'versions',
    'operations',
    'atomicity',
    'folding',
    'errors',
    'lifecycle',
    'concurrency',
    'durability',
  ],
  (fact, subject) => {
    const { durability } = subject.claims;
    if (durability === 'none') return;
    if (subject.importFrom === undefined) {
      needsModule(fact, `durability ${JSON.stringify(durability)}`);
      return;
    }

    fact(
      'a process that is killed while it appends leaves all it was told of, at most one append more, and none by half',
      async (bench) => {
        for (let round = 0; round < bench.effort.times(1); round++) {
          await onLines(bench, 2, (lines) => killAtRandom(bench.effort.seed + round, lines, 2));
        }
      },
      LONG_MS,
    );

    fact(
      'a process that dies while it appends, right after, or while it closes leaves a stream that goes on',
      async (bench) => {
        for (let round = 0; round < bench.effort.times(1); round++) {
          await onLines(bench, MOMENTS.length, (lines) => killAt(MOMENTS, lines));
        }
      },
      LONG_MS,
    );
  },
);

/** Each line of writers has a stream of its own; and a place, where only one process at a time may open one. */
function onLines(
  bench: EventStreamBench,
  count: number,
  work: (lines: readonly Line[]) => Promise<void>,
): Promise<void> {
  const { subject, place } = bench;
  const lineOf = (on: unknown): Line => {
    const key = bench.freshKey();
    return {
      home: { subject, place: on },
      job: (kill) => ({ do: 'append numbered', key, ...(kill && { kill }) }),
      survived: (acked, about) => survived(bench, on, key, acked, about),
    };
  };
  if (subject.claims.sharing !== 'process') return work(Array.from({ length: count }, () => lineOf(place)));
  return withFreshPlaces(subject, count, (places) => work(places.map(lineOf)));
}

/**
 * Holds the stream against the number of the last append that was acknowledged; then repeats that and the one that was in
 * flight, as a client does that was not told, and gives the number of the latter.
 */
async function survived(
  { subject }: EventStreamBench,
  place: unknown,
  key: string,
  acked: number,
  about: string,
): Promise<number> {
  const { claims } = subject;
  const stream = await subject.open(place as never, { key, ...TALLY });
  try {
    const due = numbered(1, acked);
    await aftermath(claims.sharing, async () => (await eventsOf(stream)).length > due.length);
    const found = await eventsOf(stream);
    const next = [...due, ...numbered(acked + 1, acked + 1)];
    assert.ok(
      found.length === due.length || found.length === next.length,
      `${about}: ${due.length} events had been acknowledged, ${next.length - due.length} more were in flight; ${found.length} are there`,
    );
    assertSame(found, next.slice(0, found.length), `${about}: other events are there`);
    assertSame(await stream.load(), foldOf(found), `${about}: the state is not what the events lead to`);
    if (claims.messageIds) {
      if (acked > 0) assert.equal(await again(stream, acked), true, `${about}: its message id was forgotten`);
      const isThere = found.length === next.length;
      assert.equal(await again(stream, acked + 1), isThere, `${about}: a repeated append was told wrongly`);
    } else if (found.length === due.length) await stream.append(numbered(acked + 1, acked + 1));
    assertSame(await eventsOf(stream), next, `${about}: repeating what was in flight made it another stream`);
    return acked + 1;
  } finally {
    await stream.close();
  }
}

/** Whether it had been stored before. */
async function again(stream: EventStream, number: number): Promise<boolean> {
  const options = { messageId: numberedId(number) };
  return (await stream.append(numbered(number, number), options)).duplicate;
}
