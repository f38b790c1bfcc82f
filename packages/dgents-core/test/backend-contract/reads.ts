import { LogCompactedError } from '../../src/errors.js';
import type { Contract } from '../backend-contract.js';
import {
  all,
  appendOf,
  checkpointOf,
  commitOne,
  expectRecords,
  expectWholeTail,
  grow,
  headOf,
  record,
} from './records.js';

export function describeReads({ backend }: Contract): void {
  describe('reads', () => {
    const kinds = ['set', 'patch', 'patch', 'set', 'patch', 'event', 'tombstone', 'set', 'patch'] as const;

    test('a key that was never written has no log', async () => {
      const nothing = { head: null, floor: 0, since: 'same', records: [], more: false };
      expect(await backend().read('absent')).toMatchObject(nothing);
      expect(await all(backend().range('absent'))).toEqual([]);
    });

    test('a read gives the head and the tail from a starting point on', async () => {
      const log = await grow(backend(), 'k', kinds);
      const tail = await backend().read('k');
      expect(tail.head).toMatchObject(headOf(log[8]!));
      expect(tail).toMatchObject({ floor: 1, since: 'same' });
      expectWholeTail(tail, log, 9);
    });

    test('a log of patches and events only is read from version 1', async () => {
      const log = await grow(backend(), 'k', ['event', 'patch', 'event']);
      const tail = await backend().read('k');
      expectRecords(tail.records, log, 1, 3);
    });

    test('a read as of any version ends there and still has the head of the whole log', async () => {
      const log = await grow(backend(), 'k', kinds);
      for (let at = 1; at <= log.length; at++) {
        const tail = await backend().read('k', { at });
        expectWholeTail(tail, log, at);
        expect(tail.head).toMatchObject(headOf(log[8]!));
      }
    });

    test('a read as of a version yet to come is a read of now', async () => {
      const log = await grow(backend(), 'k', ['set', 'patch']);
      expectWholeTail(await backend().read('k', { at: 99 }), log, 2);
      expect(await backend().read('absent', { at: 99 })).toMatchObject({ head: null, records: [] });
    });

    test('after any version of the log, a read gives what followed and nothing else', async () => {
      const log = await grow(backend(), 'k', kinds);
      for (const seen of log) {
        const tail = await backend().read('k', { after: headOf(seen) });
        expect(tail.since).toBe('same');
        expect(tail.base ?? tail.checkpoint).toBeUndefined();
        expectRecords(tail.records, log, seen.version + 1, 9);
      }
    });

    test('`after` and `at` together give what lies between them', async () => {
      const log = await grow(backend(), 'k', kinds);
      const tail = await backend().read('k', { after: headOf(log[1]!), at: 5 });
      expectRecords(tail.records, log, 3, 5);
      expect(tail).toMatchObject({ since: 'same', more: false });
    });

    test('after a head of the same version under another id, the log has diverged and is given whole', async () => {
      const log = await grow(backend(), 'k', ['set', 'patch', 'patch']);
      for (const version of [2, 3]) {
        const tail = await backend().read('k', { after: { ...headOf(log[1]!), version, id: 'of another' } });
        expect(tail.since).toBe('diverged');
        expectWholeTail(tail, log, 3);
      }
    });

    test('after a head beyond the end, or of a log that is gone, the log has diverged', async () => {
      const log = await grow(backend(), 'k', ['set', 'patch']);
      const after = headOf(record(3));
      const tail = await backend().read('k', { after });
      expect(tail.since).toBe('diverged');
      expectWholeTail(tail, log, 2);
      expect(await backend().read('absent', { after })).toMatchObject({ head: null, since: 'diverged' });
    });

    test.each([1, 2, 5, 100])('pages of %d join to the whole', async (limit) => {
      const log = await grow(backend(), 'k', ['set', 'patch', 'patch', 'patch', 'patch', 'patch', 'patch']);
      let tail = await backend().read('k', { limit });
      const records = [...tail.records];
      while (tail.more) {
        expect(tail.records.length).toBeGreaterThan(0);
        tail = await backend().read('k', { limit, after: headOf(records.at(-1)!) });
        expect(tail.records.length).toBeLessThanOrEqual(limit);
        records.push(...tail.records);
      }
      expectRecords(records, log, 1, 7);
    });

    test('a limit of 0 gives no records and says whether there are any', async () => {
      const log = await grow(backend(), 'k', ['set', 'patch']);
      const [first, last] = log.map(headOf);
      expect(await backend().read('k', { limit: 0, after: first! })).toMatchObject({
        records: [],
        more: true,
      });
      expect(await backend().read('k', { limit: 0, after: last! })).toMatchObject({
        records: [],
        more: false,
      });
    });

    test('a range is in order, either way, within its bounds', async () => {
      const log = await grow(backend(), 'k', kinds);
      const range = (options: object) => all(backend().range('k', options));
      expectRecords(await range({}), log, 1, 9);
      expectRecords(await range({ from: 3, to: 5 }), log, 3, 5);
      expectRecords(await range({ from: 8, to: 99 }), log, 8, 9);
      expectRecords(await range({ limit: 2 }), log, 1, 2);
      expectRecords((await range({ reverse: true })).reverse(), log, 1, 9);
      expectRecords((await range({ reverse: true, to: 7, limit: 2 })).reverse(), log, 6, 7);
      expectRecords((await range({ reverse: true, from: 3, to: 5 })).reverse(), log, 3, 5);
      expect(await range({ from: 5, to: 4 })).toEqual([]);
      expect(await range({ from: 10 })).toEqual([]);
      expect(await range({ limit: 0 })).toEqual([]);
    });

    test('a tombstone is a version like any other, and numbering goes on after it', async () => {
      const log = await grow(backend(), 'k', ['set', 'tombstone']);
      expect((await backend().read('k')).head).toMatchObject({ version: 2, deleted: true });
      expect(await commitOne(backend(), appendOf('k', null, record(1)))).toMatchObject({ ok: false });
      await grow(backend(), 'k', ['set'], log);
      expect((await backend().read('k')).head).toMatchObject({ version: 3, deleted: false });
    });
  });

  describe('checkpoints', () => {
    test('a checkpoint changes neither head nor floor nor records, and a tail may start from it', async () => {
      const log = await grow(backend(), 'k', ['set', 'patch', 'patch', 'patch']);
      const offered = [checkpointOf(log[1]!), checkpointOf(log[2]!)];
      for (const checkpoint of offered) await backend().checkpoint('k', checkpoint);
      for (let at = 1; at <= 4; at++) {
        const due = offered.filter((checkpoint) => checkpoint.version <= at);
        expectWholeTail(await backend().read('k', { at }), log, at, due);
      }
      expect(await backend().read('k')).toMatchObject({ head: headOf(log[3]!), floor: 1 });
      expectRecords(await all(backend().range('k')), log, 1, 4);
    });

    test('a tail after a head never starts from a checkpoint', async () => {
      const log = await grow(backend(), 'k', ['set', 'patch', 'patch']);
      await backend().checkpoint('k', checkpointOf(log[1]!));
      const tail = await backend().read('k', { after: headOf(log[0]!) });
      expect(tail.checkpoint).toBeUndefined();
      expectRecords(tail.records, log, 2, 3);
    });

    test('a checkpoint under another id, beyond the head or of no log is ignored', async () => {
      const log = await grow(backend(), 'k', ['set', 'patch', 'patch']);
      await backend().checkpoint('k', { ...checkpointOf(log[1]!), id: 'of another' });
      await backend().checkpoint('k', checkpointOf(record(4)));
      await backend().checkpoint('absent', checkpointOf(log[1]!));
      expectWholeTail(await backend().read('k'), log, 3);
      expect((await backend().read('absent')).head).toBeNull();
    });

    test('a checkpoint at or below the floor is ignored', async () => {
      const log = await grow(backend(), 'k', ['set', 'patch', 'patch', 'patch']);
      const base = checkpointOf(log[2]!);
      await backend().trim('k', base);
      for (const version of [1, 2, 3]) {
        await backend().checkpoint('k', checkpointOf(log[version - 1]!, '"late"'));
      }
      expectWholeTail(await backend().read('k'), log, 4, [base]);
      expect((await backend().read('k')).floor).toBe(3);
      await expect(backend().read('k', { at: 2 })).rejects.toThrow(LogCompactedError);
    });

    test('checkpoints without end do not keep a log from being read', async () => {
      const log = await grow(backend(), 'k', ['set', ...Array(40).fill('patch')]);
      for (const each of log) await backend().checkpoint('k', checkpointOf(each));
      for (let at = 1; at <= 41; at++) {
        expectWholeTail(
          await backend().read('k', { at }),
          log,
          at,
          log.map((each) => checkpointOf(each)),
        );
      }
    });
  });
}
