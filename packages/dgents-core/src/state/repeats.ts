/**
 * Operations that carry an id of the caller's choosing are looked up before each attempt, whoever may have sent them
 * before: this handle, another one, or a process that is gone.
 */
import type { Version } from '../backend.js';
import { DgentsError, StateCorruptionError } from '../errors.js';
import { noteReplayed } from '../observe/operations.js';
import type { Cell } from './cell.js';
import { type Call, remainingMs } from './deadlines.js';
import { bornAt } from './ids.js';
import type { Operation } from './operation.js';
import { type Snapshot, sameHead } from './replica.js';
import { DEFAULT_GRACE_MS } from './retention.js';

/**
 * Settles those of the batch that have happened already, and those of which it cannot be known.
 * @returns the head up to which was looked; undefined where there was nothing to look for. Where the replica has moved on
 *   when this is told, by a read of somebody else's, the others have to be looked for again before they are planned.
 */
export async function settleRepeats(
  cell: Cell,
  batch: readonly Operation[],
  call: Call,
): Promise<Snapshot['head'] | undefined> {
  const open = batch.filter((operation) => operation.pending && operation.request.repeatable);
  if (open.length === 0) return undefined;
  const ids = [...new Set(open.map((operation) => operation.request.id))];
  const { found, complete, head } = await lookUp(cell, ids, call);
  for (const operation of open) {
    const version = found.get(operation.request.id);
    if (version !== undefined) {
      noteReplayed(operation);
      await repeat(cell, operation, version, call);
    } else if (!complete && !(await isNew(cell, operation, call))) {
      const pin = operation.request.repeats === undefined ? 'expected' : 'expectedVersion';
      operation.unknown(
        `The log of "${cell.key}" no longer reaches back far enough to tell whether this id was used before. ` +
          `Give \`${pin}\`, or use ids from newOperationId().`,
      );
    }
  }
  return head;
}

async function repeat(cell: Cell, operation: Operation, version: Version, call: Call): Promise<void> {
  const { id, repeats } = operation.request;
  let snapshot: Snapshot;
  if (repeats === undefined) {
    snapshot = await cell.engine.within(cell.reader.read(remainingMs(call), version), call, cell.key);
  } else {
    try {
      snapshot = await repeats.found(version, call);
    } catch (error) {
      const isReused = DgentsError.is(error, 'DGENTS_MESSAGE_ID_REUSED');
      if (operation.sentAfter !== undefined && !isReused) throw error;
      return operation.fail(error);
    }
  }
  // The id was only looked up. What was read may start from a checkpoint, which says for itself whose it is.
  if (snapshot.head?.id !== id) throw misleading(cell, version);
  operation.succeed(snapshot);
}

function misleading({ key }: Cell, version: Version): StateCorruptionError {
  return new StateCorruptionError(
    `The log of "${key}" is damaged: the record of version ${version} has another operation id than what is kept of that ` +
      'version. It was left as it is.',
    { key },
  );
}

interface Found {
  readonly found: ReadonlyMap<string, Version>;
  /** Whether everything that was ever written was looked through. */
  readonly complete: boolean;
}

/**
 * Looks until nothing has changed meanwhile: what is found must cover everything up to the head that the next attempt
 * compares with, and nothing may have been trimmed away just before it was looked for.
 */
async function lookUp(
  cell: Cell,
  ids: readonly string[],
  call: Call,
): Promise<Found & { readonly head: Snapshot['head'] }> {
  const { engine } = cell;
  await engine.within(cell.refresh(call), call, cell.key);
  for (;;) {
    const { floor, snapshot } = cell;
    const result = await engine.within(find(cell, ids, call), call, cell.key);
    await engine.within(cell.refresh(call), call, cell.key);
    if (cell.floor === floor && sameHead(cell.snapshot.head, snapshot.head))
      return { ...result, head: snapshot.head };
  }
}

async function find(cell: Cell, ids: readonly string[], call: Call): Promise<Found> {
  const { backend, port } = cell.engine;
  const untrimmed = cell.floor <= 1;
  if (backend.find !== undefined) {
    return {
      found: await backend.find(cell.key, ids, { timeoutMs: remainingMs(call) }),
      complete: untrimmed,
    };
  }
  const wanted = new Set(ids);
  const found = new Map<string, Version>();
  let seen = 0;
  const limit = port.idempotencyRecords;
  const options = {
    reverse: true,
    timeoutMs: remainingMs(call),
    ...(Number.isFinite(limit) ? { limit } : {}),
  };
  for await (const record of backend.range(cell.key, options)) {
    seen += 1;
    if (wanted.has(record.id)) found.set(record.id, record.version);
    if (found.size === wanted.size) break;
  }
  return { found, complete: untrimmed && seen < limit };
}

/**
 * Whether an id that was not found among what is kept cannot lie in what is not: because the operation names the
 * head it follows and that is kept, or because its id tells that it is younger than what was trimmed.
 */
async function isNew(cell: Cell, operation: Operation, call: Call): Promise<boolean> {
  const { compare, pinned, id } = operation.request;
  // What the handle happens to have seen proves nothing: it may have looked long after the id was used.
  if (pinned && compare.kind === 'head' && compare.head !== null && compare.head.version >= cell.floor)
    return true;
  const born = bornAt(id);
  if (born === undefined || cell.floor <= 1) return false;
  if (cell.floorAt === undefined) {
    cell.floorAt = (await cell.reader.read(remainingMs(call), cell.floor)).head?.at;
  }
  // Writers on other hosts have clocks of their own.
  const skewMs = cell.engine.port.sharing === 'network' ? DEFAULT_GRACE_MS : 0;
  // An id from the future was made by a clock that has been set back since: it proves nothing.
  if (born > cell.engine.clock() + DEFAULT_GRACE_MS) return false;
  return cell.floorAt !== undefined && born > cell.floorAt + skewMs;
}
