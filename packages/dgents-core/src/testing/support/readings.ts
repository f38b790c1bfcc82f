/** Ways of reading that ask no more of a backend than the fact at hand is about. */
import assert from 'node:assert/strict';
import type { Backend, Checkpoint, Head, LogRecord, LogTail, ReadOptions } from '../../backend.js';
import { all } from './records.js';

/** A read to its end, page by page: a backend may give fewer records at a time than were asked for. */
export async function readWhole(backend: Backend, key: string, options: ReadOptions = {}): Promise<LogTail> {
  const { limit = Number.POSITIVE_INFINITY } = options;
  const first = await backend.read(key, options);
  const records = [...first.records];
  assert.ok(records.length <= limit, `a page of ${limit} has ${records.length}`);
  for (let { more } = first; more; ) {
    const last = records.at(-1) ?? first.base ?? first.checkpoint;
    if (last === undefined) return assert.fail('a read that has more to give begins somewhere');
    const page = await backend.read(key, { ...options, after: headAt(last) });
    assert.equal(page.since, 'same', 'a page follows the one before');
    const { length } = page.records;
    assert.ok(length > 0 && length <= limit, `a page of ${limit} that was announced has ${length} records`);
    assert.ok(page.records[0]!.version > last.version, 'a page does not begin with what was given before');
    records.push(...page.records);
    more = page.more;
  }
  return { ...first, records, more: false };
}

/** Every appearance of a version, by either way of reading, in whatever order. */
export async function appearancesOf(
  backend: Backend,
  key: string,
  version: number,
): Promise<{ readonly read: readonly LogRecord[]; readonly ranged: readonly LogRecord[] }> {
  const { records } = await backend.read(key);
  const ranged = await all(backend.range(key));
  const its = (each: LogRecord): boolean => each.version === version;
  return { read: records.filter(its), ranged: ranged.filter(its) };
}

/** The head as it was when this was the newest. */
export function headAt(last: LogRecord | Checkpoint): Head {
  const { version, id, at } = last;
  return { version, id, at, deleted: 'kind' in last ? last.kind === 'tombstone' : last.data === null };
}

/**
 * Trims, and says whether that worked: for facts about other promises that look at a trimmed log. Trimming has facts
 * of its own, in the suite `retention`.
 */
export async function trimmed(backend: Backend, key: string, base: Checkpoint): Promise<boolean> {
  const before = (await backend.read(key)).head;
  await backend.trim(key, base);
  const { head, floor } = await backend.read(key);
  return floor === base.version && head?.version === before?.version && head?.id === before?.id;
}
