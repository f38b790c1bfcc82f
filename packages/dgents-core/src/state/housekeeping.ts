/** What follows an acknowledged write, never in its way: checkpoints and trims, one at a time for each log. */
import type { Checkpoint, Head, Version } from '../backend.js';
import { putBlobs } from '../blobs/blob-tags.js';
import type { Cell } from './cell.js';
import { neededFrom } from './consumers.js';
import { documentOf } from './diff.js';
import { checkpointDue } from './policy.js';
import { ABSENT, type Snapshot } from './replica.js';
import { biteOf, DEFAULT_GRACE_MS, mayGoBefore, type Retention } from './retention.js';
import { versionAt } from './time.js';

/**
 * With so many bites too many, the trimming point is read from the log instead of waited for: processes that live for
 * a few writes only would never see a milestone of theirs come due.
 */
const OVERDUE_BITES = 4;

const MAINTENANCE_TIMEOUT_MS = 30_000;

/** Looks whether anything is due, and does it in the background. */
export function housekeep(cell: Cell, retain: Retention | undefined): void {
  if (cell.busy) return;
  const { snapshot } = cell;
  const trim = retain === undefined ? undefined : dueTrim(cell, retain, biteOf(retain));
  if (trim !== undefined) {
    inBackground(cell, trim);
  } else if (snapshot.value !== ABSENT && isCheckpointDue(cell, snapshot)) {
    inBackground(cell, () => writeCheckpoint(cell, snapshot));
  }
}

function inBackground(cell: Cell, work: () => Promise<void>): void {
  cell.busy = true;
  const { engine, key } = cell;
  engine.background(
    engine.within(work(), engine.call(undefined, MAINTENANCE_TIMEOUT_MS), key).finally(() => {
      cell.busy = false;
    }),
  );
}

function isCheckpointDue(cell: Cell, snapshot: Snapshot): boolean {
  const { events } = cell.definition;
  const tail = tailOf(cell, snapshot);
  if (events === undefined) return checkpointDue(tail.bytes, snapshot.bytes, cell.engine.checkpointFactor);
  return tail.records > 0 && events.snapshotDue({ ...tail, stateBytes: snapshot.bytes });
}

async function writeCheckpoint(cell: Cell, snapshot: Snapshot): Promise<void> {
  const mark = {
    startVersion: snapshot.startVersion,
    tailBytes: snapshot.tailBytes,
    version: snapshot.head?.version ?? 0,
  };
  // Doubled until it succeeds: a store that refuses is not asked at every write.
  cell.checkpointed = { ...mark, tailBytes: mark.tailBytes * 2 };
  const checkpoint = checkpointOf(cell, snapshot);
  await safe(cell, checkpoint);
  await cell.engine.backend.checkpoint(cell.key, checkpoint, { timeoutMs: MAINTENANCE_TIMEOUT_MS });
  cell.checkpointed = mark;
}

/** The records since the newest checkpoint of this process, and what they weigh. */
function tailOf(cell: Cell, snapshot: Snapshot): { records: number; bytes: number } {
  const { checkpointed } = cell;
  const version = snapshot.head?.version ?? 0;
  if (checkpointed?.startVersion !== snapshot.startVersion) {
    return { records: version - snapshot.startVersion, bytes: snapshot.tailBytes };
  }
  return { records: version - checkpointed.version, bytes: snapshot.tailBytes - checkpointed.tailBytes };
}

/** The whole state of a snapshot, in the form that a backend keeps. Made before anything is awaited. */
export function checkpointOf(cell: Cell, snapshot: Snapshot): Checkpoint {
  const { codec, schemaVersion, wrapping } = cell.definition;
  if (snapshot.head === null) throw new TypeError('There is no checkpoint of nothing.');
  const { version, id, at } = snapshot.head;
  const extras = {
    ...(schemaVersion === 1 ? {} : { schema: schemaVersion }),
    ...(snapshot.meta === undefined ? {} : { meta: snapshot.meta }),
  };
  if (snapshot.value === ABSENT) return { version, id, at, data: null, ...extras };
  const document = documentOf(codec, snapshot.value, snapshot.traits);
  const whole = {
    version,
    id,
    at,
    document,
    get data() {
      return codec.stringify(document);
    },
    ...extras,
  };
  return wrapping.checkpoint(cell.key, whole, cell.engine.port.values);
}

/** What it refers to comes before it. A blob store that hangs does not keep `close` waiting. */
async function safe({ engine }: Cell, whole: Checkpoint): Promise<void> {
  const puts = putBlobs([whole]);
  if (puts !== undefined) await engine.unlessClosing(puts);
}

/** A milestone, or a version whose state has to be read first. */
type TrimPoint = Snapshot | { readonly version: Version };

function dueTrim(cell: Cell, retain: Retention, bite: number): (() => Promise<void>) | undefined {
  const { snapshot, milestones, engine } = cell;
  const { head } = snapshot;
  if (head === null || head.version < cell.retainAt) return undefined;
  cell.retainAt = head.version + bite;
  const now = { version: head.version, at: engine.clock() };
  const grace = retain.graceMs ?? (engine.port.sharing === 'process' ? 0 : DEFAULT_GRACE_MS);
  const mayGo = (place: Head): boolean => mayGoBefore(place, now, retain, grace);
  const milestone = milestones.due(mayGo);
  if (isTrimPoint(snapshot)) milestones.pass(snapshot, bite);
  if (milestone !== undefined) return () => trimTo(cell, milestone, mayGo);
  if (
    head.version < cell.lookForOldAt ||
    head.version - cell.floor - (retain.versions ?? 0) < bite * OVERDUE_BITES
  ) {
    return undefined;
  }
  cell.lookForOldAt = head.version + bite * OVERDUE_BITES;
  return async () => {
    // In a busy log those that are too many may be too young: then the oldest go that are not.
    const age = Math.max(grace, retain.ageMs ?? 0);
    const old = age === 0 ? head.version : await versionAt(cell, now.at - age, MAINTENANCE_TIMEOUT_MS);
    const version = Math.min(old, head.version - (retain.versions ?? 1) + 1);
    if (version > cell.floor) await trimTo(cell, { version }, mayGo);
  };
}

/** A patch may follow what was migrated on the way here, and would not fit a base that holds it as it is now. */
function isTrimPoint({ asStored, folded = false }: Snapshot): boolean {
  return asStored || folded;
}

/** The state at a trim point, or at the newest version that may go before it; undefined where that is gone already. */
async function stateAt(cell: Cell, point: TrimPoint, newest: Version): Promise<Snapshot | undefined> {
  const version = 'version' in point ? point.version : (point.head?.version ?? 0);
  if (Math.min(version, newest) <= cell.floor) return undefined;
  if (!('version' in point) && version <= newest) return point;
  return cell.reader.read(MAINTENANCE_TIMEOUT_MS, Math.min(version, newest));
}

async function trimTo(cell: Cell, point: TrimPoint, mayGo: (place: Head) => boolean): Promise<void> {
  const { engine, key } = cell;
  const needed = await neededFrom(engine, key, engine.call(undefined, MAINTENANCE_TIMEOUT_MS));
  const snapshot = await stateAt(cell, point, (needed?.version ?? Infinity) - 1);
  const head = snapshot?.head ?? null;
  if (snapshot === undefined || head === null || !isTrimPoint(snapshot) || !mayGo(head)) return;
  const base = checkpointOf(cell, snapshot);
  await safe(cell, base);
  await engine.backend.trim(key, base, { timeoutMs: MAINTENANCE_TIMEOUT_MS });
  cell.floor = Math.max(cell.floor, head.version);
  cell.floorAt = head.at;
}
