import assert from 'node:assert/strict';
import type { EventStreamBench } from '../stream-bench.js';
import type { EventStream, StreamAppendResult, StreamEvent } from '../stream-subject.js';
import { rejects } from '../support/assertions.js';
import { assertHolds, eventsOf, hold, put, puts, took } from '../support/tally.js';
import { streamSuite } from './suite.js';

const REUSED = 'DGENTS_MESSAGE_ID_REUSED';

/** What is appended under the id `once`. */
const ONCE: readonly StreamEvent[] = [put(7), took(2), hold('x')];

export const operations = streamSuite(
  'operations',
  ['capabilities', 'values', 'isolation', 'history', 'versions'],
  (fact, { claims }) => {
    if (!claims.messageIds) return;

    fact('an append that is repeated with its message id is stored once, and tells where', async (bench) => {
      const stream = await bench.open();
      await stream.append(put(1));
      assert.deepEqual(await once(stream), { firstVersion: 2, version: 4, duplicate: false });
      for (const handle of [stream, await bench.open(), stream]) {
        assert.deepEqual(await once(handle), { firstVersion: 2, version: 4, duplicate: true });
      }
      await assertHolds(bench, [put(1), ...ONCE]);
    });

    fact('sixteen handles that append with one message id at once store it once', async (bench) => {
      const handles = await Promise.all(Array.from({ length: 16 }, () => bench.open()));
      await handles[0]!.append(put(1));
      const told = await Promise.all(handles.map(once));
      assert.equal(told.filter(({ duplicate }) => !duplicate).length, 1, 'one of them was the first');
      for (const each of told) assert.deepEqual([each.firstVersion, each.version], [2, 4]);
      await assertHolds(bench, [put(1), ...ONCE]);
    });

    fact('one handle that appends with one message id many times at once stores it once', async (bench) => {
      const stream = await bench.open();
      const told = await Promise.all(Array.from({ length: 16 }, () => once(stream)));
      assert.equal(told.filter(({ duplicate }) => !duplicate).length, 1, 'one of them was the first');
      for (const each of told) assert.deepEqual([each.firstVersion, each.version], [1, 3]);
      await assertHolds(bench, ONCE);
    });

    fact('a repeated append tells its own versions, also after others have appended', async (bench) => {
      const [stream, other] = [await bench.open(), await bench.open()];
      await once(stream);
      await other.append(puts(1, 4));
      for (const handle of [stream, other, await bench.open()]) {
        const { firstVersion, version, duplicate } = await once(handle);
        assert.deepEqual([firstVersion, version, duplicate], [1, 3, true]);
      }
      assert.equal((await other.append(put(5))).version, 8);
      await assertHolds(bench, [...ONCE, ...puts(1, 5)]);
    });

    fact('a message id is not forgotten over those of many others', async (bench) => {
      const stream = await bench.open();
      await once(stream);
      // Some at once, since they may share a write.
      for (let tens = 0; tens < 12; tens++) {
        await Promise.all(
          Array.from({ length: 10 }, (_, i) =>
            stream.append(put(1), { messageId: `other-${tens * 10 + i}` }),
          ),
        );
      }
      for (const handle of [stream, await bench.open()]) assert.equal((await once(handle)).version, 3);
      assert.equal((await eventsOf(await bench.open())).length, 123);
    });

    fact('a message id that was used for other events is refused, and nothing is stored', async (bench) => {
      const stream = await bench.open();
      await once(stream);
      const others: readonly (readonly StreamEvent[])[] = [
        [put(7)],
        ONCE.slice(0, 2),
        [...ONCE, put(1)],
        [put(7), hold('x'), took(2)],
        [put(7), took(2), hold('y')],
        [put(7), took(2), { type: 'put', amount: 0, value: 'x' }],
        [put(7), took(2), { ...hold('x'), more: null }],
      ];
      for (const handle of [stream, await bench.open()]) {
        for (const events of others) await rejects(handle.append(events, { messageId: 'once' }), REUSED);
      }
      await assertHolds(bench, ONCE);
    });

    fact(
      'of different events with one message id at once one append is stored, and the others are refused',
      async (bench) => {
        const handles = await Promise.all(Array.from({ length: 6 }, () => bench.open()));
        for (const [round, messageId] of ['a', 'b', 'c'].entries()) {
          const told = await Promise.allSettled(
            handles.map((handle, i) => handle.append(put(i), { messageId })),
          );
          const lost = told.filter((each) => each.status === 'rejected');
          assert.equal(lost.length, 5, 'one id stands for one append');
          for (const { reason } of lost) await rejects(Promise.reject(reason), REUSED);
          assert.equal((await eventsOf(handles[0]!)).length, round + 1);
        }
      },
    );

    fact('an append that expected a version is repeated as it was, and no conflict', async (bench) => {
      const [stream, other] = [await bench.open(), await bench.open()];
      await stream.append(put(1));
      const options = { messageId: 'once', expectedVersion: 1 };
      assert.equal((await stream.append(ONCE, options)).version, 4);
      await other.append(put(2));
      for (const handle of [stream, other, await bench.open()]) {
        assert.deepEqual(await handle.append(ONCE, options), {
          firstVersion: 2,
          version: 4,
          duplicate: true,
        });
      }
    });

    fact('the message id of an append that was refused is free', async (bench) => {
      const stream = await bench.open();
      await stream.append(put(1));
      await rejects(stream.append(ONCE, { messageId: 'once', expectedVersion: 0 }), 'DGENTS_STATE_CONFLICT');
      assert.deepEqual(await once(stream), { firstVersion: 2, version: 4, duplicate: false });
    });

    fact('a message id belongs to its stream: another one may use it too', async (bench) => {
      for (const key of ['one', 'other']) {
        const stream = await bench.open({ key });
        await stream.append(hold(key), { messageId: 'same' });
        await assertHolds(bench, [hold(key)], key);
      }
    });

    fact('appends without a message id are all different', async (bench) => {
      const stream = await bench.open();
      for (let i = 0; i < 3; i++) assert.equal((await stream.append(put(1))).duplicate, false);
      for (let i = 0; i < 3; i++) await stream.append(put(1), { messageId: `id ${i}` });
      await assertHolds(
        bench,
        Array.from({ length: 6 }, () => put(1)),
      );
    });

    if (claims.decide) stateDecided(fact);
  },
);

function once(stream: EventStream): Promise<StreamAppendResult> {
  return stream.append(ONCE, { messageId: 'once' });
}

function stateDecided(fact: Parameters<Parameters<typeof streamSuite>[2]>[0]): void {
  fact('a command that is repeated with its message id is decided once', async (bench: EventStreamBench) => {
    const stream = await bench.open();
    await stream.append(put(10));
    const options = { messageId: 'take it' };
    const first = await stream.decide!({ take: 8 }, options);
    assert.deepEqual(first, { firstVersion: 2, version: 2, duplicate: false });
    await stream.append(put(1));
    // There would not be so much any more.
    for (const handle of [stream, await bench.open()]) {
      assert.deepEqual(await handle.decide!({ take: 8 }, options), { ...first, duplicate: true });
    }
    await assertHolds(bench, [put(10), took(8), put(1)]);
  });
}
