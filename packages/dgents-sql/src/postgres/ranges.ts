/** A stretch of a log, page by page: nothing stays open between two of them. */
import { type Head, LogCompactedError, type LogRecord, type RangeOptions, type Version } from 'dgents-core';

/** What a page has to hold: at most `limit` records between two versions. */
export interface Stretch {
  readonly from: Version;
  readonly to: Version;
  readonly limit: number;
  readonly reverse: boolean;
}

/** The records of a stretch, and the log at the moment when it was looked at: its head, and the oldest version kept. */
export interface Page {
  readonly head: Head;
  readonly floor: Version;
  readonly records: readonly LogRecord[];
}

/**
 * @param page undefined where the key has no log
 * @throws LogCompactedError where what comes next was trimmed away between two pages
 */
export async function* paged(
  key: string,
  options: RangeOptions,
  size: number,
  page: (stretch: Stretch) => Promise<Page | undefined>,
): AsyncGenerator<LogRecord> {
  let { from = 1, to = Number.POSITIVE_INFINITY, limit = Number.POSITIVE_INFINITY } = options;
  const reverse = options.reverse ?? false;
  for (let resumed = false; limit > 0 && from <= to; resumed = true) {
    const count = Math.min(limit, size);
    const found = await page({ from, to, limit: count, reverse });
    if (found === undefined) return;
    const { floor, records } = found;
    if (resumed && !reverse && floor > 1 && from <= floor) {
      const message = `version ${from} is no longer kept: the oldest one is ${floor}`;
      throw new LogCompactedError(message, { key, floor });
    }
    yield* records;
    const last = records.at(-1);
    if (last === undefined || records.length < count) return;
    limit -= records.length;
    if (reverse) to = last.version - 1;
    else from = last.version + 1;
  }
}
