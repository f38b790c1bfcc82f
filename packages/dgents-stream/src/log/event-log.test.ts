import { type Backend, MemoryBackend, memoryBackend, Store } from 'dgents-core';
import { HookedBackend } from '../../../dgents-core/test/hooked-backend.js';
import { describeFacets } from '../../test/describe-facets.js';
import { all, LOCAL_PLACES } from '../../test/places.js';
import { EventLog, KeyValue } from '../index.js';

describeFacets(LOCAL_PLACES);

const noted = (n: number) => ({ type: 'noted', n }) as const;

/** Counts the records that are read, by whatever call. */
class Counting extends HookedBackend {
  records = 0;

  override async read(...given: Parameters<Backend['read']>): ReturnType<Backend['read']> {
    const tail = await super.read(...given);
    this.records += tail.records.length;
    return tail;
  }

  override async *range(...given: Parameters<Backend['range']>) {
    for await (const record of super.range(...given)) {
      this.records += 1;
      yield record;
    }
  }
}

test('an append to a stream of 100,000 events reads its end and no more', async () => {
  const shared = memoryBackend();
  const filling = new EventLog(new Store(memoryBackend({ sharing: shared })));
  for (let i = 0; i < 10; i++)
    await filling.append(
      'a',
      Array.from({ length: 10_000 }, (_, n) => noted(n)),
    );
  const backend = new Counting(shared);
  const store = new Store(backend);
  const log = new EventLog(store);
  expect(await log.append('a', noted(1))).toMatchObject({ version: 100_001 });
  expect(backend.records).toBeLessThanOrEqual(1);
  expect(await log.append('a', noted(2))).toMatchObject({ version: 100_002 });
  expect(backend.calls).toMatchObject({ read: 1, range: 0, commit: 2 });
  // Others append ten thousand meanwhile: what is refused looks at the end again.
  await filling.append(
    'a',
    Array.from({ length: 10_000 }, (_, n) => noted(n)),
  );
  await log.append('a', noted(3));
  await expect(log.append('a', noted(4), { expectedVersion: 5 })).rejects.toMatchObject({
    actual: { version: 110_003 },
  });
  // By an id of one's own: looked up, and found.
  for (let i = 0; i < 2; i++) await log.append('a', noted(5), { messageId: 'five' });
  expect(backend.records).toBeLessThanOrEqual(10);
  expect(await all(log.read('a', { reverse: true, limit: 2 }))).toMatchObject([
    { version: 110_004, messageId: 'five' },
    { version: 110_003 },
  ]);
  await store.close();
});

test('appends of one turn go out as one commit', async () => {
  const backend = new HookedBackend(new MemoryBackend({ values: false }));
  const log = new EventLog(new Store(backend));
  await log.append('a', noted(0));
  backend.reset();
  await Promise.all(Array.from({ length: 20 }, (_, n) => log.append('a', noted(n))));
  expect(backend.calls.commit).toBe(1);
});

test('an answer that is lost is found out, and nothing is appended twice', async () => {
  const backend = new HookedBackend(memoryBackend());
  const log = new EventLog(new Store(backend));
  let lost = 0;
  backend.after = ({ method }) => {
    if (method === 'commit' && lost++ % 2 === 0) throw new Error('the line is dead');
  };
  for (let n = 1; n <= 5; n++) expect(await log.append('a', noted(n))).toMatchObject({ version: n });
  expect((await all(log.read('a'))).map(({ event }) => (event as { n?: number }).n)).toEqual([1, 2, 3, 4, 5]);
});

test('more streams than are known at a time are appended to all the same', async () => {
  const log = new EventLog(new Store(memoryBackend()));
  for (let round = 1; round <= 2; round++) {
    for (let n = 0; n < 1_100; n++) {
      expect(await log.append(`s${n}`, noted(n))).toMatchObject({ version: round });
    }
  }
});

test('limits are told apart from values, and may be lifted', async () => {
  const store = new Store(memoryBackend());
  for (const maxInlineBytes of [-1, 0.5, Number.NaN]) {
    expect(() => new EventLog(store, { maxInlineBytes })).toThrow(RangeError);
    expect(() => new KeyValue(store, { maxInlineBytes })).toThrow(RangeError);
  }
  await new KeyValue<Uint8Array>(store, { maxInlineBytes: Infinity }).put('a', new Uint8Array(100_000));
  await expect(
    new KeyValue<Uint8Array>(store, { maxInlineBytes: 0 }).put('a', new Uint8Array(1)),
  ).rejects.toMatchObject({ code: 'DGENTS_STATE_TOO_LARGE' });
  const cyclic: Record<string, unknown> = { type: 'noted' };
  cyclic['self'] = cyclic;
  await expect(new EventLog(store).append('b', cyclic as never)).rejects.toMatchObject({
    code: 'DGENTS_STATE_SERIALIZATION',
  });
});
