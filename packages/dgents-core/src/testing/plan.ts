/** Every test of one subject, ready to be handed to a runner. */
import type { Effort } from './effort.js';
import { type Fact, factsOf, type Suite } from './kit.js';
import { PROMISES, type PromiseName } from './promises.js';
import { NotJudged, SubjectError } from './support/verdicts.js';

/** A fact that has its bench. */
export interface PlannedTest {
  readonly name: string;
  readonly timeoutMs: number;
  readonly untested: string | undefined;
  /** Rejects when the fact does not hold, or cannot be judged. */
  readonly run: () => Promise<void>;
}

export interface PlannedSuite {
  readonly promise: PromiseName;
  /** What the facts are about, where one promise has several suites: `agents on it`. */
  readonly about: string | undefined;
  readonly tests: readonly PlannedTest[];
}

export interface Plan {
  readonly subject: string;
  readonly claimed: readonly string[];
  readonly notClaimed: readonly string[];
  readonly waived: ReadonlyMap<PromiseName, string>;
  readonly effort: Effort;
  readonly suites: readonly PlannedSuite[];
}

const TIMEOUT_MS = 30_000;

/** Which promises were found broken so far, in one run over one subject. */
export class Blame {
  readonly broken = new Set<PromiseName>();
}

export interface Part<Bench, Subject> {
  readonly suites: readonly Suite<Bench, Subject>[];
  readonly subject: Subject;
  readonly about?: string;
  readonly on: (check: Fact<Bench>['check']) => Promise<void>;
  /** Rests on every promise kept so far: nothing of it is judged when any is broken. */
  readonly presumesAll?: boolean;
  /** Rests on this promise too, whatever each suite says. */
  readonly presumes?: PromiseName;
}

export function planSuites<Bench, Subject>(
  part: Part<Bench, Subject>,
  blame: Blame,
  waivers: Partial<Readonly<Record<PromiseName, string>>>,
): PlannedSuite[] {
  return part.suites
    .filter(({ promise }) => waivers[promise] === undefined)
    .map((suite) => ({
      promise: suite.promise,
      about: part.about,
      tests: factsOf(suite, part.subject).map((fact) => ({
        name: fact.name,
        timeoutMs: fact.timeoutMs ?? TIMEOUT_MS,
        untested: fact.untested,
        run: async () => {
          const rests = restsOf(part, suite);
          const broken = [...rests].filter((name) => name !== suite.promise && blame.broken.has(name));
          if (broken.length > 0) throw new NotJudged(broken);
          try {
            await part.on(fact.check);
          } catch (error) {
            // What was not handed in breaks no promise: nothing that rests on it is in doubt.
            if (!(error instanceof SubjectError)) blame.broken.add(suite.promise);
            throw error;
          }
        },
      })),
    }));
}

/** What a suite rests on, and what that rests on in turn. */
function restsOf<Bench, Subject>(
  part: Part<Bench, Subject>,
  suite: Suite<Bench, Subject>,
): ReadonlySet<PromiseName> {
  if (part.presumesAll === true) return new Set(Object.keys(PROMISES) as PromiseName[]);
  const rests = new Set<PromiseName>();
  const add = (name: PromiseName): void => {
    if (rests.has(name)) return;
    rests.add(name);
    for (const { promise, presumes } of part.suites) if (promise === name) presumes.forEach(add);
  };
  if (part.presumes !== undefined) add(part.presumes);
  suite.presumes.forEach(add);
  return rests;
}
