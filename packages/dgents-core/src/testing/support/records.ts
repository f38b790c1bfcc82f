/** Records, appends and checkpoints for the facts about backends, and how they are held against what comes back. */
import assert from 'node:assert/strict';
import type {
  Append,
  Backend,
  Checkpoint,
  CommitResult,
  Head,
  LogRecord,
  LogTail,
  RecordKind,
} from '../../backend.js';
import { like } from './assertions.js';

const EPOCH = 1_700_000_000_000;
/** Ids of different processes differ too. */
const PROCESS = `${process.pid.toString(36)}-${Math.trunc(Math.random() * 2 ** 31).toString(36)}`;
let operations = 0;
let keys = 0;

/** A key that no other test has, wherever it runs: for facts that come before it is known that places share nothing. */
export function freshKey(): string {
  return `key-${PROCESS}-${String(++keys).padStart(7, '0')}`;
}

/** A record that no other test has made. */
export function record(version: number, kind: RecordKind = 'set', extra: Partial<LogRecord> = {}): LogRecord {
  const data = kind === 'tombstone' ? 'null' : kind === 'patch' ? '[]' : `{"version":${version}}`;
  return { version, kind, at: EPOCH + version, id: `operation-${PROCESS}-${++operations}`, data, ...extra };
}

export function headOf({ version, id, at, kind }: LogRecord): Head {
  return { version, id, at, deleted: kind === 'tombstone' };
}

/** The state that a log has after this record, for backends that keep it beside. */
function documentAfter({ kind, data, version }: LogRecord): string {
  return kind === 'tombstone' ? 'null' : kind === 'set' ? data : `{"version":${version}}`;
}

/** An append after this record (or head), or to a new log. */
export function appendOf(key: string, before: LogRecord | Head | null, ...records: LogRecord[]): Append {
  const expected = before === null ? null : 'kind' in before ? headOf(before) : before;
  const last = records.at(-1);
  return { key, expected, records, ...(last !== undefined && { document: documentAfter(last) }) };
}

export async function commitOne(backend: Backend, append: Append): Promise<CommitResult> {
  const results = await backend.commit([append]);
  assert.equal(results.length, 1, 'one append has one result');
  return results[0]!;
}

/** Appends one record after the other, each by itself; returns the whole log so far. */
export async function grow(
  backend: Backend,
  key: string,
  kinds: readonly (RecordKind | Partial<LogRecord>)[],
  log: readonly LogRecord[] = [],
): Promise<LogRecord[]> {
  const grown = [...log];
  const last = grown.at(-1);
  let head: Head | null = last === undefined ? null : withToken(last, (await backend.read(key)).head);
  for (const kind of kinds) {
    const version = grown.length + 1;
    const next = typeof kind === 'string' ? record(version, kind) : record(version, kind.kind, kind);
    const result = await commitOne(backend, appendOf(key, head, next));
    like(result, { ok: true }, `version ${version} of a log that nobody else writes`);
    head = withToken(next, result.head);
    grown.push(next);
  }
  return grown;
}

/** The head that a record made, with the token that the backend gave for it: what else it tells has facts of its own. */
function withToken(last: LogRecord, told: Head | null): Head {
  return { ...headOf(last), ...(told?.token !== undefined && { token: told.token }) };
}

export function checkpointOf({ version, id, at, kind }: LogRecord, data?: string): Checkpoint {
  return { version, id, at, data: data ?? (kind === 'tombstone' ? null : `{"state":${version}}`) };
}

export async function all<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of iterable) items.push(item);
  return items;
}

/** The fields that are stored, without what is absent and without the document that travels beside. */
export function plain<T extends LogRecord | Checkpoint>(given: T): Partial<T> {
  const { version, id, at, data, codec, schema, meta } = given;
  const kind = 'kind' in given ? given.kind : undefined;
  return JSON.parse(JSON.stringify({ version, kind, id, at, data, codec, schema, meta }));
}

/** Holds the records against those of the log, from one version to another. */
export function assertRecords(
  actual: readonly LogRecord[],
  log: readonly LogRecord[],
  from: number,
  to: number,
): void {
  assert.deepEqual(Array.from(actual, plain), log.slice(from - 1, to).map(plain));
}

/** A tail that gives the state at `end`: from a starting point on, without gaps. `offered`: what it may start from. */
export function assertWholeTail(
  tail: LogTail,
  log: readonly LogRecord[],
  end: number,
  offered: readonly Checkpoint[] = [],
): void {
  assert.equal(
    tail.base && tail.checkpoint,
    undefined,
    'a tail starts from a base or a checkpoint, not both',
  );
  const start = tail.base ?? tail.checkpoint;
  const from = start === undefined ? (tail.records[0]?.version ?? 0) : start.version + 1;
  if (start !== undefined) {
    const known = offered.map((each) => JSON.stringify(plain(each)));
    assert.ok(
      known.includes(JSON.stringify(plain(start))),
      `the tail starts from what nobody offered: ${JSON.stringify(plain(start))}`,
    );
  } else if (from !== 1) {
    const kind = tail.records[0]?.kind;
    assert.ok(
      kind === 'set' || kind === 'tombstone',
      `the tail starts with a ${kind}, which is no whole state`,
    );
  }
  assertRecords(tail.records, log, from, end);
  assert.ok(from <= end + 1, 'the tail reaches the end');
  assert.equal(tail.more, false);
}
