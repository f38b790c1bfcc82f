import assert from 'node:assert/strict';
import type { Backend, FeedEntry, LogRecord, Position } from '../../backend.js';
import type { BackendBench } from '../backend-bench.js';
import { alone } from '../children/child.js';
import { withFreshPlace } from '../children/places.js';
import type { Facts } from '../kit.js';
import type { GivenBackend } from '../subject.js';
import { like, rejects } from '../support/assertions.js';
import { statePower } from '../support/power.js';
import {
  all,
  appendOf,
  assertRecords,
  assertWholeTail,
  checkpointOf,
  commitOne,
  grow,
  headOf,
  plain,
  record,
} from '../support/records.js';
import { backendSuite } from './suite.js';

const KINDS = ['set', 'patch', 'event', 'tombstone', 'set', 'patch'] as const;

/** Texts that a careless store takes for nothing. */
const FALSY = ['null', '0', 'false', '""', '{}', '[]'];

export const durability = backendSuite(
  'durability',
  [
    'capabilities',
    'values',
    'isolation',
    'keys',
    'history',
    'versions',
    'operations',
    'retention',
    'feed',
    'limits',
    'lifecycle',
    'concurrency',
  ],
  (fact, subject) => {
    if (subject.claims.durability === 'none') {
      fact('nothing is promised to be there after closing, and `ready` says so', async ({ backend }) => {
        assert.equal((await backend.ready()).durability, 'none');
      });
      return;
    }
    stateLogs(fact);
    stateWhatLiesBeside(fact, subject);
    stateGoingOn(fact);
    stateOtherProcess(fact, subject);
    statePower(fact, subject.claims);
  },
);

function stateLogs(fact: Facts<BackendBench>): void {
  fact('records of every kind are there after reopening, with all of their fields', async (bench) => {
    const rich = { codec: 'zip', schema: 7, meta: { why: 'because', deep: { list: [1, null, 'ü'] } } };
    const log = await grow(bench.backend, 'k', [
      ...KINDS,
      { kind: 'set', ...rich },
      { kind: 'event', ...rich },
    ]);
    const { head, floor } = await bench.backend.read('k');
    const reopened = await bench.reopen();
    const tail = await reopened.read('k');
    like({ head: tail.head, floor: tail.floor }, { head, floor });
    assertWholeTail(tail, log, log.length);
    assertRecords(await all(reopened.range('k')), log, 1, log.length);
  });

  fact('neither the first record nor the last is missing or doubled after reopening', async (bench) => {
    const logs = new Map<string, LogRecord[]>();
    for (let length = 1; length <= 12; length++) {
      const key = `log-${length}`;
      logs.set(
        key,
        await grow(
          bench.backend,
          key,
          Array.from({ length }, () => 'set' as const),
        ),
      );
    }
    await assertLogs(await bench.reopen(), logs);
  });

  fact('an append of several records is there whole', async (bench) => {
    const records = [record(1), record(2, 'patch'), record(3, 'event')];
    const { limits } = await bench.backend.ready();
    const length = Math.min(40, limits.recordsPerAppend);
    const more = Array.from({ length }, (_, i) => record(i + 4, i % 2 === 0 ? 'event' : 'patch'));
    await commitOne(bench.backend, appendOf('k', null, ...records));
    await commitOne(bench.backend, appendOf('k', (await bench.backend.read('k')).head, ...more));
    await assertLogs(await bench.reopen(), new Map([['k', [...records, ...more]]]));
  });

  fact('every append of a commit, and of many commits at once, is there', async (bench) => {
    const logs = new Map(Array.from({ length: 30 }, (_, i) => [`key-${i}`, [record(1), record(2, 'event')]]));
    const appends = [...logs].map(([key, records]) => appendOf(key, null, ...records));
    const { limits } = await bench.backend.ready();
    const half = Math.min(appends.length / 2, limits.appendsPerCommit);
    await Promise.all([
      bench.backend.commit(appends.slice(0, half)),
      ...appends.slice(half).map((append) => bench.backend.commit([append])),
    ]);
    await assertLogs(await bench.reopen(), logs);
  });

  fact('a text that looks like nothing is something after reopening', async (bench) => {
    const logs = new Map<string, LogRecord[]>();
    for (const data of FALSY) {
      logs.set(`log ${data}`, await grow(bench.backend, `log ${data}`, [{ kind: 'set', data }]));
    }
    await assertLogs(await bench.reopen(), logs);
  });

  fact('large records are there, byte for byte', async (bench) => {
    const { limits } = await bench.backend.ready();
    const length = Math.min(300_000, limits.recordBytes);
    const data = JSON.stringify('0123456789ü'.repeat(length / 16));
    const log = await grow(bench.backend, 'k', [{ kind: 'set', data }, 'set', { kind: 'set', data }]);
    await assertLogs(await bench.reopen(), new Map([['k', log]]));
  });

  fact('every key is listed after reopening, deleted ones too, with its head', async (bench) => {
    const keys = ['a', 'A', 'b/c', 'b_c', '__proto__', 'ünï', 'x'.repeat(100)];
    for (const key of keys) await grow(bench.backend, key, key === 'b_c' ? ['set', 'tombstone'] : ['set']);
    const listed = async (backend: Backend): Promise<unknown[]> => {
      const found = await all(backend.keys('', { heads: true }));
      return found.map(({ key, head }) => [key, head?.version, head?.id, head?.deleted]).sort();
    };
    const before = await listed(bench.backend);
    assert.equal(before.length, keys.length);
    assert.deepEqual(await listed(await bench.reopen()), before);
  });
}

function stateWhatLiesBeside(fact: Facts<BackendBench>, { claims }: GivenBackend): void {
  fact('a trimmed log is the same after reopening', async (bench) => {
    const log = await grow(bench.backend, 'k', ['set', 'patch', 'patch', 'patch', 'patch', 'patch']);
    const base = { ...checkpointOf(log[3]!), codec: 'c', schema: 3, meta: { why: 'retention' } };
    await bench.backend.trim('k', base);
    const reopened = await bench.reopen();
    const tail = await reopened.read('k');
    like(tail, { floor: 4, head: headOf(log[5]!) });
    assertWholeTail(tail, log, 6, [base]);
    assertRecords(await all(reopened.range('k')), log, 5, 6);
    await rejects(reopened.read('k', { at: 3 }), 'DGENTS_LOG_COMPACTED', { floor: 4 });
  });

  fact('a log that was trimmed to its head keeps the head and its numbering', async (bench) => {
    const log = await grow(bench.backend, 'k', ['set', 'set', 'tombstone']);
    await bench.backend.trim('k', checkpointOf(log[2]!));
    const reopened = await bench.reopen();
    like(await reopened.read('k'), { floor: 3, head: headOf(log[2]!), records: [] });
    await grow(reopened, 'k', ['set'], log);
    like((await reopened.read('k')).head, { version: 4, deleted: false });
  });

  fact('a checkpoint may be there after reopening or not; the state is the same', async (bench) => {
    const log = await grow(bench.backend, 'k', ['set', 'patch', 'patch', 'patch']);
    const offered = [checkpointOf(log[1]!), checkpointOf(log[2]!)];
    for (const each of offered) await bench.backend.checkpoint('k', each);
    const reopened = await bench.reopen();
    for (const at of [2, 3, 4]) {
      const usable = offered.filter(({ version }) => version <= at);
      assertWholeTail(await reopened.read('k', { at }), log, at, usable);
    }
  });

  if (claims.find) {
    fact('operation ids are found after reopening', async (bench) => {
      const log = await grow(bench.backend, 'k', ['set', 'patch', 'patch']);
      const { idempotencyRecords } = await bench.backend.ready();
      const kept = log.slice(-Math.min(idempotencyRecords, log.length));
      const reopened = await bench.reopen();
      const found = await reopened.find!('k', [...kept.map(({ id }) => id), 'of nobody']);
      assert.deepEqual(
        kept.map(({ id }) => found.get(id)),
        kept.map(({ version }) => version),
      );
      assert.equal(found.has('of nobody'), false);
    });
  }

  if (claims.feed === 'global') {
    fact('a position of the feed goes on after reopening where it was', async (bench) => {
      await grow(bench.backend, 'a', ['set', 'set']);
      await grow(bench.backend, 'b', ['set']);
      const first = await entries(bench.backend, undefined, 2);
      const reopened = await bench.reopen();
      await grow(reopened, 'c', ['set']);
      const rest = await entries(reopened, first.at(-1)?.position, 2);
      assert.deepEqual(named([...first, ...rest]), ['a 1', 'a 2', 'b 1', 'c 1']);
      assert.deepEqual(named(await entries(reopened, undefined, 4)), ['a 1', 'a 2', 'b 1', 'c 1']);
    });
  }
}

function stateGoingOn(fact: Facts<BackendBench>): void {
  fact('a log goes on after reopening, and its old heads are still compared', async (bench) => {
    const log = await grow(bench.backend, 'k', ['set', 'patch']);
    const reopened = await bench.reopen();
    const { head } = await reopened.read('k');
    for (const late of [appendOf('k', null, record(1)), appendOf('k', log[0]!, record(2))]) {
      assert.deepEqual(await commitOne(reopened, late), { ok: false, head });
    }
    const grown = await grow(reopened, 'k', ['patch', 'tombstone', 'set'], log);
    await assertLogs(await bench.reopen(), new Map([['k', grown]]));
  });

  fact('an append that is sent again after reopening is recognised', async (bench) => {
    const first = appendOf('k', null, record(1), record(2, 'patch'));
    const { head } = await commitOne(bench.backend, first);
    const reopened = await bench.reopen();
    assert.deepEqual(await commitOne(reopened, first), { ok: true, replayed: true, head });
    assertRecords(await all(reopened.range('k')), first.records, 1, 2);
  });

  fact('a reader that had a head goes on from it after reopening', async (bench) => {
    const log = await grow(bench.backend, 'k', ['set', 'patch', 'patch']);
    const { head } = await bench.backend.read('k', { at: 2 });
    assert.equal(head?.version, 3);
    const reopened = await bench.reopen();
    const tail = await reopened.read('k', { after: headOf(log[1]!) });
    like(tail, { since: 'same' });
    assert.deepEqual(tail.records.map(plain), log.slice(2).map(plain));
    like(await reopened.read('k', { after: { ...headOf(log[1]!), id: 'of another' } }), {
      since: 'diverged',
    });
  });

  fact(
    'opened and closed many times, a log grows by what was appended and by nothing else',
    async (bench) => {
      let backend = bench.backend;
      let log: LogRecord[] = [];
      for (let i = 0; i < 12; i++) {
        log = await grow(backend, 'k', i % 3 === 0 ? ['set', 'event'] : ['set'], log);
        backend = await bench.reopen();
        assertRecords(await all(backend.range('k')), log, 1, log.length);
      }
    },
  );

  fact('opening and closing without writing changes nothing', async (bench) => {
    const log = await grow(bench.backend, 'k', ['set', 'event']);
    for (let i = 0; i < 3; i++) await bench.reopen();
    const backend = await bench.reopen();
    assert.equal((await backend.read('nothing')).head, null);
    await assertLogs(backend, new Map([['k', log]]));
    assert.deepEqual(await all(backend.keys()), [{ key: 'k' }]);
  });
}

/** What is promised to survive its process has not only stayed in its memory. */
function stateOtherProcess(fact: Facts<BackendBench>, subject: GivenBackend): void {
  const name = 'what a process wrote that has ended is there for the next one';
  if (subject.importFrom === undefined) {
    fact.untested(name, 'the subject has no `importFrom` to open it in a process of its own');
    return;
  }
  fact(
    name,
    () =>
      withFreshPlace(subject, async (place) => {
        const job = { do: 'count', keys: ['a', 'b'], times: 3 } as const;
        const wins = (await alone({ subject, place }, job, 'wins')) as [string, number, string][];
        const backend = await subject.open(place as never);
        const log = async (key: string): Promise<unknown[]> =>
          (await all(backend.range(key))).map(({ version, id }) => [key, version, id]);
        const found = [...(await log('a')), ...(await log('b'))];
        await backend.close();
        assert.deepEqual(found.sort(), wins.sort());
      }),
    60_000,
  );
}

/** Every log is there as it was, from its first record to its last. */
async function assertLogs(backend: Backend, logs: ReadonlyMap<string, readonly LogRecord[]>): Promise<void> {
  for (const [key, log] of logs) {
    const tail = await backend.read(key);
    assert.equal(tail.head?.version, log.length, `"${key}" ends elsewhere after reopening`);
    assert.equal(tail.head?.id, log.at(-1)?.id, `"${key}" ends with another operation after reopening`);
    assertRecords(await all(backend.range(key)), log, 1, log.length);
  }
}

function entries(backend: Backend, after: Position | undefined, limit: number): Promise<FeedEntry[]> {
  return all(backend.feed!(after, { limit }));
}

function named(feed: readonly FeedEntry[]): string[] {
  return feed.map((entry) => `${entry.key} ${'record' in entry ? entry.record.version : 'trimmed'}`);
}
