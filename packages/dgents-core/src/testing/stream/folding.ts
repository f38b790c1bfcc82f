import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { EventStreamBench } from '../stream-bench.js';
import type { EventStream, StreamEvent } from '../stream-subject.js';
import { assertSame } from '../support/account.js';
import { assertHolds, DOUBLED, foldOf, hold, put, puts, took } from '../support/tally.js';
import { SubjectError } from '../support/verdicts.js';
import { streamSuite } from './suite.js';

const someEvents = fc.array(
  fc.oneof(fc.nat(50).map(put), fc.nat(50).map(took), fc.string({ maxLength: 8 }).map(hold)),
  { minLength: 1, maxLength: 6 },
);

export const folding = streamSuite(
  'folding',
  ['capabilities', 'values', 'isolation', 'history', 'versions', 'atomicity'],
  (fact, { claims, damageSnapshot }) => {
    fact('the state is what all events lead to, for whoever has seen however much of them', async (bench) => {
      const [stream, late] = [await bench.open(), await bench.open()];
      const events: StreamEvent[] = [];
      for (let n = 1; n <= 20; n++) {
        const next = n % 3 === 0 ? [took(n), hold(n)] : [put(n)];
        events.push(...next);
        await (n % 2 ? stream : late).append(next);
        assertSame(await stream.load(), foldOf(events));
        if (n % 5 === 0) assertSame(await (await bench.open()).load(), foldOf(events));
      }
      assertSame(await late.load(), foldOf(events));
    });

    fact(
      'another fold of the same events leads to its own state, side by side with the first',
      async (bench) => {
        const first = await bench.open();
        const other = await bench.open(DOUBLED);
        const events: StreamEvent[] = [];
        for (let n = 1; n <= 6; n++) {
          events.push(put(n));
          await (n % 2 ? first : other).append(put(n));
          assertSame(await first.load(), foldOf(events));
          assertSame(await other.load(), foldOf(events, DOUBLED));
        }
      },
    );

    if (!claims.snapshot) return;
    fact('a snapshot changes nothing, wherever it is made', async (bench) => {
      const property = fc.asyncProperty(
        fc.array(fc.tuple(someEvents, fc.boolean()), { maxLength: 8 }),
        async (steps) => {
          const key = bench.freshKey();
          const stream = await bench.open({ key });
          const events: StreamEvent[] = [];
          for (const [next, snapshots] of steps) {
            await stream.append(next);
            events.push(...next);
            if (snapshots) await (await bench.open({ key })).snapshot!();
            assertSame(
              await (await bench.open({ key })).load(),
              foldOf(events),
              'not what the events lead to',
            );
          }
          assertSame(await stream.load(), foldOf(events));
        },
      );
      await fc.assert(property, bench.runs(12));
    });

    fact('snapshots behind appends change nothing', async (bench) => {
      const stream = await bench.open({ snapshotEvery: 5 });
      for (let n = 1; n <= 33; n++) await stream.append(put(n));
      await stream.append(puts(34, 47));
      assertSame(await stream.load(), foldOf(puts(1, 47)));
      await bench.closeAll();
      await assertHolds(bench, puts(1, 47));
      assertSame(await (await bench.open(DOUBLED)).load(), foldOf(puts(1, 47), DOUBLED));
    });

    fact('a snapshot of another fold is of no use to this one, be it older or newer', async (bench) => {
      await (await bench.open()).append(puts(1, 6));
      await snapshotted(bench, {});
      await assertBoth(bench, puts(1, 6));
      await snapshotted(bench, DOUBLED);
      await assertBoth(bench, puts(1, 6));
      await (await bench.open(DOUBLED)).append(puts(7, 9));
      await assertBoth(bench, puts(1, 9));
      await snapshotted(bench, {});
      await snapshotted(bench, DOUBLED);
      await assertBoth(bench, puts(1, 9));
    });

    fact('a snapshot of a stream without events is none', async (bench) => {
      await (await bench.open()).snapshot!();
      await bench.closeAll();
      await (await bench.open()).append(put(1));
      await assertHolds(bench, [put(1)]);
    });

    const damaged = 'a snapshot that is damaged is found out, and the state made anew of the events';
    if (damageSnapshot === undefined) {
      fact.untested(damaged, 'the subject has no hook `damageSnapshot`');
      return;
    }
    fact(damaged, async (bench) => {
      await (await bench.open()).append(puts(1, 6));
      await snapshotted(bench, {});
      await bench.closeAll();
      if (!(await bench.subject.damageSnapshot!(bench.place as never, 'stream'))) {
        throw new SubjectError('There is no snapshot to damage after `snapshot` was called.');
      }
      await assertHolds(bench, puts(1, 6));
      await (await bench.open()).append(puts(7, 9));
      await assertHolds(bench, puts(1, 9));
      await snapshotted(bench, {});
      await bench.closeAll();
      await assertHolds(bench, puts(1, 9));
      assert.equal((await (await bench.open()).append(put(10))).version, 10);
    });
  },
);

async function snapshotted(bench: EventStreamBench, settings: Partial<typeof DOUBLED>): Promise<void> {
  const stream: EventStream = await bench.open(settings);
  await stream.snapshot!();
}

/** Both folds come to their state, from handles that know nothing yet. */
async function assertBoth(bench: EventStreamBench, events: readonly StreamEvent[]): Promise<void> {
  for (const settings of [{}, DOUBLED, {}]) {
    await bench.closeAll();
    assertSame(
      await (await bench.open(settings)).load(),
      foldOf(events, settings),
      'not what the events lead to',
    );
  }
}
