import assert from 'node:assert/strict';
import type { Backend, FeedEntry, Head, LogRecord, Position } from '../../backend.js';
import type { BackendClaims } from '../subject.js';
import { refuses } from '../support/assertions.js';
import { expired, SHORT_MS, SOME_MS } from '../support/expiry.js';
import { lengthened } from '../support/lengthened.js';
import { all, appendOf, checkpointOf, commitOne, grow, plain, record } from '../support/records.js';
import { assertEndsAtOnce, assertSilent, DUE_MS, nextOf } from '../support/streams.js';
import { settled } from '../support/watched-backend.js';
import { assertWaitsWithoutLimit } from '../support/without-limit.js';
import { backendSuite } from './suite.js';

const PRESUMED = [
  'capabilities',
  'values',
  'keys',
  'history',
  'versions',
  'operations',
  'atomicity',
  'retention',
] as const;

export const feed = backendSuite('feed', PRESUMED, (fact, { claims }) => {
  if (claims.feed === false) {
    fact('feed is not claimed: the method is absent', async ({ backend }) => {
      assert.equal(backend.feed, undefined);
    });
    return;
  }

  fact('every record appears once, in the order of its log', async ({ backend }) => {
    const written = await fill(backend);
    const entries = (await take(backend, written.length)).map(told);
    assertOrder(claims, entries, written, 'one order: that of the commits');
  });

  fact('a feed resumes after any position, and its order is stable', async ({ backend, open }) => {
    const { length } = await fill(backend);
    const entries = await take(backend, length);
    for (const reader of [backend, await open()]) {
      for (const [i, { position }] of entries.entries()) {
        const rest = entries.slice(i + 1).map(told);
        assertOrder(claims, (await take(reader, rest.length, position)).map(told), rest, `after entry ${i}`);
      }
    }
  });

  fact('a limit gives so many and no more, and 0 ends at once', async ({ backend }) => {
    await fill(backend);
    const entries = await take(backend, 4);
    assert.equal(entries.length, 4);
    const first = await take(backend, 2);
    assert.equal(first.length, 2);
    if (claims.feed === 'global') assert.deepEqual(first.map(told), entries.slice(0, 2).map(told));
    assert.deepEqual(await take(backend, 0), []);
  });

  fact('a feed that is not to follow ends at once where there is nothing', async ({ backend }) => {
    assert.deepEqual(await whole(backend), []);
  });

  fact('a feed that is not to follow gives all that was committed, and ends', async ({ backend, open }) => {
    const written = await fill(backend);
    const log = await lengthened(backend, 'long', [], PAUSE);
    for (const reader of [backend, await open()]) {
      const entries = await whole(reader);
      assertSameEntries(entries.map(told), [...written, ...log.map((each) => due('long', each))]);
      const [before, last] = entries.slice(-2) as [FeedEntry, FeedEntry];
      assert.deepEqual(await whole(reader, before.position), [last]);
      assert.deepEqual(await whole(reader, last.position), []);
    }
  });

  fact('a feed that has caught up waits for what comes, from every handle', async ({ backend, open }) => {
    const { length } = await fill(backend);
    const { position } = (await take(backend, length)).at(-1)!;
    const reading = backend.feed!(position)[Symbol.asyncIterator]();
    for (const [key, writer] of [
      ['d', backend],
      ['e', await open()],
    ] as const) {
      const next = nextOf(reading, `what a handle wrote to ${key}`);
      await assertSilent([next]);
      const [first, second] = await grow(writer, key, ['set', 'tombstone']);
      assert.deepEqual(told((await next).value), due(key, first!));
      assert.deepEqual(told((await nextOf(reading)).value), due(key, second!));
    }
    await reading.return?.();
  });

  fact('a reader that pauses loses nothing of what comes meanwhile', async ({ backend }) => {
    const [first] = await grow(backend, 'a', ['set']);
    const { position } = (await take(backend, 1)).at(-1)!;
    const reading = backend.feed!(position)[Symbol.asyncIterator]();
    const next = nextOf(reading);
    await assertSilent([next]);
    let log = await grow(backend, 'a', ['patch'], [first!]);
    assert.deepEqual(told((await next).value), due('a', log[1]!));
    log = await grow(backend, 'a', Array(PAUSE).fill('patch'), log);
    const entries: Told[] = [];
    while (entries.length < PAUSE) entries.push(told((await nextOf(reading)).value));
    assert.deepEqual(
      entries,
      log.slice(2).map((each) => due('a', each)),
    );
    await reading.return?.();
  });

  fact('a feed waits for what is yet to come without limit, whatever its timeoutMs', async ({ backend }) => {
    const log = await grow(backend, 'a', ['set']);
    const { position } = (await take(backend, 1)).at(-1)!;
    await assertWaitsWithoutLimit(
      (timeoutMs) => backend.feed!(position, { timeoutMs }),
      () => grow(backend, 'a', ['patch'], log),
    );
  });

  fact('every append of a commit is fed, and every record of each', async ({ backend }) => {
    const appends = ['b', 'a', 'c'].map((key) => appendOf(key, null, record(1), record(2, 'patch')));
    for (const { ok } of await backend.commit(appends)) assert.ok(ok);
    const written = appends.flatMap(({ key, records }) => records.map((each) => due(key, each)));
    assertSameEntries((await take(backend, written.length)).map(told), written);
  });

  fact('keys come through a feed as they are', async ({ backend }) => {
    const { keyBytes } = (await backend.ready()).limits;
    const keys = ['user:42', 'a/b', 'a.b', 'é', ' k ', 'x\0y', '\ud800', '{"a":1}', 'k'.repeat(300)].filter(
      (key) => Buffer.byteLength(key) <= keyBytes,
    );
    for (const key of keys) await grow(backend, key, ['set']);
    const fed = (await take(backend, keys.length)).map(({ key }) => key);
    assert.deepEqual(fed.sort(), keys.sort());
  });

  fact(
    'a feed of more than a thousand entries is read whole',
    async ({ backend }) => {
      const log = await lengthened(backend, 'a', [], MANY);
      const entries = await take(backend, log.length);
      assert.deepEqual(
        entries.map(told),
        log.map((each) => due('a', each)),
      );
    },
    LONG_MS,
  );

  fact(
    'what is no commit is no entry: checkpoints, conflicts, and what is sent again',
    async ({ backend }) => {
      const log = await grow(backend, 'a', ['set', 'patch']);
      await backend.checkpoint('a', checkpointOf(log[0]!));
      await commitOne(backend, appendOf('a', log[0]!, log[1]!));
      await commitOne(backend, appendOf('a', log[0]!, record(2)));
      await commitOne(backend, appendOf('a', null, record(1)));
      const grown = await grow(backend, 'a', ['patch'], log);
      assert.deepEqual(
        (await take(backend, 3)).map(told),
        grown.map((each) => due('a', each)),
      );
    },
  );

  fact('several readers do not disturb each other', async ({ backend }) => {
    const written = await fill(backend);
    const readings = await Promise.all(Array.from({ length: 5 }, () => take(backend, written.length)));
    for (const entries of readings) assertSameEntries(entries.map(told), written);
  });

  fact(
    'what was trimmed appears as a note that reaches to the base, and the rest as it was',
    async ({ backend }) => {
      const log = await grow(backend, 'a', ['set', 'patch', 'patch', 'patch']);
      const [b1] = await grow(backend, 'b', ['set']);
      await backend.trim('a', checkpointOf(log[2]!));
      const entries = await take(backend, 3);
      assertSameEntries(entries.map(told), [['a', { to: 3 }], due('a', log[3]!), due('b', b1!)]);
      for (const entry of entries) {
        if ('trimmed' in entry)
          assert.ok(entry.trimmed.from >= 1 && entry.trimmed.from <= 3, 'a stretch of the log');
      }
    },
  );

  fact('the position of a record that was trimmed away since stays valid', async ({ backend }) => {
    const { entries, rest } = await trimmedWithin(backend);
    for (const { position } of entries) assert.equal((await take(backend, 1, position)).length, 1);
    assertSameEntries((await take(backend, rest.length, entries[2]!.position)).map(told), rest);
  });

  fact(
    'who resumes within a stretch that was trimmed away is told how far it reaches',
    async ({ backend }) => {
      const { entries, rest } = await trimmedWithin(backend);
      for (const { position } of entries.slice(0, 2)) {
        const due: Told[] = [['a', { to: 3 }], ...rest];
        assertSameEntries((await take(backend, due.length, position)).map(told), due);
      }
    },
  );

  fact('nothing of what was erased is fed', async ({ backend }) => {
    const secret = 'whatever nobody may know';
    const given = { kind: 'set', data: JSON.stringify(secret), meta: { secret } } as const;
    const log = await grow(backend, 'a', [given, given, 'tombstone']);
    const [first] = (await take(backend, 1)) as [FeedEntry];
    await grow(backend, 'b', ['set']);
    await backend.trim('a', checkpointOf(log[2]!));
    for (const position of [undefined, first.position]) {
      const entries = await take(backend, 2, position);
      assert.ok(!JSON.stringify(entries).includes(secret), 'what was erased is still fed');
    }
  });

  if (claims.ttl) {
    fact('a log whose time has run out leaves the feed without a trace', async (bench) => {
      const { backend } = bench;
      await commitOne(backend, { ...appendOf('mortal', null, record(1), record(2)), ttlMs: SHORT_MS });
      const [a1] = await grow(backend, 'a', ['set']);
      if (!(await expired(bench, 'mortal', 'a'))) return;
      assert.deepEqual((await take(backend, 1)).map(told), [due('a', a1!)]);
    });

    fact('the position of a record whose log is gone stays valid', async (bench) => {
      const { backend } = bench;
      await commitOne(backend, { ...appendOf('mortal', null, record(1)), ttlMs: SOME_MS });
      await grow(backend, 'a', ['set']);
      const entries = await take(backend, 2);
      const { position } = entries.find(({ key }) => key === 'mortal')!;
      await bench.pass(SOME_MS);
      if (!(await expired(bench, 'mortal', 'a'))) return;
      const [b1] = await grow(backend, 'b', ['set']);
      const rest = entries[0]!.key === 'mortal' ? entries.slice(1).map(told) : [];
      const following = [...rest, due('b', b1!)];
      assertSameEntries((await take(backend, following.length, position)).map(told), following);
    });
  }

  fact(
    'a log that was trimmed many times is fed from its base on, in step with the others',
    async ({ backend }) => {
      let log = await grow(backend, 'a', ['set']);
      for (let i = 0; i < 40; i++) {
        log = await grow(backend, 'a', ['patch'], log);
        if (i % 3 === 0) await backend.trim('a', checkpointOf(log.at(-2)!));
      }
      const [b1] = await grow(backend, 'b', ['set']);
      const entries = (await take(backend, 3)).map(told);
      assertSameEntries(entries, [
        ['a', { to: 40 }],
        ...log.slice(40).map((each) => due('a', each)),
        due('b', b1!),
      ]);
      if (claims.feed === 'global') assert.deepEqual(entries.at(-1), due('b', b1!));
    },
  );

  fact('what is trimmed while a feed is being read is not given out any more', async ({ backend }) => {
    const log = await grow(backend, 'a', ['set', 'patch', 'patch', 'patch', 'patch']);
    const reading = backend.feed!()[Symbol.asyncIterator]();
    assert.deepEqual(told((await nextOf(reading)).value), due('a', log[0]!));
    await backend.trim('a', checkpointOf(log[3]!));
    const entries: Told[] = [];
    const last = JSON.stringify(due('a', log[4]!));
    do entries.push(told((await nextOf(reading)).value));
    while (JSON.stringify(entries.at(-1)) !== last);
    // One that reads ahead may have had some of them in its hands, and gives them as they were.
    const ahead = entries.slice(0, -1).filter(([, what]) => !('to' in what));
    assert.deepEqual(
      ahead,
      log.slice(1, 1 + ahead.length).map((each) => due('a', each)),
    );
    if (ahead.length < 3) assert.deepEqual(entries.at(-2), ['a', { to: 4 }]);
    await reading.return?.();
  });

  fact(
    'nothing that is committed by several writers at once is skipped, repeated or reordered',
    async (bench) => {
      const { backend } = bench;
      const keys = ['a', 'b', 'c', 'd'];
      const count = bench.effort.times(25);
      const total = keys.length * count;
      const following = take(backend, total);
      following.catch(() => undefined);
      const logs = await Promise.all(
        // Two flows on one handle, two on another.
        [backend, await bench.open()].flatMap((writer, i) =>
          keys.slice(2 * i, 2 * i + 2).map(async (key) => [key, await write(writer, key, count)] as const),
        ),
      );
      const written = logs.flatMap(([key, log]) => log.map((each) => due(key, each)));
      const followed = (await following).map(told);
      assertSameEntries(followed, written);
      const later = (await take(backend, total)).map(told);
      assertOrder(claims, later, followed, 'who comes later sees the same order');
    },
    LONG_MS,
  );

  fact('writers that meet at one key leave one entry for each version', async ({ backend, open }) => {
    const handles = [backend, await open()];
    const following = take(backend, 40);
    following.catch(() => undefined);
    await Promise.all(handles.flatMap((writer) => [write(writer, 'k', 10), write(writer, 'k', 10)]));
    const log = await all(backend.range('k'));
    assert.deepEqual(
      (await following).map(told),
      log.map((each) => due('k', each)),
    );
  });

  fact('a position that this store never gave is a RangeError', async ({ backend }) => {
    await grow(backend, 'a', ['set', 'patch']);
    const [{ position }] = (await take(backend, 1)) as [FeedEntry];
    for (const strange of ['', 'nowhere', `${position}x`, `x${position}`, '-1', '[]']) {
      await refuses(take(backend, 1, strange), 'RangeError', `a feed after ${JSON.stringify(strange)}`);
    }
  });

  fact('a position beyond the end, of another store, is a RangeError', async ({ backend, elsewhere }) => {
    const other = await elsewhere();
    await grow(other, 'a', ['set', ...Array(9).fill('patch')]);
    const { position } = (await take(other, 10)).at(-1)!;
    await grow(backend, 'a', ['set', 'patch', 'patch']);
    await refuses(take(backend, 1, position), 'RangeError', `a feed after ${JSON.stringify(position)}`);
  });

  fact('a feed with a limit that is no count is a RangeError', async ({ backend }) => {
    await grow(backend, 'a', ['set']);
    for (const limit of [-1, 1.5, Number.NaN]) {
      const entries = settled('a feed', () => all(backend.feed!(undefined, { limit })), DUE_MS);
      await refuses(entries, 'RangeError', `a feed with limit ${limit}`);
    }
  });

  fact('a feed ends at once when it is returned, aborted, or its backend closed', (bench) =>
    assertEndsAtOnce(bench, (backend, signal) => backend.feed!(undefined, signal && { signal })),
  );
});

/** What comes while a reader pauses: more than most buffers hold. */
const PAUSE = 60;
/** More than a page or a batch of most stores. */
const MANY = 1_200;
/** The long tier writes many more. */
const LONG_MS = 120_000;

/** An entry as it is compared: a record in full, or how far was trimmed. */
type Told = readonly [key: string, what: object];

function told(entry: FeedEntry): Told {
  return 'record' in entry ? [entry.key, plain(entry.record)] : [entry.key, { to: entry.trimmed.to }];
}

function due(key: string, each: LogRecord): Told {
  return [key, plain(each)];
}

/** So many entries, none of which may be long in coming. */
async function take(backend: Backend, limit: number, after?: Position): Promise<FeedEntry[]> {
  const reading = backend.feed!(after, { limit })[Symbol.asyncIterator]();
  const entries: FeedEntry[] = [];
  try {
    for (;;) {
      const { done, value } = await nextOf(reading, `entry ${entries.length + 1} of ${limit}`);
      if (done) return entries;
      entries.push(value);
      assert.ok(entries.length <= limit, `a feed that was limited to ${limit} gives more`);
    }
  } finally {
    // One that hangs here has a fact of its own.
    reading.return?.()?.catch(() => undefined);
  }
}

/** All that there is behind a position. */
async function whole(backend: Backend, after?: Position): Promise<FeedEntry[]> {
  const reading = backend.feed!(after, { follow: false })[Symbol.asyncIterator]();
  const entries: FeedEntry[] = [];
  for (;;) {
    const { done, value } = await nextOf(reading, 'the end of a feed that is not to follow');
    if (done) return entries;
    entries.push(value);
  }
}

/** a1 b1 a2 c1 c2 b2 a3 */
async function fill(backend: Backend): Promise<Told[]> {
  const [a1] = await grow(backend, 'a', ['set']);
  const [b1] = await grow(backend, 'b', ['set']);
  const [, a2] = await grow(backend, 'a', ['patch'], [a1!]);
  const [c1, c2] = [record(1), record(2, 'event', { meta: { by: 'é' }, schema: 2, codec: 'x' })];
  await commitOne(backend, appendOf('c', null, c1, c2));
  const [, b2] = await grow(backend, 'b', ['patch'], [b1!]);
  const [, , a3] = await grow(backend, 'a', ['tombstone'], [a1!, a2!]);
  return [
    due('a', a1!),
    due('b', b1!),
    due('a', a2!),
    due('c', c1),
    due('c', c2),
    due('b', b2!),
    due('a', a3!),
  ];
}

/** So many appends to one log by one flow, in between whatever others do. */
async function write(writer: Backend, key: string, count: number): Promise<LogRecord[]> {
  const written: LogRecord[] = [];
  for (let head: Head | null = null; written.length < count; ) {
    const next = record((head?.version ?? 0) + 1);
    const result = await commitOne(writer, appendOf(key, head, next));
    if (result.ok) written.push(next);
    head = result.head;
  }
  return written;
}

/** a1 a2 a3 a4 b1, read, and then `a` trimmed to 3; `rest` is what follows that. */
async function trimmedWithin(backend: Backend): Promise<{ entries: FeedEntry[]; rest: Told[] }> {
  const log = await grow(backend, 'a', ['set', 'patch', 'patch', 'patch']);
  const entries = await take(backend, 4);
  const [b1] = await grow(backend, 'b', ['set']);
  await backend.trim('a', checkpointOf(log[2]!));
  return { entries, rest: [due('a', log[3]!), due('b', b1!)] };
}

/** The same entries: in one order, or in that of each log where no more is claimed. */
function assertOrder(
  { feed }: Required<BackendClaims>,
  actual: readonly Told[],
  expected: readonly Told[],
  what: string,
): void {
  assertSameEntries(actual, expected);
  if (feed === 'global') assert.deepEqual(actual, expected, what);
}

/** The same entries, in the order of each log. */
function assertSameEntries(actual: readonly Told[], expected: readonly Told[]): void {
  const sorted = (entries: readonly Told[]) => entries.map((each) => JSON.stringify(each)).sort();
  assert.deepEqual(sorted(actual), sorted(expected));
  for (const key of new Set(expected.map(([of]) => of))) {
    const ofKey = (entries: readonly Told[]) => entries.filter(([of]) => of === key);
    assert.deepEqual(ofKey(actual), ofKey(expected), `the log of ${key}`);
  }
}
