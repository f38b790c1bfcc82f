import type {
  Append,
  Backend,
  Checkpoint,
  CommitResult,
  Head,
  LogRecord,
  LogTail,
  RecordKind,
} from '../../src/backend.js';

const EPOCH = 1_700_000_000_000;
let operations = 0;

/** A record that no other test has made. */
export function record(version: number, kind: RecordKind = 'set', extra: Partial<LogRecord> = {}): LogRecord {
  const data = kind === 'tombstone' ? 'null' : kind === 'patch' ? '[]' : `{"version":${version}}`;
  return { version, kind, at: EPOCH + version, id: `operation-${++operations}`, data, ...extra };
}

export function headOf({ version, id, at, kind }: LogRecord): Head {
  return { version, id, at, deleted: kind === 'tombstone' };
}

export function appendOf(key: string, before: LogRecord | null, ...records: LogRecord[]): Append {
  return { key, expected: before && headOf(before), records };
}

export async function commitOne(backend: Backend, append: Append): Promise<CommitResult> {
  const results = await backend.commit([append]);
  expect(results).toHaveLength(1);
  return results[0]!;
}

/** Appends one record after the other, each by itself; returns all of them. */
export async function grow(
  backend: Backend,
  key: string,
  kinds: readonly (RecordKind | Partial<LogRecord>)[],
  log: readonly LogRecord[] = [],
): Promise<LogRecord[]> {
  const grown = [...log];
  for (const kind of kinds) {
    const next =
      typeof kind === 'string' ? record(grown.length + 1, kind) : record(grown.length + 1, kind.kind, kind);
    const { expected, ...rest } = appendOf(key, grown.at(-1) ?? null, next);
    // The head as the backend knows it: it may carry a token.
    const result = await commitOne(backend, {
      ...rest,
      expected: expected && (await backend.read(key)).head,
    });
    expect(result).toMatchObject({ ok: true, replayed: false });
    grown.push(next);
  }
  return grown;
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
export function expectRecords(
  actual: readonly LogRecord[],
  log: readonly LogRecord[],
  from: number,
  to: number,
): void {
  expect(actual.map(plain)).toEqual(log.slice(from - 1, to).map(plain));
}

/** A tail that gives the state at `end`: from a starting point on, without gaps. `offered`: what it may start from. */
export function expectWholeTail(
  tail: LogTail,
  log: readonly LogRecord[],
  end: number,
  offered: readonly Checkpoint[] = [],
): void {
  const start = tail.base ?? tail.checkpoint;
  const from = start === undefined ? (tail.records[0]?.version ?? 0) : start.version + 1;
  if (start !== undefined) expect(offered.map(plain)).toContainEqual(plain(start));
  else if (from !== 1) expect(['set', 'tombstone']).toContain(tail.records[0]?.kind);
  expect(tail.base && tail.checkpoint).toBeUndefined();
  expectRecords(tail.records, log, from, end);
  expect(from).toBeLessThanOrEqual(end + 1);
  expect(tail.more).toBe(false);
}
