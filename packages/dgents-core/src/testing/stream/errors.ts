import assert from 'node:assert/strict';
import { failureOf } from '../support/assertions.js';
import { assertHolds, put, puts, REFUSED } from '../support/tally.js';
import { streamSuite } from './suite.js';

/** What no event is. */
const NONE: readonly unknown[] = [
  null,
  undefined,
  5,
  'put',
  {},
  { amount: 1 },
  { type: 5 },
  { type: '' },
  [[put(1)]],
];

export const errors = streamSuite(
  'errors',
  ['capabilities', 'values', 'isolation', 'history', 'versions', 'atomicity'],
  (fact, { claims }) => {
    fact('what is no event is refused, and nothing is stored', async (bench) => {
      const stream = await bench.open();
      await stream.append(put(1));
      for (const none of NONE) await failureOf(stream.append(none as never), 'appending what is no event');
      await stream.append(put(2));
      await assertHolds(bench, puts(1, 2));
    });

    if (claims.foldsFirst) {
      fact(
        'an event that the fold refuses, or does not know, is refused, and the stream goes on',
        async (bench) => {
          const stream = await bench.open();
          await stream.append(put(1));
          for (const event of [REFUSED, { type: 'unheard of' }]) {
            await failureOf(stream.append(event), `appending an event that is ${event.type}`);
            await failureOf((await bench.open()).append(event), `appending an event that is ${event.type}`);
          }
          await stream.append(put(2));
          await assertHolds(bench, puts(1, 2));
        },
      );

      fact('an append that fails takes no other down that was made with it', async (bench) => {
        const stream = await bench.open();
        const ends = await Promise.allSettled([
          stream.append(put(1)),
          stream.append(REFUSED),
          stream.append(put(2)),
          stream.append({ type: 'unheard of' }),
          stream.append(put(3)),
        ]);
        const due = ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'];
        assert.deepEqual(
          ends.map(({ status }) => status),
          due,
        );
        await assertHolds(bench, puts(1, 3));
      });
    }

    fact('events that the fold does not know fail the state, and can still be read', async (bench) => {
      const stream = await bench.open();
      await stream.append(puts(1, 2));
      const fold = (): never => {
        throw new RangeError('this fold knows nothing');
      };
      const other = await bench.open({ fold, foldVersion: 7 });
      await failureOf(other.load(), 'loading with a fold that throws');
      const versions: number[] = [];
      for await (const { version } of other.events()) versions.push(version);
      assert.deepEqual(versions, [1, 2]);
      await assertHolds(bench, puts(1, 2));
    });

    if (!claims.decide) return;
    fact('a command that is refused stores nothing, and its own error is told', async (bench) => {
      const stream = await bench.open();
      await stream.append(put(3));
      const error = await failureOf(stream.decide!({ take: 4 }), 'taking more than there is');
      assert.equal((error as Error).message, 'there is not so much');
      assert.equal((await stream.decide!({ take: 3 })).version, 2);
      await failureOf((await bench.open()).decide!({ take: 1 }), 'taking more than there is');
    });

    fact('a command that leads to nothing stores nothing', async (bench) => {
      const stream = await bench.open();
      await stream.append(put(3));
      await stream.decide!({});
      await assertHolds(bench, [put(3)]);
    });

    if (!claims.foldsFirst) return;
    fact('a decision of which the fold refuses an event stores nothing', async (bench) => {
      const stream = await bench.open({ decide: () => [put(1), REFUSED] });
      await failureOf(stream.decide!({}), 'deciding for an event that the fold refuses');
      await assertHolds(bench, []);
    });
  },
);
