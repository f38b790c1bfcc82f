import type { Head, Version } from '../backend.js';
import { StateCorruptionError } from '../errors.js';
import type { FileStat } from './file-system.js';
import { checkedHeader, type Header, MAX_HEADER_BYTES } from './header.js';
import type { JournalReader, PlacedLine } from './journal-reader.js';
import { isRecord, type Line } from './line.js';
import { isTorn } from './torn-tail.js';
import { type Place, Walk } from './walk.js';

/** What is known of a journal without reading it again: all that an idle one keeps in memory. */
export interface View {
  readonly device: number;
  readonly inode: number;
  /** The length of the file when it was looked at; more than `end` when a torn append, or one in flight, follows. */
  readonly size: number;
  /** When the file was last changed; undefined after our own write, until it is next looked at. */
  readonly changedMs: number | undefined;
  /** Where the last whole append ends, and the next one will begin. */
  readonly end: number;
  readonly head: Head;
  readonly floor: Version;
  readonly headerBytes: number;
  /** The newest place where reading can start. */
  readonly start: Place;
  readonly lastLine: number;
  /** The first bytes of the last line: checksum and version, to recognise it. */
  readonly lastBytes: string;
  /** Whether all up to `end`, and the file's name, are known to be durable. */
  readonly settled: boolean;
}

/** Enough for the checksum and the version. */
const RECOGNISED_BYTES = 24;

/** Read at first from the end: holds the last line and mostly all that is needed. */
const TAIL_BYTES = 64 * 1024;

const LINE_FEED = 10;

/** Sees the lines that a read wants while the journal is being opened, so that they are read once. */
export interface Collector {
  /** The lines that follow begin at a starting point, or after the head that was known before. */
  begin(from: 'start' | 'known'): void;
  accept(line: Line): void;
  /** What was seen is void. */
  reset(): void;
}

export interface Opening {
  readonly reader: JournalReader;
  readonly path: string;
  readonly key: string;
  readonly seed: number;
}

/** Opens a journal at the cost of its state: from the last line hop to where reading starts, and read from there. */
export async function openView(
  opening: Opening,
  stat: FileStat,
  collector?: Collector,
): Promise<{ view: View; recent: Place[] }> {
  const { reader, path, key } = opening;
  const small = stat.size <= TAIL_BYTES;
  const beginning = await reader.bytes(0, small ? stat.size : MAX_HEADER_BYTES);
  const header = checkedHeader(beginning, key, path);
  const walk =
    (await walkFromStart(reader, stat, header, collector)) ?? (await walkAll(opening, stat, header));
  return { view: await viewOf(opening, stat, walk, header), recent: walk.recent };
}

/** Reads what was appended since; undefined when the file is no longer the one that the view was made of. */
export async function extendView(
  opening: Opening,
  stat: FileStat,
  view: View,
  recent: Place[],
  collector?: Collector,
): Promise<{ view: View; recent: Place[] } | undefined> {
  const { reader } = opening;
  const known = await reader.bytes(view.lastLine, view.lastLine + RECOGNISED_BYTES);
  if (known.toString('latin1') !== view.lastBytes) return undefined;
  collector?.begin('known');
  const walk = new Walk(view.end, true);
  walk.continueFrom(view.head, view.start, view.lastLine, recent);
  await follow(opening, walk, view.end, stat.size, collector);
  if (walk.end < stat.size) collector?.reset();
  const header = { floor: view.floor, bytes: view.headerBytes };
  const next = await viewOf(opening, stat, walk, header);
  return { view: { ...next, settled: view.settled && walk.end === view.end }, recent: walk.recent };
}

/** The usual way. Undefined when anything at all is unusual: then everything is looked at. */
async function walkFromStart(
  reader: JournalReader,
  stat: FileStat,
  header: Header,
  collector: Collector | undefined,
): Promise<Walk | undefined> {
  const last = (await lastPlaced(reader, stat.size, header.bytes)) ?? undefined;
  if (last === undefined || last.line.end === 0) return undefined;
  const offset = isRecord(last.line) ? last.offset - last.line.distance : last.offset;
  if (offset < header.bytes) return undefined;
  const first = offset === last.offset ? last : await lineAt(reader, offset, stat.size);
  if (first === undefined) return undefined;
  collector?.begin('start');
  const walk = new Walk(offset, false);
  let from = offset;
  if (!isRecord(first.line)) {
    walk.beginAt(first.line, offset);
    collector?.accept(first.line);
    from = first.line.kind === 'k' ? offset - first.line.distance : first.next;
    if (first.line.kind === 'k' && first.line.distance === 0) from = first.next;
    walk.end = first.next;
    walk.lastLine = offset;
  }
  let sound = true;
  const reached = await reader.scan(from, stat.size, (line, at, next) => {
    sound = walk.accept(line, at, next) === undefined;
    if (sound) collector?.accept(line);
    return sound;
  });
  if (sound && reached === stat.size && walk.end === stat.size) return walk;
  collector?.reset();
  return undefined;
}

async function lastPlaced(
  reader: JournalReader,
  size: number,
  floor: number,
): Promise<PlacedLine | undefined> {
  if (size <= floor) return undefined;
  // Backwards, no byte twice: the last line can be a snapshot of many megabytes.
  for (let end = size, length = TAIL_BYTES; ; length *= 2) {
    const position = Math.max(floor, end - length);
    const bytes = await reader.bytes(position, end);
    const isLast = end === size;
    if (isLast && (bytes.length < 2 || bytes[bytes.length - 1] !== LINE_FEED)) return undefined;
    const feed = bytes.lastIndexOf(LINE_FEED, isLast ? bytes.length - 2 : bytes.length - 1);
    if (feed < 0 && position > floor) {
      end = position;
      continue;
    }
    const offset = position + feed + 1;
    // Kept by the reader: the whole line at once, and not in pieces that grow.
    await reader.bytes(offset, size);
    return lineAt(reader, offset, size);
  }
}

async function lineAt(reader: JournalReader, offset: number, size: number): Promise<PlacedLine | undefined> {
  let found: PlacedLine | undefined;
  await reader.scan(offset, size, (line, at, next) => {
    found = { line, offset: at, next };
    return false;
  });
  return found;
}

/** Looks at every line, and says exactly what is torn or damaged. */
async function walkAll(opening: Opening, stat: FileStat, header: Header): Promise<Walk> {
  const walk = new Walk(header.bytes, true);
  await follow(opening, walk, header.bytes, stat.size);
  const { head } = walk;
  if (head === undefined) throw damaged(opening, header.bytes, 'holds no whole record');
  return walk;
}

/** Follows the lines from `from`, the end of a whole append. What is behind the last whole one must be torn. */
async function follow(
  opening: Opening,
  walk: Walk,
  from: number,
  size: number,
  collector?: Collector,
): Promise<void> {
  const { reader, seed } = opening;
  let complaint: string | undefined;
  let troubled = from;
  const reached = await reader.scan(from, size, (line, at, next) => {
    complaint = walk.accept(line, at, next);
    troubled = at;
    if (complaint === undefined) collector?.accept(line);
    return complaint === undefined;
  });
  if (complaint !== undefined) throw damaged(opening, troubled, complaint);
  if (walk.end === size) return;
  const region = await reader.bytes(walk.end, size);
  if (isTorn(region, walk.end, seed, walk.nextVersion ?? 1)) return;
  throw damaged(opening, reached, 'a line is damaged');
}

async function viewOf(
  { reader }: Opening,
  stat: FileStat,
  walk: Walk,
  header: Pick<Header, 'floor' | 'bytes'>,
): Promise<View> {
  const lastBytes = await reader.bytes(walk.lastLine, walk.lastLine + RECOGNISED_BYTES);
  return {
    device: stat.device,
    inode: stat.inode,
    size: stat.size,
    changedMs: stat.changedMs,
    end: walk.end,
    head: detached(walk.head as Head),
    floor: header.floor,
    headerBytes: header.bytes,
    start: detached(walk.start as Place),
    lastLine: walk.lastLine,
    lastBytes: lastBytes.toString('latin1'),
    settled: false,
  };
}

/** A copy whose id is a text of its own, not a piece of one that it would keep in memory. Frozen: heads are handed out. */
function detached<T extends { readonly id: string }>(place: T): T {
  return Object.freeze({ ...place, id: JSON.parse(JSON.stringify(place.id)) as string });
}

export function recognise(line: Buffer): string {
  return line.toString('latin1', 0, RECOGNISED_BYTES);
}

export function damaged(
  { path, key }: Pick<Opening, 'path' | 'key'>,
  offset: number,
  what: string,
): StateCorruptionError {
  return new StateCorruptionError(
    `${path} is damaged at byte ${offset}: ${what}. Nothing was changed; restore the file from a copy, or move it away.`,
    { location: path, offset, key },
  );
}
