/**
 * Letting go of the past on purpose: the state at a version becomes the base of the log, and what led to it goes.
 *
 *     1 ─ 2 ─ 3 ─ 4 ─ 5 ─ 6        compact before 4        base 4 ─ 5 ─ 6
 *     └─ kept elsewhere ─┘          ── keep, then trim ──▶
 */
import type { Backend, Checkpoint, Head, LogRecord, Version } from '../backend.js';
import { checkTime } from '../state/arguments.js';
import type { Cell } from '../state/cell.js';
import { neededFrom } from '../state/consumers.js';
import { type Call, remainingMs } from '../state/deadlines.js';
import { checkpointOf } from '../state/housekeeping.js';
import { compacted, type Snapshot } from '../state/replica.js';
import { DEFAULT_GRACE_MS } from '../state/retention.js';
import { versionAt } from '../state/time.js';

/** What kept a compaction from going as far as it was asked to. */
export type HeldBack =
  /** A registered consumer that has not done this version yet. */
  | { readonly consumer: string; readonly needs: Version }
  /** What is younger than this may still be looked for by a writer whose answer was lost. */
  | { readonly youngerThanMs: number };

export interface Compaction {
  /** The oldest version whose state is kept: the events up to it are gone. 1 where nothing ever went, 0 without a log. */
  readonly compactedTo: Version;
  /** How many versions went by this call. */
  readonly removed: number;
  readonly heldBackBy?: HeldBack;
}

/** What is about to go. */
export interface Stretch {
  readonly from: Version;
  readonly to: Version;
  /** Its records, in order and without gaps, some at a time. */
  readonly pages: AsyncIterable<readonly LogRecord[]>;
}

const PAGE = 500;

/**
 * @param before a version, or a time: the newest version then
 * @param keep puts what is about to go elsewhere; nothing goes unless it resolves
 * @param begin how long the next step may take
 * @throws RangeError for a version that is not there yet
 */
export async function compactLog(
  cell: Cell,
  before: Version | Date,
  keep: ((stretch: Stretch) => Promise<void>) | undefined,
  begin: () => Call,
): Promise<Compaction> {
  checkTime('before', before);
  const asked = await limitOf(cell, before, begin());
  if (asked.to < asked.from || keep === undefined) return trim(cell, asked, begin());
  await keep({ from: asked.from, to: asked.to, pages: pagesOf(cell, asked.from, asked.to, begin) });
  // That may have taken long: whoever has registered meanwhile still needs all there is.
  const limit = await limitOf(cell, asked.to, begin());
  return trim(cell, { ...asked, ...limit }, begin());
}

interface Limit {
  /** The oldest record kept. */
  readonly from: Version;
  /** The last one that may go; before `from`: none may. */
  readonly to: Version;
  readonly floor: Version;
  readonly heldBackBy?: HeldBack;
}

async function limitOf(cell: Cell, before: Version | Date, call: Call): Promise<Limit> {
  const { engine, key } = cell;
  const within = <T>(step: Promise<T>): Promise<T> => engine.within(step, call, key);
  const { head, floor } = await within(engine.backend.read(key, { limit: 1, timeoutMs: remainingMs(call) }));
  if (head === null) return { from: 1, to: 0, floor };
  // A log whose base is version 1 is whole: there is nothing before it.
  const from = floor > 1 ? floor + 1 : 1;
  const at = (time: number): Promise<Version> => within(versionAt(cell, time, remainingMs(call)));
  let to = typeof before === 'number' ? before : await at(before.getTime());
  if (to > head.version) {
    throw new RangeError(`"${key}" ends at version ${head.version}: it cannot be compacted before ${to}.`);
  }
  let heldBackBy: HeldBack | undefined;
  if (engine.port.sharing !== 'process' && to >= from) {
    const settled = await at(engine.clock() - DEFAULT_GRACE_MS);
    if (settled < to) {
      to = settled;
      heldBackBy = { youngerThanMs: DEFAULT_GRACE_MS };
    }
  }
  const needed = to < from ? undefined : await within(neededFrom(engine, key, call));
  if (needed !== undefined && needed.version <= to) {
    to = needed.version - 1;
    heldBackBy = { consumer: needed.by, needs: needed.version };
  }
  // The oldest state kept is that of version 1 at least.
  if (to === 1) to = 0;
  return { from, to, floor, ...(heldBackBy === undefined ? {} : { heldBackBy }) };
}

async function trim(cell: Cell, { from, to, floor, heldBackBy }: Limit, call: Call): Promise<Compaction> {
  const held = heldBackBy === undefined ? {} : { heldBackBy };
  if (to < from) return { compactedTo: floor, removed: 0, ...held };
  const { engine, key, reader } = cell;
  const snapshot = await engine.within(reader.read(remainingMs(call), to), call, key);
  const base =
    cell.definition.events?.isConstant === true ? unfolded(snapshot) : checkpointOf(cell, snapshot);
  await engine.within(engine.backend.trim(key, base, { timeoutMs: remainingMs(call) }), call, key);
  return { compactedTo: to, removed: to - from + 1, ...held };
}

/** Whoever folds the events finds no state here that they could go on from, and is told so. */
function unfolded({ head }: Snapshot): Checkpoint {
  const { version, id, at, deleted } = head as Head;
  return { version, id, at, ...(deleted ? { data: null } : { data: '""', codec: 'no-state' }) };
}

/** @throws LogCompactedError where somebody else lets go of them meanwhile */
async function* pagesOf(
  { engine, key }: Cell,
  from: Version,
  to: Version,
  begin: () => Call,
): AsyncGenerator<readonly LogRecord[], void, undefined> {
  for (let next = from; next <= to; ) {
    const call = begin();
    const last = Math.min(to, next + PAGE - 1);
    const page = await engine.within(all(engine.backend, key, next, last, remainingMs(call)), call, key);
    const missing = page.find(({ version }, index) => version !== next + index);
    if (missing !== undefined || page.length === 0)
      throw compacted(key, next, (page[0]?.version ?? next) - 1);
    yield page;
    next += page.length;
  }
}

async function all(
  backend: Backend,
  key: string,
  from: Version,
  to: Version,
  timeoutMs: number,
): Promise<readonly LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const record of backend.range(key, { from, to, timeoutMs })) records.push(record);
  return records;
}
