import assert from 'node:assert/strict';
import type { Append, Backend, Head, LogRecord } from '../../backend.js';
import type { BackendBench } from '../backend-bench.js';
import { like } from '../support/assertions.js';
import { bare } from '../support/heads.js';
import { unexplained } from '../support/linearizability.js';
import { recordOperations } from '../support/recorded-operations.js';
import { all, appendOf, assertRecords, commitOne, grow, record } from '../support/records.js';
import { stateProcesses } from './concurrency/processes.js';
import { statePrograms } from './concurrency/programs.js';
import { backendSuite } from './suite.js';

/** More than a batch of most stores holds. */
const AT_ONCE = 600;
/** The long tier tries many more. */
const LONG_MS = 600_000;

export const concurrency = backendSuite(
  'concurrency',
  ['capabilities', 'values', 'keys', 'history', 'versions', 'operations', 'lifecycle'],
  (fact, subject) => {
    fact(
      'of many concurrent appends to one version exactly one wins, version after version',
      async (bench) => {
        const handles = [bench.backend, await bench.open(), await bench.open()];
        const keys = Array.from({ length: 5 }, (_, i) => `key-${i}`);
        await Promise.all(keys.map((key) => compete(handles, key, 8)));
      },
    );

    fact('of concurrent appends on one handle exactly one wins, too', async ({ backend }) => {
      await compete([backend], 'k', 8);
    });

    fact('concurrent appends to many keys all happen, each in its own log', async (bench) => {
      const handles = [bench.backend, await bench.open()];
      const keys = Array.from({ length: 40 }, (_, i) => `key-${i}`);
      const logs = await Promise.all(
        keys.map((key, i) => grow(handles[i % handles.length] as Backend, key, ['set', 'event', 'set'])),
      );
      for (const [i, key] of keys.entries())
        assertRecords(await all(bench.backend.range(key)), logs[i]!, 1, 3);
    });

    fact(
      'hundreds of appends at once, each to a key of its own, all happen',
      async ({ backend, effort }) => {
        const appends = Array.from({ length: effort.times(AT_ONCE) }, (_, i) =>
          appendOf(`k${i}`, null, record(1)),
        );
        const results = await Promise.all(appends.map((append) => commitOne(backend, append)));
        for (const result of results) like(result, { ok: true, head: { version: 1 } });
        const tails = await Promise.all(appends.map(({ key }) => backend.read(key)));
        assert.deepEqual(
          tails.map(({ head }) => head?.id),
          appends.map(({ records }) => records[0]!.id),
        );
      },
      LONG_MS,
    );

    if (subject.claims.atomicity === 'store') {
      fact('commits over the same keys in another order are all answered', async ({ backend, open }) => {
        const other = await open();
        const over = (handle: Backend, ...names: string[]) =>
          handle.commit(
            names.map((name) => appendOf(name, null, record(1))),
            { atomic: true },
          );
        // That one of the two wins is told by the facts of `atomicity`.
        for (let i = 0; i < 10; i++) {
          const [a, b, c] = [`a${i}`, `b${i}`, `c${i}`] as const;
          await Promise.all([over(backend, a, b, c), over(other, c, b, a), over(backend, b, c, a)]);
        }
      });
    }

    fact(
      'a flow of appends that are not waited for is one log, or ends where the first was refused',
      pipelined,
    );

    fact('what another handle has acknowledged is what the next read sees', async ({ backend, open }) => {
      const handles = [backend, await open(), await open()];
      let log = await grow(backend, 'k', ['set']);
      for (let i = 1; i < 30; i++) {
        log = await grow(handles[i % 3]!, 'k', ['set'], log);
        for (const each of handles) {
          assert.equal((await each.read('k')).head?.version, log.length, 'a handle sees an older head');
        }
      }
    });

    fact(
      'a read that is asked for after an acknowledgement knows of it, also while older reads are under way',
      async ({ backend, open }) => {
        const handles = [backend, await open()];
        const older: Promise<unknown>[] = [];
        let log: LogRecord[] = [];
        for (let i = 0; i < 20; i++) {
          older.push(...handles.flatMap((each) => [each.read('k'), all(each.range('k'))]));
          log = await grow(backend, 'k', ['set'], log);
          for (const each of handles) {
            const [tail, ranged] = await Promise.all([each.read('k'), all(each.range('k'))]);
            assert.equal(tail.head?.version, log.length, 'the head is an older one');
            assert.equal(ranged.length, log.length, 'the newest record is missing');
          }
        }
        await Promise.all(older);
      },
    );

    fact(
      'what clients of one process see is explained by one order of events',
      async ({ backend, open, effort }) => {
        const handles = [backend, await open()];
        for (let round = 0; round < effort.times(3); round++) {
          const key = `round-${round}-of-${effort.seed}`;
          const clients = Array.from({ length: 5 }, (_, i) =>
            recordOperations(handles[i % 2]!, key, `client ${i}`, 20),
          );
          assert.deepEqual(unexplained((await Promise.all(clients)).flat()), []);
        }
      },
      LONG_MS,
    );

    statePrograms(fact);
    stateProcesses(fact, subject);
  },
);

/** Twenty at once for each version: one wins, and the others are told its head. */
async function compete(handles: readonly Backend[], key: string, versions: number): Promise<void> {
  let head: Head | null = null;
  const winners: string[] = [];
  for (let version = 1; version <= versions; version++) {
    const expected: Head | null = head;
    const appends = Array.from({ length: 20 }, (): Append => appendOf(key, expected, record(version)));
    const results = await Promise.all(
      appends.map((append, i) => commitOne(handles[i % handles.length] as Backend, append)),
    );
    const won = appends.filter((_, i) => results[i]?.ok);
    assert.equal(won.length, 1, `${won.length} of 20 appends to version ${version} were told that they won`);
    head = results.find(({ ok }) => ok)?.head as Head;
    for (const loser of results) assert.deepEqual(bare(loser.head), bare(head));
    winners.push(won[0]?.records[0]?.id as string);
  }
  const log = await all((handles[0] as Backend).range(key));
  assert.deepEqual(
    log.map(({ id }) => id),
    winners,
    'the log holds other appends than those that won',
  );
}

/** Each append expects the one before it, which is still on its way. */
async function pipelined({ backend }: BackendBench): Promise<void> {
  const records = Array.from({ length: 20 }, (_, i) => record(i + 1));
  const answers = await Promise.all(
    records.map((each, i) => commitOne(backend, appendOf('k', records[i - 1] ?? null, each))),
  );
  const stored = await all(backend.range('k'));
  assertRecords(stored, records, 1, stored.length);
  assert.ok(stored.length >= 1, 'the first one expects nothing that is on its way');
  for (const [i, { ok }] of answers.entries()) {
    assert.equal(ok, i < stored.length, `append ${i + 1} of ${stored.length} that are there`);
  }
}
