import assert from 'node:assert/strict';
import { rejects } from '../support/assertions.js';
import { all } from '../support/records.js';
import { assertHolds, put, puts } from '../support/tally.js';
import { settled } from '../support/watched-backend.js';
import { streamSuite } from './suite.js';

const CLOSED = 'DGENTS_AGENT_CLOSED';

export const lifecycle = streamSuite(
  'lifecycle',
  ['capabilities', 'values', 'isolation', 'history', 'versions', 'errors'],
  (fact, { claims }) => {
    fact('close can be called any number of times, and waits for what was accepted', async (bench) => {
      const stream = await bench.open();
      let over = 0;
      const appends = Promise.all(puts(1, 5).map((event) => stream.append(event).finally(() => (over += 1))));
      // What becomes of them is looked at below.
      appends.catch(() => undefined);
      await Promise.all([1, 2].map(() => settled('close', () => stream.close())));
      assert.equal(over, 5, 'close was over before the appends that it had to wait for');
      await appends;
      await settled('close', () => stream.close());
      await assertHolds(bench, puts(1, 5));
    });

    fact('after close every call is refused, and stores nothing', async (bench) => {
      const stream = await bench.open();
      await stream.append(put(1));
      await stream.close();
      await rejects(
        settled('append', async () => stream.append(put(2))),
        CLOSED,
      );
      await rejects(
        settled('load', async () => stream.load()),
        CLOSED,
      );
      await rejects(
        settled('events', async () => all(stream.events())),
        CLOSED,
      );
      if (claims.decide)
        await rejects(
          settled('decide', async () => stream.decide!({ put: [1] })),
          CLOSED,
        );
      if (claims.snapshot)
        await rejects(
          settled('snapshot', async () => stream.snapshot!()),
          CLOSED,
        );
      await assertHolds(bench, [put(1)]);
    });

    fact('closing one handle leaves the others at work', async (bench) => {
      const [one, other] = [await bench.open(), await bench.open()];
      await one.append(put(1));
      await one.close();
      await other.append(put(2));
      await assertHolds(bench, puts(1, 2));
    });
  },
);
