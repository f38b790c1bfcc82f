import type { Checkpoint, Head, LogRecord, LogTail, ReadOptions, Version } from '../backend.js';
import { LogCompactedError } from '../errors.js';
import type { JournalFile } from './journal-file.js';
import { JournalIndex } from './journal-index.js';
import { damaged, type Opening, type View } from './journal-view.js';
import { checkpointOf, isRecord, type Line, recordOf } from './line.js';
import { TailCollector } from './tail-collector.js';
import type { Place } from './walk.js';

/** What a key without a log reads as. */
export function absentTail(after: Head | undefined): LogTail {
  return { head: null, floor: 0, since: after === undefined ? 'same' : 'diverged', records: [], more: false };
}

export function openingOf(file: JournalFile): Opening {
  return { reader: file.reader(), path: file.path, key: file.key, seed: file.seed };
}

/** The answer for somebody who has seen the newest version, at the cost of one stat; undefined when it takes more. */
export function unchangedTail(file: JournalFile, { after, at }: ReadOptions): LogTail | undefined {
  const head = file.view?.head;
  const seen = after !== undefined && after.version === head?.version && after.id === head.id;
  if (!seen || at !== undefined || !file.isCurrent()) return undefined;
  const { floor } = file.view as View;
  return { head, floor, since: 'same', records: [], more: false };
}

/** Reads a log; see `Backend.read`. What lies on the way of bringing the view up to date is not read twice. */
export async function readTail(file: JournalFile, options: ReadOptions): Promise<LogTail> {
  const { after, at } = options;
  const known = file.view;
  const collector = new TailCollector();
  const view = await file.refresh(collector);
  if (view === undefined) return absentTail(after);
  if (at !== undefined && at < view.floor) throw compacted(file.key, at, view.floor);
  const until = Math.min(at ?? view.head.version, view.head.version);
  const since = after === undefined ? 'same' : await relation(file, view, after);
  if (after === undefined || since !== 'same') {
    const all = collector.seen === 'since start' && until === view.head.version;
    const whole = all ? collector.tail() : await wholeTail(file, view, until, options.limit);
    return limited(view, since, whole, options, until);
  }
  if (after.version >= until) return limited(view, 'same', { records: [] }, options);
  const fresh = known?.head.version === after.version && collector.seen === 'since known';
  if (fresh && until === view.head.version) return limited(view, 'same', collector.tail(), options);
  const records = await recordsFrom(file, view, after.version + 1, until, options.limit);
  return limited(view, 'same', { records }, options, until);
}

function limited(
  view: View,
  since: LogTail['since'],
  tail: Pick<LogTail, 'base' | 'checkpoint' | 'records'>,
  { limit }: ReadOptions,
  until?: Version,
): LogTail {
  const { head, floor } = view;
  const records = limit === undefined ? tail.records : tail.records.slice(0, limit);
  const last = tail.records[tail.records.length - 1];
  const cut = until !== undefined && last !== undefined && last.version < until;
  return { ...tail, head, floor, since, records, more: cut || records.length < tail.records.length };
}

function compacted(key: string, at: Version, floor: Version): LogCompactedError {
  return new LogCompactedError(`Version ${at} is no longer kept; the oldest kept is ${floor}`, {
    floor,
    key,
  });
}

/** How the log stands to a head that somebody saw. */
async function relation(file: JournalFile, view: View, after: Head): Promise<LogTail['since']> {
  const { head, floor } = view;
  if (after.version > head.version) return 'diverged';
  if (after.version === head.version) return after.id === head.id ? 'same' : 'diverged';
  if (after.version < floor) return 'trimmed';
  return (await idAt(file, view, after.version)) === after.id ? 'same' : 'diverged';
}

/** The id of the operation that wrote a version that is kept; of the base, too. */
export async function idAt(file: JournalFile, view: View, version: Version): Promise<string | undefined> {
  if (version === view.head.version) return view.head.id;
  if (version === view.floor && version > 1) return (await baseLine(file, view)).id;
  return (await placeOf(file, view, version))?.id;
}

async function baseLine(file: JournalFile, view: View): Promise<Line> {
  let found: Line | undefined;
  const opening = await reading(file);
  await opening.reader.scan(view.headerBytes, view.end, (line) => {
    found = line;
    return false;
  });
  if (found?.kind === 'b') return found;
  throw damaged(opening, view.headerBytes, 'the base is damaged');
}

/** Where the record of a version stands: among the newest ones, or found by scanning from a place before it. */
export async function placeOf(file: JournalFile, view: View, version: Version): Promise<Place | undefined> {
  const known = file.recent?.find((place) => place.version === version);
  if (known !== undefined) return known;
  const opening = await reading(file);
  const from = await placeBefore(file, opening, view, version);
  let found: Place | undefined;
  const reached = await opening.reader.scan(from, view.end, (line, offset) => {
    if (!isRecord(line) || line.version < version) return undefined;
    if (line.version === version) found = { version, id: line.id, offset };
    return false;
  });
  if (found === undefined && reached !== view.end) throw damaged(opening, reached, 'a line is damaged');
  return found;
}

/** An offset from where a scan comes across this version soon. */
async function placeBefore(
  file: JournalFile,
  opening: Opening,
  view: View,
  version: Version,
): Promise<number> {
  const oldest = file.recent?.[0];
  if (oldest !== undefined && oldest.version <= version) return oldest.offset;
  const index = await indexOf(file, opening, view);
  return index.before(version)?.offset ?? view.headerBytes;
}

async function indexOf(file: JournalFile, opening: Opening, view: View): Promise<JournalIndex> {
  file.index ??= new JournalIndex();
  await file.index.extend(opening, view);
  return file.index;
}

/** The versions of all operation ids that are kept. */
export async function idsOf(file: JournalFile): Promise<ReadonlyMap<string, Version>> {
  const view = await file.refresh();
  if (view === undefined) return new Map();
  file.index ??= new JournalIndex();
  return file.index.ids(await reading(file), view);
}

/** Reading needs a descriptor; a view that is up to date may have none. */
async function reading(file: JournalFile): Promise<Opening> {
  file.openForReading();
  return openingOf(file);
}

/** From the newest starting point at or before `until`, up to it. */
async function wholeTail(
  file: JournalFile,
  view: View,
  until: Version,
  limit: number | undefined,
): Promise<Pick<LogTail, 'base' | 'checkpoint' | 'records'>> {
  const opening = await reading(file);
  const start = await startFor(file, opening, view, until);
  const [line, next] = await lineAt(opening, start.offset, view.end);
  const whole: { base?: Checkpoint; checkpoint?: Checkpoint } = {};
  let from = start.offset;
  if (line.kind === 'b') {
    whole.base = checkpointOf(line);
    from = next;
  } else if (line.kind === 'k') {
    whole.checkpoint = checkpointOf(line);
    from = line.distance === 0 ? next : start.offset - line.distance;
  }
  const records = await scanRecords(opening, view, from, until, limit);
  return { ...whole, records };
}

async function startFor(file: JournalFile, opening: Opening, view: View, until: Version): Promise<Place> {
  if (view.start.version <= until) return view.start;
  const start = (await indexOf(file, opening, view)).startBefore(until);
  if (start === undefined)
    throw damaged(opening, view.headerBytes, `nothing begins at or before version ${until}`);
  return start;
}

async function lineAt(opening: Opening, offset: number, limit: number): Promise<[Line, number]> {
  let found: [Line, number] | undefined;
  await opening.reader.scan(offset, limit, (line, _at, next) => {
    found = [line, next];
    return false;
  });
  if (found === undefined) throw damaged(opening, offset, 'a line is damaged');
  return found;
}

/** Records from a version on, at most `limit`. */
async function recordsFrom(
  file: JournalFile,
  view: View,
  from: Version,
  until: Version,
  limit: number | undefined,
): Promise<LogRecord[]> {
  const place = await placeOf(file, view, from);
  const opening = await reading(file);
  if (place === undefined) throw damaged(opening, view.headerBytes, `version ${from} is missing`);
  return scanRecords(opening, view, place.offset, until, limit);
}

/** The records of a stretch, up to a version, at most `limit` (but one at least) and about `maxBytes`. */
export async function scanRecords(
  opening: Opening,
  view: View,
  from: number,
  until: Version,
  limit = Number.POSITIVE_INFINITY,
  maxBytes = Number.POSITIVE_INFINITY,
): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  let done = false;
  const reached = await opening.reader.scan(from, view.end, (line, _offset, next) => {
    if (!isRecord(line)) return undefined;
    done = line.version > until;
    if (!done) records.push(recordOf(line));
    done ||= line.version === until || records.length >= limit || next - from >= maxBytes;
    return !done;
  });
  if (!done && reached !== view.end) throw damaged(opening, reached, 'a line is damaged');
  return records;
}
