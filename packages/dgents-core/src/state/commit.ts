/**
 * Brings one append to a certain end: committed, refused, failed for sure, or not knowable in time.
 *
 * An answer can get lost after the write happened. What lies directly after `expected` tells: our own id there means
 * that it happened; another's means that it lost and can never happen any more; nothing means *not yet*, and the same
 * append may be sent again, since the compare-and-set lets it happen at most once.
 */
import type { Append, Checkpoint, Head, Version } from '../backend.js';
import { type Call, monotonicMs, pause, remainingMs } from './deadlines.js';
import { isDefinite } from './definition.js';
import type { Engine } from './engine.js';
import { headOf } from './replica.js';

export type CommitEnd =
  /** `found`: it was there already, by an earlier sending or by somebody who used the same ids. */
  (
    | { readonly kind: 'committed'; readonly head: Head; readonly found?: true }
    | { readonly kind: 'refused' }
    | { readonly kind: 'failed'; readonly error: unknown }
    | { readonly kind: 'unknown'; readonly error: unknown }
  ) & {
    /** How often it was sent again, where an answer got lost. */
    readonly resent?: number;
  };

/** Between looking and looking again, in milliseconds; doubled each time, jittered. */
const FIRST_WAIT_MS = 5;
const LONGEST_WAIT_MS = 250;

/** Sends the append; nearly always, that is all. `timeoutMs` is what is left of the call's time. */
export function commit(engine: Engine, append: Append, call: Call, timeoutMs: number): Promise<CommitEnd> {
  return sendOnce(engine, append, call, timeoutMs).then(
    (end) => (end.kind === 'committed' && end.found ? insist(engine, append, call, undefined) : end),
    (error: unknown) => (isDefinite(error) ? { kind: 'failed', error } : insist(engine, append, call, error)),
  );
}

function sendOnce(engine: Engine, append: Append, call: Call, timeoutMs: number): Promise<CommitEnd> {
  // Aborting the call ends the waiting of its caller, not the finding out.
  const { deadline } = call;
  return engine.withinCommit(
    engine.backend.commit([append], { timeoutMs }),
    { deadline, timeoutMs, signal: undefined },
    append.key,
    ([result]): CommitEnd => {
      if (result === undefined)
        throw new TypeError(`The ${engine.backend.name} backend gave no result for an append.`);
      if (!result.ok) return REFUSED;
      // A store knows a replay by its first and last id. Where its caller chose them, it may be another one's append.
      return { kind: 'committed', head: result.head, ...(result.replayed ? { found: true } : {}) };
    },
  );
}

const REFUSED: CommitEnd = { kind: 'refused' };

/** Finds out what became of an append in doubt, and sends it again as often as nothing is there. */
async function insist(engine: Engine, append: Append, aborted: Call, doubt: unknown): Promise<CommitEnd> {
  const call = { ...aborted, signal: undefined };
  let resent = 0;
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    const verdict = await findOut(engine, append, call);
    if (verdict === 'unknowable') return { kind: 'unknown', error: doubt, resent };
    if (verdict !== 'not yet') return { ...verdict, resent };
    if (call.deadline - monotonicMs() <= wait) return { kind: 'unknown', error: doubt, resent };
    await pause(wait * (0.5 + engine.random() / 2));
    resent += 1;
    try {
      const end = await sendOnce(engine, append, call, remainingMs(call));
      // A refusal may be due to the earlier sending that is in doubt: what is there tells.
      if (end.kind === 'committed') return { ...end, resent };
    } catch {
      // As much in doubt as before, for the first reason.
    }
  }
}

/** Looks, again and again if need be, at what follows `expected`. */
async function findOut(
  engine: Engine,
  append: Append,
  call: Call,
): Promise<CommitEnd | 'not yet' | 'unknowable'> {
  let wait = FIRST_WAIT_MS;
  for (;;) {
    try {
      return await engine.within(lookAndConfirm(engine, append, call), call, append.key);
    } catch {
      // The store does not answer. It was not to be trusted a moment ago either: look again while there is time.
    }
    if (call.deadline - monotonicMs() <= wait) return 'unknowable';
    await pause(wait * (0.5 + engine.random() / 2));
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

/** What is found has to be as safe as what the store itself acknowledges. */
async function lookAndConfirm(
  engine: Engine,
  append: Append,
  call: Call,
): Promise<CommitEnd | 'not yet' | 'unknowable'> {
  const { backend } = engine;
  const found = await look(engine, append, call);
  // The store promises less than is required since it was sent.
  if (!engine.isReady) return 'unknowable';
  if (backend.confirm === undefined || typeof found === 'string' || found.kind !== 'committed') return found;
  await backend.confirm(append.key, { timeoutMs: remainingMs(call) });
  // Another server may have taken over meanwhile: what it has now it had when it confirmed.
  return look(engine, append, call);
}

async function look(
  engine: Engine,
  append: Append,
  call: Call,
): Promise<CommitEnd | 'not yet' | 'unknowable'> {
  const first = append.records[0] as Append['records'][number];
  const last = append.records.at(-1) as Append['records'][number];
  const timeoutMs = remainingMs(call);
  // All of them: an operation whose id the caller chose may have been written by somebody else, without those behind it.
  let next = first.version;
  for await (const record of engine.backend.range(append.key, { from: next, to: last.version, timeoutMs })) {
    if (record.version !== next) break;
    if (record.id !== append.records[next - first.version]?.id) return REFUSED;
    next += 1;
  }
  if (next > last.version) return { kind: 'committed', head: headOf(last), found: true };
  if (next > first.version) return REFUSED;
  const tail = await engine.backend.read(append.key, { timeoutMs });
  if (tail.head === null || tail.head.version < first.version) return 'not yet';
  if (tail.floor > first.version) return 'unknowable';
  const base =
    tail.floor > 1 && tail.floor === first.version
      ? await baseOf(engine, append.key, call, tail.floor)
      : undefined;
  if (base === undefined) {
    // It came between the two looks.
    return monotonicMs() < call.deadline ? look(engine, append, call) : 'unknowable';
  }
  if (base.id !== first.id) return REFUSED;
  return first === last ? { kind: 'committed', head: headOf(last), found: true } : 'unknowable';
}

async function baseOf(
  engine: Engine,
  key: string,
  call: Call,
  floor: Version,
): Promise<Checkpoint | undefined> {
  return (await engine.backend.read(key, { at: floor, timeoutMs: remainingMs(call) })).base;
}
