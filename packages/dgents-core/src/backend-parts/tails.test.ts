import fc from 'fast-check';
import { ArrayLog, recordAt } from '../../test/array-log.js';
import { all } from '../../test/places.js';
import type { Head, LogRecord, LogTail, RangeOptions, ReadOptions, RecordKind } from '../backend.js';
import { LogCompactedError, StateCorruptionError } from '../errors.js';
import { headOf, type LogView } from './log-view.js';
import { rangeOver, tailOf } from './tails.js';

const kind = fc.constantFrom<RecordKind>('patch', 'patch', 'event', 'set', 'tombstone');
const logs = fc.array(kind, { minLength: 1, maxLength: 10 }).chain((kinds) =>
  fc.integer({ min: 1, max: kinds.length }).chain((floor) => {
    const checkpoint = fc.option(fc.integer({ min: floor + 1, max: Math.max(floor + 1, kinds.length) }));
    return checkpoint.map((version) => {
      const kept = version === null || version > kinds.length ? undefined : version;
      return new ArrayLog(kinds, floor, kept);
    });
  }),
);
const count = fc.option(fc.integer({ min: 0, max: 11 }), { nil: undefined });
const version = fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined });

/** What some handle has seen: mostly what is there. */
const seen = fc.option(
  fc
    .record({ version: fc.integer({ min: 1, max: 12 }), stranger: fc.boolean() })
    .map(
      ({ version, stranger }): Head => headOf(recordAt(version, 'patch', stranger ? 'another' : undefined)),
    ),
  { nil: undefined },
);

function given<T extends object>(options: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

/** What is written at the port, said once more without any regard for speed. */
function expectedTail(log: ArrayLog, { after, at, limit }: ReadOptions): LogTail | 'compacted' {
  const { head, floor, kept } = log;
  const end = Math.min(at ?? head.version, head.version);
  const among = (from: number) => {
    const found = kept.filter((record) => record.version >= from && record.version <= end);
    return { records: found.slice(0, limit), more: found.length > (limit ?? found.length) };
  };
  const known = after && after.version >= floor && log.records[after.version - 1]?.id === after.id;
  if (after && known) return { head, floor, since: 'same', ...among(after.version + 1) };
  if (end < floor) return 'compacted';
  const since = after === undefined ? 'same' : after.version < floor ? 'trimmed' : 'diverged';
  const checkpoint = log.checkpoint();
  for (let start = end; start > 0; start--) {
    if (checkpoint?.version === start) return { head, floor, since, checkpoint, ...among(start + 1) };
    const found = log.at(start)!;
    if (!('kind' in found)) return { head, floor, since, base: found, ...among(start + 1) };
    const { kind } = found as LogRecord;
    if (kind === 'set' || kind === 'tombstone') return { head, floor, since, ...among(start) };
  }
  return { head, floor, since, ...among(1) };
}

function found(log: LogView, options: ReadOptions): LogTail | 'compacted' {
  try {
    return tailOf('a', log, options);
  } catch (error) {
    if (error instanceof LogCompactedError && error.floor === log.floor && error.key === 'a')
      return 'compacted';
    throw error;
  }
}

describe('a read', () => {
  test('is what the port says, for any log and any question', () => {
    fc.assert(
      fc.property(logs, seen, version, count, (log, after, at, limit) => {
        fc.pre(after === undefined || at === undefined || after.version <= at);
        const options = given<ReadOptions>({ after, at, limit });
        expect(found(log, options)).toEqual(expectedTail(log, options));
      }),
      { numRuns: 5_000 },
    );
  });

  test('of a key without a log is empty, and tells who has seen one', () => {
    const empty = { head: null, floor: 0, since: 'same', records: [], more: false };
    expect(tailOf('a', undefined)).toEqual(empty);
    const after = headOf(recordAt(1));
    expect(tailOf('a', undefined, { after })).toEqual({ ...empty, since: 'diverged' });
  });

  test('looks up no version twice, and none before its starting point', () => {
    fc.assert(
      fc.property(logs, count, (log, limit) => {
        const asked: number[] = [];
        const at = (version: number) => {
          asked.push(version);
          return log.at(version);
        };
        const { head, floor } = log;
        const tail = tailOf('a', { head, floor, at, checkpoint: () => log.checkpoint() }, given({ limit }));
        expect(new Set(asked).size).toBe(asked.length);
        const start = tail.base ?? tail.checkpoint ?? tail.records[0] ?? log.head;
        if (limit !== 0) expect(Math.min(...asked, log.head.version)).toBeGreaterThanOrEqual(start.version);
      }),
    );
  });

  test('of a log that misses a version is told as damage, never as the end', () => {
    const log = new ArrayLog(['set', 'patch', 'patch']);
    const holed: LogView = {
      head: log.head,
      floor: 1,
      at: (version) => (version === 2 ? undefined : log.at(version)),
    };
    expect(() => tailOf('a', holed)).toThrow(StateCorruptionError);
    expect(() => tailOf('a', holed, { after: headOf(log.records[0]!) })).toThrow(
      /Version 2 of "a" is missing/,
    );
  });
});

/** The log as it is at each look: `meanwhile` runs before the one with its number. */
function looking(log: () => ArrayLog | undefined, meanwhile: (look: number) => void = () => undefined) {
  let looks = 0;
  return async <T>(work: (log: LogView | undefined) => T): Promise<T> => {
    meanwhile(looks++);
    return work(log());
  };
}

describe('a range', () => {
  const ranges = fc
    .record({ from: version, to: version, limit: count, reverse: fc.boolean() })
    .map((options) => given<RangeOptions>(options));
  const expectedRange = ({ kept }: ArrayLog, { from = 1, to = 99, reverse, limit }: RangeOptions) => {
    const records = kept.filter((record) => record.version >= from && record.version <= to);
    return (reverse ? records.reverse() : records).slice(0, limit);
  };

  test('is what is kept, from, to, and in the order that was asked for', async () => {
    await fc.assert(
      fc.asyncProperty(logs, ranges, async (log, options) => {
        expect(
          await all(
            rangeOver(
              'a',
              options,
              looking(() => log),
            ),
          ),
        ).toEqual(expectedRange(log, options));
      }),
      { numRuns: 1_000 },
    );
  });

  test('that is trimmed between two steps tells so, or ends when it goes backwards', async () => {
    const trims = fc.array(fc.integer({ min: 1, max: 10 }), { maxLength: 12 });
    const run = async (log: ArrayLog, options: RangeOptions, floors: readonly number[]) => {
      const whole = expectedRange(log, options);
      const trim = (look: number) => {
        log.floor = Math.max(log.floor, Math.min(log.head.version, look === 0 ? 1 : (floors[look - 1] ?? 1)));
      };
      const records: LogRecord[] = [];
      let error: unknown;
      try {
        for await (const record of rangeOver(
          'a',
          options,
          looking(() => log, trim),
        ))
          records.push(record);
      } catch (thrown) {
        error = thrown;
      }
      expect(records).toEqual(whole.slice(0, records.length));
      const next = whole[records.length];
      const gone = next !== undefined && !log.kept.includes(next);
      expect(next === undefined || gone).toBe(true);
      if (gone && !options.reverse)
        expect(error).toMatchObject({ code: 'DGENTS_LOG_COMPACTED', floor: log.floor });
      else expect(error).toBeUndefined();
    };
    await fc.assert(fc.asyncProperty(logs, ranges, trims, run), { numRuns: 2_000 });
  });

  test('of a key without a log is empty', async () => {
    expect(
      await all(
        rangeOver(
          'a',
          {},
          looking(() => undefined),
        ),
      ),
    ).toEqual([]);
  });

  test('ends where the log is gone, also when another one has begun in its place', async () => {
    const old = new ArrayLog(['set', 'patch', 'patch', 'patch']);
    for (const young of [undefined, new ArrayLog(['set'])]) {
      for (const reverse of [false, true]) {
        let log: ArrayLog | undefined = old;
        const look = looking(
          () => log,
          (looks) => {
            if (looks === 3) log = young;
          },
        );
        const records = await all(rangeOver('a', { reverse }, look));
        expect(records.map((record) => record.version)).toEqual(reverse ? [4, 3] : [1, 2]);
      }
    }
  });

  test('does not begin before it is asked to, and looks no further than it is read', async () => {
    let looks = 0;
    const log = new ArrayLog(['set', 'patch', 'patch', 'patch']);
    const range = rangeOver(
      'a',
      {},
      looking(
        () => log,
        () => looks++,
      ),
    );
    expect(looks).toBe(0);
    await range.next();
    expect(looks).toBe(2);
    await range.return();
    expect(looks).toBe(2);
  });

  test('that misses a version is told as damage', async () => {
    const log = new ArrayLog(['set', 'patch', 'patch']);
    delete log.records[1];
    await expect(
      all(
        rangeOver(
          'a',
          {},
          looking(() => log),
        ),
      ),
    ).rejects.toThrow(StateCorruptionError);
  });
});
