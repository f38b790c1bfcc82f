/** Several states changed as one: all of them or none. */
import type { Append, CommitResult } from '../backend.js';
import { putBlobs } from '../blobs/blob-tags.js';
import type { Versioned } from '../data-agent.js';
import {
  DgentsError,
  OutcomeUnknownError,
  StorageTimeoutError,
  UnsupportedError,
  type WorkFailedError,
} from '../errors.js';
import { noteTransacted, type OpenOperation } from '../observe/operations.js';
import type { Cell } from './cell.js';
import { type Call, monotonicMs, pause } from './deadlines.js';
import { isDefinite } from './definition.js';
import type { Engine } from './engine.js';
import { housekeep } from './housekeeping.js';
import { JoinedWork } from './joined-work.js';
import { type Operation, summary } from './operation.js';
import { type Plan, planOne } from './plan.js';
import { headOf, type Snapshot } from './replica.js';
import { versioned } from './views.js';

/** One state that takes part: how a draft of it is made, and what becomes of the draft. */
export interface Participant {
  readonly cell: Cell;
  /** Refuses a store that cannot do what the handle requires. */
  readonly admit: () => void;
  /** The operation that writes `next`, or leaves the state as it is. */
  readonly operation: (id: string, produceFrom: () => unknown) => Operation;
  /** A private copy of the state as it is now. */
  readonly draft: () => unknown;
  readonly see: (snapshot: Snapshot) => void;
  /** Rejects when the store has gone back behind what the handle saw. */
  readonly verify: () => Promise<void> | undefined;
}

export type TransactRecipe = (...drafts: unknown[]) => unknown;

/** Work of the caller's in the transaction of the commit: see `TransactOptions.within`. */
export type Work = (client: unknown) => unknown;

/** One log's part in a commit over several. */
export interface Part {
  readonly cell: Cell;
  readonly plan: Plan;
  readonly see: (snapshot: Snapshot) => void;
}

/** Applies the recipe until a commit is accepted, or the deadline passes. */
export async function transact(
  engine: Engine,
  participants: readonly Participant[],
  recipe: TransactRecipe,
  call: Call,
  within: Work | undefined,
  event?: OpenOperation,
): Promise<Versioned<unknown>[]> {
  const parts = async (id: string): Promise<readonly Part[]> => {
    for (const participant of participants) await present(engine, participant, call);
    const drafts = participants.map(({ draft }) => draft());
    const returned = recipe(...drafts);
    if (returned !== undefined) {
      Promise.resolve(returned).catch(() => undefined);
      throw new TypeError(
        'The recipe of transact changes its drafts in place and returns nothing; it is synchronous.',
      );
    }
    return participants.map((participant, index) => partOf(participant, id, drafts[index]));
  };
  assertAtomic(engine);
  if (within !== undefined) checkJoin(engine, within);
  for (const { admit } of participants) admit();
  const written = await commitTogether(engine, parts, call, within, event);
  return written.map(({ cell, plan }) => versioned(cell.definition, plan.last, false));
}

/** Brings what a participant knows up to date. */
export async function present(engine: Engine, { cell, verify }: Participant, call: Call): Promise<void> {
  await engine.within(cell.refresh(call), call, cell.key);
  await verify();
}

/** What a participant writes, once its draft is what it is to be. */
export function partOf({ cell, operation, see }: Participant, id: string, next: unknown): Part {
  const write = operation(id, () => next);
  try {
    return { cell, plan: planOne(cell, write), see };
  } finally {
    write.discard();
  }
}

/** @throws UnsupportedError */
export function assertAtomic({ port, backend }: Engine): void {
  if (port.atomicity === 'store') return;
  throw new UnsupportedError(
    `The ${backend.name} store is atomic for one key only. Keep what changes together in one state, or use a store with atomicity "store".`,
  );
}

/**
 * Commits what is planned for several logs as one, planned anew until it is accepted, or the deadline passes.
 * @param parts what each log is to be appended; nothing is written where there is none
 * @param settled whether what is found to be there already is ours; else it is planned anew, which finds out
 */
export async function commitTogether(
  engine: Engine,
  parts: (id: string) => Promise<readonly Part[]>,
  call: Call,
  within?: Work,
  event?: OpenOperation,
  settled: (results: readonly CommitResult[]) => boolean = () => true,
): Promise<readonly Part[]> {
  for (let attempt = 0; ; attempt += 1) {
    const id = engine.newId();
    const planned = await parts(id);
    if (planned.length === 0) return planned;
    call.signal?.throwIfAborted();
    const appends = planned.map(({ cell, plan }) => cell.appendOf(plan));
    const puts = putBlobs(appends.flatMap(({ records }) => records));
    if (puts !== undefined) {
      await engine.within(puts, call, undefined);
      call.signal?.throwIfAborted();
    }
    const results = await settle(engine, appends, id, call, within);
    noteTransacted(event, results);
    if (results.every(({ ok }) => ok)) {
      if (!settled(results)) continue;
      for (const { cell, plan, see } of planned) {
        if (cell.snapshot === plan.base) {
          if (plan.base.head === null) cell.floor = 1;
          cell.advance(plan.last);
          housekeep(cell, plan.retain);
        }
        see(plan.last);
      }
      return planned;
    }
    const wait = Math.min(50, 2 ** attempt) * engine.random();
    if (monotonicMs() + wait >= call.deadline) {
      throw new StorageTimeoutError(
        `The transaction met conflicts for ${call.timeoutMs} ms. Nothing was written.`,
        {
          timeoutMs: call.timeoutMs,
        },
      );
    }
    if (attempt > 0) await pause(wait);
  }
}

/** @throws TypeError, UnsupportedError */
export function checkJoin({ port, backend }: Engine, within: Work): void {
  if (typeof within !== 'function') throw new TypeError(`within is a function, not ${typeof within}.`);
  if (port.joins === true) return;
  throw new UnsupportedError(
    `The ${backend.name} store runs no work within its transactions. Use one with the capability "joins".`,
  );
}

/** Commits, and finds out what became of it when the answer was lost: all keys were written or none. */
async function settle(
  engine: Engine,
  appends: readonly Append[],
  id: string,
  call: Call,
  within: Work | undefined,
): Promise<readonly CommitResult[]> {
  let doubt: unknown;
  for (let wait = 5; ; wait = Math.min(wait * 2, 250)) {
    const joined = within && new JoinedWork(within);
    const work = joined && { within: joined.run };
    try {
      const results = await engine.withinCommit(
        engine.backend.commit(appends, { ...engine.portOptions(call), atomic: true, ...work }),
        call,
        undefined,
      );
      if (doubt === undefined || results.every(({ ok }) => ok)) return results;
    } catch (error) {
      // Work is run only where no earlier sending can be made any more: that nothing was written holds for them too.
      if (DgentsError.is(error, 'DGENTS_WORK_FAILED')) throw (error as WorkFailedError).cause;
      const isUnderWay = joined?.giveUp() ?? false;
      if (isDefinite(error) && (doubt === undefined || isUnderWay)) throw error;
      if (isUnderWay) throw call.signal?.aborted ? call.signal.reason : workTooLong(call, error);
      doubt = error;
    }
    try {
      const found = await engine.within(lookAndConfirm(engine, appends, call), call, undefined);
      if (found === 'happened') {
        return appends.map(({ records }) => ({
          ok: true,
          head: headOf(records.at(-1) as Append['records'][number]),
          replayed: true,
        }));
      }
      if (found === 'lost') return appends.map(() => ({ ok: false, head: null }));
    } catch {
      // Not to be found out now: the loop looks again while there is time.
    }
    if (call.signal?.aborted || call.deadline - monotonicMs() <= wait) {
      throw new OutcomeUnknownError('The store did not say what became of the transaction.', {
        operationId: id,
        expected: summary(appends[0]?.expected ?? null),
        cause: doubt,
      });
    }
    await pause(wait);
  }
}

function workTooLong({ timeoutMs }: Call, cause: unknown): StorageTimeoutError {
  const message = `The work within the transaction had not ended when it was given up, after ${timeoutMs} ms at most. Nothing was written.`;
  return new StorageTimeoutError(message, { timeoutMs, cause });
}

/** What is found has to be as safe as what the store itself acknowledges. */
async function lookAndConfirm(
  engine: Engine,
  appends: readonly Append[],
  call: Call,
): Promise<'happened' | 'lost' | 'not yet'> {
  const { backend } = engine;
  const found = await lookFor(engine, appends, call);
  if (backend.confirm === undefined || found !== 'happened') return found;
  for (const { key } of appends) await backend.confirm(key, engine.portOptions(call));
  // Another server may have taken over meanwhile: what it has now it had when it confirmed.
  return lookFor(engine, appends, call);
}

/** Our id directly after any of the expected heads proves all of it; another's there proves that none of it was. */
async function lookFor(
  engine: Engine,
  appends: readonly Append[],
  call: Call,
): Promise<'happened' | 'lost' | 'not yet'> {
  let lost = false;
  for (const { key, records } of appends) {
    const first = records[0] as Append['records'][number];
    const range = { from: first.version, to: first.version, limit: 1, ...engine.portOptions(call) };
    for await (const record of engine.backend.range(key, range)) {
      if (record.version !== first.version) break;
      if (record.id === first.id) return 'happened';
      lost = true;
    }
  }
  return lost ? 'lost' : 'not yet';
}
