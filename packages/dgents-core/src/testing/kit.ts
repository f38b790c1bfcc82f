/**
 * The kit's own words. A *fact* is one test, named as what holds; a *suite* holds the facts of one promise; a *bench*
 * is what a fact works on: an empty place of its own with handles on it, cleaned up whatever happens.
 *
 * Facts are data. `describeBackend` hands them to jest, vitest or node:test; `runKit` runs them by itself, for the
 * command line and for the tests of the kit.
 */
import type { PromiseName } from './promises.js';

/** One test. */
export interface Fact<Bench> {
  /** What holds, as a sentence. */
  readonly name: string;
  readonly check: (bench: Bench) => Promise<void>;
  /** How long it may take at most, in milliseconds; 30,000 unless told. */
  readonly timeoutMs?: number | undefined;
  /** Why it cannot be tested here. It is listed then, and not run. */
  readonly untested?: string | undefined;
}

/** How a suite states its facts. */
export interface Facts<Bench> {
  (name: string, check: Fact<Bench>['check'], timeoutMs?: number): void;
  /** What cannot be tested here, and why: it appears as a skipped test and in the summary. */
  untested(name: string, why: string): void;
}

/** The facts of one promise. */
export interface Suite<Bench, Subject> {
  readonly promise: PromiseName;
  /**
   * Promises without which these facts say nothing. Where one of them is broken, this suite is *not judged*: the blame
   * goes to what is really broken.
   */
  readonly presumes: readonly PromiseName[];
  /** States the facts that apply to what the subject claims. */
  readonly state: (fact: Facts<Bench>, subject: Subject) => void;
}

export function factsOf<Bench, Subject>(
  suite: Suite<Bench, Subject>,
  subject: Subject,
): readonly Fact<Bench>[] {
  const facts: Fact<Bench>[] = [];
  const add = (name: string, check: Fact<Bench>['check'], timeoutMs?: number): void => {
    facts.push({ name, check, timeoutMs });
  };
  const untested = (name: string, why: string): void => {
    facts.push({ name, check: async () => undefined, untested: why });
  };
  suite.state(Object.assign(add, { untested }), subject);
  return facts;
}
