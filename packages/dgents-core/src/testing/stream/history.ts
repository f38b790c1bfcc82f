import assert from 'node:assert/strict';
import type { EventStreamBench } from '../stream-bench.js';
import type { EventStream, StreamAppendOptions } from '../stream-subject.js';
import { assertSame } from '../support/account.js';
import { failureOf } from '../support/assertions.js';
import { all } from '../support/records.js';
import { assertHolds, foldOf, put, puts, recorded, took } from '../support/tally.js';
import { streamSuite } from './suite.js';

/** More than any page that an implementation may read at once, and few appends. */
const LONG = 1_200;
const AT_ONCE = 60;

export const history = streamSuite('history', ['capabilities', 'values', 'isolation'], (fact, { claims }) => {
  fact('a stream that was never written has no events, and its state is the initial one', async (bench) => {
    await assertHolds(bench, []);
    await assertHolds(bench, []);
  });

  fact(
    'an append tells the first and the last version of its events, which follow the last one',
    async (bench) => {
      const [one, other] = [await bench.open(), await bench.open()];
      let end = 0;
      for (const [i, count] of [1, 3, 1, 2, 5].entries()) {
        const { firstVersion, version, duplicate } = await (i % 2 ? one : other).append(puts(1, count));
        assert.deepEqual([firstVersion, version, duplicate], [end + 1, end + count, false]);
        end += count;
      }
      assert.equal((await recorded(await bench.open())).length, end);
    },
  );

  fact('an append of nothing stores nothing', async (bench) => {
    const stream = await bench.open();
    await stream.append([]);
    await stream.append(put(1));
    await stream.append([]);
    await assertHolds(bench, [put(1)]);
  });

  fact('events come back in order, from any version to any other', async (bench) => {
    const stream = await bench.open();
    const events = [...puts(1, 5), took(2), ...puts(6, 9)];
    await stream.append(events.slice(0, 4));
    for (const event of events.slice(4)) await stream.append(event);
    for (let from = 1; from <= events.length + 1; from++) {
      for (const to of [undefined, from - 1, from, from + 2, events.length, events.length + 5]) {
        const found = await all(stream.events({ from, ...(to !== undefined && { to }) }));
        const due = events.slice(from - 1, to).map((event, i) => ({ version: from + i, event }));
        assertSame(
          found.map(({ version, event }) => ({ version, event })),
          due,
          `the events from ${from} to ${to ?? 'the end'} are others`,
        );
      }
    }
  });

  fact('a stream of more than a thousand events is read whole, from wherever one begins', async (bench) => {
    const stream = await bench.open();
    for (let n = 1; n <= LONG; n += AT_ONCE) await stream.append(puts(n, n + AT_ONCE - 1));
    await assertHolds(bench, puts(1, LONG));
    const tail = await all(stream.events({ from: LONG / 2 }));
    assertSame(
      tail.map(({ version }) => version),
      Array.from({ length: LONG / 2 + 1 }, (_, i) => LONG / 2 + i),
    );
  });

  fact('a reader that stops in between leaves nothing in the way', async (bench) => {
    const stream = await bench.open();
    await stream.append(puts(1, 8));
    for await (const { version } of stream.events()) if (version === 3) break;
    await stream.append(put(9));
    await assertHolds(bench, puts(1, 9));
  });

  if (claims.timeTravel) stateTimeTravel(fact);
  if (!claims.metadata) return;

  fact(
    'metadata, correlation and causation come back with every event, and only where they were',
    async (bench) => {
      const stream = await bench.open();
      const given: StreamAppendOptions[] = [
        { correlationId: 'c-1', causationId: 'm-0', metadata: { who: 'é😀', list: [1, null, { a: 'b' }] } },
        {},
        { correlationId: 'only' },
        { metadata: { correlationId: 'another', $date: 1, '': '' } },
      ];
      for (const options of given) await stream.append([put(1), put(2)], options);
      for (const found of [await recorded(stream), await recorded(await bench.open())]) {
        const due = given.flatMap((options) => [options, options]);
        assertSame(
          found.map(({ correlationId, causationId, metadata }) => [correlationId, causationId, metadata]),
          due.map(({ correlationId, causationId, metadata }) => [correlationId, causationId, metadata]),
        );
      }
    },
  );
});

function stateTimeTravel(fact: Parameters<Parameters<typeof streamSuite>[2]>[0]): void {
  fact('the state at a version is what the events up to it lead to', async (bench) => {
    const stream = await bench.open();
    const events = [...puts(1, 4), took(3), ...puts(5, 8)];
    for (let i = 0; i < events.length; i += 3) await stream.append(events.slice(i, i + 3));
    const reader: EventStream = await bench.open();
    for (const handle of [stream, reader]) {
      for (let at = events.length; at > 0; at--) {
        assertSame(
          await handle.load({ at }),
          foldOf(events.slice(0, at)),
          `the state at version ${at} is another`,
        );
      }
    }
    assertSame(await reader.load(), foldOf(events));
  });

  fact('a version that is not there yet has no state', async (bench: EventStreamBench) => {
    const stream = await bench.open();
    await stream.append(puts(1, 3));
    await failureOf(stream.load({ at: 4 }), 'loading version 4 of 3');
    await failureOf((await bench.open()).load({ at: 4 }), 'loading version 4 of 3');
  });
}
