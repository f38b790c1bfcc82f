/** Appends as arguments of the script that makes them, and its answers. */
import { type Append, type CommitResult, type Head, StorageUnavailableError } from 'dgents-core';
import type { Client } from './client.js';
import { COMMIT } from './commit.lua.js';
import { earlierHead, headOfLine, lineOfHead, lineOfRecord, markOf } from './lines.js';
import type { Names } from './names.js';
import { Script } from './scripts.js';
import { textOfKey } from './texts.js';

/** Longer than anybody waits; Redis takes no more than fits 63 bits, counted from 1970. */
const LONGEST_TTL_MS = 2 ** 52;

const commit = new Script(COMMIT);

/** An append that is ready to be sent: whatever can be wrong with it was found. */
export interface Draft {
  readonly append: Append;
  readonly head: Head;
  readonly values: readonly (string | number)[];
}

/** How appends are written, the same for all of a store. */
export interface CommitHow {
  readonly names: Names;
  readonly channelsOf: (client: Client) => string;
  readonly location: string;
  /** A time to live that is set stays as it is. */
  readonly keepsTtl: boolean;
  /** The stream in the slot of a log; undefined: there is no feed. */
  readonly feedOf?: ((client: Client, log: string) => string | Promise<string>) | undefined;
}

export function draftOf(append: Append, { keepsTtl }: CommitHow): Draft {
  const { expected, records } = append;
  const first = records[0] as Append['records'][number];
  const last = records[records.length - 1] as Append['records'][number];
  const { version, id, at, kind } = last;
  const mark = markOf(last);
  const whole = records.findLast((record) => record.kind === 'set' || record.kind === 'tombstone');
  const values = [
    expected === null ? '' : markOf(expected),
    first === last ? '' : markOf(first),
    mark,
    lineOfHead(last, mark),
    whole === undefined ? '' : String(whole.version).padStart(12, '0'),
    ttlText(append, keepsTtl),
    records.length,
  ];
  for (const record of records) values.push(lineOfRecord(record, record === last ? mark : markOf(record)));
  return { append, head: Object.freeze({ version, id, at, deleted: kind === 'tombstone' }), values };
}

function ttlText({ ttlMs, keepTtl }: Append, keepsTtl: boolean): string {
  if (keepTtl === true) return 'k';
  if (ttlMs === undefined) return '';
  return `${keepsTtl ? 'k' : ''}${Math.min(Math.ceil(ttlMs), LONGEST_TTL_MS)}`;
}

/**
 * Makes the appends of one slot: together, or each by itself. One round trip.
 *
 * @param isSentOnce asked after the answer: whether the driver cannot have sent it again by itself
 * @throws StorageUnavailableError where it may have been made by an earlier sending whose records are trimmed away
 */
export async function send(
  client: Client,
  drafts: readonly Draft[],
  atomic: boolean,
  how: CommitHow,
  isSentOnce: () => boolean,
): Promise<CommitResult[]> {
  const { names, feedOf } = how;
  const keys = drafts.map(({ append }) => names.log(append.key));
  const channels = how.channelsOf(client);
  const values: (string | number)[] = [
    atomic ? '1' : '',
    feedOf === undefined ? '' : Buffer.byteLength(channels),
  ];
  for (const { append, values: own } of drafts) {
    values.push(channels + textOfKey(append.key));
    for (const value of own) values.push(value);
  }
  if (feedOf !== undefined) keys.push(await feedOf(client, keys[0] as string));
  const answers = (await commit.run(client, keys, values)) as Answer | readonly Answer[];
  const each = Array.isArray(answers) ? (answers as readonly Answer[]) : [answers as Answer];
  if (each.some((answer) => answer?.startsWith('?')) && !isSentOnce()) {
    throw new StorageUnavailableError(
      'The connection was lost while this was committed, and what was there then has been trimmed away since.',
    );
  }
  return drafts.map((draft, i) => resultOf(draft, each[i] ?? null, how.location));
}

type Answer = string | null;

function resultOf({ append, head }: Draft, answer: Answer, location: string): CommitResult {
  if (answer === null) return { ok: true, head, replayed: false };
  const where = { key: append.key, location };
  const line = answer.slice(1);
  if (answer.startsWith('+')) return { ok: true, head: earlierHead(line, where), replayed: true };
  return { ok: false, head: line === '' ? null : headOfLine(line, where) };
}
