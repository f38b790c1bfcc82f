import assert from 'node:assert/strict';
import { alone } from '../children/child.js';
import { withFreshPlace } from '../children/places.js';
import { assertSame } from '../support/account.js';
import { statePower } from '../support/power.js';
import { assertHolds, eventsOf, foldOf, hold, put, puts, recorded, TALLY } from '../support/tally.js';
import { streamSuite } from './suite.js';

export const durability = streamSuite(
  'durability',
  [
    'capabilities',
    'values',
    'isolation',
    'keys',
    'history',
    'versions',
    'operations',
    'atomicity',
    'errors',
    'lifecycle',
    'folding',
    'concurrency',
  ],
  (fact, subject) => {
    const { claims } = subject;
    if (claims.durability === 'none') return;

    fact('what was appended is there after closing and opening again, and versions go on', async (bench) => {
      for (let n = 1; n <= 10; n += 2) {
        const stream = await bench.open();
        assert.equal((await stream.append(puts(n, n + 1))).version, n + 1);
        await bench.closeAll();
        await assertHolds(bench, puts(1, n + 1));
        await bench.closeAll();
      }
    });

    if (claims.messageIds) {
      fact('an append that is repeated after reopening is stored once, and tells where', async (bench) => {
        await (await bench.open()).append(puts(1, 3), { messageId: 'once' });
        await (await bench.open()).append(put(4));
        for (let i = 0; i < 2; i++) {
          await bench.closeAll();
          const told = await (await bench.open()).append(puts(1, 3), { messageId: 'once' });
          assert.deepEqual(told, { firstVersion: 1, version: 3, duplicate: true });
        }
        await assertHolds(bench, puts(1, 4));
      });
    }

    if (claims.metadata) {
      fact('metadata is there after reopening', async (bench) => {
        const given = { correlationId: 'c', causationId: 'm', metadata: { who: ['é', null, { a: 1 }] } };
        await (await bench.open()).append(puts(1, 2), given);
        await bench.closeAll();
        for (const { correlationId, causationId, metadata } of await recorded(await bench.open())) {
          assertSame({ correlationId, causationId, metadata }, given);
        }
      });
    }

    fact('closing right after appends were called loses nothing of them', async (bench) => {
      const stream = await bench.open();
      const appends = puts(1, 5).map((event) => stream.append(event));
      await bench.closeAll();
      await Promise.all(appends);
      await assertHolds(bench, puts(1, 5));
    });

    const other = 'what a process appended that has ended is there for the next one';
    if (subject.importFrom === undefined) {
      fact.untested(other, 'the subject has no `importFrom` to open it in a process of its own');
    } else {
      fact(
        other,
        () =>
          withFreshPlace(subject, async (place) => {
            await alone({ subject, place }, { do: 'append', key: 'stream', who: 0, times: 4 }, 'versions');
            const stream = await subject.open(place as never, { key: 'stream', ...TALLY });
            const due = Array.from({ length: 4 }, (_, n) => hold([0, n]));
            try {
              assertSame(await eventsOf(stream), due);
              assertSame(await stream.load(), foldOf(due));
            } finally {
              await stream.close();
            }
          }),
        60_000,
      );
    }
    statePower(fact, claims);
  },
);
