import assert from 'node:assert/strict';
import type { EventStreamBench } from '../stream-bench.js';
import type { EventStream, StreamEvent } from '../stream-subject.js';
import { account, assertSame, spoil } from '../support/account.js';
import { assertHolds, eventsOf, foldOf, hold, put, recorded } from '../support/tally.js';
import { streamSuite } from './suite.js';

/** An event that can be changed in many ways. */
function rich(values: boolean): StreamEvent {
  const plain = { list: [{ n: 1 }], deep: { a: { b: [[1]] } } };
  if (!values) return hold(plain);
  return hold({
    ...plain,
    when: new Date(1),
    map: new Map([['k', { n: 1 }]]),
    bytes: new Uint8Array([1, 2]),
  });
}

export const isolation = streamSuite('isolation', ['capabilities', 'values'], (fact, { claims }) => {
  const sample = (): StreamEvent => rich(claims.values);

  fact('what is appended is taken at the call: changing it changes nothing', async (bench) => {
    const stream = await bench.open();
    for (const early of [true, false]) {
      const mine = [sample(), sample()];
      const appending = stream.append(mine);
      if (early) spoil(mine);
      await appending;
      spoil(mine);
    }
    await assertHolds(bench, [sample(), sample(), sample(), sample()]);
    assertSame(await stream.load(), foldOf([sample(), sample(), sample(), sample()]));
  });

  fact('what events gives is the reader’s: changing it changes nothing stored', async (bench) => {
    const stream = await bench.open();
    await stream.append([sample(), put(1), sample()]);
    spoil(await eventsOf(stream));
    assertSame(await eventsOf(stream), [sample(), put(1), sample()], 'changed through what events gave');
    assertSame(await stream.load(), foldOf([sample(), put(1), sample()]));
    await assertHolds(bench, [sample(), put(1), sample()]);
  });

  fact('what load gives is the reader’s, also where the state holds its events', async (bench) => {
    const stream = await bench.open();
    const due = foldOf([sample(), put(1)]);
    await stream.append([sample(), put(1)]);
    spoil(await stream.load());
    assertSame(await stream.load(), due, 'changed through what load gave');
    assertSame(await eventsOf(stream), [sample(), put(1)], 'an event was changed through what load gave');
    spoil(await stream.load());
    await stream.append(put(2));
    await assertHolds(bench, [sample(), put(1), put(2)]);
  });

  if (claims.subscribe) {
    fact('what a subscription gives is its reader’s', async (bench) => {
      const stream = await bench.open();
      await stream.append([sample(), sample()]);
      const due = account([sample(), sample()]);
      for (let i = 0; i < 2; i++)
        assert.equal(await spoiledOf(stream), due, 'changed through what was given');
      await assertHolds(bench, [sample(), sample()]);
    });
  }

  if (claims.decide) {
    fact('what a decision was given and gave stays apart from what is stored', async (bench) => {
      await assertDecidesApart(bench, sample);
    });
  }

  if (!claims.metadata) return;
  fact('metadata is taken at the call, and what comes back of it changes nothing', async (bench) => {
    const stream = await bench.open();
    const metadata = { who: 'me', list: [{ n: 1 }] };
    const appending = stream.append(put(1), { metadata });
    spoil(metadata);
    await appending;
    for (const [first] of [await recorded(stream), await recorded(await bench.open())]) {
      assertSame(first?.metadata, { who: 'me', list: [{ n: 1 }] });
      spoil(first?.metadata);
    }
    assertSame((await recorded(stream))[0]?.metadata, { who: 'me', list: [{ n: 1 }] });
  });
});

/** Tells the two events of a subscription, and spoils them then. */
async function spoiledOf(stream: EventStream): Promise<string> {
  const events: StreamEvent[] = [];
  for await (const item of stream.subscribe!()) {
    if (!('caughtUp' in item)) events.push(item.event);
    if (events.length === 2) break;
  }
  const told = account(events);
  spoil(events);
  return told;
}

async function assertDecidesApart(bench: EventStreamBench, sample: () => StreamEvent): Promise<void> {
  const kept: unknown[] = [];
  const stream = await bench.open({
    decide: (_command, state) => {
      const event = sample();
      kept.push(state, event);
      return [event];
    },
  });
  for (let i = 0; i < 2; i++) {
    await stream.decide!({});
    for (const each of kept.splice(0)) spoil(each);
  }
  assertSame(await stream.load(), foldOf([sample(), sample()]), 'changed through what a decision had kept');
  await assertHolds(bench, [sample(), sample()]);
}
