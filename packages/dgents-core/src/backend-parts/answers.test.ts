import { ArrayLog, recordAt } from '../../test/array-log.js';
import type { Append, Head } from '../backend.js';
import { answerTo, decide } from './answers.js';
import { headOf } from './log-view.js';

const log = new ArrayLog(['set', 'patch', 'patch', 'patch', 'tombstone']);

/** Made on the head at this version: two records, with ids of their own unless told. */
function append(version: number, ids: readonly string[] = ['new', 'newer'], key = 'a'): Append {
  const expected = version === 0 ? null : headOf(log.records[version - 1]!);
  return { key, expected, records: ids.map((id, i) => recordAt(version + i + 1, 'patch', id)) };
}

describe('the answer to an append', () => {
  test('is none when it follows the head, or begins the log', () => {
    expect(answerTo(append(5), log)).toBeUndefined();
    expect(answerTo(append(0), undefined)).toBeUndefined();
  });

  test.each([
    ['there is a log and none was expected', append(0), log.head],
    ['there is none and one was expected', append(5), null],
    ['others have followed', append(3), log.head],
    ['the expected version lies ahead', { ...append(5), expected: { ...log.head, version: 9 } }, log.head],
    ['another operation wrote the version', { ...append(5), expected: { ...log.head, id: 'x' } }, log.head],
  ])('is a conflict with the head that is there when %s', (_, given, head) => {
    expect(answerTo(given, head === null ? undefined : log)).toEqual({ ok: false, head });
  });

  test('is that of then when it was made before, also when others have followed', () => {
    const then: Head = { version: 3, id: 'id 3', at: 1_003, deleted: false };
    expect(answerTo(append(1, ['id 2', 'id 3']), log)).toEqual({ ok: true, head: then, replayed: true });
  });

  test('is the head that is there when it made that one', () => {
    const given = append(3, ['id 4', 'id 5']);
    expect(answerTo(given, log)).toEqual({ ok: true, head: log.head, replayed: true });
  });

  test('has the time that was stored, not that of the repetition', () => {
    const repeated = append(1, ['id 2', 'id 3']);
    const later = { ...repeated, records: repeated.records.map((record) => ({ ...record, at: 9_999 })) };
    expect(answerTo(later, log)).toMatchObject({ head: { at: 1_003 } });
  });

  test.each([
    ['first', ['x', 'id 3']],
    ['last', ['id 2', 'x']],
  ])('is a conflict when only the %s record is another', (_, ids) => {
    expect(answerTo(append(1, ids), log)).toEqual({ ok: false, head: log.head });
  });

  test('is a conflict when what was made cannot be known any more', () => {
    const trimmed = new ArrayLog(['set', 'patch', 'patch', 'patch', 'tombstone'], 3);
    expect(answerTo(append(1, ['id 2', 'id 3']), trimmed)).toEqual({ ok: false, head: log.head });
  });

  test('is found where the last record became the base', () => {
    const trimmed = new ArrayLog(['set', 'patch', 'patch', 'patch', 'tombstone'], 3);
    expect(answerTo(append(2, ['id 3']), trimmed)).toMatchObject({
      ok: true,
      head: { version: 3, id: 'id 3' },
    });
  });
});

describe('a commit', () => {
  const free = append(0, ['new'], 'free');
  const behind = append(3, ['other'], 'behind');
  const repeated = append(1, ['id 2', 'id 3'], 'repeated');
  const follows = append(5, ['new'], 'follows');
  const logOf = (key: string) => (key === 'free' ? undefined : log);

  function commit(appends: readonly Append[], atomic?: boolean) {
    const written: string[] = [];
    const results = decide(appends, atomic === undefined ? {} : { atomic }, logOf, ({ key, records }) => {
      written.push(key);
      return headOf(records.at(-1)!);
    });
    return { written, results };
  }

  test('writes what follows, and tells the others', () => {
    const { written, results } = commit([free, behind, repeated, follows]);
    expect(written).toEqual(['free', 'follows']);
    expect(results).toEqual([
      { ok: true, head: headOf(free.records[0]!), replayed: false },
      { ok: false, head: log.head },
      { ok: true, head: headOf(log.records[2]!), replayed: true },
      { ok: true, head: headOf(follows.records[0]!), replayed: false },
    ]);
  });

  test('that is atomic writes nothing when one of it conflicts, wherever that stands', () => {
    const appends = [free, repeated, follows, behind];
    for (const [i] of appends.entries()) {
      const turned = [...appends.slice(i), ...appends.slice(0, i)];
      const { written, results } = commit(turned, true);
      expect(written).toEqual([]);
      expect(results).toEqual(
        turned.map(({ key }) => {
          if (key === 'repeated') return { ok: true, head: headOf(log.records[2]!), replayed: true };
          return { ok: false, head: key === 'free' ? null : log.head };
        }),
      );
    }
  });

  test('that is atomic is written whole where nothing of it conflicts', () => {
    expect(commit([free, repeated, follows], true).written).toEqual(['free', 'follows']);
  });

  test('is answered before anything of it is written', () => {
    const asked: string[] = [];
    const look = (key: string) => {
      asked.push(`read ${key}`);
      return logOf(key);
    };
    decide([free, follows], {}, look, ({ key, records }) => {
      asked.push(`write ${key}`);
      return headOf(records.at(-1)!);
    });
    expect(asked).toEqual(['read free', 'read follows', 'write free', 'write follows']);
  });

  test('hands the log as it is to who writes', () => {
    const given: unknown[] = [];
    decide([free, follows], {}, logOf, ({ records }, found) => {
      given.push(found);
      return headOf(records.at(-1)!);
    });
    expect(given).toEqual([undefined, log]);
  });
});

test('a head that a record makes is frozen, and deleted after a tombstone', () => {
  expect(headOf(recordAt(2, 'tombstone'))).toEqual({ version: 2, id: 'id 2', at: 1_002, deleted: true });
  expect(headOf(recordAt(2, 'event')).deleted).toBe(false);
  expect(Object.isFrozen(headOf(recordAt(2)))).toBe(true);
});
