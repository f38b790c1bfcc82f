import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { EventStreamBench } from '../stream-bench.js';
import type { StreamEvent } from '../stream-subject.js';
import { assertSame } from '../support/account.js';
import { anyState } from '../support/any-value.js';
import { rejects } from '../support/assertions.js';
import { assertHolds, eventsOf, foldOf, hold, put, took } from '../support/tally.js';
import { KINDS, UNSTORABLE } from '../support/values.js';
import { streamSuite } from './suite.js';

export const values = streamSuite('values', ['capabilities'], (fact, { claims }) => {
  fact('an event that one handle appended is what another one reads, and folds', async (bench) => {
    const stream = await bench.open();
    await stream.append(put(5));
    await stream.append([took(2), hold({ name: 'é😀', list: [1, null, 'x', { a: true }] })]);
    await assertHolds(bench, [put(5), took(2), hold({ name: 'é😀', list: [1, null, 'x', { a: true }] })]);
  });

  fact('plain JSON comes back as it was, whatever its fields are called', async (bench) => {
    const odd = {
      id: 7,
      version: 'v',
      kind: 'set',
      data: '{}',
      meta: null,
      $date: 1,
      at: [],
      key: { type: 'x' },
    };
    const events: StreamEvent[] = [{ ...odd, type: 'held', value: odd }, hold([[], {}, '', 0, false, null])];
    await (await bench.open()).append(events);
    await assertHolds(bench, events);
  });

  if (!claims.values) return;
  for (const { name, make } of KINDS) {
    fact(`${name} come back exactly, in events and in what they lead to`, async (bench) => {
      const stream = await bench.open();
      const count = make().length;
      for (let i = 0; i < count; i++) await stream.append(hold(make()[i]));
      await assertHolds(bench, make().map(hold));
      const reader = await bench.open();
      assertSame(await reader.load(), foldOf(make().map(hold)));
    });
  }

  fact('whatever is appended comes back as it was given', async (bench) => {
    const some = fc.array(anyState, { minLength: 1, maxLength: 3 });
    const property = fc.asyncProperty(some, async (given) => {
      const key = bench.freshKey();
      await (await bench.open({ key })).append(given.map(hold));
      await assertHolds(bench, given.map(hold), key);
    });
    await fc.assert(property, bench.runs(25));
  });

  fact('what cannot be kept is refused with its path, and nothing of the append is stored', async (bench) => {
    const stream = await bench.open();
    await stream.append(put(1));
    for (const { make, path } of UNSTORABLE) await refusedAt(path, stream.append([put(2), hold(make())]));
    assert.equal((await eventsOf(stream)).length, 1);
    await assertUntouched(bench);
  });
});

async function refusedAt(path: string, call: Promise<unknown>): Promise<void> {
  const error = await rejects(call, 'DGENTS_STATE_SERIALIZATION');
  const told: unknown = Reflect.get(error, 'path');
  const right = typeof told === 'string' && told.startsWith('$') && told.endsWith(path);
  assert.ok(right, `the path of what is wrong is "${String(told)}", and had to end with "${path}"`);
}

async function assertUntouched(bench: EventStreamBench): Promise<void> {
  await assertHolds(bench, [put(1)]);
  await (await bench.open()).append(put(3));
  await assertHolds(bench, [put(1), put(3)]);
}
