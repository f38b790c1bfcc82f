/** Runs a plan without any test runner, for the command line and for the tests of the kit. */
import { endChildren } from './children/child.js';
import type { EffortName } from './effort.js';
import type { Plan, PlannedSuite, PlannedTest } from './plan.js';
import type { PromiseName } from './promises.js';
import { LooseErrors } from './support/loose-errors.js';
import { Hung, NotJudged } from './support/verdicts.js';

export type Outcome = 'holds' | 'fails' | 'not judged' | 'untested';

export interface FactReport {
  readonly promise: PromiseName;
  readonly about: string | undefined;
  readonly name: string;
  readonly outcome: Outcome;
  /** Why it fails, or why it was not tested. */
  readonly reason: string | undefined;
  readonly error: unknown;
  readonly durationMs: number;
}

export interface KitReport {
  readonly subject: string;
  readonly claimed: readonly string[];
  readonly notClaimed: readonly string[];
  readonly waived: ReadonlyMap<PromiseName, string>;
  readonly effort: EffortName;
  /** Repeats every random choice of this run. */
  readonly seed: number;
  /** The promises that this run was about, each once, also those that hold no fact for what is claimed. */
  readonly promises: readonly PromiseName[];
  readonly facts: readonly FactReport[];
  /** How many facts each of the promises has for this subject, also those that were not run this time. */
  readonly planned: ReadonlyMap<PromiseName, number>;
  /** Whether it was ended by the signal: `facts` are those that were over by then. */
  readonly interrupted: boolean;
  /** Whether nothing fails, and the run came to its end. */
  readonly ok: boolean;
}

export interface RunOptions {
  /** Runs the facts of this promise alone, or those with this text in their name. */
  readonly only?: string;
  /** Leaves facts out, and says nothing of them in the report. */
  readonly skip?: (fact: Pick<FactReport, 'promise' | 'name'>) => boolean;
  /** Told of each fact when it is over. */
  readonly onFact?: (fact: FactReport) => void;
  /** Ends the run at once: the report is about the facts that were over. The one under way is not waited for. */
  readonly signal?: AbortSignal;
}

export async function runPlan(
  plan: Plan,
  { only, skip, onFact, signal }: RunOptions = {},
): Promise<KitReport> {
  const facts: FactReport[] = [];
  const suites = chosen(plan.suites, only);
  const loose = new LooseErrors();
  const aborted = abortOf(signal);
  try {
    run: for (const { promise, about, tests } of suites) {
      for (const test of tests) {
        const { name } = test;
        if (skip?.({ promise, name })) continue;
        const started = performance.now();
        const end = await Promise.race([outcomeOf(test, loose), aborted]);
        if (end === undefined) break run;
        const report = { promise, about, name, ...end, durationMs: performance.now() - started };
        facts.push(report);
        onFact?.(report);
      }
    }
  } finally {
    loose.stop();
    if (signal?.aborted) endChildren();
  }
  const { subject, claimed, notClaimed, waived, effort } = plan;
  const promises = [...new Set(suites.map(({ promise }) => promise))];
  const { name, seed } = effort;
  const planned = new Map(promises.map((promise) => [promise, factCount(plan, promise)]));
  const interrupted = signal?.aborted === true;
  const ok = !interrupted && facts.every(({ outcome }) => outcome === 'holds' || outcome === 'untested');
  const about = { subject, claimed, notClaimed, waived, effort: name, seed };
  return { ...about, promises, facts, planned, interrupted, ok };
}

/** Resolves, with nothing, when the signal is aborted. */
function abortOf(signal: AbortSignal | undefined): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve(undefined);
    signal?.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

function factCount({ suites }: Plan, name: PromiseName): number {
  return suites.reduce((sum, { promise, tests }) => sum + (promise === name ? tests.length : 0), 0);
}

function chosen(suites: readonly PlannedSuite[], only: string | undefined): readonly PlannedSuite[] {
  if (only === undefined) return suites;
  const named = suites.filter(({ promise }) => promise === only);
  if (named.length > 0) return named;
  return suites
    .map((suite) => ({ ...suite, tests: suite.tests.filter(({ name }) => name.includes(only)) }))
    .filter(({ tests }) => tests.length > 0);
}

type End = Pick<FactReport, 'outcome' | 'error' | 'reason'>;

async function outcomeOf({ run, name, timeoutMs, untested }: PlannedTest, loose: LooseErrors): Promise<End> {
  if (untested !== undefined) return { outcome: 'untested', error: undefined, reason: untested };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Hung(`the fact "${name}"`, timeoutMs)), timeoutMs);
  });
  try {
    await Promise.race([run(), late]);
    const [uncaught] = await loose.take();
    if (uncaught === undefined) return { outcome: 'holds', error: undefined, reason: undefined };
    return {
      outcome: 'fails',
      error: uncaught,
      reason: `an error that no caller can catch: ${textOf(uncaught)}`,
    };
  } catch (error) {
    await loose.take();
    return { outcome: error instanceof NotJudged ? 'not judged' : 'fails', error, reason: textOf(error) };
  } finally {
    clearTimeout(timer);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
