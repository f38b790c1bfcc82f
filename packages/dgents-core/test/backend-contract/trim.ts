import type { LogRecord } from '../../src/backend.js';
import { LogCompactedError } from '../../src/errors.js';
import type { Contract } from '../backend-contract.js';
import { all, checkpointOf, expectRecords, expectWholeTail, grow, headOf, plain, record } from './records.js';

export function describeTrim({ backend, facts, opened }: Contract): void {
  describe('trim', () => {
    const kinds = ['set', 'patch', 'patch', 'patch', 'patch', 'patch'] as const;

    test('the base becomes the oldest version kept, and head and numbering stay', async () => {
      const log = await grow(backend(), 'k', kinds);
      const base = checkpointOf(log[3]!);
      await backend().trim('k', base);
      const tail = await backend().read('k');
      expect(tail.floor).toBe(4);
      expect(tail.head).toMatchObject(headOf(log[5]!));
      expect(plain(tail.base!)).toEqual(plain(base));
      expectRecords(tail.records, log, 5, 6);
      const grown = await grow(backend(), 'k', ['patch'], log);
      expectWholeTail(await backend().read('k'), grown, 7, [base]);
    });

    test('nothing from before the base is returned any more, the record at the base included', async () => {
      const log = await grow(backend(), 'k', kinds);
      await backend().trim('k', checkpointOf(log[3]!));
      expectRecords(await all(backend().range('k')), log, 5, 6);
      expectRecords(await all(backend().range('k', { from: 2, to: 5 })), log, 5, 5);
      expectRecords((await all(backend().range('k', { reverse: true }))).reverse(), log, 5, 6);
      for (const at of [1, 2, 3]) {
        const refused = backend().read('k', { at });
        await expect(refused).rejects.toThrow(LogCompactedError);
        await expect(refused).rejects.toMatchObject({ floor: 4 });
      }
    });

    test('the versions that are kept can be read as before', async () => {
      const log = await grow(backend(), 'k', kinds);
      const base = checkpointOf(log[3]!);
      await backend().trim('k', base);
      for (const at of [4, 5, 6]) expectWholeTail(await backend().read('k', { at }), log, at, [base]);
    });

    test('a reader from before the base is told that the log was trimmed, one at the base or later is not', async () => {
      const log = await grow(backend(), 'k', kinds);
      const base = checkpointOf(log[3]!);
      await backend().trim('k', base);
      for (const seen of log) {
        const tail = await backend().read('k', { after: headOf(seen) });
        expect(tail.since).toBe(seen.version < 4 ? 'trimmed' : 'same');
        if (seen.version < 4) expectWholeTail(tail, log, 6, [base]);
        else expectRecords(tail.records, log, seen.version + 1, 6);
      }
      const stranger = await backend().read('k', { after: { ...headOf(log[3]!), id: 'of another' } });
      expect(stranger.since).toBe('diverged');
    });

    test('a base at the head leaves no records and the same head', async () => {
      const log = await grow(backend(), 'k', kinds);
      const base = checkpointOf(log[5]!);
      await backend().trim('k', base);
      expect(await backend().read('k')).toMatchObject({ head: headOf(log[5]!), floor: 6, records: [] });
      expect(await all(backend().range('k'))).toEqual([]);
      expectWholeTail(await backend().read('k'), log, 6, [base]);
      await grow(backend(), 'k', ['patch'], log);
    });

    test('a base under another id, beyond the head, at or below the floor, or of no log changes nothing', async () => {
      const log = await grow(backend(), 'k', kinds);
      const base = checkpointOf(log[3]!);
      await backend().trim('k', base);
      const wrong = [
        { ...checkpointOf(log[4]!), id: 'of another' },
        checkpointOf(record(7)),
        checkpointOf(log[3]!, '"another state"'),
        checkpointOf(log[1]!),
      ];
      for (const other of wrong) await backend().trim('k', other);
      await backend().trim('absent', base);
      const tail = await backend().read('k');
      expect(tail).toMatchObject({ floor: 4, head: headOf(log[5]!) });
      expectWholeTail(tail, log, 6, [base]);
      expect(await all(backend().keys())).toEqual([{ key: 'k' }]);
    });

    test('a base at version 1 of a log that is whole changes nothing', async () => {
      const log = await grow(backend(), 'k', kinds);
      await backend().trim('k', checkpointOf(log[0]!));
      expectRecords(await all(backend().range('k')), log, 1, 6);
      expect((await backend().read('k')).floor).toBe(1);
    });

    test('the floor moves up, trim after trim, while the log grows', async () => {
      let log: LogRecord[] = await grow(backend(), 'k', ['set']);
      for (let i = 0; i < 60; i++) {
        log = await grow(backend(), 'k', ['patch'], log);
        if (log.length > 5) await backend().trim('k', checkpointOf(log.at(-5)!));
      }
      expectWholeTail(await backend().read('k'), log, 61, [checkpointOf(log[56]!)]);
      expect((await backend().read('k')).floor).toBe(57);
      expectRecords(await all(backend().range('k')), log, 58, 61);
    });

    test('a checkpoint above the base stays usable', async () => {
      const log = await grow(backend(), 'k', kinds);
      const [base, later] = [checkpointOf(log[2]!), checkpointOf(log[4]!)];
      await backend().checkpoint('k', later);
      await backend().trim('k', base);
      expectWholeTail(await backend().read('k'), log, 6, [base, later]);
      expectWholeTail(await backend().read('k', { at: 4 }), log, 4, [base]);
    });

    test('a base with data null erases the content and keeps the numbering', async () => {
      const log = await grow(backend(), 'k', ['set', 'patch', 'tombstone']);
      await backend().trim('k', checkpointOf(log[2]!));
      const tail = await backend().read('k');
      expect(tail).toMatchObject({ floor: 3, records: [], head: { version: 3, deleted: true } });
      expect(tail.base).toMatchObject({ version: 3, data: null });
      expect(await all(backend().range('k'))).toEqual([]);
      await grow(backend(), 'k', ['set'], log);
      expect((await backend().read('k')).head).toMatchObject({ version: 4, deleted: false });
    });

    if (facts.reopen) {
      test('a trimmed log is the same after reopening', async () => {
        const log = await grow(backend(), 'k', kinds);
        const base = { ...checkpointOf(log[3]!), codec: 'c', schema: 3, meta: { why: 'retention' } };
        await backend().trim('k', base);
        const reopened = await opened().reopen!();
        const tail = await reopened.read('k');
        expect(tail).toMatchObject({ floor: 4, head: headOf(log[5]!) });
        expectWholeTail(tail, log, 6, [base]);
        await expect(reopened.read('k', { at: 3 })).rejects.toThrow(LogCompactedError);
      });
    }
  });
}
