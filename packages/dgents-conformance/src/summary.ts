/** What a run has shown, promise by promise: plain data, for every way of printing it. */
import { type FactReport, type KitReport, PROMISES, type PromiseName } from 'dgents-core/testing';
import { type Origin, originOf } from './origin.js';

/** `partial`: what was run holds, and not all was run. */
export type Status = 'verified' | 'partial' | 'failed' | 'not judged' | 'not claimed' | 'waived' | 'untested';

/** One promise. */
export interface Row {
  readonly promise: PromiseName;
  /** What it says. */
  readonly text: string;
  readonly status: Status;
  /** Why it was waived. */
  readonly reason?: string;
  readonly holds: number;
  readonly fails: number;
  readonly notJudged: number;
  readonly untested: number;
  /** How many facts there are for what is claimed, also those that were not run this time. */
  readonly planned: number;
  readonly durationMs: number;
}

/** One fact that does not hold, or was not tested. */
export interface Finding {
  readonly promise: PromiseName;
  /** What it is about, where a promise is kept on several levels: `agents on it`. */
  readonly about?: string;
  readonly fact: string;
  readonly reason: string;
}

export interface Failure extends Finding, Origin {
  /** The command that runs this fact alone, with the same random choices. */
  readonly repeat: string;
}

export interface Summary {
  readonly subject: string;
  /** Whether nothing failed, and the run came to its end. */
  readonly ok: boolean;
  readonly effort: string;
  readonly seed: number;
  /** What the run was narrowed to; then it says nothing of the rest. */
  readonly only?: string;
  /** It was ended from outside before it was over. */
  readonly interrupted?: true;
  readonly durationMs: number;
  readonly claimed: readonly string[];
  readonly notClaimed: readonly string[];
  readonly promises: readonly Row[];
  readonly failures: readonly Failure[];
  readonly untested: readonly Finding[];
}

/** Promises that are about one claim: without it, what was verified is that they are refused. */
const ABOUT: Partial<Record<PromiseName, string>> = {
  ttl: 'ttl',
  feed: 'feed',
  durability: 'durability',
  crashes: 'durability',
};

export interface Run {
  /** The module, as the command was given it. */
  readonly file: string;
  readonly only?: string | undefined;
}

export function summaryOf(report: KitReport, run: Run): Summary {
  const { subject, ok, effort, seed, claimed, notClaimed, facts } = report;
  const repeat = (fact: FactReport): string =>
    [
      `npx dgents-conformance ${quoted(run.file)}`,
      `--seed ${seed}`,
      ...(effort === 'ci' ? [] : [`--effort ${effort}`]),
      `--only ${quoted(fact.name)}`,
    ].join(' ');
  return {
    subject,
    ok,
    effort,
    seed,
    ...(run.only !== undefined && { only: run.only }),
    ...(report.interrupted && { interrupted: true }),
    durationMs: duration(facts),
    claimed,
    notClaimed,
    promises: rowsOf(report, run.only !== undefined),
    failures: facts.filter(({ outcome }) => outcome === 'fails').map((fact) => failureOf(fact, repeat(fact))),
    untested: facts.filter(({ outcome }) => outcome === 'untested').map(findingOf),
  };
}

/** In the order of the promises. */
function rowsOf(report: KitReport, narrowed: boolean): Row[] {
  const { promises, waived } = report;
  return (Object.keys(PROMISES) as PromiseName[])
    .filter((promise) => promises.includes(promise) || (waived.has(promise) && !narrowed))
    .map((promise) => rowOf(promise, report));
}

function rowOf(promise: PromiseName, { facts, notClaimed, waived, planned }: KitReport): Row {
  const own = facts.filter((fact) => fact.promise === promise);
  const count = (outcome: FactReport['outcome']): number =>
    own.filter((fact) => fact.outcome === outcome).length;
  const counts = {
    holds: count('holds'),
    fails: count('fails'),
    notJudged: count('not judged'),
    untested: count('untested'),
    planned: planned.get(promise) ?? 0,
  };
  const reason = waived.get(promise);
  const claimed = !notClaimed.includes(ABOUT[promise] ?? '');
  const status = reason === undefined ? statusOf(counts, claimed) : 'waived';
  const text = PROMISES[promise];
  return {
    promise,
    text,
    status,
    ...(reason !== undefined && { reason }),
    ...counts,
    durationMs: duration(own),
  };
}

type Counts = Pick<Row, 'holds' | 'fails' | 'notJudged' | 'untested' | 'planned'>;

/** Whether facts were left out, by `--only` or because the run was ended. */
export function isPartial({ holds, fails, notJudged, untested, planned }: Counts): boolean {
  return holds + fails + notJudged + untested < planned;
}

function statusOf(counts: Counts, claimed: boolean): Status {
  if (counts.fails > 0) return 'failed';
  if (counts.notJudged > 0) return 'not judged';
  if (isPartial(counts)) return 'partial';
  if (!claimed || counts.holds + counts.untested === 0) return 'not claimed';
  return counts.holds === 0 ? 'untested' : 'verified';
}

function failureOf(fact: FactReport, repeat: string): Failure {
  const finding = findingOf(fact);
  return { ...finding, ...originOf(fact.error, finding.reason), repeat };
}

function findingOf({ promise, about, name, reason, error }: FactReport): Finding {
  const kind = error instanceof Error && error.name !== 'AssertionError' ? `${error.name}: ` : '';
  return {
    promise,
    ...(about !== undefined && { about }),
    fact: name,
    reason: `${kind}${reason ?? 'no reason was given'}`,
  };
}

const duration = (facts: readonly FactReport[]): number =>
  Math.round(facts.reduce((sum, { durationMs }) => sum + durationMs, 0));

/** As a shell takes it: bare where nothing in it is special. */
function quoted(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `"${text.replace(/["\\$`]/g, '\\$&')}"`;
}
