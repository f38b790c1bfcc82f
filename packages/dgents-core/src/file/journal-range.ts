import type { LogRecord, Version } from '../backend.js';
import { LogCompactedError } from '../errors.js';
import type { JournalFile } from './journal-file.js';
import { openingOf, placeOf, scanRecords } from './journal-reading.js';
import { damaged, type View } from './journal-view.js';
import { isRecord, recordOf } from './line.js';
import type { RangePage, RangeWanted } from './log.js';

/** A page is at most so many records and about so many bytes: what one turn may hold up others for. */
const PAGE_RECORDS = 256;
const PAGE_BYTES = 1024 * 1024;

const NOTHING: RangePage = { records: [], done: true };

/** The next records of a range, in its order. */
export async function rangePage(file: JournalFile, wanted: RangeWanted): Promise<RangePage> {
  const view = await file.refresh();
  if (view === undefined) return NOTHING;
  const oldest = view.floor > 1 ? view.floor + 1 : 1;
  if (wanted.resumed && !wanted.reverse && wanted.from < oldest) {
    throw new LogCompactedError(`What follows version ${wanted.from - 1} was trimmed while it was read`, {
      floor: view.floor,
      key: file.key,
    });
  }
  const from = Math.max(wanted.from, oldest);
  const to = Math.min(wanted.to, view.head.version);
  if (from > to) return NOTHING;
  file.openForReading();
  const limit = Math.min(wanted.limit, PAGE_RECORDS);
  return wanted.reverse ? backward(file, view, from, to, limit) : forward(file, view, from, to, limit);
}

async function forward(
  file: JournalFile,
  view: View,
  from: Version,
  to: Version,
  limit: number,
): Promise<RangePage> {
  const place = await placeOf(file, view, from);
  const opening = openingOf(file);
  if (place === undefined) throw damaged(opening, view.headerBytes, `version ${from} is missing`);
  const records = await scanRecords(opening, view, place.offset, to, limit, PAGE_BYTES);
  return { records, done: records[records.length - 1]?.version === to };
}

/** From the end backwards, so that the newest few of a long log cost little. */
async function backward(
  file: JournalFile,
  view: View,
  from: Version,
  to: Version,
  limit: number,
): Promise<RangePage> {
  const opening = openingOf(file);
  const records: LogRecord[] = [];
  let end = to === view.head.version ? view.end : await endOf(file, view, to);
  while (end > view.headerBytes && records.length < limit) {
    const lines = await opening.reader.linesBefore(end, view.headerBytes);
    const first = lines?.[0];
    if (lines === undefined || first === undefined)
      throw damaged(opening, view.headerBytes, 'a line before the end is damaged');
    for (const { line } of lines.reverse()) {
      if (!isRecord(line) || line.version > to) continue;
      if (line.version >= from && records.length < limit) records.push(recordOf(line));
    }
    end = first.offset;
    if (records[records.length - 1]?.version === from) return { records, done: true };
  }
  return { records, done: false };
}

/** Where the record after a version begins: the version itself, and what lies before, is in front of it. */
async function endOf(file: JournalFile, view: View, version: Version): Promise<number> {
  const next = await placeOf(file, view, version + 1);
  return next?.offset ?? view.end;
}
