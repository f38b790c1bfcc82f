import type { Version } from '../backend.js';
import { isRecord, type Line, lineEnd, parseLine } from './line.js';

/**
 * Tells an append that was never finished from damage to something that was acknowledged.
 *
 * What a crash can leave, given that writers hold the lock, write one append at a time, and make what lies before
 * durable first: everything up to the last whole append is as it was acknowledged, and *one* append follows of which
 * any part may be missing. A file system loses parts in two ways:
 *
 * - The file ends early. Then what is there is an exact prefix: some whole lines without an end mark, and a piece of a
 *   line that has no line feed.
 * - The length was stored and some blocks were not: they read as NUL, while later ones may be there, up to and
 *   including the last line with its end mark. A hole begins at a block boundary, or where the append begins (the
 *   rest of a block whose old contents ended there), and ends at a block boundary or with the file. No line ever
 *   contains a NUL: it is JSON text.
 *
 * So it is *not* torn, but damage, when
 *
 * - a line that has its line feed is wrong and has no NUL in it: nothing of it is missing;
 * - the piece at the end is a whole line followed by one other byte: its line feed was changed;
 * - the piece at the end does not look like the beginning of a line: it was never ours;
 * - a NUL stands where no hole can be: a bit flip turns a space into one;
 * - behind the trouble stands a checkpoint, or the end of a whole append: what is damaged was finished before it. The
 *   end mark counts the lines of its append, so that the last line of a damaged one is told from a later one.
 *
 * What cannot be told from a torn append: the last, acknowledged append when the disk loses whole blocks of it, or
 * when the file is cut short behind our back. Both look as if it had never been finished.
 */
export function isTorn(region: Buffer, position: number, seed: number, next: Version): boolean {
  const holes = holesOf(region);
  if (holes.some((hole) => !canBeHole(hole, region.length, position))) return false;
  let records = 0;
  for (let start = 0; start < region.length; ) {
    const end = lineEnd(region, start);
    if (end < 0) return canBePiece(region, start, seed);
    const line = parseLine(region, start, end, seed);
    if (line === undefined) {
      if (!region.subarray(start, end).includes(0)) return false;
    } else if (!isRecord(line)) {
      return false;
    } else {
      records++;
      if (line.end > 0 && !endsTorn(line, records, end + 1 === region.length, next)) return false;
    }
    start = end + 1;
  }
  return true;
}

/** Whether an end mark can belong to the append that begins the region: the last line, some lines missing. */
function endsTorn(line: Line, records: number, last: boolean, next: Version): boolean {
  return last && records < line.end && line.version - line.end + 1 === next;
}

/** The smallest unit that any disk or file system stores as a whole. */
const SECTOR_BYTES = 512;

interface Hole {
  readonly from: number;
  readonly to: number;
}

/** The stretches of NUL bytes. */
function holesOf(region: Buffer): Hole[] {
  const holes: Hole[] = [];
  for (let from = region.indexOf(0); from >= 0; ) {
    let to = from + 1;
    while (to < region.length && region[to] === 0) to++;
    holes.push({ from, to });
    from = region.indexOf(0, to);
  }
  return holes;
}

function canBeHole({ from, to }: Hole, length: number, position: number): boolean {
  const begins = from === 0 || (position + from) % SECTOR_BYTES === 0;
  const ends = to === length || (position + to) % SECTOR_BYTES === 0;
  return begins && ends;
}

const LINE_BEGINNING = /^(?:\[(?:"(?:[0-9a-f]{0,8}|[0-9a-f]{8}"(?:,(?:\d+,?)?)?))?)?$/;

/** Longest piece that {@link LINE_BEGINNING} looks at. */
const BEGINNING_BYTES = 12;

/** Whether what stands at the end, without a line feed, can be the first part of a line. */
function canBePiece(region: Buffer, start: number, seed: number): boolean {
  const beginning = region.toString('latin1', start, Math.min(region.length, start + BEGINNING_BYTES));
  const hole = beginning.indexOf('\0');
  if (!LINE_BEGINNING.test(hole < 0 ? beginning : beginning.slice(0, hole))) return false;
  const lastByte = region.length - 1;
  return region[lastByte] === 0 || parseLine(region, start, lastByte, seed) === undefined;
}
