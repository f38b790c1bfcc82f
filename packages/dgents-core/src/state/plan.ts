/**
 * Evaluates a batch of writes, one after the other, on a working copy of the state: what would be appended, and what
 * each writer will be told once the append is confirmed.
 */
import type { Head, LogRecord, Version } from '../backend.js';
import type { Json } from '../codec/codec.js';
import { StateTooLargeError } from '../errors.js';
import { noteReplayed } from '../observe/operations.js';
import type { Cell } from './cell.js';
import { documentOf } from './diff.js';
import type { Comparison, Operation, Produced } from './operation.js';
import { PendingRecord } from './pending-record.js';
import { patchPaysOff, RECORD_OVERHEAD_BYTES } from './policy.js';
import { ABSENT, type Snapshot, sameHead } from './replica.js';
import type { Retention } from './retention.js';

export interface Outcome {
  readonly operation: Operation;
  /** Whether a record of the append is this operation's, or one with the same id. */
  readonly written: boolean;
  readonly settle: () => void;
}

export class Plan {
  readonly records: LogRecord[] = [];
  readonly outcomes: Outcome[] = [];
  /** Those that come after this append, since it would hold too many records with them. */
  left: readonly Operation[] = [];
  /** The state after all records. */
  last: Snapshot;
  ttlMs: number | 'keep' | undefined;
  retain: Retention | undefined;

  constructor(readonly base: Snapshot) {
    this.last = base;
  }

  /** Tells everyone. Only after the append that all of it rests on was confirmed. */
  settle(): void {
    for (const { settle } of this.outcomes) settle();
  }
}

/** What the writes of a batch have led to so far. */
type Results = Map<Operation, Snapshot>;

export function planBatch(cell: Cell, batch: readonly Operation[]): Plan {
  const plan = new Plan(cell.snapshot);
  const results: Results = new Map();
  const byId = new Map<string, { readonly operation: Operation; readonly next: Snapshot }>();
  for (const [index, operation] of batch.entries()) {
    if (!operation.pending) continue;
    const { request } = operation;
    const repeated = request.repeatable ? byId.get(request.id) : undefined;
    try {
      if (repeated !== undefined) {
        request.repeats?.waiting(repeated.operation);
        noteReplayed(operation);
        results.set(operation, repeated.next);
        plan.outcomes.push({ operation, written: true, settle: () => operation.succeed(repeated.next) });
        continue;
      }
      const working = plan.last;
      compare(cell, operation, working, results);
      const produced = request.produce(working);
      if (produced.kind === 'none') {
        plan.outcomes.push({ operation, written: false, settle: () => finishIdle(operation, working) });
        continue;
      }
      if (isFull(cell, plan, produced)) {
        plan.left = batch.slice(index);
        break;
      }
      const next = append(cell, plan, operation, produced);
      results.set(operation, next);
      byId.set(request.id, { operation, next });
      plan.outcomes.push({ operation, written: true, settle: () => operation.succeed(next) });
    } catch (error) {
      plan.outcomes.push({ operation, written: false, settle: () => operation.fail(error) });
    }
  }
  return plan;
}

/** Whether the append would hold more than the store takes at once. One that is too large by itself is refused. */
function isFull(cell: Cell, { records }: Plan, produced: Produced): boolean {
  if (records.length === 0) return false;
  const more = produced.kind === 'events' ? produced.events.length : 1;
  return records.length + more > cell.engine.port.limits.recordsPerAppend;
}

/** A single write, for an append that somebody else sends. Throws what would have been its refusal. */
export function planOne(cell: Cell, operation: Operation): Plan {
  const plan = new Plan(cell.snapshot);
  compare(cell, operation, plan.last, new Map());
  const produced = operation.request.produce(plan.last);
  if (produced.kind !== 'none') append(cell, plan, operation, produced);
  return plan;
}

function finishIdle(operation: Operation, working: Snapshot): void {
  operation.idle = true;
  operation.succeed(working);
}

/** @throws StateConflictError when the working state is not what the writer expects */
function compare(cell: Cell, operation: Operation, working: Snapshot, results: Results): void {
  const expected = settled(operation.compare, results);
  const { head } = working;
  switch (expected.kind) {
    case 'any':
      return;
    case 'absent':
      if (working.value === ABSENT) return;
      throw cell.conflict(working, { version: 0, id: '', at: 0 });
    case 'version':
      if (head?.version === expected.version) return;
      throw cell.conflict(working, { version: expected.version, id: '', at: 0 });
    case 'head':
      if (sameHead(head, expected.head)) return;
      throw cell.conflict(working, expected.head);
  }
}

/** Follows a chain of writes of one handle to what the last of them that happened left behind. */
function settled(compare: Comparison, results: Results): Exclude<Comparison, { kind: 'after' }> {
  let comparison = compare;
  while (comparison.kind === 'after') {
    const { write } = comparison;
    const result: Snapshot | undefined = results.get(write) ?? write.result;
    if (result !== undefined) return { kind: 'head', head: result.head };
    comparison = write.otherwise;
  }
  return comparison;
}

function append(
  cell: Cell,
  plan: Plan,
  operation: Operation,
  produced: Exclude<Produced, { kind: 'none' }>,
): Snapshot {
  const { request } = operation;
  const working = plan.last;
  const version = (working.head?.version ?? 0) + 1;
  const at = Math.max(cell.engine.clock(), working.head?.at ?? 0);
  const head: Head = { version, id: request.id, at, deleted: produced.kind === 'tombstone' };
  const { records, next } = stored(cell, working, head, operation, produced);
  plan.records.push(...records);
  plan.last = next;
  // What keeps a time to live keeps the one that a write before it in this append has set, or taken back.
  if (request.ttlMs !== 'keep' || plan.records.length === records.length)
    plan.ttlMs = request.ttlMs ?? plan.ttlMs;
  plan.retain = request.retain ?? plan.retain;
  return next;
}

/** What a write appends, and the state after it. */
interface Stored {
  readonly records: readonly LogRecord[];
  readonly next: Snapshot;
}

/** @param head of the first record */
function stored(
  cell: Cell,
  working: Snapshot,
  head: Head,
  operation: Operation,
  produced: Exclude<Produced, { kind: 'none' }>,
): Stored {
  switch (produced.kind) {
    case 'tombstone':
      return tombstone(head, operation.request.meta);
    case 'events':
      return told(cell, working, head, operation, produced);
    case 'write':
      return written(cell, working, head, operation, produced);
  }
}

function tombstone(head: Head, meta: Snapshot['meta']): Stored {
  const place = { version: head.version, at: head.at, id: head.id };
  return {
    records: [
      { ...place, kind: 'tombstone', data: 'null', document: null, ...(meta === undefined ? {} : { meta }) },
    ],
    next: { ...fresh(head, meta), value: ABSENT, traits: 0, bytes: 0 },
  };
}

function written(
  cell: Cell,
  working: Snapshot,
  head: Head,
  operation: Operation,
  produced: Extract<Produced, { kind: 'write' }>,
): Stored {
  const { codec, schemaVersion, wrapping } = cell.definition;
  wrapping.assertFits(cell.engine.port, cell.engine.backend.name);
  const { change } = produced;
  const { meta } = operation.request;
  if (change.bytes > codec.maxBytes) throw tooLarge(cell.key, change.bytes, codec.maxBytes);
  const mayPatch =
    working.asStored &&
    working.value !== ABSENT &&
    patchPaysOff(change.patchBytes, change.bytes, cell.engine.checkpointFactor);
  const ops = mayPatch ? change.ops : null;
  const dataBytes = ops === null ? change.bytes : change.patchBytes;
  const kind = ops === null ? 'set' : 'patch';
  if (wrapping.isPlain) cell.assertFits(kind, dataBytes);
  operation.request.weigh?.({
    bytes: change.bytes,
    recordBytes: dataBytes,
    versions: kept(cell, head.version),
  });
  const document = (ops ?? documentOf(codec, change.next, change.traits)) as Json;
  const schema = schemaVersion === 1 ? undefined : schemaVersion;
  const pending = new PendingRecord(head, kind, document, schema, meta, dataBytes);
  const record = wrapping.record(cell.key, pending, working.head?.id);
  if (!wrapping.isPlain) cell.assertFits(kind, Buffer.byteLength(record.data));
  const value = { value: change.next, traits: change.traits, bytes: change.bytes };
  if (ops === null) return { records: [record], next: { ...fresh(head, meta), ...value } };
  const { startVersion } = working;
  const tailBytes = working.tailBytes + dataBytes + RECORD_OVERHEAD_BYTES;
  return { records: [record], next: { head, meta, ...value, asStored: true, tailBytes, startVersion } };
}

/** Events, all with the id of their operation. */
function told(
  cell: Cell,
  working: Snapshot,
  first: Head,
  { request }: Operation,
  { events, after }: Extract<Produced, { kind: 'events' }>,
): Stored {
  const { codec, wrapping } = cell.definition;
  wrapping.assertFits(cell.engine.port, cell.engine.backend.name);
  cell.assertCount(events.length);
  if (after.bytes > codec.maxBytes) throw tooLarge(cell.key, after.bytes, codec.maxBytes);
  let recordBytes = 0;
  let head = first;
  let before = working.head?.id;
  const records = events.map((event, index) => {
    head = index === 0 ? first : { ...first, version: first.version + index };
    recordBytes += event.bytes;
    if (wrapping.isPlain) cell.assertFits('event', event.bytes);
    const schema = event.schema === 1 ? undefined : event.schema;
    const meta = event.meta ?? request.meta;
    const { document, bytes, isPlain } = event;
    const pending = new PendingRecord(head, 'event', document, schema, meta, bytes, isPlain);
    const record = wrapping.record(cell.key, pending, before);
    before = head.id;
    if (!wrapping.isPlain) cell.assertFits('event', Buffer.byteLength(record.data));
    return record;
  });
  request.weigh?.({ bytes: after.bytes, recordBytes, versions: kept(cell, head.version) });
  const { startVersion } = working;
  const tailBytes = working.tailBytes + recordBytes + RECORD_OVERHEAD_BYTES * records.length;
  const meta = records.at(-1)?.meta;
  return { records, next: { head, meta, ...after, asStored: false, folded: true, tailBytes, startVersion } };
}

/** How many versions are kept where this is the newest. */
function kept({ floor }: Cell, version: Version): number {
  return version - Math.max(floor, 1) + 1;
}

/** A version that needs nothing before it. */
function fresh(
  head: Head,
  meta: Snapshot['meta'],
): Pick<Snapshot, 'head' | 'meta' | 'asStored' | 'tailBytes' | 'startVersion'> {
  return { head, meta, asStored: true, tailBytes: 0, startVersion: head.version };
}

function tooLarge(key: string, bytes: number, limitBytes: number): StateTooLargeError {
  return new StateTooLargeError(
    `The state of "${key}" would weigh ${bytes} bytes; at most ${limitBytes} are allowed (codec option maxBytes). Nothing was stored.`,
    { bytes, limitBytes, key },
  );
}
