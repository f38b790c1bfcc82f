/** One log in Redis: a read is one script, and so one moment. */
import {
  DgentsError,
  type Head,
  LogCompactedError,
  type LogRecord,
  type LogTail,
  type ReadOptions,
  type Version,
} from 'dgents-core';
import type { Client } from './client.js';
import { damaged, headOfLine, markOf, pointOfLine, recordOfLine, type Where } from './lines.js';
import { FIND, PAGE_BYTES, RANGE, READ } from './read.lua.js';
import { Script } from './scripts.js';
import { idOfText, textOfId } from './texts.js';

/** Records that one answer holds at most: a server does nothing else meanwhile. */
const PAGE = 4_096;
const RANGE_PAGE = 512;

/** Records that are asked for at once without a script: the next ones may be larger than those before. */
const BLOCK = 1_024;

const read = new Script(READ);
const range = new Script(RANGE);
const find = new Script(FIND);

/** What is known of a whole log from its first element. */
export interface Header {
  readonly head: Head;
  readonly floor: Version;
  /** The entry of the feed that the log began with; `0` without a feed. */
  readonly born: string;
}

export function headerOf(given: Buffer | string, where: Where): Header {
  const text = String(given);
  const floor = Number(text.slice(0, 12));
  const isIntact = text.charAt(134) === '\n' && text.slice(0, 67) === text.slice(67, 134);
  if (!isIntact || !Number.isInteger(floor)) throw damaged(where);
  return { head: headOfLine(text.slice(135), where), floor, born: text.slice(37, 67).trimEnd() };
}

type ReadAnswer =
  | Buffer
  | readonly [header: Buffer, since?: Buffer, point?: Buffer, records?: readonly Buffer[] | Buffer]
  | null;

type RangeAnswer = readonly [header: Buffer, records?: readonly Buffer[]] | null;

const SINCE = { s: 'same', t: 'trimmed', d: 'diverged' } as const;

/** How often a read tries that a trim has overtaken: the last time all is read at one moment. */
const ATTEMPTS = 3;

/** The head, a place to begin at, and what follows it. */
export async function tailOf(
  client: Client,
  log: string,
  options: ReadOptions,
  where: Where,
): Promise<LogTail> {
  for (let attempt = 1; ; attempt++) {
    const tail = await attemptOf(client, log, options, where, attempt === ATTEMPTS);
    if (tail !== undefined) return tail;
  }
}

/** One round trip, but where the last whole state before an old version lies under many bytes of patches. */
async function answerTo(
  client: Client,
  log: string,
  { after, at }: ReadOptions,
  count: number,
  isLast: boolean,
): Promise<ReadAnswer> {
  const values = [after?.version ?? '', after === undefined ? '' : markOf(after), at ?? '', count];
  for (let rest: Version | '' = ''; ; ) {
    const answer = (await read.ask(client, [log], [...values, rest, isLast ? '1' : ''])) as ReadAnswer;
    if (answer === null || Buffer.isBuffer(answer) || String(answer[1]) !== 'g') return answer;
    rest = Number(answer[2]);
  }
}

/** @param isLast whether all is read at one moment; undefined is returned otherwise, where a trim may have come between */
async function attemptOf(
  client: Client,
  log: string,
  options: ReadOptions,
  where: Where,
  isLast: boolean,
): Promise<LogTail | undefined> {
  const { after, at, limit } = options;
  const count = Math.min(limit ?? PAGE, PAGE);
  const answer = await answerTo(client, log, options, count, isLast);
  if (answer === null) {
    return { head: null, floor: 0, since: after ? 'diverged' : 'same', records: [], more: false };
  }
  // Alone, the header says that nothing is new.
  if (Buffer.isBuffer(answer)) {
    const { head, floor } = headerOf(answer, where);
    return { head, floor, since: 'same', records: [], more: false };
  }
  const [header, code, point, records = []] = answer;
  const { head, floor } = headerOf(header, where);
  const end = Math.min(at ?? head.version, head.version);
  if (String(code) === 'c') {
    throw new LogCompactedError(`version ${end} is no longer kept: the oldest one is ${floor}`, {
      key: where.key,
      floor,
    });
  }
  if (code === undefined) throw damaged(where);
  const since = SINCE[String(code) as keyof typeof SINCE];
  const begin = point === undefined || point.length === 0 ? undefined : pointOfLine(point, where);
  const from = begin?.version ?? (after !== undefined && since === 'same' ? after.version : undefined);
  const start = begin && { [begin.version === floor ? 'base' : 'checkpoint']: begin };
  const tailWith = (lines: readonly Buffer[]): LogTail => ({
    head,
    floor,
    since,
    ...start,
    ...recordsOf(lines, from === undefined ? undefined : from + 1, end, count, head, where),
  });
  if (!Buffer.isBuffer(records)) return tailWith(records);
  const many = await manyOf(client, log, String(records), count);
  try {
    return tailWith(many.slice(0, end - (from ?? firstOf(many, where) - 1)));
  } catch (error) {
    if (!DgentsError.is(error, 'DGENTS_STATE_CORRUPTION')) throw error;
    return undefined;
  }
}

/** As many as the bytes of a page allow. @param place the index of the first one, and how large they seem to be */
async function manyOf(client: Client, log: string, place: string, count: number): Promise<Buffer[]> {
  const [first = 0, size = 0] = place.split(' ').map(Number);
  const lines: Buffer[] = [];
  let bytes = 0;
  for (let block = fitting(PAGE_BYTES, size); lines.length < count && bytes < PAGE_BYTES; ) {
    const from = first + lines.length;
    const asked = Math.min(block, count - lines.length);
    const some = (await client.callBuffer('lrange', log, from, from + asked - 1)) as Buffer[];
    const more = bytesOf(some);
    bytes += more;
    for (const line of some) lines.push(line);
    if (some.length < asked) break;
    block = Math.min(4 * block, fitting(PAGE_BYTES - bytes, more / asked));
  }
  return lines;
}

/** How many of this size there is room for. */
function fitting(bytes: number, size: number): number {
  return Math.max(1, Math.min(BLOCK, Math.floor(bytes / Math.max(1, size))));
}

function bytesOf(lines: readonly Buffer[]): number {
  let bytes = 0;
  for (const line of lines) bytes += line.length;
  return bytes;
}

/** @throws StateCorruptionError where others than these are due, unless the bytes of a page are used up */
function assertAll(lines: readonly Buffer[], due: number, where: Where): void {
  const isPart = lines.length > 0 && lines.length < due && bytesOf(lines) >= PAGE_BYTES;
  if (lines.length !== due && !isPart) throw damaged(where);
}

function firstOf(lines: readonly Buffer[], where: Where): Version {
  if (lines[0] === undefined) throw damaged(where);
  return recordOfLine(lines[0], where).version;
}

/** @param from where they have to begin; undefined: with one that holds a whole state, or at version 1 */
function recordsOf(
  lines: readonly Buffer[],
  from: Version | undefined,
  end: Version,
  count: number,
  head: Head,
  where: Where,
): Pick<LogTail, 'records' | 'more'> {
  const records = lines.map((line) => recordOfLine(line, where));
  const first = records[0];
  const begin = from ?? first?.version;
  if (begin === undefined) {
    if (count > 0) throw damaged(where);
    return { records, more: true };
  }
  if (from === undefined && begin !== 1 && first?.kind !== 'set' && first?.kind !== 'tombstone') {
    throw damaged(where);
  }
  const due = Math.max(0, Math.min(count, end - begin + 1));
  assertAll(lines, due, where);
  assertNumbered(records, begin, head, where);
  return { records, more: begin + records.length - 1 < end };
}

function assertNumbered(records: readonly LogRecord[], from: Version, head: Head, where: Where): void {
  for (const [i, { version, id }] of records.entries()) {
    if (version !== from + i || (version === head.version && id !== head.id)) throw damaged(where);
  }
}

/** The head of a log; undefined where there is none. */
export async function headNow(client: Client, log: string, where: Where): Promise<Head | undefined> {
  const text = (await client.call('lindex', log, 0)) as string | null;
  return text === null ? undefined : headerOf(text, where).head;
}

/** A stretch of a log, as far as it is kept. */
export interface Stretch extends Header {
  readonly records: readonly LogRecord[];
  readonly bytes: number;
  /** Whether it ends before what was asked for: go on behind the last record. */
  readonly more: boolean;
}

/** One page of a stretch; undefined where there is no log. */
export async function stretchOf(
  client: Client,
  log: string,
  from: Version,
  to: Version,
  where: Where,
): Promise<Stretch | undefined> {
  const count = Math.min(to - from + 1, RANGE_PAGE);
  const answer = (await range.ask(client, [log], [from, to, count, ''])) as RangeAnswer;
  if (answer === null) return undefined;
  const header = headerOf(answer[0], where);
  const lines = answer[1] ?? [];
  const records = lines.map((line) => recordOfLine(line, where));
  const last = records.at(-1)?.version ?? to;
  return { ...header, records, bytes: bytesOf(lines), more: last < Math.min(to, header.head.version) };
}

/** Records between two versions, a page at a time: nothing stays open between two of them. */
export async function* rangeOf(
  log: string,
  options: { from?: Version; to?: Version; limit?: number; reverse?: boolean },
  ask: <T>(work: (client: Client) => Promise<T>) => Promise<T>,
  where: Where,
): AsyncGenerator<LogRecord> {
  let { from = 1, to = Number.MAX_SAFE_INTEGER } = options;
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  to = Math.min(to, Number.MAX_SAFE_INTEGER);
  for (let resumed = false; left > 0 && from <= to; resumed = true) {
    const count = Math.min(left, RANGE_PAGE);
    const values = [from, to, count, options.reverse ? '1' : ''];
    const answer = (await ask((client) => range.ask(client, [log], values))) as RangeAnswer;
    if (answer === null) return;
    const { head, floor } = headerOf(answer[0], where);
    const lines = answer[1] ?? [];
    const records = lines.map((line) => recordOfLine(line, where));
    if (options.reverse) records.reverse();
    const oldest = floor === 1 ? 1 : floor + 1;
    const bounds = [Math.max(from, oldest), Math.min(to, head.version)] as const;
    const due = Math.max(0, Math.min(count, bounds[1] - bounds[0] + 1));
    assertAll(lines, due, where);
    assertNumbered(records, options.reverse ? bounds[1] - records.length + 1 : bounds[0], head, where);
    if (resumed && !options.reverse && from < oldest) {
      const message = `version ${from} is no longer kept: the oldest one is ${floor}`;
      throw new LogCompactedError(message, { key: where.key, floor });
    }
    if (options.reverse) records.reverse();
    yield* records;
    left -= records.length;
    if (records.length === due && due < count) return;
    const last = records[records.length - 1]!.version;
    if (options.reverse) to = last - 1;
    else from = last + 1;
  }
}

/** How many records one search looks at: a server does nothing else meanwhile. */
const FIND_PAGE = 2_048;

/** The versions of these ids, as far as they are kept. */
export async function versionsOf(
  client: Client,
  log: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Version>> {
  const found = new Map<string, Version>();
  const wanted = new Set(ids.map(textOfId));
  for (let to = Number.MAX_SAFE_INTEGER; to > 0 && wanted.size > 0; ) {
    const answer = (await find.run(client, [log], [to, FIND_PAGE, ...wanted])) as readonly string[] | null;
    if (answer === null) break;
    for (let i = 1; i < answer.length; i += 2) {
      const id = answer[i] as string;
      wanted.delete(id);
      found.set(idOfText(id), Number(answer[i + 1]));
    }
    to = Number(answer[0]);
  }
  return found;
}
