import assert from 'node:assert/strict';
import type { EventStreamBench } from '../stream-bench.js';
import type { EventStream, StreamCaughtUp, StreamEvent, StreamRecorded } from '../stream-subject.js';
import { assertSame } from '../support/account.js';
import { Listener, nextOf, SILENCE_MS } from '../support/streams.js';
import { put, puts } from '../support/tally.js';
import { settled } from '../support/watched-backend.js';
import { streamSuite } from './suite.js';

type Item = StreamRecorded | StreamCaughtUp;

/** How long the end of a subscription may take. */
const END_MS = 2_000;

export const subscriptions = streamSuite(
  'subscriptions',
  ['capabilities', 'values', 'isolation', 'history', 'versions', 'atomicity'],
  (fact, { claims }) => {
    if (!claims.subscribe) return;

    fact(
      'a subscription gives every event once, in order, and says then that it has caught up',
      async (bench) => {
        const stream = await bench.open();
        await stream.append(puts(1, 3));
        await stream.append(put(4));
        assertSame(await upToDate(stream), [...puts(1, 4), 4]);
        assertSame(await upToDate(await bench.open()), [...puts(1, 4), 4]);
        assertSame(await upToDate(await bench.open({ key: 'empty' })), [0]);
      },
    );

    fact('it goes on with what other handles append, and says again that it has caught up', async (bench) => {
      const [stream, other] = [await bench.open(), await bench.open()];
      await stream.append(puts(1, 2));
      const listener = new Listener(stream.subscribe!());
      await caughtUpAt(listener, 2);
      for (const [i, writer] of [other, stream, other].entries()) {
        await writer.append([put(3 + 2 * i), put(4 + 2 * i)]);
        await caughtUpAt(listener, 4 + 2 * i);
      }
      await listener.stop();
      assertSame(eventsIn(listener.heard), puts(1, 8));
      assertInOrder(listener.heard);
    });

    fact('it begins where it is told to, also where nothing is yet', async (bench) => {
      const stream = await bench.open();
      await stream.append(puts(1, 5));
      for (const from of [2, 5, 6]) {
        const listener = new Listener((await bench.open()).subscribe!({ from }));
        await caughtUpAt(listener, 5);
        await listener.stop();
        assertSame(eventsIn(listener.heard), puts(from, 5), `from version ${from}`);
      }
      const listener = new Listener((await bench.open()).subscribe!({ from: 6 }));
      await caughtUpAt(listener, 5);
      await stream.append(puts(6, 7));
      await caughtUpAt(listener, 7);
      await listener.stop();
      assertSame(eventsIn(listener.heard), puts(6, 7));
    });

    fact('what is appended while it catches up is given too, each event once', async (bench) => {
      const [stream, writer] = [await bench.open(), await bench.open()];
      for (let n = 1; n <= 200; n += 50) await writer.append(puts(n, n + 49));
      const heard: Item[] = [];
      let next = 201;
      const iterator = stream.subscribe!()[Symbol.asyncIterator]();
      while (!heard.some((item) => !('caughtUp' in item) && item.version === 240)) {
        const { value: item } = (await nextOf(iterator)) as { value: Item };
        heard.push(item);
        // Some while it reads what was there, and some right when it says that there is no more.
        const isDue = 'caughtUp' in item || item.version % 20 === 0;
        if (!isDue || next > 240) continue;
        const appending = writer.append(puts(next, next + 1));
        if (next % 4 === 1) await appending;
        else appending.catch(() => undefined);
        next += 2;
      }
      await settled('return', async () => iterator.return?.(), END_MS);
      assertInOrder(heard);
      assertSame(eventsIn(heard), puts(1, 240));
    });

    fact('many appends at once reach it in the order of the stream', async (bench) => {
      const listener = new Listener((await bench.open()).subscribe!());
      const writers = await Promise.all(Array.from({ length: 4 }, () => bench.open()));
      await Promise.all(
        writers.map(async (writer) => {
          for (let i = 0; i < 8; i++) await writer.append(puts(1, 1 + (i % 3)));
        }),
      );
      const { version } = await writers[0]!.append(put(99));
      await caughtUpAt(listener, version);
      await listener.stop();
      assertInOrder(listener.heard);
      assertSame(eventsIn(listener.heard), await storedIn(bench));
    });

    fact('a reader that takes its time is given everything, and nobody waits for it', async (bench) => {
      const stream = await bench.open();
      await stream.append(puts(1, 3));
      const slow = (await bench.open()).subscribe!()[Symbol.asyncIterator]();
      const quick = new Listener((await bench.open()).subscribe!());
      assert.equal((await nextOf(slow)).value?.version, 1);
      for (let n = 4; n <= 40; n += 4) await stream.append(puts(n, n + 3));
      await caughtUpAt(quick, 43);
      const heard: Item[] = [];
      while (heard.at(-1)?.version !== 43) heard.push((await nextOf(slow)).value as Item);
      await settled('return', async () => slow.return?.(), END_MS);
      await quick.stop();
      assertSame(eventsIn(heard), puts(2, 43));
      assertSame(eventsIn(quick.heard), puts(1, 43));
    });

    fact('it is silent while nothing is appended', async (bench) => {
      const stream = await bench.open();
      await stream.append(put(1));
      const listener = new Listener(stream.subscribe!());
      await caughtUpAt(listener, 1);
      const { length } = listener.heard;
      await (await bench.open({ key: 'another' })).append(puts(1, 3));
      await new Promise((resolve) => setTimeout(resolve, 10 * SILENCE_MS));
      assert.equal(listener.heard.length, length, 'something was told, and nothing had happened');
      await listener.stop();
    });

    fact(
      'it ends at once when it is returned, aborted, or its stream closed, also while it waits',
      async (bench) => {
        const [stream, closing] = [await bench.open(), await bench.open()];
        await stream.append(put(1));
        const controller = new AbortController();
        const ways = {
          aborted: await waiting(stream, controller.signal),
          closed: await waiting(closing),
          returned: await waiting(stream),
        };
        controller.abort();
        await settled('close', () => closing.close(), END_MS);
        await settled('return', async () => ways.returned.iterator.return?.(), END_MS);
        for (const [how, { pending }] of Object.entries(ways)) {
          const { done } = await settled(`a subscription that was ${how}`, () => pending, END_MS);
          assert.equal(done, true, `a subscription that was ${how} is over`);
        }
        assertSame(await upToDate(stream), [put(1), 1]);
      },
    );

    fact(
      'a signal that was aborted before leads to nothing, and one that served keeps no listener',
      async (bench) => {
        const stream = await bench.open();
        await stream.append(puts(1, 2));
        const over = new Listener(stream.subscribe!({ signal: AbortSignal.abort() }));
        await over.stop();
        assert.deepEqual(over.heard, []);
        assertSame(await upToDate(stream), [...puts(1, 2), 2]);
      },
    );
  },
);

/** The events, and the version that it says it has caught up with. */
async function upToDate(stream: EventStream): Promise<(StreamEvent | number)[]> {
  const told: (StreamEvent | number)[] = [];
  const iterator = stream.subscribe!()[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await nextOf(iterator);
    assert.ok(done !== true, 'a subscription ended by itself');
    if ('caughtUp' in value) {
      await settled('return', async () => iterator.return?.(), END_MS);
      return [...told, value.version];
    }
    told.push(value.event);
  }
}

/** A subscription that has caught up, and has been asked for what comes next. */
async function waiting(
  stream: EventStream,
  signal?: AbortSignal,
): Promise<{ iterator: AsyncIterator<Item>; pending: Promise<IteratorResult<Item>> }> {
  const iterator = stream.subscribe!({ ...(signal !== undefined && { signal }) })[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await nextOf(iterator);
    assert.ok(done !== true, 'a subscription ended by itself');
    if ('caughtUp' in value) break;
  }
  const pending = iterator.next();
  // Time to begin in earnest: what has not begun to wait is easily ended.
  await new Promise((resolve) => setTimeout(resolve, SILENCE_MS));
  return { iterator, pending };
}

function caughtUpAt(listener: Listener<Item>, version: number): Promise<void> {
  return listener.until(
    (heard) => heard.some((item) => 'caughtUp' in item && item.version === version),
    `that it has caught up with version ${version}`,
  );
}

function eventsIn(heard: readonly Item[]): StreamEvent[] {
  return heard.flatMap((item) => ('caughtUp' in item ? [] : [item.event]));
}

/** Each version follows the one before; and where it has caught up, that is the last one it gave. */
function assertInOrder(heard: readonly Item[]): void {
  let last = 0;
  for (const item of heard) {
    if ('caughtUp' in item)
      assert.equal(item.version, last, 'caught up with another version than it has given');
    else assert.equal(item.version, ++last, 'versions come once each, in their order');
  }
}

async function storedIn(bench: EventStreamBench): Promise<StreamEvent[]> {
  const events: StreamEvent[] = [];
  for await (const { event } of (await bench.open()).events()) events.push(event);
  return events;
}
