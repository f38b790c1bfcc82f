/** Hands a plan to whatever runner is there: all that is needed of it is `describe` and `test`. */
import type { Plan, PlannedSuite, PlannedTest } from './plan.js';
import { PROMISES } from './promises.js';
import { NotJudged } from './support/verdicts.js';

/** `describe` of jest, vitest or node:test. */
export type Describe = (name: string, body: () => void) => unknown;

/** `test` of jest, vitest or node:test. node:test takes no third argument and needs none: it has no limit of its own. */
export interface Test {
  (name: string, body: () => Promise<void>, timeoutMs?: number): unknown;
  skip(name: string, body: () => Promise<void>): unknown;
}

export interface Runner {
  readonly describe: Describe;
  readonly test: Test;
}

export function register({ describe, test }: Runner, plan: Plan): void {
  describe(plan.subject, () => {
    for (const suite of plan.suites) {
      describe(titleOf(suite), () => {
        for (const { name, run, timeoutMs, untested } of suite.tests) {
          if (untested === undefined) test(name, bodyOf(run), timeoutMs);
          else test.skip(`${name} (not tested: ${untested})`, run);
        }
      });
    }
    for (const [promise, reason] of plan.waived) {
      test.skip(`${promise}: ${PROMISES[promise]} (waived: ${reason})`, async () => undefined);
    }
  });
}

/** What node:test and vitest hand to a test. jest hands nothing to one that takes no argument, and has no such means. */
interface Context {
  readonly skip?: (reason: string) => unknown;
}

/**
 * The test of a fact. Where it cannot be judged it is skipped if the runner can do that by now, and fails otherwise: what
 * it rests on has failed, and mending that is what there is to do.
 */
function bodyOf(run: PlannedTest['run']): () => Promise<void> {
  // A function that declares a parameter is given a callback by jest, and has to destructure it for vitest's fixtures.
  return async function () {
    try {
      await run();
    } catch (error) {
      // biome-ignore lint/complexity/noArguments: see above
      const [context] = arguments as unknown as [Context | undefined];
      if (!(error instanceof NotJudged) || typeof context?.skip !== 'function') throw error;
      context.skip(error.message);
    }
  };
}

export function titleOf({ promise, about }: Pick<PlannedSuite, 'promise' | 'about'>): string {
  return about === undefined ? promise : `${promise}, ${about}`;
}
