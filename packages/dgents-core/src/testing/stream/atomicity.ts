import assert from 'node:assert/strict';
import { failureOf } from '../support/assertions.js';
import { assertHolds, eventsOf, put, puts, REFUSED, type Tally } from '../support/tally.js';
import { streamSuite } from './suite.js';

const WHOLE = 4;

export const atomicity = streamSuite(
  'atomicity',
  ['capabilities', 'values', 'isolation', 'history', 'versions'],
  (fact, { claims }) => {
    fact('of several events with what is none among them, none is stored', async (bench) => {
      const stream = await bench.open();
      await stream.append(put(1));
      for (const at of [0, 1, 3]) {
        const events: unknown[] = puts(1, 3);
        events.splice(at, 0, { amount: 1 });
        await failureOf(stream.append(events as never), 'appending an object without a type');
      }
      await assertHolds(bench, [put(1)]);
    });

    if (claims.foldsFirst) {
      fact('of several events with one that the fold refuses, none is stored', async (bench) => {
        const stream = await bench.open();
        await stream.append(put(1));
        for (const at of [0, 1, 3]) {
          const events = puts(1, 3);
          events.splice(at, 0, REFUSED);
          await failureOf(stream.append(events), 'appending an event that the fold refuses');
        }
        await assertHolds(bench, [put(1)]);
      });
    }

    fact('the events of an append lie side by side, however many append at once', async (bench) => {
      const handles = await Promise.all(Array.from({ length: 6 }, () => bench.open()));
      await Promise.all(
        handles.flatMap((handle, i) =>
          Array.from({ length: 4 }, (_, round) => {
            const first = (i * 4 + round) * WHOLE;
            return handle.append(puts(first, first + WHOLE - 1));
          }),
        ),
      );
      const amounts = (await eventsOf(handles[0]!)).map((event) => event['amount'] as number);
      assert.equal(amounts.length, 24 * WHOLE);
      for (const [i, amount] of amounts.entries()) {
        if (i % WHOLE > 0) assert.equal(amount, amounts[i - 1]! + 1, 'an append lies in pieces');
      }
    });

    fact('whoever looks finds an append whole or not at all', async (bench) => {
      const [writer, reader, walker] = [await bench.open(), await bench.open(), await bench.open()];
      let over = false;
      const writing = (async () => {
        for (let i = 0; i < 12; i++) await writer.append(puts(1, WHOLE));
      })();
      const end = (): void => {
        over = true;
      };
      // What becomes of it is told at the end; where the fact fails before, nobody waits for it.
      writing.then(end, end);
      while (!over) {
        const { count } = (await reader.load()) as Tally;
        assert.equal(count % WHOLE, 0, `a state of ${count} events, which were appended ${WHOLE} at a time`);
        const { length } = await eventsOf(walker);
        assert.equal(length % WHOLE, 0, `${length} events, which were appended ${WHOLE} at a time`);
        // What is answered without waiting must not keep the writer from its turn.
        await new Promise((resolve) => setImmediate(resolve));
      }
      await writing;
    });
  },
);
