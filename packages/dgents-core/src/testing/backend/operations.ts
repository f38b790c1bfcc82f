import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Append, Backend, CommitResult, Head, LogRecord } from '../../backend.js';
import { like } from '../support/assertions.js';
import { lengthened } from '../support/lengthened.js';
import { trimmed } from '../support/readings.js';
import {
  all,
  appendOf,
  assertRecords,
  checkpointOf,
  commitOne,
  grow,
  headOf,
  record,
} from '../support/records.js';
import { stateFind } from './operations/find.js';
import { backendSuite } from './suite.js';

const PRESUMED = ['capabilities', 'values', 'isolation', 'keys', 'history', 'versions'] as const;

// `lost-replies.ts` and the suites of durability tell what is known of an operation after a failure or a restart.
export const operations = backendSuite('operations', PRESUMED, (fact, { claims }) => {
  fact('an append that is new is not called a replay', async ({ backend }) => {
    const first = record(1);
    like(await commitOne(backend, appendOf('k', null, first)), { ok: true, replayed: false });
    const second = appendOf('k', first, record(2, 'patch'), record(3, 'event'));
    like(await commitOne(backend, second), { ok: true, replayed: false });
    like(await commitOne(backend, appendOf('other', null, first)), { ok: true, replayed: false });
  });

  fact('an append that is sent again happens once, and says so', async ({ backend }) => {
    const first = appendOf('k', null, record(1));
    const { head } = await commitOne(backend, first);
    for (let i = 0; i < 3; i++) await assertReplay(backend, first);
    await assertReplay(backend, first, head!);
    const second = appendOf('k', head, record(2, 'patch'));
    await commitOne(backend, second);
    await assertReplay(backend, second);
    await assertLog(backend, [first, second]);
  });

  fact('an append of several records that is sent again happens once', async ({ backend }) => {
    const first = appendOf('k', null, record(1), record(2, 'patch'), record(3, 'event'));
    const { head } = await commitOne(backend, first);
    await assertReplay(backend, first);
    const second = appendOf('k', head, record(4), record(5, 'tombstone'));
    await commitOne(backend, second);
    await assertReplay(backend, second);
    await assertLog(backend, [first, second]);
  });

  fact('an append whose records share one id is known by it', async ({ backend }) => {
    const { id } = record(1);
    const first = appendOf('k', null, ...[1, 2, 3].map((version) => record(version, 'set', { id })));
    await commitOne(backend, first);
    await assertReplay(backend, first);
    await assertLog(backend, [first]);
  });

  fact('an append that is sent twice at once happens once', async ({ backend, open }) => {
    const handles = [backend, await open()];
    const sent: Append[] = [];
    let head: Head | null = null;
    for (let round = 0; round < 10; round++) {
      const append: Append = appendOf('k', head, record(2 * round + 1), record(2 * round + 2, 'patch'));
      sent.push(append);
      const results: CommitResult[] = await Promise.all(
        [0, 1, 2, 3].map((i) => commitOne(handles[i % 2]!, append)),
      );
      for (const result of results) like(result, { ok: true, head: headOf(append.records[1]!) });
      const fresh = results.filter((result) => result.ok && !result.replayed);
      assert.equal(fresh.length, 1, 'of several that are the same, one is the first');
      head = fresh[0]!.head;
    }
    await assertLog(backend, sent);
  });

  fact('a winner that asks again is told that it won, and the losers that they lost', async ({ backend }) => {
    const [first] = await grow(backend, 'k', ['set']);
    const rivals = Array.from({ length: 4 }, () => appendOf('k', first!, record(2)));
    // One after the other: that of many at once only one wins is promised elsewhere.
    const results: CommitResult[] = [];
    const again: CommitResult[] = [];
    for (const append of rivals) results.push(await commitOne(backend, append));
    for (const append of rivals) again.push(await commitOne(backend, append));
    const won = results.findIndex(({ ok }) => ok);
    for (const [i, result] of again.entries()) {
      if (i === won) like(result, { ok: true, replayed: true, head: headOf(rivals[i]!.records[0]!) });
      else like(result, { ok: false, head: { id: rivals[won]!.records[0]!.id } });
    }
    assert.equal((await all(backend.range('k'))).length, 2);
  });

  fact(
    'a replay gives the head that its append made, also when others have followed',
    async ({ backend }) => {
      const first = appendOf('k', null, record(1), record(2, 'patch'));
      await commitOne(backend, first);
      const log = await grow(backend, 'k', ['patch', 'patch', 'tombstone'], first.records);
      await assertReplay(backend, first);
      const second = appendOf('k', log[1]!, log[2]!);
      await assertReplay(backend, second);
      assertRecords(await all(backend.range('k')), log, 1, 5);
      like((await backend.read('k')).head, headOf(log[4]!));
    },
  );

  fact(
    'an append that is sent again is recognised, however many have followed',
    async ({ backend, effort }) => {
      const first = appendOf('k', null, record(1), record(2, 'patch'));
      await commitOne(backend, first);
      const log = await lengthened(backend, 'k', first.records, effort.times(300));
      await assertReplay(backend, first);
      like((await backend.read('k', { limit: 0 })).head, headOf(log.at(-1)!));
    },
  );

  fact(
    'another operation directly after `expected` is a conflict, whatever follows it',
    async ({ backend }) => {
      const log = await grow(backend, 'k', ['set', 'patch', 'patch']);
      const late = appendOf('k', log[0]!, { ...log[2]!, version: 2 });
      like(await commitOne(backend, late), { ok: false, head: headOf(log[2]!) });
      const tooEarly = appendOf('k', null, { ...log[1]!, version: 1 });
      like(await commitOne(backend, tooEarly), { ok: false, head: headOf(log[2]!) });
      assertRecords(await all(backend.range('k')), log, 1, 3);
    },
  );

  fact(
    'an append of several records is recognised by its first id, not by its last alone',
    async ({ backend }) => {
      const first = appendOf('k', null, record(1), record(2));
      await commitOne(backend, first);
      const other = appendOf('k', null, record(1), first.records[1]!);
      like(await commitOne(backend, other), { ok: false, head: headOf(first.records[1]!) });
      await assertLog(backend, [first]);
    },
  );

  fact(
    'an append of several records is recognised by its last id, not by its first alone',
    async ({ backend }) => {
      const first = appendOf('k', null, record(1), record(2));
      await commitOne(backend, first);
      const other = appendOf('k', null, first.records[0]!, record(2));
      like(await commitOne(backend, other), { ok: false, head: headOf(first.records[1]!) });
      await assertLog(backend, [first]);
    },
  );

  fact('an append that became the base is recognised', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set', 'patch', 'patch', 'patch']);
    if (!(await trimmed(backend, 'k', checkpointOf(log[2]!)))) return;
    await assertReplay(backend, appendOf('k', log[1]!, log[2]!));
    await assertReplay(backend, appendOf('k', log[2]!, log[3]!));
    like((await backend.read('k')).head, headOf(log[3]!));
  });

  fact('an append from before the base is not taken for done, and is not done again', async ({ backend }) => {
    const log = await grow(backend, 'k', ['set', 'patch', 'patch', 'patch']);
    if (!(await trimmed(backend, 'k', checkpointOf(log[2]!)))) return;
    for (const append of [appendOf('k', log[0]!, log[1]!), appendOf('k', null, log[0]!)]) {
      like(await commitOne(backend, append), { ok: false, head: headOf(log[3]!) });
    }
    like((await backend.read('k')).head, headOf(log[3]!));
  });

  fact('whatever is sent again, whenever and however often, has happened once', async ({ backend, runs }) => {
    let logs = 0;
    const steps = fc.array(
      fc.oneof(
        fc.record({ append: fc.integer({ min: 1, max: 3 }) }),
        fc.record({ again: fc.nat(20) }),
        fc.record({ rival: fc.nat(20) }),
      ),
      { minLength: 2, maxLength: 15 },
    );
    const once = fc.asyncProperty(steps, async (given) => {
      const writer = new Writer(backend, `log-${++logs}`);
      for (const step of given) {
        if ('append' in step) await writer.append(step.append);
        else if ('again' in step) await writer.again(step.again);
        else await writer.rival(step.rival);
      }
      await assertLog(backend, writer.sent, writer.key);
    });
    await fc.assert(once, runs(20));
  });

  stateFind(fact, claims.find);
});

/** Remembers all that it sent, and forgets every answer. */
class Writer {
  readonly sent: Append[] = [];

  constructor(
    readonly backend: Backend,
    readonly key: string,
  ) {}

  async append(count: number): Promise<void> {
    const { head } = await this.backend.read(this.key);
    const version = head?.version ?? 0;
    const records = Array.from({ length: count }, (_, i) => record(version + i + 1));
    const append = appendOf(this.key, head, ...records);
    like(await commitOne(this.backend, append), { ok: true, replayed: false });
    this.sent.push(append);
  }

  async again(which: number): Promise<void> {
    const append = this.sent[which % this.sent.length];
    if (append !== undefined) await assertReplay(this.backend, append);
  }

  /** Another operation in the place of an earlier one. */
  async rival(which: number): Promise<void> {
    const append = this.sent[which % this.sent.length];
    if (append === undefined) return;
    const records = append.records.map(({ version }) => record(version));
    like(await commitOne(this.backend, { ...append, records }), { ok: false });
  }
}

async function assertReplay(backend: Backend, append: Append, head?: Head): Promise<void> {
  const due = head ?? headOf(append.records.at(-1)!);
  const { version, id, deleted } = due;
  like(await commitOne(backend, append), { ok: true, replayed: true, head: { version, id, deleted } });
}

async function assertLog(backend: Backend, appends: readonly Append[], key = 'k'): Promise<void> {
  const log: LogRecord[] = appends.flatMap(({ records }) => [...records]);
  assertRecords(await all(backend.range(key)), log, 1, log.length);
}
